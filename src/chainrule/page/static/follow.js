// The panel that follows a symbol: its lines in both views, its paths, and the computation one step at a time.

import { focused, keeping, make } from "./dom.js";
import { Factors, markAt } from "./factors.js";
import { fill } from "./names.js";
import { count, paths } from "./paths.js";
import { marked, matrixTex, numberTex, putNumbers, setInline, setLine, setNumbers, setWords } from "./tex.js";

/** @typedef {import("./page.js").Page} Page */
/** @typedef {import("./types.d.ts").Line} Line */
/** @typedef {import("./types.d.ts").MatrixLine} MatrixLine */
/** @typedef {{name: string, backward: boolean}} Entry */

const MOST_PATHS = 8;
const MORE_PATHS = 24;
const STAGES = 3;

export class Follow {
  /** @param {Page} page */
  constructor(page) {
    this.page = page;
    /** @type {(() => void)[]} what has numbers in it */
    this.live = [];
    this.stage = STAGES - 1;
    /** @type {Entry | null} the step that is shown alone */
    this.step = null;
    this.node = make("div", { class: "cr-follow" });
    this.steps = steps(page);
    this.input = /** @type {HTMLInputElement} */ (make("input"));
    this.wrong = make("p");
    this.where = make("span");
    this.head = make("div");
    this.scalar = make("section");
    this.matrix = make("section");
    this.paths = make("section");
    this.factors = new Factors(page);
    this.listen();
  }

  get id() {
    return "follow";
  }

  load() {
    const { page } = this;
    const say = page.say.bind(page);
    this.steps = steps(page);
    this.input = /** @type {HTMLInputElement} */ (
      make("input", { type: "text", id: `cr-symbol-${page.number}`, class: "cr-input", autocomplete: "off", spellcheck: "false", placeholder: "w_11^1", "data-key": "follow.symbol" })
    );
    this.wrong = make("p", { class: "cr-note cr-wrong", role: "alert", hidden: true });
    const form = make(
      "form",
      { class: "cr-row", onsubmit: (/** @type {Event} */ event) => (event.preventDefault(), this.typed()) },
      make("label", { for: `cr-symbol-${page.number}` }, say("follow.symbol")),
      this.input,
      make("button", { class: "cr-button", type: "submit", "data-key": "follow.go" }, say("follow.go")),
    );
    const button = (/** @type {string} */ key, /** @type {string} */ sign, /** @type {() => void} */ act) =>
      make("button", { type: "button", class: "cr-icon", "data-key": key, onclick: act }, sign);
    this.where = make("span", { class: "cr-where", "aria-live": "polite", "data-tip": say("tip.follow.steps") });
    const stepper = make(
      "div", { class: "cr-row cr-stepper", role: "group", "data-name": "follow.steps" },
      button("follow.first", "«", () => this.jump(0)),
      button("follow.back", "‹", () => this.move(-1)),
      button("follow.next", "›", () => this.move(1)),
      button("follow.last", "»", () => this.jump(this.steps.length - 1)),
      this.where,
    );
    this.head = make("div", { class: "cr-head", "aria-live": "polite" });
    this.scalar = make("section", { class: "cr-scalar" });
    this.matrix = make("section", { class: "cr-matrix" });
    this.paths = make("section", { class: "cr-paths" });
    this.node.replaceChildren(form, this.wrong, stepper, this.head, this.scalar, this.paths);
    page.below.replaceChildren(this.matrix, this.factors.spoken);
    this.choose();
  }

  /** Pointer and focus on the lines. */
  listen() {
    const { page } = this;
    const places = [this.node, page.below];
    for (const [type, on] of /** @type {[string, boolean][]} */ ([["pointerover", true], ["focusin", true], ["pointerout", false], ["focusout", false]])) {
      for (const place of places) place.addEventListener(type, (event) => page.lightMark(on ? markAt(/** @type {Element} */ (event.target)) : null));
    }
    for (const place of places) {
      this.factors.listen(place);
      place.addEventListener("click", (event) => {
        const mark = markAt(/** @type {Element} */ (event.target));
        if (mark && (mark.kind === "s" || mark.kind === "p")) page.select(mark.name);
      });
    }
  }

