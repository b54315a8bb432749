// The steps: what is shown in each, and the ways to get from one to the next.

const $ = (id) => document.getElementById(id);
const data = JSON.parse($("data").textContent);
const { steps, nodes, arrays } = data;
const names = nodes.map((node) => node.name).sort((a, b) => b.length - a.length);
const drawing = new Drawing($("drawing"), data);
const forwardSteps = steps.filter((step) => step.kind === "op").length;
const PAUSE = 2200;

let now = 0; // the number of the step, from 0
let hidden = false; // whether its gradient is still to be guessed
let guessing = false;
let playing = null;

const phaseOf = (step) => (step.kind === "op" ? "forward" : "backward");
const guessable = (step) => ["link", "stretched", "meet"].includes(step.kind);

// Which values and gradients are known after the current step.
function known() {
  const made = nodes.map((node) => !node.op);
  const gradients = [];
  steps.slice(0, now + 1).forEach((step, k) => {
    if (step.kind === "op") made[step.node] = true;
    if (step.gradient !== undefined && !(hidden && k === now)) gradients[step.node] = step.gradient;
  });
  return [made, gradients];
}

function heading(step) {
  const [name, before, all] =
    step.kind === "op" ? ["Forward", 0, forwardSteps] : ["Backward", forwardSteps, steps.length - forwardSteps];
  const phase = `${name}, ${now + 1 - before} of ${all}`;
  if (step.link === undefined) return step.kind === "end" ? `${phase}: done` : phase;
  const { from, to } = data.links[step.link];
  return `${phase}: ${nodes[to].name} → ${nodes[from].name}`;
}

// Work out the entry in a cell; in a cell of an operand that is paired entry by entry, that of the result.
function choose(array, cell, aloud = false) {
  const { entry } = steps[now];
  const shown = entry?.text && !hidden ? arrays[entry.y] : null;
  if (shown && shown.rows === arrays[array].rows && shown.columns === arrays[array].columns) array = entry.y;
  for (const lit of document.querySelectorAll("#terms .hot")) lit.classList.remove("hot");
  const worked = entry && entry.y === array && !hidden;
  const plain = { text: number(arrays[array].cells[cell]), hot: [[array, cell]] };
  const { text, hot } = worked ? origin(entry, arrays, cell) : plain;
  for (const [id, other] of hot) {
    const grids = document.querySelectorAll(`#terms [data-array="${id}"] .grid`);
    for (const grid of grids) grid.children[other]?.classList.add("hot");
  }
  const place = index(arrays[array], cell);
  const label = document.createElement("span");
  label.className = "place";
  label.textContent = place ? `entry ${place}` : text.includes("=") ? "with numbers" : "result";
  $("entry").replaceChildren(label, " ", ...formula(text, []));
  $("entry").hidden = false;
  if (aloud) $("live").textContent = `${label.textContent}: ${text}`;
}

// The entry that is worked out at first: one that is not finite, else the largest.
function telling(array) {
  const { cells } = arrays[array];
  const bad = cells.findIndex((x) => typeof x === "string");
  return bad >= 0 ? bad : cells.reduce((best, x, cell) => (Math.abs(x) > Math.abs(cells[best]) ? cell : best), 0);
}

function showTerms(step) {
  const line = [];
  let sign = ""; // stays with what follows it, where the line wraps
  step.terms.forEach((term, k) => {
    if (typeof term === "string") {
      sign = document.createElement("span");
      sign.className = "sign";
      sign.append(...formula(term, names));
      return;
    }
    const [label, array] = term;
    const box = figure(arrays[array], label, names, (cell, aloud) => choose(array, cell, aloud));
    box.dataset.array = array;
    if (k === step.terms.length - 1 && step.kind !== "end") {
      box.classList.add("result");
      if (hidden) {
        const secret = document.createElement("div");
        secret.className = "secret";
        secret.textContent = "?";
        box.querySelector(".grid").replaceWith(secret);
        delete box.dataset.array;
      }
    }
    const group = document.createElement("div");
    group.className = "term";
    group.append(sign, box);
    line.push(group);
    sign = "";
  });
  $("terms").replaceChildren(...line);
  $("entry").hidden = true;
  const last = step.terms.at(-1);
  if (!hidden && step.kind !== "end" && arrays[last[1]].cells.length) choose(last[1], telling(last[1]));
}

