// The drawing: zoomed and moved, a symbol chosen, its paths to the loss lit, local derivatives on their edges.

import { make } from "./dom.js";
import { numberText } from "./tex.js";

/** @typedef {import("./page.js").Page} Page */

const SVG = "http://www.w3.org/2000/svg";
const MOST_LABELLED = 60;

export class Figure {
  /** @param {Page} page */
  constructor(page) {
    this.page = page;
    this.stage = make("div", { class: "cr-stage" });
    const button = (/** @type {string} */ key, /** @type {string} */ sign, /** @type {() => void} */ act) =>
      make("button", { type: "button", class: "cr-icon", "data-key": key, onclick: act }, sign);
    this.tools = make(
      "div", { class: "cr-tools", role: "group", "data-name": "figure.tools" },
      button("figure.closer", "+", () => this.zoom(1.25)),
      button("figure.farther", "−", () => this.zoom(0.8)),
      button("figure.whole", "⤢", () => this.whole()),
    );
    this.node = make("section", { class: "cr-figure", "data-name": "figure.title" }, this.tools, this.stage);
    /** @type {SVGSVGElement} */
    this.svg = /** @type {any} */ (null);
    /** @type {Map<string, Element[]>} */
    this.places = new Map();
    /** @type {{node: Element, from: string, to: string, symbol: string}[]} */
    this.edges = [];
    /** @type {{edges: {node: Element, from: string, to: string, symbol: string}[], units: Set<string>, start: string}} */
    this.lit = { edges: [], units: new Set(), start: "" };
    this.locals = document.createElementNS(SVG, "g");
    /** @type {{text: Text, of: string, by: string}[]} the numbers on what is lit */
    this.marks = [];
    this.home = { left: 0, top: 0, width: 1, height: 1 };
    this.view = { ...this.home };
    this.weighted = false;
    /** @type {Map<number, PointerEvent>} */
    this.pointers = new Map();
    this.listen();
  }

  /** Shows the drawing in the page's language. */
  load() {
    const source = this.page.bundle.drawings[this.page.lang];
    const parsed = new DOMParser().parseFromString(source, "image/svg+xml").documentElement;
    const svg = /** @type {SVGSVGElement} */ (/** @type {unknown} */ (document.importNode(parsed, true)));
    const [left, top, width, height] = (svg.getAttribute("viewBox") ?? "0 0 1 1").split(" ").map(Number);
    this.home = { left, top, width, height };
    svg.removeAttribute("width");
    svg.removeAttribute("height");
    svg.querySelector("title")?.remove();
    this.stage.replaceChildren(svg);
    this.svg = svg;
    this.view = { ...this.home };
    this.stage.style.aspectRatio = `${width} / ${height}`;
    svg.append(this.locals);
    this.locals.setAttribute("class", "cr-locals");
    this.locals.setAttribute("aria-hidden", "true");
    this.index();
    this.relabel();
    this.openers();
  }

  /** Finds where every symbol stands, and what leads where. */
  index() {
    this.places.clear();
    for (const node of this.svg.querySelectorAll("[data-symbol]")) {
      const name = node.getAttribute("data-symbol") ?? "";
      this.places.set(name, [...(this.places.get(name) ?? []), node]);
    }
    this.edges = [...this.svg.querySelectorAll("g[data-from][data-to]")].map((node) => ({
      node,
      from: node.getAttribute("data-from") ?? "",
      to: node.getAttribute("data-to") ?? "",
      symbol: node.getAttribute("data-symbol") ?? "",
    }));
  }

  /** Writes the labels in the page's notation. */
  relabel() {
    if (this.page.notation === this.page.bundle.notation) return;
    for (const text of this.svg.querySelectorAll("[data-label]")) this.label(text);
  }

  /** @param {Element} text */
  label(text) {
    const parts = this.page.parts(text.getAttribute("data-label") ?? "");
    if (!parts) return;
    const halo = text.previousElementSibling;
    for (const one of halo?.classList.contains("halo") ? [halo, text] : [text]) rewrite(one, parts);
  }

  // Layers of which only some units are drawn