  typed() {
    const name = this.input.value.trim().replace(/[{}\s]/g, "");
    const known = name === "" || name === "loss" || this.page.model.names.read(name) !== null;
    this.wrong.hidden = known;
    this.wrong.textContent = known ? "" : this.page.say("follow.unknown", { read: name.slice(0, 40), example: this.page.example() });
    if (known) this.page.select(name);
  }

  // Steps

  /** @param {number} by */
  move(by) {
    const at = this.at();
    if (at < 0) return this.jump(by > 0 ? 0 : this.steps.length - 1, by > 0 ? 0 : STAGES - 1);
    const stage = this.stage + by;
    if (stage >= 0 && stage < STAGES) return this.jump(at, stage);
    if (at + by >= 0 && at + by < this.steps.length) this.jump(at + by, by > 0 ? 0 : STAGES - 1);
  }

  /** @param {number} at @param {number} [stage] */
  jump(at, stage = STAGES - 1) {
    this.stage = stage;
    this.step = this.steps.at(at);
    this.page.select(this.step.name, { step: true });
  }

  at() {
    return this.step ? this.steps.index(this.step) : -1;
  }

  /** The step that the address of the page names. */
  get state() {
    return this.step ? `${this.at()}.${this.stage}` : "";
  }

  /** @param {string} text */
  set state(text) {
    const [at, stage] = text.split(".").map(Number);
    this.step = text && at >= 0 && at < this.steps.length ? this.steps.at(at) : null;
    this.stage = this.step && stage >= 0 && stage < STAGES ? stage : STAGES - 1;
  }

  // What is shown

  /** Another symbol was chosen. */
  choose() {
    const { page } = this;
    const name = page.selected;
    if (this.step && this.step.name !== name) this.step = null;
    if (!this.step) this.stage = STAGES - 1;
    this.live = [];
    if (focused(this.input) !== this.input) this.input.value = name;
    this.wrong.hidden = true;
    const at = this.at();
    const total = { count: this.steps.length.toLocaleString("en") };
    this.where.textContent = at < 0 ? page.say("follow.lines", total) : page.say("follow.at", { at: (at + 1).toLocaleString("en"), ...total });
    for (const part of [this.head, this.scalar, this.matrix, this.paths]) part.replaceChildren();
    this.node.classList.toggle("cr-empty", !name);
    if (!name) {
      this.head.append(make("p", { class: "cr-note" }, page.say("follow.none")));
      return;
    }
    this.heading(name);
    const entries = this.step ? [this.step] : entriesOf(page, name);
    this.scalar.append(make("h2", {}, page.say("follow.scalar")));
    for (const entry of entries) this.entry(entry);
    const lines = matrixLines(page, entries);
    if (lines.length) {
      this.matrix.append(make("h2", {}, page.say("follow.matrix")));
      this.matrix.append(make("p", { class: "cr-note" }, page.say("follow.rows")));
      for (const { line, entry } of lines) this.matrixLine(line, entry);
    }
    if (!this.step) this.listPaths(name);
    this.update();
    page.translate(page.root);
  }

  /** @param {string} name */
  heading(name) {
    const { page } = this;
    const title = make("h2", { class: "cr-title", "aria-label": name });
    setInline(title, page.tex(name));
    const about = make("p", { class: "cr-note" }, page.about(name));
    const numbers = make("p", { class: "cr-values" });
    this.head.append(title, about, numbers);
    const number = (/** @type {number} */ value) => marked(numberTex(value, page.digits));
    this.live.push(() => {
      const { model } = page;
      const own = (/** @type {string} */ kind, /** @type {string} */ tex) => `\\htmlData{${kind}=${name.replaceAll(",", ";")}}{${tex}}`;
      const value = own("s", `${page.tex(name)} = ${number(model.number(name))}`);
      const partial = Number.isNaN(model.partial(name)) ? "" : ` \\qquad ${own("p", `${page.partialTex(name)} = ${number(model.partial(name))}`)}`;
      setNumbers(numbers, value + partial);
    });
  }