function show() {
  const step = steps[now];
  const phase = phaseOf(step);
  document.body.dataset.phase = phase;
  document.body.dataset.step = now + 1;
  drawing.show(step, phase, ...known());
  $("phase").textContent = heading(step);
  $("formula").replaceChildren(...(step.formula ? formula(step.formula, names) : []));
  $("formula").hidden = !step.formula;
  $("formula").setAttribute("aria-label", step.formula ?? "");
  $("say").textContent = step.say;
  $("note").replaceChildren(...(step.note && !hidden ? written(step.note) : []));
  $("note").hidden = !step.note || hidden;
  $("reveal").hidden = !hidden;
  showTerms(step);
  $("scrub").value = now + 1;
  $("scrub").style.setProperty("--at", steps.length > 1 ? now / (steps.length - 1) : 0);
  $("scrub").setAttribute("aria-valuetext", `${now + 1} of ${steps.length}, ${phase}`);
  $("count").textContent = `${now + 1} / ${steps.length}`;
  $("count").href = `#step=${now + 1}`;
  $("back").disabled = $("first").disabled = now === 0;
  $("next").disabled = $("last").disabled = now === steps.length - 1 && !hidden;
  $("working").scrollTop = 0;
  const result = step.terms.at(-1);
  const found = step.kind === "end" ? "" : `${result[0]}: ${summary(arrays[result[1]])}. ${step.note ?? ""}`;
  const read = [`Step ${now + 1} of ${steps.length}, ${phase}.`, step.formula ? `${step.formula}.` : "", step.say];
  read.push(hidden ? "The gradient is hidden: guess, then press Enter." : found);
  $("live").textContent = read.join(" ");
}

// A remark: words, and after the colon a formula.
function written(note) {
  const [words, left] = note.split(": what remains is ");
  const [, name, rest] = /^The (.*?)( cancels)$/.exec(words) ?? [null, words, ""];
  const what = /[(]/.test(name) ? formula(name, names) : [name];
  return ["The ", ...what, `${rest}: what remains is `, ...formula(left ?? "", names)];
}

function go(step, replace = false) {
  now = Math.min(Math.max(step, 0), steps.length - 1);
  hidden = guessing && guessable(steps[now]);
  show();
  const hash = `#step=${now + 1}`;
  if (location.hash !== hash) history[replace ? "replaceState" : "pushState"](null, "", hash);
}

function reveal() {
  hidden = false;
  if (document.activeElement === $("reveal")) $("next").focus();
  show();
}

function next() {
  if (hidden) reveal();
  else go(now + 1, true);
}

function play(on) {
  clearInterval(playing);
  playing = on ? setInterval(() => (now === steps.length - 1 && !hidden ? play(false) : next()), PAUSE) : null;
  $("play").textContent = on ? "Pause" : "Play";
  $("play").setAttribute("aria-label", on ? "Pause" : "Play");
}

function togglePlay() {
  if (!playing && now === steps.length - 1) go(0, true);
  play(!playing);
}

function fromHash() {
  const step = /^#step=(\d+)$/.exec(location.hash);
  return step ? Number(step[1]) - 1 : 0;
}

function byHand(action) {
  return () => {
    play(false);
    action();
  };
}

$("first").addEventListener("click", byHand(() => go(0, true)));
$("back").addEventListener("click", byHand(() => go(now - 1, true)));
$("next").addEventListener("click", byHand(next));
$("last").addEventListener("click", byHand(() => go(steps.length - 1, true)));
$("play").addEventListener("click", togglePlay);
$("reveal").addEventListener("click", reveal);
$("scrub").addEventListener("input", byHand(() => go(Number($("scrub").value) - 1, true)));
$("closer").addEventListener("click", () => drawing.zoom(0.8));
$("farther").addEventListener("click", () => drawing.zoom(1.25));
$("whole").addEventListener("click", () => {
  drawing.byHand = false; // from the next step on it follows again
  const { width, height } = $("drawing").getBoundingClientRect();
  const { x, y, w, h } = drawing.whole;
  const scale = Math.max(w / width, h / height);
  const [newW, newH] = [width * scale, height * scale];
  drawing.move({ x: x - (newW - w) / 2, y: y - (newH - h) / 2, w: newW, h: newH });
});
$("guess").addEventListener("click", () => {
  guessing = !guessing;
  $("guess").setAttribute("aria-pressed", guessing);
  go(now, true);
});
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  const pressing = event.target.closest?.("button, a");
  const keys = {
    ArrowRight: next,
    ArrowLeft: () => go(now - 1, true),
    Home: () => go(0, true),
    End: () => go(steps.length - 1, true),
  };
  if (keys[event.key] && !event.shiftKey) byHand(keys[event.key])();
  else if (event.key === " " && !pressing) togglePlay();
  else if (event.key === "Enter" && !pressing && hidden) reveal();
  else return;
  event.preventDefault();
});
addEventListener("hashchange", () => go(fromHash(), true));
addEventListener("popstate", () => go(fromHash(), true));
new ResizeObserver(() => {
  drawing.placed = false;
  if (!drawing.byHand) drawing.show(steps[now], phaseOf(steps[now]), ...known());
}).observe($("drawing"));
$("scrub").max = steps.length;
document.body.style.setProperty("--split", forwardSteps / steps.length);
go(fromHash(), true);