  /** The units of a layer that are drawn, from the top. @param {number} level */
  shown(level) {
    const { names } = this.page.model;
    const found = [];
    for (const name of this.places.keys()) {
      const read = names.read(name);
      if (read && this.level(read.q) === level) found.push(read.indices[0]);
    }
    return found.sort((one, other) => one - other);
  }

  /** The layer whose units a quantity belongs to, or -1. @param {number} q */
  level(q) {
    const { kind, layer } = this.page.bundle.quantities[q];
    if (kind === "x") return 0;
    if (kind === "a" || kind === "z") return layer ?? -1;
    return kind === "pred" ? this.page.bundle.net.sizes.length - 1 : -1;
  }

  /** Makes the dots of a collapsed layer a button that opens it. */
  openers() {
    const columns = new Map();
    for (const [name, nodes] of this.places) {
      const read = this.page.model.names.read(name);
      const x = nodes[0].querySelector("circle")?.getAttribute("cx");
      if (read && x && this.level(read.q) >= 0) columns.set(x, this.level(read.q));
    }
    for (const node of this.svg.querySelectorAll("g.dots")) {
      const level = columns.get(node.querySelector("text")?.getAttribute("x"));
      if (level === undefined || !this.free(level)) continue;
      const label = this.page.say("figure.open", { level, count: this.page.bundle.net.sizes[level] });
      for (const [name, value] of Object.entries({ role: "button", tabindex: "0", "aria-label": label, "data-open": level })) node.setAttribute(name, value);
      node.removeAttribute("aria-hidden");
      const area = document.createElementNS(SVG, "circle");
      const text = node.querySelector("text");
      for (const [name, value] of Object.entries({ cx: text?.getAttribute("x"), cy: Number(text?.getAttribute("y")) - 6, r: 20, class: "area" })) area.setAttribute(name, String(value));
      node.prepend(area);
    }
  }

  /** Whether another unit may stand in the place of one that is drawn: not where edges are missing or tied. @param {number} level */
  free(level) {
    const { quantities, net } = this.page.bundle;
    return !net.ties.length && !quantities.some((q) => q.support && (q.layer === level || q.source === level));
  }

  /** Asks which unit of a layer to show. @param {number} level */
  open(level) {
    const size = this.page.bundle.net.sizes[level];
    const shown = this.shown(level);
    const start = shown.find((unit, at) => shown[at + 1] !== unit + 1) ?? 1;
    const id = `cr-open-${this.page.number}`;
    const shift = level === 0 ? 1 : 0;
    const field = /** @type {HTMLInputElement} */ (make("input", { type: "range", class: "cr-slider", id, min: 1 - shift, max: size - shift, value: start - shift }));
    const said = make("output", { for: id });
    const show = () => {
      const unit = Number(field.value) + shift;
      this.show(level, unit);
      said.textContent = this.page.model.names.spell(this.quantity(level), [unit]);
    };
    field.addEventListener("input", show);
    const form = make("div", { class: "cr-row cr-opened" }, make("label", { for: id }, this.page.say("figure.unit", { level })), field, said,
      make("button", { type: "button", class: "cr-button", onclick: () => this.page.select(this.page.model.names.spell(this.quantity(level), [Number(field.value) + shift])) }, this.page.say("follow.go")),
      make("button", { type: "button", class: "cr-icon", "data-key": "figure.close", onclick: () => form.remove() }, "×"));
    this.node.querySelector(".cr-opened")?.remove();
    this.node.append(form);
    this.page.translate(this.node);
    said.textContent = this.page.model.names.spell(this.quantity(level), [start]);
    field.focus();
  }

  /** The quantity that a layer's units are called by. @param {number} level */
  quantity(level) {
    const { names } = this.page.model;
    if (level === 0) return names.find("x", null);
    const a = names.find("a", level);
    return a >= 0 ? a : names.find("pred", null);
  }

