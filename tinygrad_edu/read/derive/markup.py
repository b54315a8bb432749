"""A derivation as LaTeX, and as HTML with MathML, which browsers show without anything from the network."""

from __future__ import annotations

import re
from html import escape
from typing import Any

import sympy
from sympy.printing.latex import LatexPrinter
from sympy.printing.mathml import MathMLPresentationPrinter
from sympy.printing.precedence import PRECEDENCE

from tinygrad_edu.read.derive import Derivation, Joined, Line, Section
from tinygrad_edu.read.derive.algebra import Total
from tinygrad_edu.read.derive.mathematics import Ordered, letters_of, name_of, padded, plain, shown_steps, text

__all__ = ["html", "latex", "math", "mathml_of"]


def sums_last(x: Any) -> tuple[Any, list[Any]]:
    """A product without its sums over an index, and these: what such a sum runs over must end with it."""
    plain_product = not any(isinstance(y, sympy.Mul) for y in x.args)
    totals = [y for y in x.args if isinstance(y, Total)] if plain_product else []
    return (sympy.Mul(*(y for y in x.args if y not in totals)), totals) if totals else (x, [])


# LaTeX


#: Signs of mathematics among words.
SIGNS = str.maketrans(
    {sign: f"${written}$" for sign, written in {
        "⊙": r"\odot", "⊘": r"\oslash", "·": r"\cdot", "−": "-", "∂": r"\partial", "σ": r"\sigma", "Σ": r"\sum",
        "Π": r"\prod", "√": r"\surd", "∞": r"\infty", "≠": r"\neq", "≤": r"\leq", "≥": r"\geq", "ᵀ": r"^{\top}",
        "⁻": "^{-}", "⁰": "^0", "¹": "^1", "²": "^2", "³": "^3", "⁴": "^4", "⁵": "^5", "…": r"\dots",
    }.items()}
)  # fmt: skip


def escaped(words: str) -> str:
    """Words as they can stand in LaTeX."""
    plain_words = re.sub(r"([#$%&_{}])", r"\\\1", words.replace("\\", "/")).replace("^", "").replace("~", "")
    return plain_words.translate(SIGNS)


def latex_name(name: str) -> str:
    """A_{1} for A1, words upright."""
    if numbered := re.fullmatch(r"([A-Za-z])_?(\d+)", name):
        return f"{numbered[1]}_{{{numbered[2]}}}"
    if len(name) == 1:
        return name
    return rf"\text{{{escaped(name)}}}"


class Latex(Ordered, LatexPrinter):
    """SymPy's LaTeX, with entries, derivatives and sums as they stand in a textbook."""

    def _print_Symbol(self, x: Any, style: str = "plain") -> str:
        return latex_name(x.name)

    def _print_Indexed(self, x: Any) -> str:
        letters = letters_of(x)
        name = latex_name(name_of(x))
        return f"{{{name}}}_{{{letters}}}" if letters else name

    def _print_Slope(self, x: Any, exp: Any = None) -> str:
        return rf"\frac{{\partial {self._print(x.args[0])}}}{{\partial {self._print(x.args[1])}}}"

    def _print_MatrixSymbol(self, x: Any, style: str = "plain") -> str:
        if parts := re.fullmatch(r"d(.+)/d(.+)", x.name):
            return rf"\frac{{\partial {latex_name(parts[1])}}}{{\partial {latex_name(parts[2])}}}"
        return latex_name(x.name)

    def _print_Mul(self, x: Any) -> str:
        rest, totals = sums_last(x)
        if not totals:
            written: str = super()._print_Mul(x)
            return written
        before = {1: "", -1: "-"}.get(rest) if rest in (1, -1) else self.parenthesize(rest, PRECEDENCE["Mul"])
        return " ".join([before or "", *map(self._print, totals)]).strip()

    def _print_Transpose(self, x: Any) -> str:
        inner = self._print(x.arg)
        return rf"\left({inner}\right)^{{\top}}" if "frac" in inner else f"{inner}^{{\\top}}"

    def _print_Total(self, x: Any, exp: Any = None) -> str:
        k = self._print(x.args[1])
        below = rf"{k} \neq {self._print(x.args[3])}" if len(x.args) == 4 else k
        inner = self.parenthesize(x.args[0], PRECEDENCE["Mul"])
        return rf"\sum_{{{below}}} {inner}"

    def _print_KroneckerDelta(self, x: Any, exp: Any = None) -> str:
        return f"[{self._print(x.args[0])} = {self._print(x.args[1])}]"

    def _print_Bracket(self, x: Any, exp: Any = None) -> str:
        sign = {"==": "=", "!=": r"\neq", ">=": r"\geq", "<=": r"\leq"}.get(x.args[2].name, x.args[2].name)
        return f"[{self._print(x.args[0])} {sign} {self._print(x.args[1])}]"


