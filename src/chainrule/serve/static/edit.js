// The panel of the figure: layers, activations, biases, the loss; units and edges added and removed on the drawing.

import { keeping, make } from "../../page/static/dom.js";
import { numbersOf, rowsOf } from "./server.js";

/** @typedef {import("../../page/static/page.js").Page} Page */
/** @typedef {import("./server.js").Server} Server */

const MOST_UNITS = 200;
const MOST_UNDO = 50;

export class EditPanel {
  /** @param {Server} server */
  constructor(server) {
    this.server = server;
    /** @type {{net: string, p: number[], x: number[], target: number[]}[]} */
    this.before = [];
    this.message = "";
    this.failed = false;
    /** @type {string | null} where the picked edge starts; "" while that is asked for, null while nothing is picked */
    this.picking = null;
    /** what is still to be changed, one after the other: a hasty second click is about the figure that the first one made */
    this.turn = Promise.resolve();
    this.waiting = 0;
  }

  get id() {
    return "edit";
  }

  /**
   * @param {HTMLElement} root
   * @param {Page} page
   */
  mount(root, page) {
    this.root = root;
    this.page = page;
    this.build();
    const undo = page.on("select", (/** @type {string} */ name) => this.chosen(name));
    return () => undo();
  }

  build() {
    if (this.root && this.page) keeping(this.root, () => this.fill());
  }

  fill() {
    const { server, root, page } = this;
    if (!root || !page) return;
    const say = server.say.bind(server);
    this.said = make("p", { class: this.failed ? "cr-wrong cr-said" : "cr-note cr-said", role: "status" }, this.message);
    this.chosenBox = make("div");
    root.replaceChildren(this.network(), this.said, make("h3", {}, say("edit.layers")), this.layers(), this.loss(),
      make("h3", {}, say("edit.chosen")), this.chosenBox, this.edges(),
      make("div", { class: "cr-row" }, this.button("undo", say("edit.undo"), () => this.undo(), !this.before.length, { "data-tip": say("edit.tip.undo") })),
      make("p", { class: "cr-note" }, say("edit.kept")));
    this.showChosen();
  }

  /**
   * @param {string} own what the focus comes back to when the panel is built anew
   * @param {string} label
   * @param {() => void} act
   * @param {boolean} [disabled]
   * @param {Record<string, any>} [more]
   */
  button(own, label, act, disabled = false, more = {}) {
    return make("button", { type: "button", class: "cr-button", "data-own": own, disabled, onclick: act, ...more }, label);
  }

