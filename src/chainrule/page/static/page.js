// The page: a network's drawing beside what can be done with it. README.md in chainrule.page says what stands in a bundle.

import { Tip, keeping, make, put } from "./dom.js";
import { explain } from "./explain.js";
import { Figure } from "./figure.js";
import { Follow } from "./follow.js";
import { Model } from "./model.js";
import { NumbersPanel } from "./numbers.js";
import { Practise } from "./practise.js";
import { fill } from "./names.js";
import { read, written } from "./state.js";
import { Take } from "./take.js";
import { setTyped, settle } from "./tex.js";

/** @typedef {import("./types.d.ts").Bundle} Bundle */
/** @typedef {import("./types.d.ts").Code} Code */
/** @typedef {import("./types.d.ts").Services} Services */
/** @typedef {import("./types.d.ts").Numbers} Numbers */
/** @typedef {{id: string, node: HTMLElement, load(): void, choose(): void, update(): void}} OwnPanel */

let mounted = 0;

/**
 * Shows a network.
 * @param {HTMLElement} root
 * @param {Bundle} bundle
 * @param {Code} code
 * @param {Services & {address?: boolean}} [services] what a server adds; `address: false` leaves the page's address alone
 * @returns {Page}
 */
export function mount(root, bundle, code, services = {}) {
  return new Page(root, bundle, code, services);
}

export class Page {
  /**
   * @param {HTMLElement} root
   * @param {Bundle} bundle
   * @param {Code} code
   * @param {Services & {address?: boolean}} services
   */
  constructor(root, bundle, code, services) {
    this.number = ++mounted;
    this.root = root;
    this.services = services;
    this.addressed = services.address !== false;
    this.digits = 6;
    this.theme = "";
    this.around = "";
    this.tab = "follow";
    this.selected = "";
    /** @type {Map<string, Set<Function>>} */
    this.listeners = new Map();
    /** @type {(() => void)[]} */
    this.undo = [];
    this.bundle = bundle;
    this.code = code;
    this.model = new Model(bundle, code);
    /** @type {import("./types.d.ts").Lang} */
    this.lang = bundle.lang;
    this.notation = bundle.notation;
    this.rebuild = false;
    this.unprinted = false;
    this.frame = 0;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.saving = undefined;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.settling = undefined;
    /** @type {(() => void)[]} */
    this.visitors = [];
    this.below = make("div", { class: "cr-below" });
    this.tip = new Tip(root, `cr-tip-${this.number}`, (target) => explain(this, target));
    this.figure = new Figure(this);
    this.follow = new Follow(this);
    /** @type {OwnPanel[]} */
    this.panels = [this.follow, new NumbersPanel(this), new Practise(this), new Take(this)];
    const step = this.addressed ? read(this, location.hash) : "";
    if (this.addressed) {
      const back = () => this.address();
      window.addEventListener("hashchange", back);
      this.undo.push(() => window.removeEventListener("hashchange", back));
    }
    // On paper stand the drawing and its lines, not the buttons that lead there.
    const [before, after] = [() => this.printed(true), () => this.printed(false)];
    window.addEventListener("beforeprint", before);
    window.addEventListener("afterprint", after);
    this.undo.push(() => window.removeEventListener("beforeprint", before), () => window.removeEventListener("afterprint", after));
    this.build();
    if (step) {
      this.follow.state = step;
      this.follow.choose();
    }
  }

  /** @param {boolean} on */
  printed(on) {
    if (on && this.tab === "take") {
      this.open("follow");
      this.unprinted = true;
    } else if (!on && this.unprinted) {
      this.unprinted = false;
      this.open("take");
    }
  }

  // Building

