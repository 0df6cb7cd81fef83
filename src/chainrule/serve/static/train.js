// The panel of training: data, settings, start and pause, what it comes to; the page's own numbers follow it.

import { keeping, make } from "../../page/static/dom.js";
import { numberText } from "../../page/static/tex.js";
import { dropped } from "./judge.js";
import { Answers, drawCurve } from "./plot.js";

/** @typedef {import("../../page/static/page.js").Page} Page */
/** @typedef {import("./server.js").Server} Server */
/** @typedef {import("./plot.js").Begin} Begin */
/** @typedef {{epoch: number, rate: number, metric: number | null, points: [number, number | null, number | null][], p: number[]}} Moment */

const MOST_BYTES = 900_000;
const SHOWN_SAMPLES = 12;
const CLASSED = ["index", "onehot", "shares", "probability", "sign"];

export class TrainPanel {
  /** @param {Server} server */
  constructor(server) {
    /** @type {[number, number | null, number | null][]} */
    this.points = [];
    this.server = server;
    this.choices = { data: "", columns: "", optimizer: "adam", rate: "", batch_size: "16", epochs: "500", seed: "0", validation: "0.2", initial: "glorot_uniform", standardise: false };
    /** @type {{name: string, text: string, rows: number} | null} */
    this.file = null;
    this.speed = 20;
    this.thick = true;
    /** @type {EventSource | null} */
    this.stream = null;
    /** @type {number | undefined} */
    this.drawing = undefined;
    this.forget();
    window.addEventListener("pagehide", () => this.leave());
  }

  get id() {
    return "train";
  }

  /** As it is before a training. */
  forget() {
    this.stream?.close();
    this.stream = null;
    this.run = "";
    /** counts what was begun or forgotten, to know a late answer */
    this.asked = (this.asked ?? 0) + 1;
    /** @type {Promise<void> | null} */
    this.starting = null;
    this.net = "";
    this.running = false;
    this.ended = "";
    this.failed = false;
    /** @type {Begin | null} */
    this.begin = null;
    /** @type {Moment | null} */
    this.moment = null;
    /** @type {[number, number | null, number | null][]} */
    this.points = [];
    /** @type {Answers | null} */
    this.answers = null;
  }

  /**
   * @param {HTMLElement} root
   * @param {Page} page
   */
  mount(root, page) {
    this.root = root;
    this.page = page;
    if (this.net && this.net !== this.server.net) {
      this.tell("stop");
      this.forget();
    }
    if (!this.server.data.includes(this.choices.data) && !(this.choices.data === "own" && this.file)) this.choices.data = this.server.data[0] ?? "own";
    this.build();
    page.figure.setWeighted(this.thick && this.begin !== null);
    return () => {};
  }

  build() {
    if (this.root) keeping(this.root, () => this.fill());
  }

  fill() {
    const { server, root } = this;
    if (!root) return;
    const say = server.say.bind(server);
    const button = (/** @type {string} */ key, /** @type {() => void} */ act, /** @type {string} */ kind = "cr-button") => make("button", { type: "button", class: kind, "data-own": key, "data-tip": say(`train.tip.${key}`), onclick: act }, say(`train.${key}`));
    this.main = button("start", () => this.toggle(), "cr-button cr-main-button");
    this.said = make("p", { class: "cr-said", role: "status" });
    const curve = /** @type {SVGSVGElement} */ (document.createElementNS("http://www.w3.org/2000/svg", "svg"));
    curve.setAttribute("role", "img");
    curve.dataset.tip = say("train.curve");
    this.curve = curve;
    this.plots = make("div", { class: "cr-plots" }, make("figure", { class: "cr-plot" }, curve, make("figcaption", {}, say("train.curve"))));
    const speed = /** @type {HTMLInputElement} */ (make("input", { type: "range", class: "cr-slider", id: "train-speed", "data-tip": say("train.tip.speed"), min: "0", max: "3", step: "0.1", value: Math.log10(this.speed) }));
    const pace = make("span", { class: "cr-where", "data-tip": say("train.speed") });
    const show = () => {
      pace.textContent = String(this.speed);
      speed.setAttribute("aria-valuetext", String(this.speed));
    };
    show();
    speed.addEventListener("input", () => {
      this.speed = Number((10 ** Number(speed.value)).toPrecision(2));
      show();
    });
    speed.addEventListener("change", () => this.tell("speed", { speed: this.speed }));
    const thick = /** @type {HTMLInputElement} */ (make("input", { type: "checkbox", class: "cr-check", id: "train-thick", "data-tip": say("train.tip.thick"), checked: this.thick }));
    thick.addEventListener("change", () => {
      this.thick = thick.checked;
      this.page?.figure.setWeighted(this.thick && this.begin !== null);
    });
    root.replaceChildren(this.data(),
      make("div", { class: "cr-row" }, this.main, button("step", () => this.step()), button("reset", () => this.reset()),
        make("span", { class: "cr-pair cr-speed" }, make("label", { for: "train-speed" }, say("train.speed")), speed, pace),
        make("label", { class: "cr-pair", for: "train-thick", "data-tip": say("train.tip.thick") }, thick, say("train.thick"))),
      this.said, this.plots, make("h3", {}, say("train.settings")), this.settings());
    if (this.begin) this.answer();
    this.draw();
  }

