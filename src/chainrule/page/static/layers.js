// The layers of a drawing: which units are drawn where; a collapsed layer opened, all its units in as many columns as they need.

import { label, move, over, shape, straight } from "./svg.js";

/** @typedef {import("./page.js").Page} Page */
/** @typedef {{name: string, level: number, unit: number, x: number, y: number, r: number, box?: [number, number]}} Unit `unit` is 0 for dots */
/** @typedef {{level: number, x: number, units: Unit[], dots: Unit[]}} Column */
/** @typedef {{level: number, name: string | null}} End a unit; "" for dots, null for any unit of a layer */

export const MOST_OPENED = 1000;
const MOST_SINGLE = 400;
const MOST_TABBED = 60;
const MOST_WIDE = 20;
const TARGETS = 1e6;
const LOSS = 2e6;
const BANDS = [0, 0.2, 0.6, 1.2]; // the least weight of each thickness

/** Many edges between two layers as few paths, since the browser draws those as fast as it drags. */
export class Thicket {
  /** @param {{name: string, from: Unit, to: Unit}[]} edges */
  constructor(edges) {
    this.edges = edges;
    /** @type {Map<string, {name: string, from: Unit, to: Unit}>} */
    this.byName = new Map(edges.map((edge) => [edge.name, edge]));
    this.pieces = edges.map(({ from, to }) => straight(from, to));
    this.lines = BANDS.map((_, at) => shape("path", { class: "line", "stroke-width": 0.7 + 0.8 * at }));
    this.node = shape("g", { class: "thicket" }, ...this.lines);
    this.lines[0].setAttribute("d", this.pieces.join(""));
  }

  /** Shows how large the weights are. @param {((name: string) => number) | null} size null where all are alike */
  weigh(size) {
    /** @type {string[][]} */
    const bands = BANDS.map(() => []);
    this.edges.forEach(({ name }, at) => {
      const large = size ? Math.abs(size(name)) : 0;
      bands[Math.max(0, BANDS.findLastIndex((least) => large >= least))].push(this.pieces[at]);
    });
    bands.forEach((pieces, at) => this.lines[at].setAttribute("d", pieces.join("")));
  }
}

/** The columns of one drawing. */
export class Layers {
  /** @param {Page} page @param {SVGSVGElement} svg as `draw` draws it */
  constructor(page, svg) {
    this.page = page;
    this.svg = svg;
    this.edges = /** @type {Element} */ (svg.querySelector("g.edges"));
    this.nodes = /** @type {Element} */ (svg.querySelector("g.units"));
    this.labels = /** @type {Element} */ (svg.querySelector("g.labels"));
    /** @type {Thicket[]} */
    this.thickets = [];
    /** @type {{node: Element, from: End, to: End}[]} lines for edges that are not drawn one by one */
    this.standIns = [];
    /** @type {Column[]} */
    this.columns = [];
    /** how far names reach to the left of the inputs */
    this.aside = 0;
    this.read();
    const [left, top, width, height] = (svg.getAttribute("viewBox") ?? "0 0 1 1").split(" ").map(Number);
    this.home = { left, top, width, height };
  }

  /** Finds the columns that are drawn. */
  read() {
    const columns = new Map();
    const column = (/** @type {number} */ level, /** @type {number} */ x) => {
      if (!columns.has(level)) columns.set(level, { level, x, units: [], dots: [] });
      return columns.get(level);
    };
    for (const node of this.nodes.querySelectorAll("g[data-symbol]")) {
      const name = node.getAttribute("data-symbol") ?? "";
      const unit = this.spot(node, name);
      column(unit.level, unit.x).units.push(unit);
    }
    for (const node of this.nodes.querySelectorAll("g.dots")) {
      const text = node.querySelector("text");
      const [x, y] = ["x", "y"].map((name) => Number(text?.getAttribute(name)));
      const own = [...columns.values()].find((one) => Math.abs(one.x - x) < 1);
      own?.dots.push({ name: "", level: own.level, unit: 0, x, y: y - 1, r: 19 });
    }
    this.columns = [...columns.values()].sort((one, other) => one.x - other.x);
    for (const node of this.edges.querySelectorAll("g.faint")) {
      const numbers = (node.querySelector(".line")?.getAttribute("d") ?? "").match(/-?[\d.]+/g)?.map(Number) ?? [];
      const [from, to] = [this.end(numbers[0], numbers[1], -1), this.end(numbers[numbers.length - 2], numbers[numbers.length - 1], 1)];
      if (from || to) this.standIns.push({ node, from: from ?? { level: (to?.level ?? 1) - 1, name: null }, to: to ?? { level: (from?.level ?? 0) + 1, name: null } });
    }
  }