  /** @param {Entry} entry */
  entry(entry) {
    const { page } = this;
    const found = page.model.line(entry.name, entry.backward, page.notation);
    if (!found) return;
    const { line, general } = found;
    const read = page.model.names.read(entry.name);
    if (line.why !== undefined) this.scalar.append(this.why(line, general || !read ? [] : page.model.names.running(read)));
    const value = () => (entry.backward ? page.model.partial(entry.name) : page.model.number(entry.name));
    this.scalar.append(this.line(line, general, (kind, name) => page.value(kind, name), value, { [entry.backward ? "data-p" : "data-s"]: entry.name }));
    if (general) this.scalar.append(make("p", { class: "cr-note" }, page.say("follow.general")));
  }

  /** @param {Line} line @param {number[]} indices */
  why(line, indices) {
    const words = this.page.bundle.notations[this.page.notation].reasons[line.why ?? 0][this.page.lang];
    const node = make("p", { class: "cr-why" });
    setWords(node, words, indices);
    return node;
  }

  /**
   * A line: symbols = numbers = result.
   * @param {Line} line
   * @param {boolean} general
   * @param {(kind: string, name: string) => number | number[][] | null} number
   * @param {() => number | number[][] | null} value
   * @param {Record<string, string>} of what its result is the number of
   * @param {number[]} [entry] the entry of an array that is meant
   */
  line(line, general, number, value, of, entry) {
    const { page } = this;
    const node = make("div", { class: "cr-line", tabindex: "0", role: "group", "aria-label": page.say("follow.line"), "data-tip-whole": page.say("tip.follow.line"), "data-factors": true });
    line.sides.forEach((side, at) => {
      const part = make("span", { class: "cr-side" });
      setLine(part, at ? `{}= ${side}` : side);
      node.append(part);
    });
    if (general || line.put === undefined) return node;
    const numbers = make("span", { class: "cr-side cr-numbers" });
    const result = make("span", { class: "cr-side cr-result", ...of });
    node.append(numbers, result);
    this.live.push(() => {
      const own = value();
      const last = own === null ? "" : typeof own === "number" ? marked(numberTex(own, page.digits)) : matrixTex(own, page.digits, entry);
      const put = putNumbers(line.put ?? "", number, page.digits);
      const same = stripped(put) === last;
      numbers.hidden = this.stage < 1 || same;
      result.hidden = this.stage < (same ? 1 : 2);
      if (!numbers.hidden) setNumbers(numbers, `{}= ${put}`);
      if (!result.hidden) setNumbers(result, `{}= ${last}`);
    });
    return node;
  }

  /** @param {MatrixLine} line @param {Entry} entry */
  matrixLine(line, entry) {
    const { page } = this;
    if (line.why !== undefined) {
      this.matrix.append(this.why(line, []));
    }
    const { number, value } = matrixNumbers(page, line, entry);
    const whole = `${line.backward ? "∂" : ""}${page.bundle.quantities[line.q].matrix}`;
    const node = this.line(line, false, number, value, { "data-m": whole }, this.meant(line.q, entry));
    if (line.shape) node.append(make("span", { class: "cr-shape", "data-tip": page.say("tip.follow.shape") }, page.say("follow.shape", { shape: line.shape })));
    this.matrix.append(node);
  }