  build() {
    for (const undo of this.visitors) undo();
    this.root.classList.add("cr");
    this.root.lang = this.lang;
    this.root.replaceChildren();
    this.dress();
    const panels = [
      ...this.panels.map((panel) => ({ id: panel.id, title: this.say(`tab.${panel.id}`), tip: this.say(`tip.tab.${panel.id}`), node: panel.node })),
      ...(this.services.panels ?? []).map((panel) => ({ id: panel.id, title: panel.title[this.lang], tip: panel.tip[this.lang], node: make("div", { class: "cr-visitor" }) })),
    ];
    if (!panels.some((panel) => panel.id === this.tab)) this.tab = "follow";
    const tabs = make("div", { class: "cr-tabs", role: "tablist", "aria-label": this.say("tab.all") });
    const bodies = make("div", { class: "cr-bodies" });
    for (const { id, title, tip, node } of panels) {
      const own = `cr-${this.number}-${id}`;
      tabs.append(make("button", { type: "button", role: "tab", class: "cr-tab", id: `${own}-tab`, "aria-controls": own, "data-tab": id, "data-tip": tip, onclick: () => this.open(id) }, title));
      bodies.append(make("div", { role: "tabpanel", class: "cr-body", id: own, "aria-labelledby": `${own}-tab`, "data-body": id }, node));
    }
    tabs.addEventListener("keydown", (event) => this.arrow(event, tabs));
    const main = make("div", { class: "cr-main" }, make("div", { class: "cr-left" }, this.figure.node, this.below), make("section", { class: "cr-side-panel" }, tabs, bodies));
    this.root.append(this.header(), main, this.tip.box);
    this.tip.hide();
    this.figure.load();
    this.figure.choose();
    for (const panel of this.panels) panel.load();
    this.visitors = (this.services.panels ?? []).map((panel) => {
      const body = this.root.querySelector(`[data-body="${CSS.escape(panel.id)}"] > *`);
      return panel.mount(/** @type {HTMLElement} */ (body), this);
    });
    this.open(this.tab);
    this.translate(this.root);
  }

  header() {
    const choice = (/** @type {string} */ key, /** @type {[string, string][]} */ options, /** @type {string} */ now, /** @type {(value: string) => void} */ act) => {
      const id = `cr-${this.number}-${key.replace(".", "-")}`;
      const list = make("select", { id, class: "cr-input", "data-key": key }, ...options.map(([value, text]) => make("option", { value, selected: value === now }, text)));
      list.addEventListener("change", () => act(/** @type {HTMLSelectElement} */ (list).value));
      return make("span", { class: "cr-choice" }, make("label", { for: id }, this.say(key)), list);
    };
    return make("header", { class: "cr-header" },
      make("h1", {}, this.title()),
      make("div", { class: "cr-row" },
        choice("head.lang", [["en", "English"], ["ko", "한국어"]], this.lang, (lang) => this.setLang(lang)),
        Object.keys(this.bundle.notations).length > 1
          ? choice("head.notation", Object.keys(this.bundle.notations).map((name) => [name, name]), this.notation, (name) => this.setNotation(name))
          : null,
        choice("head.theme", [["", this.addressed ? this.say("head.auto") : this.say("head.notebook")], ["light", this.say("head.light")], ["dark", this.say("head.dark")]], this.theme, (theme) => this.setTheme(theme))));
  }

  dress() {
    const theme = this.theme || this.around;
    if (theme) this.root.dataset.theme = theme;
    else delete this.root.dataset.theme;
  }

  title() {
    return this.bundle.texts[this.lang].title;
  }

  /** @param {KeyboardEvent} event @param {HTMLElement} tabs */
  arrow(event, tabs) {
    const all = /** @type {HTMLElement[]} */ ([...tabs.children]);
    const at = all.indexOf(/** @type {HTMLElement} */ (event.target));
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = all[(to + all.length) % all.length];
    next.focus();
    this.open(next.dataset.tab ?? "follow");
  }

  /** @param {string} id */
  open(id) {
    this.tab = id;
    for (const tab of this.root.querySelectorAll("[role=tab]")) {
      const own = /** @type {HTMLElement} */ (tab).dataset.tab === id;
      tab.setAttribute("aria-selected", String(own));
      tab.setAttribute("tabindex", own ? "0" : "-1");
    }
    for (const body of this.root.querySelectorAll("[data-body]")) /** @type {HTMLElement} */ (body).hidden = /** @type {HTMLElement} */ (body).dataset.body !== id;
    // Beside numbers and training the lines follow; beside practice they would give the answer away.
    this.below.hidden = id === "practise" || id === "take";
    if (id === "follow") this.follow.paths.before(this.follow.scalar);
    else this.below.prepend(this.follow.scalar);
    if (!this.below.hidden) this.follow.update();
    this.figure.annotate();
    this.panels.find((panel) => panel.id === id)?.update();
    this.save();
  }

  /**
   * Names what has only a sign on it, and readies what explains it.
   * @param {Element} root
   */
  translate(root) {
    for (const node of root.querySelectorAll("[data-name]")) node.setAttribute("aria-label", this.say(node.getAttribute("data-name") ?? ""));
    for (const node of root.querySelectorAll("[data-key]")) {
      const key = node.getAttribute("data-key") ?? "";
      const words = this.bundle.texts[this.lang];
      if (key in words && !node.textContent?.match(/\p{L}{2}/u) && !(node.id && root.querySelector(`label[for="${CSS.escape(node.id)}"]`))) node.setAttribute("aria-label", words[key]);
      node.setAttribute("data-tip", words[`tip.${key}`] ?? words[key] ?? "");
    }
  }

