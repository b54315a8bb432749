"use strict";

// Formulas: text such as "∂J/∂Z1 = g ⊙ (1 − A1²)" as MathML. Elements are made one by one: no text is parsed as HTML.

const FUNCTIONS = /^(exp|log|tanh|sin|cos|sign|relu|softmax|mean|max|min|var|std|clip|onehot|σ)$/;
const OPERATORS = "+−-·⊙⊘=/,()[]|<>←→Σ…≥≤^";

function math(tag, ...children) {
  const element = document.createElementNS("http://www.w3.org/1998/Math/MathML", tag);
  element.append(...children);
  return element;
}

// A name: letters in italics, a number at its end as a subscript.
function symbol(name) {
  const parts = /^([\p{L}])_?(\d+)$/u.exec(name);
  if (parts) return math("msub", math("mi", parts[1]), math("mn", parts[2]));
  return [...name].length === 1 ? math("mi", name) : math("mtext", name);
}

class Formula {
  // `names` are those of the nodes, the longest first: whatever they hold, they stay in one piece.
  constructor(text, names) {
    this.text = text;
    this.names = names;
    this.at = 0;
  }

  name() {
    for (const name of this.names) {
      if (!this.text.startsWith(name, this.at)) continue;
      const next = this.text[this.at + name.length] ?? " ";
      if (/\w/.test(name.at(-1)) && /\w/.test(next)) continue;
      this.at += name.length;
      return symbol(name);
    }
    return null;
  }

  // A number, a word or one sign.
  word() {
    const found = /^(\d+(\.\d+)?(e[-+−]?\d+)?|[^\P{L}ᵀ](?:[^\P{L}ᵀ]|[\d_])*|.)/su.exec(this.text.slice(this.at));
    this.at += found[0].length;
    return found[0];
  }

  slope() {
    const start = this.at;
    const parts = [];
    for (const sign of ["∂", "/∂"]) {
      if (!this.text.startsWith(sign, this.at)) break;
      this.at += sign.length;
      const name = this.name() ?? symbol(this.word());
      parts.push(math("mrow", math("mi", "∂"), name));
    }
    if (parts.length === 2) return math("mfrac", ...parts);
    this.at = start + 1;
    return math("mi", "∂");
  }

  atom() {
    if (this.text[this.at] === "∂") return this.slope();
    const name = this.name();
    if (name) return name;
    const word = this.word();
    if (word === "(") return math("mrow", this.sign("("), ...this.row(")"), this.sign(")"));
    if (word === "√") return math("msqrt", this.atom());
    if (/^\d/.test(word)) return math("mn", word);
    if (OPERATORS.includes(word)) return this.sign(word);
    return FUNCTIONS.test(word) || [...word].length === 1 ? math("mi", word) : math("mtext", word);
  }

  // A sign: between two things, or in front of one.
  sign(text, infix = true) {
    const element = math("mo", text);
    if ("+−-".includes(text)) element.setAttribute("form", infix ? "infix" : "prefix");
    if ("()[]|".includes(text)) element.setAttribute("stretchy", "false");
    return element;
  }

  row(end) {
    const row = [];
    let gap = false;
    while (this.at < this.text.length) {
      const next = this.text[this.at];
      if (next === end) {
        this.at += 1;
        break;
      }
      if (next === " " && !this.names.some((name) => this.text.startsWith(name, this.at))) {
        this.at += 1;
        gap = true;
        continue;
      }
      if ("ᵀ²^".includes(next) && row.length) {
        this.at += 1;
        const power = next === "ᵀ" ? math("mi", "⊤") : next === "²" ? math("mn", "2") : this.atom();
        row.push(math("msup", row.pop(), power));
        continue;
      }
      const before = row.at(-1);
      const open = !before || (before.localName === "mo" && !")]|".includes(before.textContent));
      const leads = open && "+−-".includes(next);
      const part = leads ? this.sign(this.word(), false) : this.atom();
      if (gap && row.length && row.at(-1).localName !== "mo" && part.localName !== "mo") {
        const space = math("mspace");
        space.setAttribute("width", "0.28em");
        row.push(space);
      }
      row.push(part);
      gap = false;
    }
    return row;
  }
}

// One <math> for each part between = + and −, so that a long formula wraps on a small screen.
function formula(text, names) {
  const parts = [math("math")];
  for (const part of new Formula(text, names).row()) {
    const breaks = part.localName === "mo" && "=+−".includes(part.textContent) && part.getAttribute("form") !== "prefix";
    if (breaks && parts.at(-1).childElementCount) parts.push(math("math"));
    parts.at(-1).append(part);
  }
  return parts.flatMap((part) => [part, " "]);
}