  /** @param {number} q @param {Entry} entry the row and column of a symbol in its matrix, from 0 */
  meant(q, entry) {
    const { model, bundle } = this.page;
    const indices = model.names.read(entry.name)?.indices ?? [];
    const { start, size } = bundle.quantities[q];
    if (start !== undefined) return size.length === 2 ? [indices[1] - 1, indices[0] - 1] : [0, indices[0] - 1];
    return [model.row, (indices[0] ?? 1) - 1];
  }

  // Paths

  /** @param {string} name */
  listPaths(name) {
    const { page } = this;
    const { model } = page;
    const total = name === "loss" || Number.isNaN(model.partial(name)) ? 0 : count(model, name);
    if (!total) return;
    const list = make("ul", { class: "cr-list", tabindex: "0", "aria-label": page.say("follow.line"), "data-tip-whole": page.say("tip.follow.line"), "data-factors": true });
    const found = paths(model, name);
    const title = total === 1 ? page.say("follow.path") : page.say("follow.paths", { count: total.toLocaleString("en") });
    const more = make("button", { type: "button", class: "cr-button", "data-tip": page.say("tip.follow.more"), onclick: () => show(MORE_PATHS) });
    this.paths.append(make("h2", {}, title), list, more);
    let shown = 0;
    const show = (/** @type {number} */ upTo) => {
      for (let left = upTo; left > 0; left--) {
        const next = found.next();
        if (next.done) break;
        list.append(this.path(next.value));
        shown += 1;
      }
      more.hidden = shown >= total;
      more.textContent = page.say("follow.more", { count: (total - shown).toLocaleString("en") });
      this.update();
    };
    if (total > 1) {
      const sum = make("span", { "data-p": name });
      this.live.push(() => setNumbers(sum, `${page.partialTex(name)} = ${marked(numberTex(model.partial(name), page.digits))}`));
      this.paths.append(make("p", { class: "cr-note" }, page.say("follow.added")), make("p", { class: "cr-sum" }, sum));
    }
    show(MOST_PATHS);
  }

  /** @param {import("./paths.js").Path} path */
  path(path) {
    const { page } = this;
    const { links } = page.bundle.notations[page.notation];
    const symbols = make("span", { class: "cr-side" });
    const numbers = make("span", { class: "cr-side" });
    const result = make("span", { class: "cr-side cr-result", "data-tip": page.say("tip.follow.product") });
    const factor = (/** @type {{by: string, step: import("./model.js").Step}} */ { by, step }) =>
      `\\htmlData{l=${step.of.replaceAll(",", ";")}|${by.replaceAll(",", ";")}}{${fill(links[step.link].inner, step.args)}}`;
    setLine(symbols, path.map(factor).join(" \\cdot "));
    this.live.push(() => {
      const values = path.map(({ step }) => page.model.along(step));
      const product = values.reduce((one, other) => one * other, 1);
      const shown = values.map((value, at) => {
        const { by, step } = path[at];
        const number = `\\htmlData{l=${step.of.replaceAll(",", ";")}|${by.replaceAll(",", ";")}}{${marked(numberTex(value, 4))}}`;
        return value < 0 ? `(${number})` : number;
      });
      setNumbers(numbers, `{}= ${shown.join(" \\cdot ")}`);
      setNumbers(result, `{}= ${marked(numberTex(product, page.digits))}`);
    });
    return make("li", {}, symbols, numbers, result);
  }

  /** The numbers have changed. */
  update() {
    for (const one of this.live) one();
  }

  /**
   * Lights the factors that stand for a symbol.
   * @param {Set<string>} names
   */
  light(names) {
    for (const node of this.node.querySelectorAll(".cr-here")) node.classList.remove("cr-here");
    if (!names.size) return;
    for (const node of this.node.querySelectorAll("[data-s],[data-p]")) {
      const mark = markAt(node);
      if (mark && names.has(mark.name)) node.classList.add("cr-here");
    }
  }
}

