// The panel of numbers: samples, weights, and the probe that nudges one of them.

import { focused, keeping, make } from "./dom.js";
import { numberText } from "./tex.js";

/** @typedef {import("./page.js").Page} Page */

const MOST_WEIGHTS = 80;
const MOST_SAMPLES = 64;

export class NumbersPanel {
  /** @param {Page} page */
  constructor(page) {
    this.page = page;
    /** @type {(() => void)[]} */
    this.live = [];
    this.stale = false;
    // What is clicked again and again stays where it is, and stays the same node, while the table below it is built anew.
    this.heading = make("h2");
    this.adding = /** @type {HTMLButtonElement} */ (make("button", { type: "button", class: "cr-button", "data-key": "numbers.add", onclick: () => this.add() }));
    this.total = make("span", { class: "cr-note" });
    this.samples = make("section", {}, this.heading, make("div", { class: "cr-row" }, this.adding, this.total));
    this.table = make("div", { class: "cr-scroll", tabindex: "0", role: "region" });
    this.targets = make("p", { class: "cr-note" });
    this.samples.append(this.table, this.targets);
    this.rest = make("div");
    this.node = make("div", { class: "cr-numbers-panel" }, this.samples, this.rest);
    /** @type {number | null} the row whose end was asked for; the focus goes to the row that takes its place */
    this.dropped = null;
  }

  get id() {
    return "numbers";
  }

  load() {
    keeping(this.node, () => this.build());
  }

  build() {
    const { page } = this;
    this.live = [];
    this.stale = false;
    this.fillSamples();
    this.rest.replaceChildren(this.probe(), this.weights());
    const drawn = page.bundle.numbers.drawn;
    if (drawn.length) {
      this.rest.append(make("p", { class: "cr-note" }, page.say("numbers.drawn", { drawn: drawn.join(", "), seed: page.bundle.numbers.seed })));
    }
    this.rest.append(make("p", {}, make("button", { type: "button", class: "cr-button", "data-key": "numbers.reset",
      onclick: () => page.setNumbers({ p: page.bundle.numbers.p, x: page.bundle.numbers.x, target: page.bundle.numbers.target }) },
      page.say("numbers.reset"))));
    page.translate(this.node);
  }

  choose() {
    this.stale = true;
    if (this.page.tab === this.id) this.load();
  }

  // Samples

  fillSamples() {
    const { page } = this;
    const { model, bundle } = page;
    const names = Array.from({ length: bundle.net.sizes[0] }, (_, k) => `x_${k}`);
    const width = bundle.numbers.target[0].length;
    const targets = width === 1 ? ["true"] : Array.from({ length: width }, (_, k) => `true_${k + 1}`);
    const outputs = bundle.net.outputs === 1 ? ["pred"] : Array.from({ length: bundle.net.outputs }, (_, k) => `pred_${k + 1}`);
    const shownOutputs = outputs.slice(0, 6);
    const head = make("tr", {}, make("th", { scope: "col", "data-tip": page.say("tip.numbers.row") }, page.say("numbers.sample")),
      ...[...names, ...targets, ...shownOutputs, "loss"].map((name, k) =>
        make("th", { scope: "col", class: k < names.length + targets.length ? null : "cr-out", "data-tip": page.about(name) }, name)), make("td", { class: "cr-away" }));
    const body = make("tbody");
    for (let row = 0; row < model.count; row++) {
      const at = String(row + 1);
      const choice = make("input", { type: "radio", name: `cr-row-${page.number}`, "aria-label": page.say("numbers.follow", { at }), "data-tip": page.say("tip.numbers.follow", { at }), onchange: () => page.setRow(row) });
      /** @type {HTMLInputElement} */ (choice).checked = row === model.row;
      const cell = (/** @type {number[][]} */ table, /** @type {number} */ k, /** @type {string} */ name) =>
        make("td", {}, this.field(`${name} ${at}`, () => table[row][k], (value) => (table[row][k] = value)));
      const answer = (/** @type {string} */ name) => make("td", { class: "cr-out", "data-tip": page.say("tip.numbers.out", { about: page.about(name), at }) });
      const [out, outs] = [answer("loss"), shownOutputs.map(answer)];
      this.live.push(() => {
        const { all } = model;
        const pred = /** @type {Float64Array} */ (all.pred);
        outs.forEach((node, k) => (node.textContent = numberText(pred[row * outputs.length + k], 5)));
        out.textContent = numberText(model.compute(model.p, [model.x[row]], [model.target[row]]).loss, 5);
      });
      const drop = make("button", { type: "button", class: "cr-icon", "data-key": "numbers.drop", disabled: model.count === 1, onclick: () => this.drop(row) }, "×");
      body.append(make("tr", { class: row === model.row ? "cr-current" : null }, make("th", { scope: "row", "data-tip": page.say("tip.numbers.follow", { at }) }, make("label", {}, choice, ` ${at}`)),
        ...names.map((name, k) => cell(model.x, k, name)), ...targets.map((name, k) => cell(model.target, k, name)), ...outs, out, make("td", { class: "cr-away" }, drop)));
    }
    this.heading.textContent = page.say("numbers.samples");
    this.adding.textContent = page.say("numbers.add");
    this.adding.disabled = model.count >= MOST_SAMPLES;
    this.live.push(() => (this.total.textContent = page.say("numbers.total", { loss: numberText(model.all.loss, page.digits), count: model.count })));
    this.table.setAttribute("aria-label", page.say("numbers.samples"));
    this.table.setAttribute("data-tip-whole", page.say("tip.numbers.table"));
    this.table.replaceChildren(make("table", { class: "cr-table" }, make("thead", {}, head), body));
    this.targets.textContent = page.say(`numbers.targets.${page.bundle.targets}`);
    if (this.dropped !== null) {
      const rows = body.querySelectorAll("tr");
      const next = rows[Math.min(this.dropped, rows.length - 1)];
      /** @type {HTMLElement} */ (next.querySelector("button:enabled") ?? this.adding).focus();
      this.dropped = null;
    }
  }