  // Words and formulas

  /** @param {string} key @param {Record<string, any>} [facts] */
  say(key, facts = {}) {
    return put(this.bundle.texts[this.lang][key] ?? key, facts);
  }

  /** @param {string} name */
  about(name) {
    const read = this.model.names.read(name);
    if (name === "loss") return this.say("about.loss", { symbol: name, name: this.say("loss") });
    if (!read) return name;
    const { kind, layer, source } = this.bundle.quantities[read.q];
    const [unit, origin] = read.indices;
    const last = this.bundle.net.sizes.length - 1;
    // Answers that are read out of earlier layers are no units of the last one, and have not their names.
    const level = { x: 0, a: layer, pred: this.model.names.find("a", last) < 0 ? last : null }[kind] ?? -1;
    const given = this.bundle.net.names?.[level]?.[unit - 1];
    const facts = { symbol: given ? `${name} (${given})` : name, unit, level: layer, activation: layer === null ? "" : this.say(`layer.${layer}`) };
    if (kind === "w") {
      const from = source === 0 ? `x_${origin - 1}` : `a_${origin}^${source}`;
      return this.say("about.weight", { ...facts, origin: from, target: this.into(layer ?? 1, unit) });
    }
    if (kind === "b") return this.say("about.bias", { ...facts, target: this.into(layer ?? 1, unit) });
    return this.say({ x: "about.input", a: "about.unit", true: "about.target" }[kind] ?? `about.${kind}`, { ...facts, unit: unit ?? 1 });
  }

  /** @param {number} layer @param {number} unit the name of what a unit's weights add up to */
  into(layer, unit) {
    return this.model.names.find("z", layer) >= 0 ? `z_${unit}^${layer}` : this.bundle.net.outputs === 1 ? "pred" : `pred_${unit}`;
  }

  /** @param {string} unit z of a unit, where it has one; else the unit itself */
  before(unit) {
    const read = this.model.names.read(unit);
    if (!read) return unit;
    const { kind, layer } = this.bundle.quantities[read.q];
    const level = kind === "a" ? layer : kind === "pred" ? this.bundle.net.sizes.length - 1 : null;
    const z = level === null ? -1 : this.model.names.find("z", level);
    const computed = kind === "a" || this.model.local(unit, `z_${read.indices[0]}^${level}`, this.notation) !== null;
    return z >= 0 && computed ? this.model.names.spell(z, read.indices) : unit;
  }

  /** @param {string} name */
  form(name) {
    const read = this.model.names.read(name);
    const found = read && this.bundle.notations[this.notation].symbols.find((one) => one.q === read.q);
    return found && read ? { found, indices: this.model.names.running(read) } : null;
  }

  /** @param {string} name a symbol as LaTeX */
  tex(name) {
    const form = this.form(name);
    return form ? fill(form.found.tex, form.indices) : name;
  }

  /** @param {string} name ∂loss/∂ a symbol as LaTeX */
  partialTex(name) {
    const form = this.form(name);
    return form ? fill(form.found.partial, form.indices) : name;
  }

  /** @param {string} name @returns {[string, string, string] | null} */
  parts(name) {
    const form = this.form(name);
    if (!form) return null;
    const [base, sub, sup] = form.found.parts.map((part) => fill(part, form.indices).replace(/[{}]/g, ""));
    return [base, sub, sup];
  }

  /**
   * The number that a mark of a line stands for.
   * @param {string} kind
   * @param {string} name
   * @returns {number | number[][] | null}
   */
  value(kind, name) {
    if (kind === "s") return this.model.number(name);
    if (kind === "p") return this.model.partial(name);
    if (kind === "n") return 1;
    if (kind === "m") return this.model.matrix(name);
    const [of, by] = name.split("|");
    return this.model.local(of, by, this.notation)?.value ?? null;
  }

  /** A formula that a person typed. @param {HTMLElement} node @param {string} latex */
  typeset(node, latex) {
    setTyped(node, latex);
  }

  /** The name of some weight, as an example. */
  example() {
    const q = this.bundle.quantities.findIndex((one) => one.kind === "w");
    return q < 0 ? "loss" : this.model.names.all(q).next().value;
  }

  /** Whether a server judges what is written in LaTeX. */
  get judged() {
    return this.services.judge !== undefined;
  }

  // What a person does

  /**
   * @param {string} name
   * @param {{step?: boolean}} [how]
   */
  select(name, { step = false } = {}) {
    if (name && name !== "loss" && !this.model.names.read(name)) return;
    if (!step) this.follow.step = null;
    this.selected = name;
    this.figure.choose();
    for (const panel of this.panels) panel.choose();
    this.save();
    this.tell("select", name);
  }