  // What it is trained on, and how

  data() {
    const { server, choices } = this;
    const say = server.say.bind(server);
    const list = /** @type {HTMLSelectElement} */ (make("select", { class: "cr-input", id: "train-data", "data-tip": say("train.tip.data") },
      ...server.data.map((name) => make("option", { value: name, selected: name === choices.data }, say(`train.names.${name}`))),
      make("option", { value: "own", selected: choices.data === "own" }, say("train.own"))));
    list.addEventListener("change", () => {
      choices.data = list.value;
      this.reset();
      this.build();
    });
    const file = /** @type {HTMLInputElement} */ (make("input", { type: "file", id: "train-file", class: "cr-file", "data-tip": say("train.tip.choose"), accept: ".csv,.tsv,.txt,text/csv" }));
    file.addEventListener("change", () => file.files?.[0] && this.open(file.files[0]));
    const box = make("div", { class: "cr-drop" }, make("div", { class: "cr-row" }, make("label", { for: "train-data" }, say("train.data")), list,
      make("label", { class: "cr-button cr-choose", for: "train-file", "data-tip": say("train.tip.choose") }, say("train.choose")), file));
    if (choices.data === "own") {
      const columns = /** @type {HTMLInputElement} */ (make("input", { class: "cr-input", id: "train-columns", "data-tip": say("train.columns_note"), value: choices.columns, autocomplete: "off", "aria-describedby": "train-columns-note" }));
      columns.addEventListener("change", () => (choices.columns = columns.value));
      box.append(make("p", { class: "cr-note" }, this.file ? say("train.file_read", { name: this.file.name, rows: this.file.rows }) : say("train.drop")),
        make("div", { class: "cr-row" }, make("label", { for: "train-columns" }, say("train.columns")), columns),
        make("p", { class: "cr-note", id: "train-columns-note" }, say("train.columns_note")));
    }
    dropped(box, (one) => this.open(one));
    return box;
  }

  /** @param {File} file */
  async open(file) {
    if (file.size > MOST_BYTES) return this.end(this.server.say("judge.large"), true);
    const text = await file.text();
    this.file = { name: file.name, text, rows: text.trimEnd().split("\n").length };
    this.choices.data = "own";
    this.reset();
    return this.build();
  }