  add() {
    const { model } = this.page;
    model.x.push([...model.x[model.row]]);
    model.target.push([...model.target[model.row]]);
    model.row = model.count - 1;
    this.page.changed({ rebuild: true });
  }

  /** @param {number} row */
  drop(row) {
    const { model } = this.page;
    model.x.splice(row, 1);
    model.target.splice(row, 1);
    model.row = Math.min(model.row, model.count - 1);
    this.dropped = row;
    this.page.changed({ rebuild: true });
  }

  // Fields

  /**
   * A field for a number: typed, stepped with the arrow keys, or dragged sideways.
   * @param {string} label
   * @param {() => number} get
   * @param {(value: number) => void} set
   */
  field(label, get, set) {
    const node = /** @type {HTMLInputElement} */ (make("input", { type: "text", inputmode: "decimal", class: "cr-number", "aria-label": label, autocomplete: "off", "data-tip": this.page.say("tip.numbers.field") }));
    const write = (/** @type {string} */ text) => {
      node.value = text;
      // A point is half as wide as a digit.
      node.style.setProperty("--letters", String(Math.max(8, text.length - (text.includes(".") ? 0.5 : 0))));
    };
    const show = () => focused(node) !== node && write(String(Number(get().toPrecision(6))));
    const take = (/** @type {number} */ value) => {
      const fits = Number.isFinite(value);
      node.setAttribute("aria-invalid", String(!fits));
      if (fits) {
        set(value);
        this.page.changed();
      }
    };
    node.addEventListener("input", () => take(readNumber(node.value)));
    node.addEventListener("blur", () => {
      node.setAttribute("aria-invalid", "false");
      show();
    });
    const to = (/** @type {number} */ value) => {
      const round = Number(value.toFixed(6));
      take(round);
      write(String(round));
    };
    node.addEventListener("keydown", (event) => {
      const step = { ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      to(get() + step * (event.shiftKey ? 0.01 : 0.1));
    });
    /** @type {{x: number, value: number, moved: boolean} | null} */
    let from = null;
    node.addEventListener("pointerdown", (event) => {
      from = { x: event.clientX, value: get(), moved: false };
    });
    node.addEventListener("pointermove", (event) => {
      if (!from || !(event.buttons & 1)) return;
      const by = event.clientX - from.x;
      if (!from.moved && Math.abs(by) < 5) return;
      if (!from.moved) node.setPointerCapture(event.pointerId);
      from.moved = true;
      to(from.value + by * 0.01);
    });
    for (const end of ["pointerup", "pointercancel"]) node.addEventListener(end, () => (from = null));
    this.live.push(show);
    show();
    return node;
  }

  /**
   * A slider beside the field of a number.
   * @param {string} name
   * @param {() => number} get
   * @param {(value: number) => void} set
   */
  slider(name, get, set) {
    const node = /** @type {HTMLInputElement} */ (make("input", { type: "range", class: "cr-slider", min: "-3", max: "3", step: "0.01", "aria-label": name, "data-tip": this.page.about(name) }));
    const show = () => {
      const value = get();
      if (Math.abs(value) > Number(node.max)) {
        node.max = String(Math.ceil(Math.abs(value)));
        node.min = String(-Math.ceil(Math.abs(value)));
      }
      if (focused(node) !== node || Number(node.value) !== value) node.value = String(value);
    };
    node.addEventListener("input", () => {
      set(Number(node.value));
      this.page.changed();
    });
    this.live.push(show);
    show();
    return node;
  }

  // The probe

  probe() {
    const { page } = this;
    const { model } = page;
    const name = page.selected;
    const section = make("section", {}, make("h2", {}, page.say("numbers.probe")));
    if (!model.given(name)) {
      section.append(make("p", { class: "cr-note" }, page.say("numbers.choose")));
      return section;
    }
    const set = (/** @type {number} */ value) => void model.set(name, value);
    section.append(make("div", { class: "cr-weight" }, make("span", { class: "cr-name", "data-tip": page.about(name) }, name),
      this.slider(name, () => model.number(name), set), this.field(name, () => model.number(name), set)));
    const size = /** @type {HTMLSelectElement} */ (make("select", { class: "cr-input", id: `cr-nudge-${page.number}`, "data-tip": page.say("tip.numbers.nudge") },
      ...["0.1", "0.01", "0.001", "-0.01"].map((value) => make("option", { value, selected: value === "0.01" }, value))));
    const said = make("p", { "aria-live": "polite", class: "cr-probe" });
    const tell = () => {
      const h = Number(size.value);
      const change = model.nudge(name, h);
      const partial = model.partial(name);
      said.textContent = Number.isNaN(partial)
        ? page.say("numbers.nudged_only", { h: size.value, change: numberText(change, 5) })
        : page.say("numbers.nudged", { name, h: size.value, change: numberText(change, 5), slope: numberText(change / h, 5), partial: numberText(partial, 5) });
    };
    size.addEventListener("change", tell);
    this.live.push(tell);
    section.append(make("div", { class: "cr-row" }, make("label", { for: size.id }, page.say("numbers.nudge", { name })), size), said);
    return section;
  }

  weights() {
    const { page } = this;
    const { model, bundle } = page;
    const section = make("section", { class: "cr-weights" }, make("h2", {}, page.say("numbers.weights")));
    if (bundle.net.weights > MOST_WEIGHTS) {
      section.append(make("p", { class: "cr-note" }, page.say("numbers.many", { count: bundle.net.weights.toLocaleString("en") })));
      return section;
    }
    bundle.quantities.forEach((quantity, q) => {
      if (quantity.start === undefined) return;
      const list = make("div", { class: "cr-grid" });
      for (const name of model.names.all(q)) {
        const set = (/** @type {number} */ value) => void model.set(name, value);
        const get = () => model.number(name);
        list.append(make("div", { class: "cr-weight" },
          make("button", { type: "button", class: "cr-name", "aria-label": page.say("numbers.select", { name }), "data-tip": page.say("tip.numbers.select", { about: page.about(name) }), onclick: () => page.select(name) }, name),
          this.slider(name, get, set), this.field(name, get, set)));
      }
      section.append(make("h3", {}, make("span", { "data-m": quantity.matrix }, quantity.matrix)), list);
    });
    return section;
  }

  /** The numbers have changed, or the panel was opened. */
  update() {
    if (this.stale) this.load();
    for (const one of this.live) one();
  }
}

/**
 * A number as people type it: with a decimal comma, a minus sign of any kind, or full-width digits; NaN where it is none.
 * @param {string} text
 */
function readNumber(text) {
  const plain = text.normalize("NFKC").trim().replace(/[−–]/g, "-").replace(",", ".");
  return /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(plain) ? Number(plain) : NaN;
}
