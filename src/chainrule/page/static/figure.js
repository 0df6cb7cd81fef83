// The drawing: a symbol chosen, its paths to the loss lit, local derivatives on their edges, collapsed layers opened.

import { make } from "./dom.js";
import { Layers } from "./layers.js";
import { reached } from "./paths.js";
import { along, around, arrange } from "./places.js";
import { bow, rewrite, shape } from "./svg.js";
import { numberText } from "./tex.js";
import { View } from "./view.js";

/** @typedef {import("./page.js").Page} Page */
/** @typedef {{node: Element, from: string, to: string, symbol: string}} Edge */

const MOST_LABELLED = 60;
const MOST_DRAWN = 400;
const MOST_BOWS = 90;
const MOST_LETTERS = 5; // of a number on the drawing, before all are placed anew
const POINTS = 24; // of a line, where a number may stand on it or beside it
const ROOM = 3.5; // around such a number

export class Figure {
  /** @param {Page} page */
  constructor(page) {
    this.page = page;
    this.stage = make("div", { class: "cr-stage" });
    this.view = new View(this.stage);
    const button = (/** @type {string} */ key, /** @type {string} */ sign, /** @type {() => void} */ act) =>
      make("button", { type: "button", class: "cr-icon", "data-key": key, onclick: act }, sign);
    this.tools = make(
      "div", { class: "cr-tools", role: "group", "data-name": "figure.tools" },
      button("figure.closer", "+", () => this.view.zoom(1.25)),
      button("figure.farther", "−", () => this.view.zoom(0.8)),
      button("figure.whole", "⤢", () => this.view.whole()),
    );
    this.node = make("section", { class: "cr-figure", "data-name": "figure.title" }, this.tools, this.stage);
    /** @type {SVGSVGElement} */
    this.svg = /** @type {any} */ (null);
    /** @type {Layers} */
    this.layers = /** @type {any} */ (null);
    /** @type {Set<number>} the collapsed layers that are opened */
    this.opened = new Set();
    /** @type {Map<string, Element[]>} */
    this.places = new Map();
    /** @type {Edge[]} */
    this.edges = [];
    /** @type {{edges: Edge[], units: Set<string>, start: string}} */
    this.lit = { edges: [], units: new Set(), start: "" };
    this.locals = shape("g", { class: "cr-locals", "aria-hidden": "true" });
    this.fan = shape("g", { class: "cr-fan" });
    /** @type {{text: Text, of: string, by: string, letters: number}[]} the numbers on what is lit, and how long each may be where it stands */
    this.marks = [];
    this.weighted = false;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.weighing = undefined;
    this.listen();
  }

  get home() {
    return this.view.home;
  }

  /** Shows the drawing in the page's language. */
  load() {
    const source = this.page.bundle.drawings[this.page.lang];
    const parsed = new DOMParser().parseFromString(source, "image/svg+xml").documentElement;
    const svg = /** @type {SVGSVGElement} */ (/** @type {unknown} */ (document.importNode(parsed, true)));
    svg.removeAttribute("width");
    svg.removeAttribute("height");
    svg.querySelector("title")?.remove();
    // What changes with the numbers lies on a sheet of its own, so that the browser paints nothing else anew.
    const sheet = /** @type {SVGSVGElement} */ (shape("svg", { class: "cr-sheet", "aria-hidden": "true" }, this.locals));
    this.stage.replaceChildren(svg, sheet);
    this.svg = svg;
    this.layers = new Layers(this.page, svg);
    this.opened = new Set([...this.opened].filter((level) => this.layers.closed(level)));
    this.layers.open([...this.opened]);
    this.fan.replaceChildren();
    this.layers.edges.append(this.fan);
    this.view.load([svg, sheet], this.layers.home);
    this.index();
    // A thin line is hard to point at; those of weights are wide already.
    for (const { node, symbol } of this.edges) {
      const d = node.querySelector(".line")?.getAttribute("d");
      if (!symbol && d) node.prepend(shape("path", { class: "hit", d, stroke: "#000", "stroke-opacity": 0, "stroke-width": 14, "pointer-events": "stroke" }));
    }
    this.relabel();
    this.doors();
    this.update();
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
    return (this.layers.column(level)?.units ?? []).map(({ unit }) => unit).sort((one, other) => one - other);
  }