  settings() {
    const { server, choices } = this;
    const say = server.say.bind(server);
    /** @param {"rate" | "batch_size" | "epochs" | "seed" | "validation"} name @param {string} key @param {Record<string, any>} more */
    const number = (name, key, more) => {
      const id = `train-${name}`;
      const field = /** @type {HTMLInputElement} */ (make("input", { type: "number", class: "cr-input", id, value: choices[name], "data-tip": say(`train.tip.${name}`), ...more }));
      field.addEventListener("change", () => (choices[name] = field.value));
      return make("div", { class: "cr-field" }, make("label", { for: id }, say(`train.${key}`)), field);
    };
    /** @param {"optimizer" | "initial"} name @param {[string, string][]} options */
    const list = (name, options) => {
      const id = `train-${name}`;
      const field = /** @type {HTMLSelectElement} */ (make("select", { class: "cr-input", id, "data-tip": say(`train.tip.${name}`) }, ...options.map(([value, text]) => make("option", { value, selected: value === choices[name] }, text))));
      field.addEventListener("change", () => (choices[name] = field.value));
      return make("div", { class: "cr-field" }, make("label", { for: id }, say(`train.${name}`)), field);
    };
    const standardise = /** @type {HTMLInputElement} */ (make("input", { type: "checkbox", class: "cr-check", id: "train-standardise", "data-tip": say("train.tip.standardise"), checked: choices.standardise }));
    standardise.addEventListener("change", () => (choices.standardise = standardise.checked));
    const same = (/** @type {string} */ name) => /** @type {[string, string]} */ ([name, name]);
    return make("div", { class: "cr-settings" },
      list("optimizer", server.start.optimizers.map(same)),
      number("rate", "rate", { min: "0", step: "any", placeholder: say("train.rate_usual") }),
      number("batch_size", "batch", { min: "0", step: "1" }),
      number("epochs", "epochs", { min: "1", max: "10000", step: "1" }),
      number("seed", "seed", { min: "0", step: "1" }),
      number("validation", "validation", { min: "0", max: "0.9", step: "0.05" }),
      list("initial", [["screen", say("train.initial_screen")], ...server.start.initials.map(same)]),
      make("div", { class: "cr-whole" }, standardise, make("label", { for: "train-standardise" }, say("train.standardise"))));
  }

  /** What the server is asked for. @param {boolean} running */
  fields(running) {
    const { choices, page, server } = this;
    const number = (/** @type {string} */ text) => (text.trim() === "" ? null : Number(text));
    const drawn = choices.initial !== "screen";
    return {
      network: server.net, lang: page?.lang ?? "en", speed: this.speed, running: running ? "yes" : "no",
      ...(choices.data === "own" ? { csv: this.file?.text ?? "", name: this.file?.name ?? "data.csv", columns: choices.columns } : { data: choices.data }),
      ...(drawn ? {} : { p: [...(page?.model.p ?? [])] }),
      settings: {
        optimizer: choices.optimizer, rate: number(choices.rate), batch_size: number(choices.batch_size), epochs: number(choices.epochs),
        seed: number(choices.seed), validation: number(choices.validation), standardise: choices.standardise,
        ...(drawn ? { initial: choices.initial } : {}),
      },
    };
  }

  // Leading it

  toggle() {
    if (!this.run || this.ended) return this.starts(true);
    this.running = !this.running;
    this.tell(this.running ? "go" : "pause");
    return this.state();
  }

  async step() {
    if (!this.run || this.ended) await this.starts(false);
    this.running = false;
    this.tell("step");
    this.state();
  }

  reset() {
    const { begin, page } = this;
    if (this.run && !this.ended) this.tell("stop");
    this.forget();
    if (begin && page) {
      page.setNumbers({ p: begin.p });
      page.figure.setWeighted(false);
    }
    this.plots?.querySelectorAll("figure:not(:first-child)").forEach((node) => node.remove());
    this.draw();
  }

  /** Begins a training; a hasty second click waits for the one that begins. @param {boolean} running @returns {Promise<void>} */
  starts(running) {
    if (!this.starting) {
      const own = this.begins(running).finally(() => this.starting === own && (this.starting = null));
      this.starting = own;
    }
    return this.starting;
  }

  /** @param {boolean} running */
  async begins(running) {
    const { server } = this;
    if (this.begin && this.choices.initial === "screen" && this.ended) this.page?.setNumbers({ p: this.begin.p });
    this.forget();
    this.plots?.querySelectorAll("figure:not(:first-child)").forEach((node) => node.remove());
    this.net = server.net;
    this.running = running;
    this.state(server.say("train.preparing"));
    const own = this.asked;
    try {
      const { id } = await (await server.ask("/api/train", this.fields(running))).json();
      if (own !== this.asked) return void halt(id); // reset, or another figure, while it began
      this.run = id;
      this.watch(id);
    } catch (error) {
      if (own === this.asked) this.end(error instanceof Error ? error.message : String(error), true);
    }
  }

  /** @param {string} word @param {Record<string, any>} [fields] */
  async tell(word, fields = {}) {
    if (!this.run || this.ended) return;
    try {
      await this.server.ask(`/api/train/${this.run}/${word}`, fields);
    } catch (error) {
      this.end(error instanceof Error ? error.message : String(error), true);
    }
  }

  leave() {
    if (this.run && !this.ended) halt(this.run);
  }