  /** The unit or the dots that a line begins or ends at. @param {number} x @param {number} y @param {number} side @returns {End | null} */
  end(x, y, side) {
    const near = this.columns.flatMap(({ units, dots }) => [...units, ...dots]).filter((unit) => Math.hypot(unit.x - x, unit.y - y) < unit.r + 12 && (x - unit.x) * side <= 0);
    return near[0] ?? null;
  }

  /** @param {Element} node @param {string} name @returns {Unit} */
  spot(node, name) {
    const read = this.page.model.names.read(name);
    const level = name === "loss" ? LOSS : read ? this.level(read.q) : -1;
    const number = (/** @type {Element} */ one, /** @type {string} */ key) => Number(one.getAttribute(key));
    const circle = node.querySelector("circle");
    const place = { name, level, unit: read?.indices[0] ?? 1 };
    if (circle) return { ...place, x: number(circle, "cx"), y: number(circle, "cy"), r: number(circle, "r") };
    const rect = /** @type {Element} */ (node.querySelector("rect"));
    const [w, h] = [number(rect, "width") / 2, number(rect, "height") / 2];
    return { ...place, x: number(rect, "x") + w, y: number(rect, "y") + h, r: w, box: [w, h] };
  }

  /** The column that a quantity's units stand in, or -1. @param {number} q */
  level(q) {
    const { kind, layer } = this.page.bundle.quantities[q];
    if (kind === "x") return 0;
    if (kind === "a" || kind === "z") return layer ?? -1;
    return kind === "pred" ? this.last : kind === "true" ? TARGETS : -1;
  }

  get last() {
    return this.page.bundle.net.sizes.length - 1;
  }

  /** @param {number} level @returns {Column | undefined} */
  column(level) {
    return this.columns.find((one) => one.level === level);
  }

  /** Whether a layer is drawn with dots, and can be opened. @param {number} level */
  closed(level) {
    const own = this.column(level);
    return !!own?.dots.length && own.units.length > 0 && this.page.bundle.net.sizes[level] <= MOST_OPENED;
  }

  // Opening

  /** Draws all units of layers. @param {number[]} levels */
  open(levels) {
    const opened = new Map(levels.filter((level) => this.closed(level)).map((level) => [level, this.grid(level, this.page.bundle.net.sizes[level])]));
    if (!opened.size) return;
    const targets = this.column(TARGETS);
    if (opened.has(this.last) && targets?.dots.length) opened.set(TARGETS, this.grid(TARGETS, this.page.bundle.net.sizes[this.last]));
    const before = this.columns.map(({ level, x }) => ({ x, extra: opened.get(level)?.extra ?? 0 }));
    const shift = (/** @type {number} */ x) => before.reduce((sum, one) => sum + (x > one.x + 32 ? one.extra : Math.abs(x - one.x) <= 32 ? one.extra / 2 : 0), 0);
    const half = Math.max(...[...opened.values()].map((grid) => grid.half));
    const words = [...this.svg.querySelectorAll("g.captions > .caption")].map((text) => Number(text.getAttribute("y")));
    const down = Math.max(0, half + 40 - Math.min(...words));
    this.clear(opened, shift);
    this.words(opened, shift, down);
    for (const column of this.columns) {
      const dx = shift(column.x);
      column.x += dx;
      const grid = opened.get(column.level);
      if (grid) this.fill(column, grid.units);
      else for (const unit of [...column.units, ...column.dots]) unit.x += dx;
    }
    const { left, top, width, height } = this.home;
    const aside = opened.has(0) ? Math.max(0, left + this.aside) : 0;
    const wide = width + aside + before.reduce((sum, one) => sum + one.extra, 0);
    this.home = { left: left - aside, top: Math.min(top, -half - 56), width: wide, height };
    this.connect(opened);
    this.home.height = top + height + down - this.home.top;
    const title = this.svg.querySelector("g.captions > .title");
    if (title) move(title, (wide - width) / 2, this.home.top - top);
    this.frame(opened, shift);
  }

  /** Moves the words above and below. @param {Map<number, any>} opened @param {(x: number) => number} shift @param {number} down */
  words(opened, shift, down) {
    for (const text of this.svg.querySelectorAll("g.captions > text")) {
      const kind = ["title", "name"].find((one) => text.classList.contains(one));
      if (kind === "name" && opened.has(0)) text.remove();
      else if (kind !== "title") move(text, shift(Number(text.getAttribute("x"))), kind ? 0 : down);
    }
  }