  /**
   * Draws a unit of a collapsed layer, in the place of the one before the dots.
   * @param {number} level
   * @param {number} unit
   */
  show(level, unit) {
    const shown = this.shown(level);
    if (shown.includes(unit) || !shown.length || !this.free(level)) return;
    const { names } = this.page.model;
    const own = this.needed(level);
    // The last one keeps its place behind the dots, and what is followed stays in sight.
    const before = shown.slice(0, -1).findLast((one) => !own.includes(one)) ?? shown[0];
    const renamed = (/** @type {string} */ name) => {
      const read = names.read(name);
      if (!read) return name;
      const { kind, layer, source } = this.page.bundle.quantities[read.q];
      const indices = [...read.indices];
      if (kind === "w") {
        if (layer === level && indices[0] === before) indices[0] = unit;
        if (source === level && indices[1] === before) indices[1] = unit;
      } else if ((kind === "b" && layer === level) || this.level(read.q) === level || (kind === "true" && level === this.page.bundle.net.sizes.length - 1)) {
        if (indices[0] === before) indices[0] = unit;
      }
      return names.spell(read.q, indices);
    };
    for (const attribute of ["data-symbol", "data-from", "data-to", "data-label"]) {
      for (const node of this.svg.querySelectorAll(`[${attribute}]`)) {
        const old = node.getAttribute(attribute) ?? "";
        const name = renamed(old);
        if (name === old) continue;
        node.setAttribute(attribute, name);
        if (attribute === "data-symbol") node.setAttribute("aria-label", this.page.about(name));
        if (attribute === "data-label") this.label(node);
      }
    }
    this.index();
    this.paint();
  }

  /** The units of a layer that the chosen symbol stands at. @param {number} level */
  needed(level) {
    const read = this.page.model.names.read(this.page.selected);
    if (!read) return [];
    const { kind, layer, source } = this.page.bundle.quantities[read.q];
    const ends = kind === "w" || kind === "b" ? [[layer, read.indices[0]], [source, read.indices[1]]] : [[this.level(read.q), read.indices[0]]];
    return ends.filter(([one]) => one === level).map(([, unit]) => unit);
  }

  /** Draws what a symbol needs to be seen. @param {string} name */
  reveal(name) {
    const read = this.page.model.names.read(name);
    if (!read || this.places.has(this.unit(name))) return;
    const { kind, layer, source } = this.page.bundle.quantities[read.q];
    if ((kind === "w" || kind === "b") && layer !== null) {
      this.show(layer, read.indices[0]);
      if (source !== null) this.show(source, read.indices[1]);
    } else if (this.level(read.q) >= 0) this.show(this.level(read.q), read.indices[0]);
  }

  // Choosing

  /**
   * The place of the drawing that a symbol stands at: z and a are one circle, tied weights have one name.
   * @param {string} name
   */
  unit(name) {
    const { names } = this.page.model;
    if (this.places.has(name)) return name;
    if (names.chief.has(name)) return names.chief.get(name) ?? name;
    if (name.startsWith("pred")) {
      // Outputs that are read out of earlier layers are drawn as the units that they are.
      const is = (/** @type {string} */ one) => one.startsWith("a_") && this.page.model.local(name, one, this.page.notation);
      return [...this.places.keys()].find(is) ?? name;
    }
    if (!name.startsWith("z_")) return name;
    const a = `a${name.slice(1)}`;
    if (this.places.has(a)) return a;
    const pred = this.page.bundle.net.outputs === 1 ? "pred" : `pred_${/_(\d+)/.exec(name)?.[1]}`;
    return this.places.has(pred) ? pred : name;
  }

  /**
   * Where a mark of a line stands in the drawing.
   * @param {string} kind
   * @param {string} name
   * @returns {Element[]}
   */
  find(kind, name) {
    if (kind === "l") {
      const [of, by] = name.split("|").map((one) => this.unit(one));
      if (/^[wb]_/.test(by) || of === by) return this.places.get(by) ?? [];
      const edges = this.edges.filter((edge) => edge.from === by && edge.to === of).map((edge) => edge.node);
      return edges.length ? edges : [...(this.places.get(of) ?? []), ...(this.places.get(by) ?? [])];
    }
    if (kind === "m") {
      const found = /^∂?([A-Za-zδ]+)(?:_(\d+)(?:,(\d+))?)?$/.exec(name);
      if (!found) return [];
      const [, letter, layer, from] = found;
      const head = { W: "w", b: "b", X: "x", Z: "z", A: "a", δ: "z", pred: "pred", true: "true", loss: "loss" }[letter] ?? "";
      const end = layer === undefined || "X".includes(letter) ? "" : `^${layer}${from ? `,${from}` : ""}`;
      const fits = (/** @type {string} */ one) => one.split(/[_^]/)[0] === head && (end === "" || one.endsWith(end));
      const units = [...this.places.keys()].filter((one) => fits(one) || (head === "z" && fits(one.replace(/^a_/, "z_"))));
      return (units.length ? units : head === "z" ? [...this.places.keys()].filter((one) => one.startsWith("pred")) : [])
        .flatMap((one) => this.places.get(one) ?? []);
    }
    return this.places.get(this.unit(name)) ?? [];
  }