  /** Makes buttons of the dots of collapsed layers, which open them, and puts one over each that is open, which closes it. */
  doors() {
    for (const node of this.svg.querySelectorAll("g.dots")) {
      const text = node.querySelector("text");
      const [x, y] = ["x", "y"].map((name) => Number(text?.getAttribute(name)));
      const column = this.layers.columns.find((one) => Math.abs(one.x - x) < 1);
      if (column && this.layers.closed(column.level)) this.door(node, column.level, x, y - 6);
    }
    for (const level of this.opened) {
      const column = this.layers.column(level);
      if (!column) continue;
      const y = Math.min(...column.units.map((unit) => unit.y - unit.r)) - 26;
      const sign = shape("text", { x: column.x, y: y + 6, "font-size": 20, "text-anchor": "middle" });
      sign.textContent = "×";
      const node = shape("g", { class: "dots" }, sign);
      this.layers.nodes.append(node);
      this.door(node, level, column.x, y);
    }
  }

  /** @param {Element} node @param {number} level @param {number} x @param {number} y */
  door(node, level, x, y) {
    const open = this.opened.has(level);
    const key = `figure.${open ? "close" : "open"}${level ? "" : "_inputs"}`;
    const label = this.page.say(key, { level, count: this.page.bundle.net.sizes[level] });
    for (const [name, value] of Object.entries({ role: "button", tabindex: "0", "aria-label": label, "aria-expanded": open, "data-door": level })) node.setAttribute(name, String(value));
    node.removeAttribute("aria-hidden");
    node.prepend(shape("circle", { cx: x, cy: y, r: open ? 14 : 20, class: "area" }));
  }

  /** Whether another unit may stand in the place of one that is drawn: not where edges are missing or tied. @param {number} level */
  free(level) {
    const { quantities, net } = this.page.bundle;
    return !net.ties.length && !quantities.some((q) => q.support && (q.layer === level || q.source === level));
  }

  /** Opens a collapsed layer, or closes it. @param {number} level */
  toggle(level) {
    if (this.opened.has(level)) this.opened.delete(level);
    else this.opened.add(level);
    this.load();
    this.choose();
    /** @type {SVGElement | null} */ (this.svg.querySelector(`[data-door="${level}"]`))?.focus({ preventScroll: true });
    this.page.save();
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
    if (shown.includes(unit) || !shown.length || !this.free(level) || this.opened.has(level)) return;
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
      } else if ((kind === "b" && layer === level) || this.layers.level(read.q) === level || (kind === "true" && level === this.page.bundle.net.sizes.length - 1)) {
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
    const moved = this.layers.column(level)?.units.find((one) => one.unit === before);
    if (moved) Object.assign(moved, { name: renamed(moved.name), unit });
    this.index();
    this.paint();
  }

