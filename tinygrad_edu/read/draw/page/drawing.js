// The graph: nodes and links in SVG, what is lit in a step, zoom and pan.

function draw(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// A name that fits into its box; the whole of it stands in the title.
function cut(text, most) {
  const signs = [...text];
  return signs.length <= most ? text : `${signs.slice(0, most - 1).join("")}…`;
}

function outline(kind, w, h) {
  if (kind === "input") return `M9,0 H${w} L${w - 9},${h} H0 Z`;
  if (kind === "parameter") return `M0,0 H${w - 11} L${w},11 V${h} H0 Z`;
  const [x, y] = [w - 10, h - 10];
  return `M10,0 H${x} Q${w},0 ${w},10 V${y} Q${w},${h} ${x},${h} H10 Q0,${h} 0,${y} V10 Q0,0 10,0 Z`;
}

// An array as a strip of at most 8 × 3 cells; a single number as text.
function thumbnail(array, x, y, w, h) {
  const group = draw("g", {});
  if (array.cells.length === 1) {
    group.append(draw("text", { x, y: y + h - 3, class: "number" }, number(array.cells[0], 3)));
    return group;
  }
  const [rows, columns] = [Math.min(array.rows, 3), Math.min(array.columns, 8)];
  const pick = (k, shown, all) => (shown === 1 ? 0 : Math.round((k * (all - 1)) / (shown - 1)));
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const cell = array.cells[pick(row, rows, array.rows) * array.columns + pick(column, columns, array.columns)];
      const box = { x: x + (column * w) / columns, y: y + (row * h) / rows, width: w / columns, height: h / rows };
      const rect = draw("rect", { ...box, class: "cell" });
      tint(rect, cell, array.size);
      group.append(rect);
    }
  }
  group.append(draw("rect", { x, y, width: w, height: h, class: "frame" }));
  return group;
}

class Drawing {
  constructor(svg, data) {
    this.svg = svg;
    this.data = data;
    const { width: w, height: h } = data;
    this.links = data.links.map((link) => this.link(link.points));
    this.nodes = data.nodes.map((node) => this.node(node, w, h));
    const layers = [draw("g", {}, ...this.links), draw("g", {}, ...this.nodes.map((node) => node.group))];
    svg.append(this.arrows(), ...layers);
    const [xs, ys] = ["x", "y"].map((axis) => data.nodes.map((node) => node[axis]));
    const passed = data.links.flatMap((link) => link.points.filter((_, k) => k % 2 === 0));
    const left = Math.min(...xs.map((x) => x - w / 2), ...passed) - 14;
    const right = Math.max(...xs.map((x) => x + w / 2), ...passed) + 14;
    const top = Math.min(...ys) - h / 2 - 14;
    this.whole = { x: left, y: top, w: right - left, h: Math.max(...ys) + h / 2 + 14 - top };
    this.view = { ...this.whole };
    this.byHand = false;
    this.listen();
  }

  arrows() {
    const tip = (id) => {
      const box = { id, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 8, markerHeight: 8 };
      const marker = draw("marker", { ...box, markerUnits: "userSpaceOnUse", orient: "auto-start-reverse" });
      marker.append(draw("path", { d: "M0,0.5 L8,4 L0,7.5 Z", class: id }));
      return marker;
    };
    return draw("defs", {}, tip("tip"), tip("tip-forward"), tip("tip-backward"));
  }

  link(points) {
    let [x, y] = points;
    let path = `M${x},${y}`;
    for (let k = 2; k < points.length; k += 2) {
      const [nextX, nextY] = points.slice(k, k + 2);
      const half = (nextY - y) / 2;
      path += x === nextX ? ` L${nextX},${nextY}` : ` C${x},${y + half} ${nextX},${nextY - half} ${nextX},${nextY}`;
      [x, y] = [nextX, nextY];
    }
    return draw("path", { d: path, class: "link" });
  }

  node(node, w, h) {
    const place = `translate(${node.x - w / 2},${node.y - h / 2})`;
    const group = draw("g", { class: `node ${node.kind}`, transform: place });
    const title = [node.name, node.text && `= ${node.text}`, shape(this.data.arrays[node.value])];
    group.append(draw("title", {}, title.filter(Boolean).join("\n")));
    group.append(draw("path", { d: outline(node.kind, w, h), class: "body" }));
    if (node.kind === "output") {
      const inner = { d: outline("op", w - 6, h - 6), transform: "translate(3,3)" };
      group.append(draw("path", { ...inner, class: "double" }));
    }
    const parts = /^(\p{L})_?(\d+)$/u.exec(node.name);
    const name = draw("text", { x: 11, y: 18, class: "name" }, parts ? parts[1] : cut(node.name, 11));
    if (parts) name.append(draw("tspan", { dy: 3, class: "low" }, parts[2]));
    const made = node.op || shape(this.data.arrays[node.value]).replace(/ entr.*| num.*/, "");
    const room = parts ? 13 : 15 - 1.3 * [...node.name].length;
    const fits = parts || [...made].length <= room;
    const kind = draw("text", { x: w - 11, y: 17, class: "made" }, fits ? cut(made, room) : "");
    const value = thumbnail(this.data.arrays[node.value], 11, 26, 47, 13);
    value.classList.add("value");
    const gradient = draw("g", { class: "gradient" });
    group.append(name, kind, value, gradient);
    return { group, gradient, shown: undefined };
  }