  /** Another symbol was chosen. */
  choose() {
    this.reveal(this.page.selected);
    this.paint();
  }

  /** Lights the paths of the chosen symbol, and everything else goes back. */
  paint() {
    const name = this.page.selected;
    const groups = this.svg.querySelectorAll("g.edges > g, g.units > g, rect.frame");
    for (const node of [...groups, ...this.svg.querySelectorAll("g.labels > text")]) node.classList.remove("lit", "chosen", "dim");
    for (const node of this.svg.querySelectorAll("[aria-pressed]")) node.removeAttribute("aria-pressed");
    this.lit = { edges: [], units: new Set(), start: "" };
    if (name && name !== "loss") {
      const path = this.path(name);
      this.lit = path;
      const edges = new Set(path.edges.map((edge) => edge.node));
      const chosen = new Set(this.places.get(this.unit(name)) ?? []);
      for (const node of groups) {
        const own = chosen.has(node) ? "chosen" : edges.has(node) || path.units.has(node.getAttribute("data-symbol") ?? "") ? "lit" : "dim";
        node.classList.add(own);
      }
      for (const node of chosen) node.setAttribute("aria-pressed", "true");
      const seen = new Set([...path.edges.map((edge) => edge.symbol), name, ...path.units]);
      for (const text of this.svg.querySelectorAll("g.labels > text[data-label]")) {
        const own = text.getAttribute("data-label") ?? "";
        const state = own === name ? "chosen" : seen.has(own) ? "lit" : "dim";
        text.classList.add(state);
        if (text.previousElementSibling?.classList.contains("halo")) text.previousElementSibling.classList.add(state);
      }
    }
    this.annotate();
  }

  /**
   * What lies on the drawn paths from a symbol to the loss.
   * @param {string} name
   */
  path(name) {
    const own = this.unit(name);
    const starts = /^[wb]_/.test(own)
      ? (this.places.get(own) ?? []).map((node) => node.getAttribute("data-to") ?? "").filter(Boolean)
      : [own];
    const units = new Set(starts);
    /** @type {typeof this.edges} */
    const edges = [];
    const follow = () => {
      for (let grown = true; grown; ) {
        grown = false;
        for (const edge of this.edges) {
          if (units.has(edge.from) && !units.has(edge.to)) {
            units.add(edge.to);
            grown = true;
          }
        }
      }
    };
    follow();
    if (!units.has("loss")) {
      // Layers that are not drawn lie between: behind them everything is reached.
      const level = (/** @type {string} */ one) => Number(/\^(\d+)/.exec(one)?.[1] ?? (one.startsWith("x") ? 0 : Infinity));
      const last = Math.max(...[...units].map(level));
      for (const one of this.places.keys()) if (!/^[wb]_|^true/.test(one) && level(one) > last + 1) units.add(one);
      follow();
    }
    for (const edge of this.edges) {
      if (units.has(edge.from) && units.has(edge.to) && !edge.node.classList.contains("given")) edges.push(edge);
    }
    return { edges, units, start: own };
  }