  network() {
    const { server } = this;
    const say = server.say.bind(server);
    const field = /** @type {HTMLInputElement} */ (make("input", { class: "cr-input cr-wide", id: "edit-network", "data-own": "network",
      value: this.page?.bundle.net.shorthand ?? "", "data-tip": say("edit.network_note"), autocomplete: "off", spellcheck: "false", placeholder: "2-3-2-1" }));
    const form = make("form", { class: "cr-row" }, make("label", { for: "edit-network" }, say("edit.network")), field,
      make("button", { class: "cr-button", "data-own": "show", "data-tip": say("edit.tip.show") }, say("edit.show")));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (field.value.trim()) this.show(field.value.trim());
    });
    return make("div", {}, form, make("p", { class: "cr-note" }, say("edit.network_note")));
  }

  layers() {
    const { server } = this;
    const { shape } = server;
    const say = server.say.bind(server);
    const head = make("tr", {}, ...["layer", "units", "activation", "bias", "change"].map((key) => make("th", { scope: "col", class: key === "change" ? "cr-away" : null }, say(`edit.${key}`))));
    const row = (/** @type {number} */ level) => {
      const layer = level ? shape.layers[level - 1] : { size: shape.inputs, activation: null, bias: null };
      const size = /** @type {HTMLInputElement} */ (make("input", { type: "number", class: "cr-number cr-size", min: "1", max: MOST_UNITS, value: layer.size,
        "aria-label": say("edit.size_of", { level }), "data-tip": say("edit.size_of", { level }), "data-own": `size ${level}` }));
      size.addEventListener("change", () => {
        this.change({ what: "size", layer: level, size: Math.round(Number(size.value)) });
      });
      const more = this.button(`add ${level}`, "+", () => this.change({ what: "add_unit", layer: level }), false, { class: "cr-icon", "aria-label": say("edit.add_unit", { level }), "data-tip": say("edit.add_unit", { level }) });
      return make("tr", {}, make("th", { scope: "row" }, level ? String(level) : say("edit.inputs")), make("td", {}, make("span", { class: "cr-pair" }, size, more)),
        make("td", {}, level ? this.activation(level, layer.activation) : ""), make("td", {}, level ? this.bias(level, layer.bias) : ""),
        make("td", { class: "cr-away" }, make("span", { class: "cr-pair" },
          level < shape.layers.length
            ? this.button(`layer ${level}`, "↓+", () => this.change({ what: "add_layer", layer: level }), false, { class: "cr-icon", "aria-label": say("edit.add_layer", { level }), "data-tip": say("edit.add_layer", { level }) })
            : null,
          level && shape.layers.length > 1
            ? this.button(`less ${level}`, "×", () => this.change({ what: "remove_layer", layer: level }), false, { class: "cr-icon", "aria-label": say("edit.remove_layer", { level }), "data-tip": say("edit.remove_layer", { level }) })
            : null)));
    };
    const body = make("tbody", {}, ...Array.from({ length: shape.layers.length + 1 }, (_, level) => row(level)));
    return make("div", { class: "cr-scroll", tabindex: "0", role: "region", "aria-label": say("edit.layers"), "data-tip": say("edit.tip.layers") }, make("table", { class: "cr-table cr-layers" }, make("thead", {}, head), body));
  }

  /** @param {number} level @param {string | null} now */
  activation(level, now) {
    const { server } = this;
    const names = server.start.activations;
    const known = now === null || names.includes(now) ? names : [now, ...names];
    const list = /** @type {HTMLSelectElement} */ (make("select", { class: "cr-input", "aria-label": server.say("edit.activation_of", { level }), "data-tip": server.say("edit.tip.activation", { level }), "data-own": `activation ${level}` },
      ...(now === null ? [make("option", { value: "", selected: true }, server.say("edit.mixed"))] : []),
      ...known.map((name) => make("option", { value: name, selected: name === now }, name))));
    list.addEventListener("change", () => {
      this.change({ what: "activation", layer: level, activation: list.value });
    });
    return list;
  }

  /** @param {number} level @param {boolean | null} now */
  bias(level, now) {
    const box = /** @type {HTMLInputElement} */ (make("input", { type: "checkbox", class: "cr-check", checked: now === true, "aria-label": this.server.say("edit.bias_of", { level }), "data-tip": this.server.say("edit.tip.bias", { level }), "data-own": `bias ${level}` }));
    box.indeterminate = now === null;
    box.addEventListener("change", () => {
      this.change({ what: "bias", layer: level, bias: box.checked ? "on" : "off" });
    });
    return box;
  }

  loss() {
    const { server } = this;
    const now = server.shape.loss;
    const names = server.start.losses.includes(now) ? server.start.losses : [now, ...server.start.losses];
    const list = /** @type {HTMLSelectElement} */ (make("select", { class: "cr-input", id: "edit-loss", "data-own": "loss", "data-tip": server.say("edit.tip.loss") }, ...names.map((name) => make("option", { value: name, selected: name === now }, name))));
    list.addEventListener("change", () => {
      this.change({ what: "loss", loss: list.value });
    });
    return make("div", { class: "cr-row" }, make("label", { for: "edit-loss" }, server.say("edit.loss")), list);
  }

  // What is chosen in the drawing

  /** The units of the figure, each with its layer and its number in there. */
  units() {
    const { bundle, model } = /** @type {Page} */ (this.page);
    return bundle.net.sizes.flatMap((size, level) =>
      Array.from({ length: Math.min(size, MOST_UNITS) }, (_, at) => {
        const unit = at + 1;
        const a = level === 0 ? `x_${at}` : `a_${unit}^${level}`;
        const name = model.names.read(a) ? a : bundle.net.outputs === 1 ? "pred" : `pred_${unit}`;
        return { level, unit, name };
      }));
  }

  /** What of a name can be removed. @param {string} name */
  removal(name) {
    const { model, bundle } = /** @type {Page} */ (this.page);
    const read = model.names.read(name);
    if (!read) return null;
    const { kind, layer } = bundle.quantities[read.q];
    if (kind === "w") return { what: "remove_edge", weight: name };
    if (kind === "x") return { what: "remove_unit", layer: 0, unit: read.indices[0] };
    const level = kind === "a" || kind === "z" ? layer : kind === "pred" ? bundle.net.sizes.length - 1 : null;
    return level === null ? null : { what: "remove_unit", layer: level, unit: read.indices[0] ?? 1 };
  }

  showChosen() {
    const { page, server } = this;
    if (!page || !this.chosenBox) return;
    const name = page.selected;
    const change = name ? this.removal(name) : null;
    this.chosenBox.replaceChildren(change === null
      ? make("p", { class: "cr-note" }, server.say("edit.none"))
      : make("div", { class: "cr-row" }, make("span", {}, page.about(name)), this.button("remove", server.say("edit.remove", { name }), () => this.change(change), false, { "data-tip": server.say("edit.tip.remove") })));
  }

  edges() {
    const { server } = this;
    const say = server.say.bind(server);
    const units = this.units();
    const last = server.shape.layers.length;
    const list = (/** @type {"from" | "to"} */ end, /** @type {(level: number) => boolean} */ fits) => /** @type {HTMLSelectElement} */ (make("select", { class: "cr-input", id: `edit-${end}`, "data-own": end, "data-tip": say(`edit.tip.${end}`) },
      ...units.filter(({ level }) => fits(level)).map(({ level, unit, name }) => make("option", { value: `${level} ${unit}` }, name))));
    const from = list("from", (level) => level < last);
    const to = list("to", (level) => level > 0);
    const pick = this.button("pick", say("edit.pick"), () => this.pick(), false, { "aria-pressed": String(this.picking !== null), "data-tip": say("edit.tip.pick") });
    return make("div", {}, make("h3", {}, say("edit.connect")),
      make("div", { class: "cr-row" }, make("label", { for: "edit-from" }, say("edit.from")), from, make("label", { for: "edit-to" }, say("edit.to")), to,
        this.button("join", say("edit.join"), () => this.join(from.value, to.value), false, { "data-tip": say("edit.tip.join") }), pick),
      make("p", { class: "cr-note" }, say("edit.connect_note")));
  }

  /** @param {string} from @param {string} to each a layer and a unit */
  join(from, to) {
    const [source_layer, source] = from.split(" ").map(Number);
    const [target_layer, target] = to.split(" ").map(Number);
    this.change({ what: "add_edge", source_layer, source, target_layer, target });
  }

  pick() {
    this.picking = this.picking === null ? "" : null;
    this.tell(this.picking === null ? "" : this.server.say("edit.pick_from"));
    this.build();
  }

  /** Something was chosen in the drawing. @param {string} name */
  chosen(name) {
    if (this.picking === null || !name) return this.showChosen();
    const unit = this.units().find((one) => one.name === name);
    if (!unit) return this.showChosen();
    const own = `${unit.level} ${unit.unit}`;
    if (this.picking === "") {
      this.picking = own;
      this.tell(this.server.say("edit.pick_to", { name }));
      return this.showChosen();
    }
    const from = this.picking;
    this.picking = null;
    return this.join(from, own);
  }

  // Changing

  /** @param {string} message @param {boolean} [failed] */
  tell(message, failed = false) {
    this.message = message;
    this.failed = failed;
    if (!this.said) return;
    this.said.textContent = message;
    this.said.className = failed ? "cr-wrong cr-said" : "cr-note cr-said";
  }

  /** @param {Record<string, any>} change */
  change(change) {
    // What is taken away is named by its place, where after the first click another one stands.
    if (this.waiting && change.what.startsWith("remove")) return;
    this.attempt(async (page) => {
      const { net } = this.server;
      const numbers = numbersOf(page);
      const found = await this.server.derive(net, { notation: page.bundle.notation, ...numbers, change });
      this.remember(net, numbers);
      this.put(found);
    });
  }

  /** @param {string} network */
  show(network) {
    this.attempt(async (page) => {
      const { net } = this.server;
      const numbers = numbersOf(page);
      const found = await this.server.derive(network, { notation: page.bundle.notation });
      this.remember(net, numbers);
      this.put(found);
    });
  }

  undo() {
    this.attempt(async (page) => {
      const last = this.before.pop();
      if (!last) return;
      const { net, ...numbers } = last;
      this.put(await this.server.derive(net, { notation: page.bundle.notation, ...numbers }));
    });
  }

  /** @param {(page: Page) => Promise<void>} act */
  attempt(act) {
    this.waiting += 1;
    this.turn = this.turn.then(async () => {
      try {
        if (this.page) await act(this.page);
      } catch (error) {
        this.tell(error instanceof Error ? error.message : String(error), true);
        this.build();
      }
      this.waiting -= 1;
    });
  }

  /** @param {string} net @param {{p: number[], x: number[], target: number[]}} numbers */
  remember(net, numbers) {
    this.before.push({ net, ...numbers });
    if (this.before.length > MOST_UNDO) this.before.shift();
  }

  /** Shows a figure with its numbers. @param {Awaited<ReturnType<Server["derive"]>>} found */
  put({ bundle, code, numbers }) {
    const { page, server } = this;
    if (!page) return;
    this.picking = null;
    this.tell(server.say("edit.changed", { net: bundle.net.shorthand ?? bundle.net.sizes.join("-") }));
    const wide = bundle.numbers.target[0].length;
    page.load(bundle, code);
    page.setNumbers({ p: numbers.p, x: rowsOf(numbers.x, bundle.net.sizes[0]), target: rowsOf(numbers.target, wide) });
    server.address(bundle.net.shorthand ?? bundle.net.toml);
  }
}