  /** Where so many units stand. @param {number} level @param {number} count */
  grid(level, count) {
    const columns = count <= 20 ? 1 : Math.round(Math.sqrt(count / 6));
    const r = level === TARGETS ? 17 : count <= 20 ? 17 : 14;
    const pitch = Math.max(2 * r + 8, Math.min(58, 640 / count));
    const units = Array.from({ length: count }, (_, at) => ({
      x: ((at % columns) - (columns - 1) / 2) * pitch, y: (at - (count - 1) / 2) * (pitch / columns), r,
    }));
    return { units, extra: (columns - 1) * pitch, half: (((count - 1) / 2) * pitch) / columns + r };
  }

  /** Takes away what is drawn anew, and moves what stays. @param {Map<number, any>} opened @param {(x: number) => number} shift */
  clear(opened, shift) {
    const { names } = this.page.model;
    const touched = (/** @type {string} */ name) => {
      const read = names.read(name);
      if (!read) return false;
      const { kind, layer, source } = this.page.bundle.quantities[read.q];
      return kind === "w" || kind === "b" ? opened.has(layer ?? -1) || opened.has(source ?? -1) : opened.has(this.level(read.q));
    };
    const near = (/** @type {number} */ x) => this.columns.some((one) => opened.has(one.level) && Math.abs(one.x - x) <= 32);
    const ends = (/** @type {Element} */ node) => (node.querySelector(".line")?.getAttribute("d") ?? "").match(/-?[\d.]+(?= )/g)?.map(Number) ?? [];
    for (const node of [...this.edges.children]) {
      const [from, to] = ["data-from", "data-to"].map((key) => node.getAttribute(key) ?? "");
      const path = node.querySelector(".line")?.getAttribute("d") ?? "";
      const lone = node.classList.contains("faint") && ends(node).some((x) => near(x));
      if (path.includes("C") || lone || touched(from) || touched(to) || touched(node.getAttribute("data-symbol") ?? "")) node.remove();
      else move(node, shift(ends(node)[0] ?? 0), 0);
    }
    for (const node of [...this.labels.children]) {
      if (node.classList.contains("halo")) continue;
      const x = Number(node.getAttribute("x"));
      const name = node.getAttribute("data-label");
      const kind = name === null ? "" : this.page.bundle.quantities[names.read(name)?.q ?? -1]?.kind ?? "";
      const gone = name === null ? near(x) : touched(name) || kind === "pred" || (kind === "w" && this.skips(name));
      for (const one of [node.previousElementSibling?.classList.contains("halo") ? node.previousElementSibling : null, node]) {
        if (gone) one?.remove();
        else if (one) move(one, shift(x), 0);
      }
    }
    for (const node of [...this.nodes.children]) {
      const at = node.querySelector("circle, rect, text");
      const wide = at?.tagName === "rect" ? Number(at.getAttribute("width")) / 2 : 0;
      const x = Number(at?.getAttribute("cx") ?? at?.getAttribute("x")) + wide;
      if (node.classList.contains("dots") ? near(x) : touched(node.getAttribute("data-symbol") ?? "")) node.remove();
      else move(node, shift(x), 0);
    }
  }

  /** @param {string} name whether a weight leads past a layer */
  skips(name) {
    const read = this.page.model.names.read(name);
    const own = read && this.page.bundle.quantities[read.q];
    return !!own && own.source !== null && own.layer !== null && own.source < own.layer - 1;
  }

  /** Puts all units into a column. @param {Column} column @param {{x: number, y: number, r: number}[]} spots */
  fill(column, spots) {
    const { model, bundle } = this.page;
    const straightDown = column.level === 0 && spots.every(({ x }) => x === 0);
    const kept = column.units[0];
    const read = model.names.read(kept.name);
    const q = read?.q ?? 0;
    const kind = column.level === 0 ? "input" : column.level === TARGETS ? "target" : bundle.quantities[q].kind === "pred" ? "output" : "unit";
    column.dots = [];
    column.units = spots.map((spot, at) => {
      const name = model.names.spell(q, [at + 1]);
      const box = /** @type {[number, number] | undefined} */ (kept.box && [spot.r + 3, spot.r - 3]);
      return { name, level: column.level, unit: at + 1, x: column.x + spot.x, y: spot.y, r: spot.r, ...(box ? { box } : {}) };
    });
    const named = bundle.net.names?.[column.level] ?? [];
    for (const unit of column.units) {
      this.nodes.append(this.unit(unit, kind));
      const name = straightDown ? named[unit.unit - 1] : "";
      if (!name) continue;
      this.aside = Math.max(this.aside, unit.r + 24 + 8 * Math.min(14, name.length));
      const text = shape("text", { class: "name plain", x: unit.x - unit.r - 9, y: unit.y + 4.5, "font-size": 14, "font-style": "italic", "text-anchor": "end" });
      text.textContent = name.length > 14 ? `${name.slice(0, 13)}…` : name;
      this.svg.querySelector("g.captions")?.append(text);
    }
  }