  /** Writes the local derivatives on what is lit. */
  annotate() {
    this.locals.replaceChildren();
    this.marks = [];
    const { selected, model, notation } = this.page;
    if (!selected || selected === "loss" || this.page.tab === "practise") return;
    if (this.lit.edges.length > MOST_LABELLED) return;
    const pre = (/** @type {string} */ unit) => this.page.before(unit);
    const write = (/** @type {string} */ of, /** @type {string} */ by, /** @type {number} */ x, /** @type {number} */ y) => {
      const local = model.local(of, by, notation);
      if (!local) return;
      const text = this.locals.appendChild(document.createElementNS(SVG, "text"));
      text.setAttribute("x", String(x));
      text.setAttribute("y", String(y));
      text.textContent = numberText(local.value, 3);
      const title = document.createElementNS(SVG, "title");
      title.textContent = `∂${of}/∂${by}`;
      text.append(title);
      this.marks.push({ text: /** @type {Text} */ (text.firstChild), of, by });
    };
    const taken = [...this.svg.querySelectorAll("g.labels > text[data-label]")].map((text) => ({
      x: Number(text.getAttribute("x")), y: Number(text.getAttribute("y")) - 4,
    }));
    // Where along its line a number stands farthest from the labels and from the other numbers.
    const along = (/** @type {Element} */ node) => {
      const line = /** @type {SVGPathElement} */ (node.querySelector(".line"));
      const length = line.getTotalLength();
      const points = [0.5, 0.38, 0.62, 0.27, 0.73].map((part) => line.getPointAtLength(length * part));
      const room = (/** @type {DOMPoint} */ at) => Math.min(...taken.map(({ x, y }) => Math.hypot((at.x - x) / 2, at.y - y)), 40);
      const best = points.reduce((one, other) => (room(other) > room(one) + 4 ? other : one));
      taken.push({ x: best.x, y: best.y });
      return best;
    };
    for (const edge of this.lit.edges) {
      const at = along(edge.node);
      write(edge.symbol ? pre(edge.to) : edge.to, edge.from, at.x, at.y + 4);
    }
    for (const node of /^[wb]_/.test(this.lit.start) ? this.places.get(this.lit.start) ?? [] : []) {
      const at = along(node);
      write(pre(node.getAttribute("data-to") ?? ""), selected, at.x, at.y + 4);
    }
    for (const unit of this.lit.units) {
      if (unit === this.lit.start && selected === unit) continue;
      const shape = this.places.get(unit)?.[0]?.querySelector("circle");
      if (shape && pre(unit) !== unit) write(unit, pre(unit), Number(shape.getAttribute("cx")), Number(shape.getAttribute("cy")) + Number(shape.getAttribute("r")) + 13);
    }
  }

  /**
   * Lights places for as long as something points at them.
   * @param {Iterable<Element>} nodes
   * @param {string} kind
   */
  light(nodes, kind = "hover") {
    for (const node of this.svg.querySelectorAll(`.cr-${kind}`)) node.classList.remove(`cr-${kind}`);
    for (const node of nodes) node.classList.add(`cr-${kind}`);
  }

  /** The numbers have changed. */
  update() {
    const { model, notation } = this.page;
    for (const { text, of, by } of this.marks) text.data = numberText(model.local(of, by, notation)?.value ?? NaN, 3);
    if (!this.weighted) return;
    for (const { node, symbol } of this.edges) {
      const line = /** @type {SVGElement | null} */ (symbol ? node.querySelector(".line") : null);
      if (line) line.style.strokeWidth = `${Math.min(9, 0.5 + 2.2 * Math.abs(this.page.model.number(symbol)))}px`;
    }
  }

  /**
   * Whether the thickness of a line shows its weight.
   * @param {boolean} on
   */
  setWeighted(on) {
    this.weighted = on;
    if (!on) for (const { node } of this.edges) /** @type {SVGElement | null} */ (node.querySelector(".line"))?.style.removeProperty("stroke-width");
    this.update();
  }

  // Moving

  /** @param {number} by @param {{x: number, y: number}} [at] a point of the drawing that stays where it is */
  zoom(by, at) {
    const { view, home } = this;
    const scale = Math.min(Math.max(by, (home.width / view.width) ** -1 / 3), view.width / home.width * 12);
    const x = at?.x ?? view.left + view.width / 2;
    const y = at?.y ?? view.top + view.height / 2;
    this.view = {
      left: x - (x - view.left) / scale, top: y - (y - view.top) / scale, width: view.width / scale, height: view.height / scale,
    };
    this.moved();
  }

  whole() {
    this.view = { ...this.home };
    this.moved();
  }