def latex_of(x: Any) -> str:
    """One side of a line as LaTeX."""
    if isinstance(x, str):
        return rf"\text{{{escaped(x)}}}"
    if isinstance(x, Joined):
        written = [latex_of(part) for part in x.parts]
        if x.sign == "*":
            open_ = [isinstance(part, sympy.Add) or w.startswith("-") for part, w in zip(x.parts, written, strict=True)]
            return r" \cdot ".join(rf"\left({w}\right)" if wrap else w for w, wrap in zip(written, open_, strict=True))
        return " + ".join(written).replace("+ -", "- ")
    result: str = Latex({"order": None}).doprint(x)
    return result


def latex(derivation: Derivation) -> str:
    """A derivation as LaTeX, one `align*` for each section."""
    blocks = []
    for section in [*derivation.sections, Section("Result", [(derivation.result,)])]:
        title = escaped(section.title)
        words = f"\n{escaped(section.words)}" if section.words else ""
        body = " \\\\\n".join(lines for row in section.rows for lines in latex_row(row, section.table))
        blocks.append(
            f"\\paragraph{{{title}}}{words}" + (f"\n\\begin{{align*}}\n{body}\n\\end{{align*}}" if body else "")
        )
    return "\n\n".join(blocks)


def latex_row(row: tuple[Line, ...], table: bool) -> list[str]:
    """The lines of a row; in a table on one line, if they are short."""
    if table and all(len(line.steps) == 1 for line in row) and sum(len(text(line)) for line in row) < 72:
        return [" & ".join(latex_lines(line, r"\quad")[0] if line.steps else "&" for line in padded(row))]
    return [written for line in row for written in latex_lines(line)]


def latex_lines(line: Line, before_note: str = " &&") -> list[str]:
    """A line, with each step after the first below."""
    left, *steps = shown_steps(plain(line), latex_of)
    note = rf"{before_note} \text{{{escaped(line.note)}}}" if line.note else ""
    sign = r":\;" if isinstance(line.left, str) else "="
    lines = [f"{left} &{sign} {steps[0] if steps else ''}", *(f"&= {step}" for step in steps[1:])]
    return [*lines[:-1], lines[-1] + note]


# HTML with MathML


class Mathml(Ordered, MathMLPresentationPrinter):
    """SymPy's presentation MathML, with entries, derivatives and sums as they stand in a textbook."""

    def element(self, tag: str, *children: Any) -> Any:
        made = self.dom.createElement(tag)
        for child in children:
            made.appendChild(self.dom.createTextNode(escape(child)) if isinstance(child, str) else child)
        return made

    def identifier(self, name: str) -> Any:
        if numbered := re.fullmatch(r"([A-Za-z])_?(\d+)", name):
            return self.element("msub", self.element("mi", numbered[1]), self.element("mn", numbered[2]))
        return self.element("mi", name)

    def quotient(self, above: Any, below: Any) -> Any:
        def row(x: Any) -> Any:
            return self.element("mrow", self.element("mo", "∂"), x)

        return self.element("mfrac", row(above), row(below))

    def _print_Symbol(self, x: Any, style: str = "plain") -> Any:
        return self.identifier(x.name)

    def _print_Indexed(self, x: Any) -> Any:
        letters = letters_of(x)
        name = name_of(x)
        if not letters:
            return self.identifier(name)
        numbered = re.fullmatch(r"([A-Za-z])_?(\d+)", name)
        number = [self.element("mn", numbered[2]), self.element("mo", ",")] if numbered else []
        below = self.element("mrow", *number, *(self.element("mi", letter) for letter in letters))
        return self.element("msub", self.element("mi", numbered[1] if numbered else name), below)

    def _print_Slope(self, x: Any) -> Any:
        return self.quotient(self._print(x.args[0]), self._print(x.args[1]))

    def _print_MatrixSymbol(self, x: Any, style: str = "plain") -> Any:
        if parts := re.fullmatch(r"d(.+)/d(.+)", x.name):
            return self.quotient(self.identifier(parts[1]), self.identifier(parts[2]))
        return self.identifier(x.name)

    def _print_Mul(self, x: Any) -> Any:
        rest, totals = sums_last(x)
        if not totals:
            return super()._print_Mul(x)
        before = self._print(rest)
        if isinstance(rest, sympy.Add):
            before = self.bracketed(before)
        first = [] if rest == 1 else [self.element("mo", "-")] if rest == -1 else [before]
        return self.element("mrow", *first, *map(self._print, totals))

    def _print_Transpose(self, x: Any) -> Any:
        inner = self._print(x.arg)
        if isinstance(x.arg, sympy.MatrixSymbol) and "/" in x.arg.name:
            inner = self.bracketed(inner)
        return self.element("msup", inner, self.element("mi", "T"))

    def _print_MatMul(self, x: Any) -> Any:
        return self.element("mrow", *(self._print(y) for y in x.args))

    def bracketed(self, inner: Any, opening: str = "(", closing: str = ")") -> Any:
        return self.element("mrow", self.element("mo", opening), inner, self.element("mo", closing))

    def _print_Total(self, x: Any) -> Any:
        below = self._print(x.args[1])
        if len(x.args) == 4:
            below = self.element("mrow", below, self.element("mo", "≠"), self._print(x.args[3]))
        term = self._print(x.args[0])
        if isinstance(x.args[0], sympy.Add):
            term = self.bracketed(term)
        return self.element("mrow", self.element("munder", self.element("mo", "∑"), below), term)

    def related(self, a: Any, sign: str, b: Any) -> Any:
        row = self.element("mrow", self._print(a), self.element("mo", sign), self._print(b))
        return self.bracketed(row, "[", "]")

    def _print_KroneckerDelta(self, x: Any) -> Any:
        return self.related(x.args[0], "=", x.args[1])

    def _print_Bracket(self, x: Any) -> Any:
        signs = {"==": "=", "!=": "≠", ">=": "≥", "<=": "≤"}
        return self.related(x.args[0], signs.get(x.args[2].name, x.args[2].name), x.args[1])