  /** @param {Unit} unit @param {string} kind */
  unit(unit, kind) {
    const { page } = this;
    const { name, x, y, r, box } = unit;
    const rim = { class: "shape", "stroke-width": 1.5 };
    const outline = box
      ? shape("rect", { x: x - box[0], y: y - box[1], width: 2 * box[0], height: 2 * box[1], rx: 6, ...rim })
      : shape("circle", { cx: x, cy: y, r, ...rim });
    const text = label(page.parts(name) ?? [name, "", ""], unit);
    text.setAttribute("data-label", name);
    return shape("g", { class: `${kind} plain`, role: "button", tabindex: "0", "aria-label": page.about(name), "data-symbol": name }, outline, text);
  }

  /** Draws the edges of opened layers, and those that lead past layers. @param {Map<number, any>} opened */
  connect(opened) {
    const { model, bundle } = this.page;
    let lane = 0;
    const top = this.home.top + 26;
    const high = () => top - 6 * (lane++ % 30);
    bundle.quantities.forEach(({ kind, layer, source, support }, q) => {
      if (kind !== "w" && kind !== "b") return;
      const into = this.column(layer ?? -1);
      if (!into) return;
      const units = new Map(into.units.map((unit) => [unit.unit, unit]));
      if (kind === "b") {
        if (opened.has(layer ?? -1)) for (const name of model.names.all(q)) this.bias(name, /** @type {Unit} */ (units.get(model.names.read(name)?.indices[0] ?? 0)));
        return;
      }
      const out = this.column(source ?? -1);
      if (!out) return;
      const curved = (source ?? 0) < (layer ?? 0) - 1;
      if (!curved && !opened.has(layer ?? -1) && !opened.has(source ?? -1)) return;
      const origins = new Map(out.units.map((unit) => [unit.unit, unit]));
      const tied = bundle.net.ties.flat().flatMap((name) => {
        const at = model.names.locate(name);
        return at?.q === q && !support?.some((pair) => String(pair) === String(at.indices)) ? [at.indices] : [];
      });
      const pairs = support ? [...support, ...tied] : [...units.keys()].flatMap((to) => [...origins.keys()].map((from) => [to, from]));
      const edges = pairs.flatMap(([i, j]) => {
        const [to, from] = [units.get(i), origins.get(j)];
        const name = model.names.spell(q, [i, j]);
        return to && from ? [{ name: model.names.chief.get(name) ?? name, from, to }] : [];
      });
      if (curved) {
        for (const { name, from, to } of edges) this.edges.append(this.edge(name, from, to, over(from, to, high())));
      } else if (edges.length > MOST_SINGLE) {
        const thicket = new Thicket(edges);
        this.thickets.push(thicket);
        this.edges.prepend(thicket.node);
      } else {
        for (const { name, from, to } of edges) this.edges.append(this.edge(name, from, to, straight(from, to), edges.length <= MOST_TABBED, edges.length <= MOST_WIDE ? 14 : 4));
      }
      if (!curved && !support) this.faint(out, into);
    });
    this.past(opened);
    this.readouts(opened, high);
    if (lane) this.home.top -= 6 * Math.min(lane, 30);
  }

  /**
   * @param {string} name @param {Unit} from @param {Unit} to @param {string} path @param {boolean} [tabbed] @param {number} [width] how near it is pointed at
   * @returns {SVGElement}
   */
  edge(name, from, to, path, tabbed = true, width = 14) {
    return shape("g", { class: tabbed ? "weight plain" : "weight plain fine", role: "button", tabindex: tabbed ? "0" : "-1", "aria-label": this.page.about(name), "data-symbol": name, "data-from": from.name, "data-to": to.name },
      shape("path", { class: "hit", d: path, stroke: "#000", "stroke-opacity": 0, "stroke-width": width, "pointer-events": "stroke" }),
      shape("path", { class: "line", d: path, "stroke-width": tabbed ? 1.3 : 0.9 }));
  }