  /** The units of a layer that the chosen symbol stands at. @param {number} level */
  needed(level) {
    const read = this.page.model.names.read(this.page.selected);
    if (!read) return [];
    const { kind, layer, source } = this.page.bundle.quantities[read.q];
    const ends = kind === "w" || kind === "b" ? [[layer, read.indices[0]], [source, read.indices[1]]] : [[this.layers.level(read.q), read.indices[0]]];
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
    } else if (this.layers.level(read.q) >= 0) this.show(this.layers.level(read.q), read.indices[0]);
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
    if (!this.places.has(this.unit(name))) this.draw([name]);
    return this.places.get(this.unit(name)) ?? [];
  }

  /** Another symbol was chosen. */
  choose() {
    this.reveal(this.page.selected);
    this.paint();
    this.sight();
  }

  /** On a narrow screen, where the drawing is wider than its frame: brings what is chosen into sight. */
  sight() {
    const { node } = this;
    const chosen = this.places.get(this.unit(this.page.selected))?.[0];
    if (!chosen || node.scrollWidth <= node.clientWidth) return;
    const [own, frame] = [chosen.getBoundingClientRect(), node.getBoundingClientRect()];
    if (own.left < frame.left || own.right > frame.right) node.scrollLeft += (own.left + own.right) / 2 - (frame.left + frame.right) / 2;
  }

  /** Lights the paths of the chosen symbol, and everything else goes back. */
  paint() {
    const name = this.page.selected;
    this.fan.replaceChildren();
    this.index();
    for (const node of this.svg.querySelectorAll("[aria-pressed]")) node.removeAttribute("aria-pressed");
    this.lit = name && name !== "loss" ? this.path(name) : { edges: [], units: new Set(), start: "" };
    const groups = this.svg.querySelectorAll("g.edges > g:not(.cr-fan), .cr-fan > g, g.units > g, rect.frame");
    for (const node of [...groups, ...this.svg.querySelectorAll("g.labels > text")]) node.classList.remove("lit", "chosen", "dim");
    if (name && name !== "loss") {
      const { lit } = this;
      const edges = new Set([...lit.edges.map((edge) => edge.node), ...this.standIns(lit.units), ...this.fan.querySelectorAll(".thicket")]);
      const chosen = new Set(this.places.get(this.unit(name)) ?? []);
      this.svg.classList.toggle("many", lit.edges.length > MOST_LABELLED);
      for (const node of groups) {
        const own = chosen.has(node) ? "chosen" : edges.has(node) || lit.units.has(node.getAttribute("data-symbol") ?? "") ? "lit" : "dim";
        node.classList.add(own);
      }
      for (const node of chosen) node.setAttribute("aria-pressed", "true");
      const seen = new Set([...lit.edges.map((edge) => edge.symbol), name, ...lit.units]);
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
   * What lies on the paths from a symbol to the loss.
   * @param {string} name
   */
  path(name) {
    const own = this.unit(name);
    const weight = /^[wb]_/.test(own);
    if (weight && !this.places.has(own)) this.draw([own]);
    const starts = weight ? (this.places.get(own) ?? []).map((node) => node.getAttribute("data-to") ?? "").filter(Boolean) : [own];
    const found = reached(this.page.model, name);
    // z and a are one circle: it is lit where either is computed from the symbol, and what comes into it where z is.
    const units = new Set(starts);
    for (const one of found) units.add(this.unit(one));
    this.draw(this.thicketed(units, found));
    /** @type {Edge[]} */
    const edges = this.edges.filter(({ node, from, to }) => units.has(from) && (to === "loss" || found.has(this.page.before(to))) && !node.classList.contains("given"));
    edges.push(...this.bows(units, found));
    return { edges, units, start: own };
  }

  /**
   * The edges of thickets that are lit, where they are few enough to be drawn one by one; else they are lit together.
   * @param {Set<string>} units
   * @param {Set<string>} found
   */
  thicketed(units, found) {
    const names = [];
    for (const { edges } of this.layers.thickets) {
      const lit = edges.filter(({ from, to }) => units.has(from.name) && found.has(this.page.before(to.name)));
      if (lit.length <= MOST_DRAWN) names.push(...lit.map(({ name }) => name));
      else this.fan.append(shape("g", { class: "thicket" }, shape("path", { class: "line", "stroke-width": 0.7, d: this.layers.outline(lit) })));
    }
    return names;
  }

  /** Draws edges of thickets by themselves. @param {string[]} names */
  draw(names) {
    const known = new Set(this.places.keys());
    for (const { byName } of this.layers.thickets) {
      for (const name of names) {
        const edge = byName.get(name);
        if (edge && !known.has(name)) this.fan.append(this.layers.lone(edge));
      }
    }
    if (names.length) this.index();
  }

  /** Bows between units of a layer that act together, as those of a softmax do. @param {Set<string>} units @param {Set<string>} found @returns {Edge[]} */
  bows(units, found) {
    /** @type {Edge[]} */
    const edges = [];
    const spots = new Map(this.layers.columns.flatMap((column) => column.units.map((unit) => [unit.name, unit])));
    for (const from of units) {
      const z = this.page.before(from);
      const own = spots.get(from);
      if (z === from || !own || !(found.has(z) || z === this.page.selected)) continue;
      for (const { of } of this.page.model.next(z)) {
        const other = spots.get(of);
        if (of === from || !other || other.level !== own.level || edges.length >= MOST_BOWS) continue;
        const node = shape("g", { class: "bow", "data-from": from, "data-to": of }, shape("path", { class: "line", d: bow(own, other) }));
        this.fan.append(node);
        edges.push({ node, from, to: of, symbol: "" });
      }
    }
    return edges;
  }

  /** The lines that stand for edges that are lit and not drawn. @param {Set<string>} units */
  standIns(units) {
    const hidden = new Set();
    const any = new Set();
    for (const name of units) {
      const read = this.page.model.names.read(name);
      const level = read ? this.layers.level(read.q) : -1;
      any.add(level);
      if (!this.places.has(name)) hidden.add(level);
    }
    const lit = (/** @type {{level: number, name: string | null}} */ end) => (end.name ? units.has(end.name) : end.name === null ? any.has(end.level) : hidden.has(end.level));
    const nodes = this.layers.standIns.filter(({ from, to }) => lit(from) && (lit(to) || to.name === "loss")).map(({ node }) => node);
    for (const node of this.svg.querySelectorAll("g.dots")) {
      const x = Number(node.querySelector("text")?.getAttribute("x"));
      const column = this.layers.columns.find((one) => Math.abs(one.x - x) < 1);
      const open = node.getAttribute("aria-expanded") === "true";
      if (open || (column ? hidden.has(column.level) : [...hidden].some((level) => level >= 0 && !this.layers.column(level)))) nodes.push(node);
    }
    return nodes;
  }

  /** Writes the local derivatives on what is lit. */
  annotate() {
    this.locals.replaceChildren();
    this.marks = [];
    const { selected, model, notation } = this.page;
    if (!selected || selected === "loss" || this.page.tab === "practise") return;
    if (this.lit.edges.length > MOST_LABELLED) return;
    const pre = (/** @type {string} */ unit) => this.page.before(unit);
    /** @type {import("./places.js").Mark[]} */
    const numbers = [];
    /** @type {{x: number, y: number, of: number}[]} */
    const points = [];
    const write = (/** @type {string} */ owner, /** @type {string} */ of, /** @type {string} */ by, /** @type {(w: number, h: number) => import("./places.js").Place[]} */ places) => {
      const local = model.local(of, by, notation);
      if (!local) return;
      const text = /** @type {SVGTextElement} */ (this.locals.appendChild(shape("text", { "data-l": `${of}|${by}`, "data-owner": owner })));
      text.textContent = numberText(local.value, 3);
      // A number that is dragged grows and shrinks where it stands; only one that outgrows its room is placed anew.
      const letters = Math.max(MOST_LETTERS, text.textContent.length);
      const w = ((text.getComputedTextLength() || 8 * text.textContent.length) * letters) / text.textContent.length / 2 + ROOM;
      const h = 4.4 + ROOM;
      numbers.push({ w, h, places: places(w, h) });
      this.marks.push({ text: /** @type {Text} */ (text.firstChild), of, by, letters });
    };
    const line = (/** @type {Element} */ node) => {
      const path = /** @type {SVGPathElement} */ (node.querySelector(".line"));
      const length = path.getTotalLength();
      const own = Array.from({ length: POINTS + 1 }, (_, at) => path.getPointAtLength((length * at) / POINTS));
      for (const { x, y } of own) points.push({ x, y, of: numbers.length });
      return () => along(own);
    };
    for (const edge of this.lit.edges) {
      const across = edge.node.classList.contains("bow");
      write(edge.symbol || edge.from, edge.symbol ? pre(edge.to) : edge.to, across ? pre(edge.from) : edge.from, line(edge.node));
    }
    for (const node of /^[wb]_/.test(this.lit.start) ? this.places.get(this.lit.start) ?? [] : []) {
      write(selected, pre(node.getAttribute("data-to") ?? ""), selected, line(node));
    }
    const spots = this.layers.columns.flatMap(({ units }) => units);
    for (const unit of this.lit.units) {
      if (unit === this.lit.start && selected === unit) continue;
      const spot = spots.find((one) => one.name === unit);
      if (spot && !spot.box && pre(unit) !== unit) write(unit, unit, pre(unit), (w, h) => around(spot, w, h));
    }
    const places = arrange(numbers, [...this.words(), ...spots.map(({ x, y, r, box }) => ({ x, y, w: box?.[0] ?? 0.9 * r, h: box?.[1] ?? 0.9 * r }))], points);
    this.marks.forEach(({ text }, at) => {
      text.parentElement?.setAttribute("x", places[at].x.toFixed(1));
      text.parentElement?.setAttribute("y", (places[at].y + 4.4).toFixed(1));
    });
  }

  /** Where labels and captions are written, that numbers do not stand on them. @returns {import("./places.js").Box[]} */
  words() {
    const texts = /** @type {NodeListOf<SVGTextElement>} */ (this.svg.querySelectorAll("g.labels > text:not(.halo), g.captions > text:not(.halo), g.dots text"));
    return [...texts].map((text) => {
      const { x, y, width, height } = text.getBBox();
      // A line of text is higher than its letters.
      return { x: x + width / 2, y: y + height / 2, w: width / 2, h: 0.42 * height };
    });
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
    if (this.marks.some(({ text, letters }) => text.data.length > letters)) this.annotate();
    if (!this.weighted) return;
    for (const { node, symbol } of this.edges) {
      const line = /** @type {SVGElement | null} */ (symbol ? node.querySelector(".line") : null);
      if (line) line.style.strokeWidth = `${Math.min(9, 0.5 + 2.2 * Math.abs(model.number(symbol)))}px`;
    }
    // A thicket takes long to paint: a few times a second is enough for it.
    if (this.layers.thickets.length) this.weighing ??= setTimeout(() => this.weigh(), 300);
  }

  weigh() {
    this.weighing = undefined;
    if (this.weighted) for (const thicket of this.layers.thickets) thicket.weigh((name) => this.page.model.number(name));
  }

  /**
   * Whether the thickness of a line shows its weight.
   * @param {boolean} on
   */
  setWeighted(on) {
    this.weighted = on;
    if (!on) {
      for (const { node } of this.edges) /** @type {SVGElement | null} */ (node.querySelector(".line"))?.style.removeProperty("stroke-width");
      for (const thicket of this.layers.thickets) thicket.weigh(null);
    }
    this.update();
  }

  // Pointer and keyboard

  listen() {
    const { stage } = this;
    const act = (/** @type {Element} */ target) => {
      const door = target.closest("[data-door]")?.getAttribute("data-door");
      if (door) this.toggle(Number(door));
      else this.page.select(named(target));
    };
    stage.addEventListener("click", (event) => {
      if (!this.view.pulled) act(/** @type {Element} */ (event.target));
    });
    stage.addEventListener("keydown", (event) => {
      const node = /** @type {Element} */ (event.target).closest("[data-symbol], [data-door]");
      if (!node) return;
      if (event.key === "Enter" || event.key === " ") act(node);
      else if (event.key.startsWith("Arrow")) this.step(node, event.key.slice(5));
      else return;
      event.preventDefault();
    });
    stage.addEventListener("focusin", (event) => {
      const node = /** @type {Element} */ (event.target);
      if (node.matches(":focus-visible")) this.view.show(node);
    });
    for (const [type, on] of /** @type {[string, boolean][]} */ ([["pointerover", true], ["focusin", true], ["pointerout", false], ["focusout", false]])) {
      stage.addEventListener(type, (event) => {
        this.page.point(on ? named(/** @type {Element} */ (event.target)) : "");
      });
    }
  }

  /**
   * Moves the focus to the next unit in a direction; from an edge, to the unit at its end.
   * @param {Element} node
   * @param {string} way Up, Down, Left or Right
   */
  step(node, way) {
    const focus = (/** @type {string} */ name) => /** @type {SVGElement | undefined} */ (this.places.get(name)?.[0])?.focus();
    const [from, to] = ["data-from", "data-to"].map((key) => node.getAttribute(key));
    if (to && (way === "Right" || way === "Down")) return focus(to);
    if (from && (way === "Left" || way === "Up")) return focus(from);
    const { columns } = this.layers;
    const name = node.getAttribute("data-symbol");
    const door = node.getAttribute("data-door");
    const at = columns.findIndex(({ level, units }) => (door ? level === Number(door) : units.some((unit) => unit.name === name)));
    if (at < 0) return undefined;
    const own = columns[at].units.findIndex((unit) => unit.name === name);
    if (way === "Up" || way === "Down") return focus(columns[at].units[own + (way === "Down" ? 1 : -1)]?.name ?? "");
    const y = columns[at].units[own]?.y ?? 0;
    const units = columns[at + (way === "Right" ? 1 : -1)]?.units ?? [];
    const nearest = units.reduce((/** @type {typeof units[0] | null} */ best, unit) => (!best || Math.abs(unit.y - y) < Math.abs(best.y - y) ? unit : best), null);
    return focus(nearest?.name ?? "");
  }
}

/** The symbol that a part of the drawing stands for: itself, its label, or a number on it. @param {Element} target */
function named(target) {
  const own = target.closest("[data-symbol], [data-label], [data-owner]");
  return own?.getAttribute("data-symbol") ?? own?.getAttribute("data-label") ?? own?.getAttribute("data-owner") ?? "";
}