def mathml_of(x: Any) -> str:
    """One side of a line as MathML."""
    if isinstance(x, str):
        return f"<mtext>{escape(x)}</mtext>"
    if isinstance(x, Joined):
        written = [mathml_of(part) for part in x.parts]
        if x.sign == "*":
            written = [
                f"<mrow><mo>(</mo>{w}<mo>)</mo></mrow>"
                if isinstance(part, sympy.Add) or (isinstance(part, sympy.Basic) and part.could_extract_minus_sign())
                else w
                for part, w in zip(x.parts, written, strict=True)
            ]
            return f"<mrow>{'<mo>·</mo>'.join(written)}</mrow>"
        return f"<mrow>{'<mo>+</mo>'.join(written)}</mrow>"
    printed: str = Mathml({"order": None})._print(x).toxml()
    return printed.replace("&InvisibleTimes;", "\u2062").replace("<mo>-</mo>", "<mo>−</mo>")


STYLE = """
.derivation { line-height: 1.5; }
.derivation h4 { margin: 1.2em 0 0.2em; font-size: 1em; }
.derivation .scroll { overflow-x: auto; }
.derivation table { border-collapse: collapse; }
.derivation td { padding: 0.15em 1.2em 0.15em 0; vertical-align: baseline; white-space: nowrap; border: 0; }
.derivation td.note { opacity: 0.75; font-size: 0.9em; }
.derivation .result { border-left: 3px solid currentColor; padding-left: 0.8em; }
"""


def math(*parts: str) -> str:
    return f'<math display="inline" displaystyle="true"><mrow>{"".join(parts)}</mrow></math>'


def html_line(line: Line) -> str:
    """A line as rows of a table: left side, then one step below the other."""
    left, *steps = shown_steps(plain(line), mathml_of)
    rows = []
    for position, step in enumerate(steps or [""]):
        before = left if position == 0 else "<mphantom>" + left + "</mphantom>"
        note = escape(line.note) if position == len(steps) - 1 else ""
        sign = "<mo>:</mo>" if isinstance(line.left, str) and position == 0 else "<mo>=</mo>"
        rows.append(f'<tr><td>{math(before, sign, step)}</td><td class="note">{note}</td></tr>')
    return "".join(rows)


def html(derivation: Derivation) -> str:
    """A derivation as a piece of HTML."""
    parts = [f"<style>{STYLE}</style>"]
    for section in derivation.sections:
        parts.append(f"<h4>{escape(section.title)}</h4>")
        if section.words:
            parts.append(f"<p>{escape(section.words)}</p>")
        if section.rows:
            parts.append(f'<div class="scroll"><table>{"".join(map(html_row, section.rows))}</table></div>')
    result = f'<div class="scroll result"><table>{html_line(derivation.result)}</table></div>'
    return f'<div class="derivation">{"".join(parts)}<h4>Result</h4>{result}</div>'


def html_row(row: tuple[Line, ...]) -> str:
    """A row of lines side by side, or one line."""
    if len(row) == 1:
        return html_line(row[0])
    cells = []
    for line in padded(row):
        sides = shown_steps(plain(line), mathml_of) if line.steps else []
        cells.append(f"<td>{math('<mo>=</mo>'.join(sides)) if sides else ''}</td>")
    return f"<tr>{''.join(cells)}</tr>"