  /** @param {string} name what the pointer or the focus is on in the drawing */
  point(name) {
    const names = name ? [name, this.before(name)] : [];
    this.follow.light(new Set(names));
  }

  /** @param {{kind: string, name: string} | null} mark */
  lightMark(mark) {
    this.figure.light(mark ? this.figure.find(mark.kind, mark.name) : []);
  }

  /** @param {string[]} names @param {string} [kind] */
  light(names, kind = "hover") {
    this.figure.light(names.flatMap((name) => this.figure.find("s", name)), kind);
  }

  /** @param {number} row */
  setRow(row) {
    this.model.row = row;
    this.changed({ rebuild: true });
  }

  /** @param {Numbers} numbers */
  setNumbers({ p, x, target }) {
    if (p) this.model.p = Float64Array.from(p);
    const rows = x !== undefined || target !== undefined;
    if (x) this.model.x = x.map((row) => [...row]);
    if (target) this.model.target = target.map((row) => [...row]);
    this.model.row = Math.min(this.model.row, this.model.count - 1);
    this.changed({ rebuild: rows });
  }

  /** Numbers have changed: everything follows in the next frame. @param {{rebuild?: boolean}} [how] */
  changed({ rebuild = false } = {}) {
    this.model.changed();
    this.rebuild = rebuild || this.rebuild;
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      if (this.rebuild) {
        this.rebuild = false;
        for (const panel of this.panels) if (panel !== this.follow && panel.id !== "practise") panel.load();
        this.follow.choose();
      }
      this.figure.update();
      for (const panel of this.panels) if (panel.id === this.tab || (panel === this.follow && !this.below.hidden)) panel.update();
      clearTimeout(this.settling);
      this.settling = setTimeout(settle, 250);
      this.save();
      this.tell("numbers");
    });
  }

  /** @param {string} lang */
  setLang(lang) {
    this.lang = lang === "ko" ? "ko" : "en";
    this.again("lang");
  }

  /** @param {string} name */
  setNotation(name) {
    this.notation = name;
    this.again("notation");
  }

  /** @param {string} theme */
  setTheme(theme) {
    this.theme = theme;
    this.dress();
    this.save();
  }

  /** The colours of what the page stands in, which it has where it has chosen none. @param {"light" | "dark"} theme */
  setAround(theme) {
    this.around = theme;
    this.dress();
  }

  /** Builds everything anew in another language or notation; the focus stays where it was. @param {string} why */
  again(why) {
    keeping(this.root, () => this.build());
    this.save();
    this.tell(why, this.lang);
  }

  /** @param {Bundle} bundle @param {Code} code */
  load(bundle, code) {
    this.bundle = bundle;
    this.code = code;
    this.model = new Model(bundle, code);
    if (!(this.notation in bundle.notations)) this.notation = bundle.notation;
    if (this.selected !== "loss" && !this.model.names.read(this.selected)) this.selected = "";
    this.follow.step = null;
    keeping(this.root, () => this.build());
    this.save();
    this.tell("load");
  }

  // The address

  /** The address was changed by hand, or by going back. */
  address() {
    if (location.hash.replace(/^#/, "") === written(this)) return;
    this.model = new Model(this.bundle, this.code);
    const step = read(this, location.hash);
    this.follow.step = null;
    keeping(this.root, () => this.build());
    this.follow.state = step;
    this.follow.choose();
  }

  /** @param {boolean} [now] */
  save(now = false) {
    if (!this.addressed) return;
    clearTimeout(this.saving);
    const write = () => {
      const hash = written(this);
      if (location.hash.replace(/^#/, "") !== hash) history.replaceState(null, "", hash ? `#${hash}` : location.pathname + location.search);
    };
    if (now) write();
    else this.saving = setTimeout(write, 200);
  }

  // Listening

  /**
   * @param {string} event select, numbers, load, lang
   * @param {Function} f
   * @returns {() => void} stops it
   */
  on(event, f) {
    const all = this.listeners.get(event) ?? new Set();
    this.listeners.set(event, all);
    all.add(f);
    return () => all.delete(f);
  }

  /** @param {string} event @param {any} [what] */
  tell(event, what) {
    for (const f of this.listeners.get(event) ?? []) f(what);
  }

  destroy() {
    this.tip.destroy();
    clearTimeout(this.saving);
    clearTimeout(this.settling);
    if (this.frame) cancelAnimationFrame(this.frame);
    for (const undo of [...this.undo, ...this.visitors]) undo();
    this.listeners.clear();
    this.root.replaceChildren();
  }
}