  // Light what a step is about. `made` and `gradients` say which values and gradients are known by now.
  show(step, phase, made, gradients) {
    this.nodes.forEach((node, k) => {
      node.group.classList.toggle("unmade", !made[k]);
      if (node.shown !== gradients[k]) {
        const known = gradients[k] !== undefined;
        node.gradient.replaceChildren(...(known ? [thumbnail(this.data.arrays[gradients[k]], 64, 26, 47, 13)] : []));
        node.shown = gradients[k];
      }
      for (const name of ["forward", "backward", "source"]) node.group.classList.remove(name);
    });
    const lit = step.link === undefined ? [] : [step.link];
    if (step.kind === "op") this.data.links.forEach((link, k) => link.to === step.node && lit.push(k));
    this.links.forEach((link) => link.setAttribute("class", "link"));
    for (const k of lit) {
      this.links[k].setAttribute("class", `link ${phase}`);
      this.links[k].parentNode.append(this.links[k]);
      const { from, to } = this.data.links[k];
      this.nodes[phase === "forward" ? from : to].group.classList.add("source");
    }
    this.nodes[step.node].group.classList.remove("source");
    this.nodes[step.node].group.classList.add(phase);
    if (!this.byHand) this.follow(step, lit);
  }

  // All of the graph where its writing stays legible; else the part around the step.
  follow(step, lit) {
    const { width, height } = this.svg.getBoundingClientRect();
    if (!width || !height) return;
    const scale = Math.min(width / this.whole.w, height / this.whole.h, 1.25);
    const legible = Math.max(scale, 0.72);
    const [w, h] = [width / legible, height / legible];
    const ends = [step.node, ...lit.flatMap((k) => [this.data.links[k].from, this.data.links[k].to])];
    const place = (axis, room) => {
      const start = this.whole[axis];
      const size = this.whole[axis === "x" ? "w" : "h"];
      if (size <= room) return start - (room - size) / 2;
      const at = ends.map((k) => this.data.nodes[k][axis]);
      const middle = (Math.min(...at) + Math.max(...at)) / 2;
      return Math.min(Math.max(middle - room / 2, start), start + size - room);
    };
    this.move({ x: place("x", w), y: place("y", h), w, h });
  }

  move(to, slowly = true) {
    cancelAnimationFrame(this.moving);
    const from = { ...this.view };
    const still = !slowly || matchMedia("(prefers-reduced-motion: reduce)").matches || !this.placed;
    this.placed = true;
    const start = performance.now();
    const frame = (now) => {
      const part = still ? 1 : Math.min(Math.max((now - start) / 300, 0), 1);
      const eased = 1 - (1 - part) ** 3;
      for (const key of ["x", "y", "w", "h"]) this.view[key] = from[key] + (to[key] - from[key]) * eased;
      const { x, y, w, h } = this.view;
      this.svg.setAttribute("viewBox", `${x} ${y} ${w} ${h}`);
      if (part < 1) this.moving = requestAnimationFrame(frame);
    };
    frame(start);
  }

  zoom(by, x = this.view.x + this.view.w / 2, y = this.view.y + this.view.h / 2) {
    const { view } = this;
    const scale = Math.min(Math.max(by, 60 / view.w), (4 * this.whole.h) / view.h);
    this.byHand = true;
    const [w, h] = [view.w * scale, view.h * scale];
    this.move({ x: x - (x - view.x) * scale, y: y - (y - view.y) * scale, w, h }, false);
  }

  point(event) {
    const box = this.svg.getBoundingClientRect();
    const { x, y, w, h } = this.view;
    return [x + ((event.clientX - box.left) / box.width) * w, y + ((event.clientY - box.top) / box.height) * h];
  }

  // One finger or the mouse pans, two fingers or the wheel zoom.
  listen() {
    const fingers = new Map();
    const { svg } = this;
    svg.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(Math.exp(event.deltaY / 500), ...this.point(event));
    }, { passive: false });
    svg.addEventListener("pointerdown", (event) => {
      fingers.set(event.pointerId, event);
      svg.setPointerCapture(event.pointerId);
    });
    svg.addEventListener("pointermove", (event) => {
      const before = fingers.get(event.pointerId);
      if (!before) return;
      const [x, y] = this.point(event);
      const [fromX, fromY] = this.point(before);
      const other = [...fingers.values()].find((finger) => finger.pointerId !== event.pointerId);
      if (other) {
        const apart = (a) => Math.hypot(a.clientX - other.clientX, a.clientY - other.clientY) || 1;
        this.zoom(apart(before) / apart(event), ...this.point(other));
      } else {
        this.byHand = true;
        this.move({ ...this.view, x: this.view.x + fromX - x, y: this.view.y + fromY - y }, false);
      }
      fingers.set(event.pointerId, event);
    });
    for (const name of ["pointerup", "pointercancel"]) {
      svg.addEventListener(name, (event) => fingers.delete(event.pointerId));
    }
  }
}