  /** @param {string} id */
  watch(id) {
    const stream = new EventSource(`/api/train/${id}/events`);
    this.stream = stream;
    const on = (/** @type {string} */ kind, /** @type {(facts: any) => void} */ act) =>
      stream.addEventListener(kind, (event) => this.stream === stream && act(JSON.parse(/** @type {MessageEvent} */ (event).data)));
    on("begin", (facts) => this.begun(facts));
    on("moment", (facts) => this.went(facts));
    on("end", (facts) => {
      stream.close();
      this.end(this.server.say(`train.end.${facts.reason}`, facts), ["diverged", "refused", "failed", "lost", "memory"].includes(facts.reason));
    });
    stream.addEventListener("error", () => stream.readyState === EventSource.CLOSED && this.stream === stream && this.end(this.server.say("server.gone"), true));
  }

  // What it tells

  /** @param {Begin} begin */
  begun(begin) {
    const { page } = this;
    this.begin = begin;
    this.points = [];
    // The lines speak of some of the samples.
    page?.setNumbers({ p: begin.p, x: begin.x.slice(0, SHOWN_SAMPLES), target: begin.target.slice(0, SHOWN_SAMPLES) });
    page?.figure.setWeighted(this.thick);
    this.answer();
    this.draw();
  }

  /** @param {Moment} moment */
  went(moment) {
    this.moment = moment;
    for (const point of moment.points) this.points.push(point);
    this.page?.setNumbers({ p: moment.p });
    this.draw();
  }

  /** @param {string} why @param {boolean} [failed] */
  end(why, failed = false) {
    this.stream?.close();
    this.stream = null;
    this.running = false;
    this.ended = why;
    this.failed = failed;
    this.draw();
  }

  answer() {
    if (!this.begin || !this.plots) return;
    this.answers = new Answers(this.begin, this.server.say.bind(this.server));
    this.plots.querySelectorAll("figure:not(:first-child)").forEach((node) => node.remove());
    this.plots.append(this.answers.figure);
  }

  draw() {
    this.state();
    this.drawing ??= requestAnimationFrame(() => {
      this.drawing = undefined;
      const { curve, points, page, server } = this;
      if (!curve || !page) return;
      drawCurve(curve, points);
      const last = points[points.length - 1];
      curve.setAttribute("aria-label", last
        ? server.say("train.curve_text", { first: numberText(points[0][1] ?? NaN, 4), last: numberText(last[1] ?? NaN, 4), epochs: last[0] })
        : server.say("train.curve"));
      if (this.begin) this.answers?.draw(page.code, this.moment?.p ?? this.begin.p);
    });
  }

  /** Says where it stands. @param {string} [instead] */
  state(instead) {
    const { server, moment, begin, said, main } = this;
    if (!said || !main) return;
    const say = server.say.bind(server);
    const going = this.run && !this.ended;
    main.textContent = say(!going ? "train.start" : this.running ? "train.pause" : "train.go");
    said.className = this.failed ? "cr-wrong" : "cr-said";
    const now = going ? say(this.running ? "train.running" : "train.paused") : this.ended;
    said.textContent = instead ?? [now, begin && moment ? this.facts(begin, moment) : this.failed ? "" : say("train.idle", { seed: this.choices.seed || "0" })].filter(Boolean).join(" ");
  }

  /** @param {Begin} begin @param {Moment} moment */
  facts(begin, moment) {
    const say = this.server.say.bind(this.server);
    const last = this.points[this.points.length - 1];
    const text = (/** @type {number | null | undefined} */ value) => numberText(value ?? NaN, 4);
    const right = begin.classes.length || CLASSED.slice(0, 3).includes(begin.kind);
    const metric = moment.metric === null ? "" : right ? say("train.accuracy_part", { value: numberText(100 * moment.metric, 4) }) : say("train.rmse_part", { value: text(moment.metric) });
    return say("train.state", { epoch: moment.epoch, epochs: begin.settings.epochs, loss: text(last?.[1]), seed: begin.settings.seed, metric,
      validation: typeof last?.[2] === "number" ? say("train.validation_part", { loss: text(last[2]) }) : "" });
  }
}

/** Stops a training that nobody here watches any more. @param {string} id */
function halt(id) {
  fetch(`/api/train/${id}/stop`, { method: "POST", keepalive: true, headers: { "Content-Type": "application/json" }, body: "{}" }).catch(() => {});
}