/** @param {string} put */
function stripped(put) {
  const found = /^\\htmlData\{[^}]*\}\{(.*)\}$/.exec(put);
  return found ? found[1] : put;
}

/**
 * The lines about a symbol: of a unit, those of z and of a.
 * @param {Page} page
 * @param {string} name
 * @returns {Entry[]}
 */
function entriesOf(page, name) {
  const names = /^(a_|pred)/.test(name) && page.before(name) !== name ? [page.before(name), name] : [name];
  const forward = names.map((one) => ({ name: one, backward: false }));
  const backward = [...names].reverse().map((one) => ({ name: one, backward: true }));
  return [...forward, ...backward].filter((one) => page.model.line(one.name, one.backward, page.notation));
}

/**
 * @param {Page} page
 * @param {Entry[]} entries
 * @returns {{line: MatrixLine, entry: Entry}[]}
 */
export function matrixLines(page, entries) {
  const lines = page.bundle.notations[page.notation].matrix;
  return entries.flatMap((entry) => {
    const read = page.model.names.read(entry.name);
    if (!read) return [];
    const unit = read.indices[0];
    return lines
      .filter((line) => line.q === read.q && !!line.backward === entry.backward && (!line.columns || line.columns.includes(unit)))
      .map((line) => ({ line, entry }));
  });
}

/**
 * What stands for the marks of a line about whole layers, and what it comes to.
 * @param {Page} page
 * @param {MatrixLine} line
 * @param {Entry} entry
 */
export function matrixNumbers(page, line, entry) {
  const { model, bundle } = page;
  const own = bundle.quantities[line.q].matrix;
  return {
    number: (/** @type {string} */ kind, /** @type {string} */ name) => (kind === "n" ? model.count : kind === "m" ? model.matrix(name) : page.value(kind, name)),
    value: () => model.matrix(entry.backward ? `∂${own}` : own),
  };
}

/**
 * The steps of the computation, forward and back: reached by their number, so that a long one costs nothing.
 * @param {Page} page
 */
function steps(page) {
  const { forward, backward } = page.bundle.notations[page.bundle.notation];
  const { names } = page.model;
  const groups = [...forward.map((group) => ({ group, backward: false })), ...backward.map((group) => ({ group, backward: true }))];
  let length = 0;
  const parts = groups.map(({ group, backward: back }) => {
    const { size } = page.bundle.quantities[group.q];
    const listed = group.templated || group.general ? null : group.lines.map((line) => line.name ?? "");
    const ranges = group.general ? group.general.slice(-size.length) : size.map((count) => Array.from({ length: count }, (_, k) => k + 1));
    const count = listed ? listed.length : ranges.reduce((product, range) => product * range.length, 1);
    const part = { q: group.q, backward: back, listed, ranges, start: length, count };
    length += count;
    return part;
  });
  return {
    length,
    /** @param {number} at @returns {Entry} */
    at(at) {
      const part = parts.findLast((one) => one.start <= at && one.count > 0) ?? parts[0];
      let rest = at - part.start;
      if (part.listed) return { name: part.listed[rest], backward: part.backward };
      const indices = [...part.ranges].reverse().map((range) => {
        const index = range[rest % range.length];
        rest = Math.floor(rest / range.length);
        return index;
      });
      return { name: names.spell(part.q, indices.reverse()), backward: part.backward };
    },
    /** @param {Entry} entry */
    index(entry) {
      const read = names.read(entry.name);
      for (const part of parts) {
        if (!read || part.q !== read.q || part.backward !== entry.backward) continue;
        if (part.listed) {
          const at = part.listed.indexOf(entry.name);
          if (at >= 0) return part.start + at;
          continue;
        }
        const places = part.ranges.map((range, k) => range.indexOf(read.indices[k]));
        if (places.every((place) => place >= 0)) {
          return part.start + places.reduce((so, place, k) => so * part.ranges[k].length + place, 0);
        }
      }
      return -1;
    },
  };
}
