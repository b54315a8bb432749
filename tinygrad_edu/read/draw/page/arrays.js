// Arrays as heat-maps: blue below zero, orange above, the number on hover, tap, or in the cell where there is room.

function number(x, digits = 5) {
  if (typeof x === "string") return { inf: "∞", "-inf": "−∞" }[x] ?? "NaN";
  if (x === 0) return "0";
  const size = Math.abs(x);
  const short = size >= 1e5 || size < 1e-3;
  const text = short ? x.toExponential(Math.min(digits - 1, 2)) : String(Number(x.toPrecision(digits)));
  return text.replace(/\.?0+e/, "e").replace("e+", "e").replaceAll("-", "−");
}

function shape(array) {
  if (array.shape.length > 1) return array.shape.join(" × ");
  return array.shape.length ? `${array.shape[0]} ${array.shape[0] === 1 ? "entry" : "entries"}` : "one number";
}

// The true index of a shown cell, as NumPy writes it.
function index(array, cell) {
  let row = Math.floor(cell / array.columns);
  let column = cell % array.columns;
  if (array.chosen) [row, column] = [array.chosen[0][row], array.chosen[1][column]];
  const found = [column];
  for (const length of array.shape.slice(0, -1).reverse()) {
    found.unshift(row % length);
    row = Math.floor(row / length);
  }
  return array.shape.length ? `[${found.join(", ")}]` : "";
}

// What a heat-map shows, in words: for its label.
function summary(array) {
  const numbers = array.cells.filter((x) => typeof x === "number");
  if (array.cells.length === 0) return `${shape(array)}, no entries`;
  if (array.cells.length === 1) return number(array.cells[0]);
  const range = numbers.length ? `, from ${number(Math.min(...numbers), 3)} to ${number(Math.max(...numbers), 3)}` : "";
  return `${shape(array)}${range}${array.bad ? `, ${array.bad} not finite` : ""}`;
}

// Class and strength of the colour of a number; CSS mixes it, so that it follows the colour scheme.
function tint(element, x, size) {
  if (typeof x === "string") element.classList.add("bad");
  else {
    element.classList.add(x < 0 ? "below" : "above");
    element.style.setProperty("--strength", `${size ? Math.round(100 * Math.sqrt(Math.abs(x) / size)) : 0}%`);
  }
}

function heatmap(array, label, pick) {
  const grid = document.createElement("div");
  const lettered = array.columns <= 6 && array.rows <= (array.columns <= 2 ? 12 : 8);
  grid.className = lettered ? "grid lettered" : "grid";
  grid.style.setProperty("--columns", array.columns);
  grid.tabIndex = 0;
  grid.setAttribute("role", "img");
  grid.setAttribute("aria-label", `${label}: ${summary(array)}`);
  array.cells.forEach((x, cell) => {
    const element = document.createElement("span");
    tint(element, x, array.size);
    if (lettered || typeof x === "string") element.textContent = lettered ? number(x, 3) : "!";
    element.dataset.cell = cell;
    grid.append(element);
  });
  const at = (event) => {
    const cell = document.elementFromPoint(event.clientX, event.clientY)?.closest("[data-cell]");
    if (cell?.parentElement === grid) pick(Number(cell.dataset.cell));
  };
  grid.addEventListener("pointermove", at);
  grid.addEventListener("pointerdown", at);
  let current = 0;
  grid.addEventListener("focus", () => pick(current));
  grid.addEventListener("mousedown", (event) => event.preventDefault()); // a click is no keyboard focus
  grid.addEventListener("keydown", (event) => {
    const move = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -array.columns, ArrowDown: array.columns }[event.key];
    if (move === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    if (array.cells[current + move] !== undefined) pick((current += move), true);
  });
  return grid;
}

// A heat-map with its name above and its shape below.
function figure(array, label, names, pick) {
  const box = document.createElement("figure");
  const caption = document.createElement("figcaption");
  caption.append(...formula(label, names));
  const facts = document.createElement("p");
  facts.className = "facts";
  facts.textContent = array.cells.length ? shape(array) : `${shape(array)}: no entries`;
  if (array.chosen) facts.textContent += `, ${array.rows} × ${array.columns} shown`;
  if (array.bad) {
    const warning = document.createElement("strong");
    warning.textContent = `${array.bad} NaN or infinite`;
    facts.append(" ", warning);
  }
  box.append(caption, heatmap(array, label, pick), facts);
  return box;
}

// The cell of another array that goes with a cell of the result, where NumPy would pair them.
function partner(array, result, cell) {
  if (array.shape.length > 2 && String(array.shape) !== String(result.shape)) return null;
  const row = Math.floor(cell / result.columns);
  const column = cell % result.columns;
  const fits = (own, other) => own === 1 || own === other;
  if (!fits(array.rows, result.rows) || !fits(array.columns, result.columns)) return null;
  return (array.rows === 1 ? 0 : row) * array.columns + (array.columns === 1 ? 0 : column);
}

function bracketed(x) {
  const text = number(x);
  return text.startsWith("−") ? `(${text})` : text;
}

// How one entry of the result comes about: its text, and the cells that take part, by the number of their array.
function origin(entry, arrays, cell) {
  const result = arrays[entry.y];
  const hot = [];
  const value = number(result.cells[cell]);
  if (entry.text) {
    let complete = true;
    const text = entry.text.replace(/\{(\w)\}/g, (_, letter) => {
      const other = partner(arrays[entry[letter]], result, cell);
      if (other === null) return (complete = false);
      hot.push([entry[letter], other]);
      return letter === "y" ? value : bracketed(arrays[entry[letter]].cells[other]);
    });
    return complete ? { text, hot } : { text: value, hot: [[entry.y, cell]] };
  }
  const [row, column] = [Math.floor(cell / result.columns), cell % result.columns];
  hot.push([entry.y, cell]);
  const products = [];
  let exact = true;
  if (entry.rows !== undefined) {
    const [left, right] = [arrays[entry.rows], arrays[entry.columns]];
    for (let k = 0; k < left.columns; k++) {
      const pair = [row * left.columns + k, k * right.columns + column];
      products.push(`${bracketed(left.cells[pair[0]])} · ${bracketed(right.cells[pair[1]])}`);
      hot.push([entry.rows, pair[0]], [entry.columns, pair[1]]);
    }
    exact = left.shape[1] === left.columns;
  } else {
    const source = arrays[entry.sums];
    for (let k = 0; k < source.rows; k++) {
      const other = k * source.columns + (result.cells.length === 1 ? 0 : column);
      products.push(bracketed(source.cells[other]));
      hot.push([entry.sums, other]);
    }
    exact = source.shape[0] === source.rows;
  }
  const long = products.length > 5 || !exact;
  const parts = long ? [...products.slice(0, 3), "…"] : products;
  if (entry.plus !== undefined) {
    parts.push(bracketed(arrays[entry.plus].cells[column]));
    hot.push([entry.plus, column]);
  }
  return { text: `${parts.join(" + ")} = ${value}`, hot };
}