  /** An edge of a thicket by itself. @param {{name: string, from: Unit, to: Unit}} edge */
  lone({ name, from, to }) {
    return this.edge(name, from, to, straight(from, to));
  }

  /** @param {{from: Unit, to: Unit}[]} edges many as one path */
  outline(edges) {
    return edges.map(({ from, to }) => straight(from, to)).join("");
  }

  /** A bias, as a short line that comes from above. @param {string} name @param {Unit} unit */
  bias(name, unit) {
    const path = `M${unit.x} ${unit.y - unit.r - 7}L${unit.x} ${unit.y - unit.r}`;
    const node = this.edge(name, unit, unit, path);
    node.setAttribute("class", "bias plain");
    node.removeAttribute("data-from");
    this.edges.append(node);
  }

  /** Lines for what is behind the dots of a neighbour. @param {Column} out @param {Column} into */
  faint(out, into) {
    for (const [mine, others] of [[out.dots, into.units], [out.units, into.dots]]) {
      const path = mine.flatMap((from) => others.map((to) => straight(from, to))).join("");
      if (path) this.standIns.push({ node: this.dashed(path), from: { level: out.level, name: null }, to: { level: into.level, name: null } });
    }
  }

  /** Short lines towards the dots of layers that are not drawn. @param {Map<number, any>} opened */
  past(opened) {
    for (const level of opened.keys()) {
      if (level > this.last) continue;
      for (const [side, next] of [[-1, level - 1], [1, level + 1]]) {
        if (next < 0 || next > this.last || this.column(next)) continue;
        const path = (this.column(level)?.units ?? []).map(({ x, y, r }) => `M${x + side * r} ${y}L${x + side * (r + 30)} ${y}`).join("");
        const [from, to] = side < 0 ? [next, level] : [level, next];
        this.standIns.push({ node: this.dashed(path), from: { level: from, name: null }, to: { level: to, name: null } });
      }
    }
  }

  /** @param {string} path */
  dashed(path) {
    const node = shape("g", { class: "faint plain" }, shape("path", { class: "line", d: path, "stroke-width": 0.9, "stroke-dasharray": "2 3" }));
    this.edges.prepend(node);
    return node;
  }

  /** What leads into the loss. @param {Map<number, any>} opened @param {() => number} high */
  readouts(opened, high) {
    const loss = this.column(LOSS)?.units[0];
    if (!loss) return;
    const draw = (/** @type {string} */ kind, /** @type {Unit} */ from, /** @type {string} */ path) =>
      this.edges.append(shape("g", { class: `${kind} plain`, "data-from": from.name, "data-to": "loss" }, shape("path", { class: "line", d: path, "stroke-width": 1.3 })));
    const isPred = (/** @type {string} */ name) => name.startsWith("pred");
    const reads = this.columns.some(({ units }) => units.some(({ name }) => isPred(name)));
    for (const { units, level } of this.columns) {
      if (level === TARGETS && opened.has(TARGETS)) for (const unit of units) draw("given", unit, straight(unit, loss));
      if (level > this.last) continue;
      for (const unit of units) {
        // Outputs that are read out of earlier layers are drawn as the units that they are.
        const out = reads ? isPred(unit.name) : this.page.model.next(unit.name).some(({ of }) => isPred(of));
        if (out && level < this.last) draw("readout", unit, over(unit, loss, high()));
        else if (out && opened.has(level)) draw("readout", unit, straight(unit, loss));
      }
    }
  }

  /** The frame around units that act together. @param {Map<number, any>} opened @param {(x: number) => number} shift */
  frame(opened, shift) {
    const frame = this.svg.querySelector("rect.frame");
    const column = this.column(this.last);
    if (!frame || !column) return;
    if (!opened.has(this.last)) return move(frame, shift(Number(frame.getAttribute("x")) + Number(frame.getAttribute("width")) / 2), 0);
    const xs = column.units.map(({ x }) => x);
    const ys = column.units.map(({ y }) => y);
    const room = column.units[0].r + 12;
    const [left, top] = [Math.min(...xs) - room, Math.min(...ys) - room];
    for (const [name, value] of Object.entries({ x: left, y: top, width: Math.max(...xs) + room - left, height: Math.max(...ys) + room - top })) frame.setAttribute(name, String(value));
    return undefined;
  }
}