  /** @param {number} x @param {number} y in lengths of the drawing */
  move(x, y) {
    this.view.left -= x;
    this.view.top -= y;
    this.moved();
  }

  moved() {
    const { left, top, width, height } = this.view;
    this.svg.setAttribute("viewBox", `${left} ${top} ${width} ${height}`);
  }

  /** @param {{clientX: number, clientY: number}} event */
  point(event) {
    const matrix = this.svg.getScreenCTM();
    return new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix?.inverse());
  }

  listen() {
    const { stage, pointers } = this;
    stage.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY / 300), this.point(event));
    }, { passive: false });
    let dragged = 0;
    stage.addEventListener("pointerdown", (event) => {
      pointers.set(event.pointerId, event);
      dragged = 0;
    });
    stage.addEventListener("pointermove", (event) => {
      const last = pointers.get(event.pointerId);
      if (!last) return;
      const rate = this.view.width / this.stage.clientWidth;
      const others = [...pointers.values()].filter((one) => one.pointerId !== event.pointerId);
      dragged += Math.abs(event.clientX - last.clientX) + Math.abs(event.clientY - last.clientY);
      if (dragged > 6 && !stage.hasPointerCapture(event.pointerId)) stage.setPointerCapture(event.pointerId);
      if (others.length === 1) {
        const apart = (/** @type {PointerEvent} */ one) => Math.hypot(one.clientX - others[0].clientX, one.clientY - others[0].clientY);
        this.zoom(apart(event) / Math.max(1, apart(last)), this.point({
          clientX: (event.clientX + others[0].clientX) / 2, clientY: (event.clientY + others[0].clientY) / 2,
        }));
      } else if (dragged > 6) {
        this.move((event.clientX - last.clientX) * rate, (event.clientY - last.clientY) * rate);
      }
      pointers.set(event.pointerId, event);
    });
    for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, (event) => pointers.delete(/** @type {PointerEvent} */ (event).pointerId));
    stage.addEventListener("click", (event) => {
      const node = /** @type {Element} */ (event.target).closest("[data-symbol]");
      const dots = /** @type {Element} */ (event.target).closest("[data-open]");
      if (dragged <= 6 && dots) this.open(Number(dots.getAttribute("data-open")));
      else if (dragged <= 6 && node) this.page.select(node.getAttribute("data-symbol") ?? "");
      else if (dragged <= 6) this.page.select("");
    });
    stage.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      const node = /** @type {Element} */ (event.target).closest("[data-symbol], [data-open]");
      if (!node) return;
      event.preventDefault();
      const level = node.getAttribute("data-open");
      if (level !== null) this.open(Number(level));
      else this.page.select(node.getAttribute("data-symbol") ?? "");
    });
    for (const [type, on] of /** @type {[string, boolean][]} */ ([["pointerover", true], ["focusin", true], ["pointerout", false], ["focusout", false]])) {
      stage.addEventListener(type, (event) => {
        const node = /** @type {Element} */ (event.target).closest("[data-symbol]");
        this.page.point(on && node ? node.getAttribute("data-symbol") ?? "" : "");
      });
    }
  }
}

/**
 * Writes a label anew: base, below, above.
 * @param {Element} text
 * @param {[string, string, string]} parts
 */
function rewrite(text, [base, sub, sup]) {
  const size = Number(text.getAttribute("font-size"));
  const run = (/** @type {string} */ words, /** @type {Record<string, string>} */ attributes) => {
    const span = document.createElementNS(SVG, "tspan");
    for (const [name, value] of Object.entries(attributes)) span.setAttribute(name, value);
    span.textContent = words;
    return span;
  };
  const first = text.querySelector("tspan");
  const x = Number(first?.getAttribute("x") ?? text.getAttribute("x"));
  const y = Number(text.getAttribute("y"));
  const small = { "font-size": String(0.68 * size), "text-anchor": "start", x: String(x + 0.06 * size) };
  text.replaceChildren(run(base, { "font-style": "italic" }));
  if (sub) text.append(run(sub, { ...small, y: String(y + 0.26 * size) }));
  if (sup) text.append(run(sup, { ...small, y: String(y - (sub ? 0.42 : 0.36) * size) }));
}
