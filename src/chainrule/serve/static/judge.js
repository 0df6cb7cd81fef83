// The panel of the judge: a document put in, every link marked in place, remarks with their repairs beside it.

import { keeping, make } from "../../page/static/dom.js";
import { EXAMPLES } from "./examples.js";
import { rewritten, spans } from "./marks.js";

/** @typedef {import("../../page/static/page.js").Page} Page */
/** @typedef {import("./server.js").Server} Server */
/** @typedef {import("./marks.js").Link} Link */
/** @typedef {import("./marks.js").Report} Report */

const MOST_BYTES = 900_000;

export class JudgePanel {
  /** @param {Server} server */
  constructor(server) {
    this.server = server;
    this.text = "";
    this.name = "";
    this.found = false;
    /** @type {Report | null} */
    this.report = null;
    this.lang = "";
    this.message = "";
    this.failed = false;
    this.asked = 0;
    this.net = "";
  }

  get id() {
    return "judge";
  }

  /**
   * @param {HTMLElement} root
   * @param {Page} page
   */
  mount(root, page) {
    this.root = root;
    this.page = page;
    this.build();
    // In another language, or against another figure, it is to be judged again.
    if (this.report && (this.lang !== page.lang || (this.net !== this.server.net && !this.found))) this.judge();
    return () => page.light([], "wrong");
  }

  build() {
    if (this.root) keeping(this.root, () => this.fill());
  }

  fill() {
    const { server, root } = this;
    if (!root) return;
    const say = server.say.bind(server);
    const area = /** @type {HTMLTextAreaElement} */ (make("textarea", { class: "cr-input cr-answer cr-document", id: "judge-text", rows: "8", "data-tip": say("judge.note"), spellcheck: "false", autocomplete: "off" }));
    area.value = this.text;
    area.addEventListener("input", () => {
      this.text = area.value;
      this.name = "";
    });
    this.area = area;
    const file = /** @type {HTMLInputElement} */ (make("input", { type: "file", id: "judge-file", class: "cr-file", "data-tip": say("judge.tip.file"), accept: ".md,.tex,.txt,.ipynb,.typ,.markdown,text/*" }));
    file.addEventListener("change", () => file.files?.[0] && this.open(file.files[0]));
    const drop = make("div", { class: "cr-drop" }, make("label", { for: "judge-text" }, say("judge.document")), make("p", { class: "cr-note" }, say("judge.note")), area);
    dropped(drop, (one) => this.open(one));
    const examples = /** @type {HTMLSelectElement} */ (make("select", { class: "cr-input", "aria-label": say("judge.example"), "data-tip": say("judge.tip.example") },
      make("option", { value: "" }, say("judge.examples")), ...Object.keys(EXAMPLES).map((key) => make("option", { value: key }, say(`judge.${key}`)))));
    examples.addEventListener("change", () => examples.value && this.example(examples.value));
    const against = /** @type {HTMLSelectElement} */ (make("select", { class: "cr-input", id: "judge-against", "data-tip": say("judge.tip.network") },
      make("option", { value: "screen", selected: !this.found }, say("judge.screen")), make("option", { value: "found", selected: this.found }, say("judge.found"))));
    against.addEventListener("change", () => (this.found = against.value === "found"));
    this.said = make("p", { class: this.failed ? "cr-wrong" : "cr-said", role: "status" }, this.message);
    this.result = make("div");
    root.replaceChildren(drop,
      make("div", { class: "cr-row" }, make("button", { type: "button", class: "cr-button cr-main-button", "data-tip": say("judge.tip.run"), onclick: () => this.judge() }, say("judge.run")),
        make("label", { for: "judge-against" }, say("judge.network")), against, examples,
        make("label", { class: "cr-button cr-choose", for: "judge-file", "data-tip": say("judge.tip.file") }, say("judge.file")), file),
      this.said, this.result);
    this.list();
  }

  // What goes in

  /** @param {File} file */
  async open(file) {
    if (file.size > MOST_BYTES) return this.tell(this.server.say("judge.large"), true);
    this.put(await file.text(), file.name);
    return this.judge();
  }

  /** @param {string} text @param {string} name */
  put(text, name) {
    this.text = text;
    this.name = name;
    if (this.area) this.area.value = text;
  }

  /** @param {string} key */
  async example(key) {
    const { server, page } = this;
    const example = EXAMPLES[/** @type {keyof typeof EXAMPLES} */ (key)];
    const text = "text" in example ? example.text : await (await fetch(example.file)).text();
    this.found = "found" in example;
    this.report = null;
    this.put(text, example.name);
    if (page && page.bundle.net.shorthand !== example.network) {
      const { bundle, code } = await server.derive(example.network);
      server.address(example.network);
      page.load(bundle, code); // which builds this panel anew
    }
    this.build();
    return this.judge();
  }

  // Judging

  /** @param {string} [after] what is said when it is done, before the result */
  async judge(after) {
    const { server, page } = this;
    if (!page) return;
    if (!this.text.trim()) return this.tell(server.say("judge.empty"), true);
    const turn = ++this.asked;
    this.tell(server.say("judge.judging"));
    this.lang = page.lang;
    this.net = server.net;
    /** @type {Record<string, any>} */
    const fields = { document: this.text, lang: page.lang };
    if (this.name) fields.name = this.name;
    if (!this.found) fields.network = server.net;
    try {
      const report = await (await server.ask("/api/judge", fields)).json();
      if (turn !== this.asked) return;
      this.report = report;
      this.tell(after ? `${after} ${this.summary()}` : this.summary());
      this.show();
    } catch (error) {
      if (turn === this.asked) this.tell(error instanceof Error ? error.message : String(error), true);
    }
  }

  summary() {
    const { report, server } = this;
    if (!report) return "";
    const { counts } = report;
    const count = Object.values(counts).reduce((sum, one) => sum + one, 0);
    if (!count) return server.say("judge.nothing");
    return server.say("judge.result", { count, right: counts.right + counts.definition, wrong: counts.wrong + counts.carried,
      unreadable: counts.unreadable, score: Math.round(100 * report.score) });
  }

  /** @param {string} message @param {boolean} [failed] */
  tell(message, failed = false) {
    this.message = message;
    this.failed = failed;
    if (!this.said) return;
    this.said.textContent = message;
    this.said.className = failed ? "cr-wrong" : "cr-said";
  }

  // What comes out

  show() {
    if (this.root) keeping(this.root, () => this.list());
  }

  list() {
    const { report, result, server } = this;
    if (!result) return;
    if (!report) return result.replaceChildren();
    const say = server.say.bind(server);
    const remarks = report.links.filter((link) => !["right", "definition"].includes(link.verdict));
    // Links of a line have the line's repair, all of them: it is shown with the first.
    const seen = new Set();
    const list = make("ol", { class: "cr-remarks" }, ...remarks.map((link) => {
      const repair = link.repair ? JSON.stringify([link.part, link.repair.edits]) : "";
      const again = seen.has(repair);
      if (repair) seen.add(repair);
      return this.remark(link, again);
    }));
    const inferred = report.inferred && report.networks.length === 1
      ? make("button", { type: "button", class: "cr-button", "data-tip": say("judge.tip.open"), onclick: () => this.load(report.networks[0]) }, say("judge.open"))
      : null;
    const listed = (/** @type {string} */ title, /** @type {string[]} */ lines) =>
      lines.length ? [make("h3", {}, title), make("ul", { class: "cr-list" }, ...lines.map((line) => make("li", {}, line)))] : [];
    result.replaceChildren(
      make("div", { class: "cr-row" }, make("span", {}, say("judge.networks", { networks: report.networks.map((one) => one.trim().split("\n")[0]).join(", ") || "–" })), inferred),
      make("h3", {}, say("judge.remarks")),
      remarks.length ? list : make("p", { class: "cr-right" }, say("judge.none")),
      ...(seen.size > 1 ? [make("div", { class: "cr-row" }, make("button", { type: "button", class: "cr-button", "data-tip": say("judge.tip.apply_all"), onclick: () => this.applyAll() }, say("judge.apply_all")))] : []),
      ...(remarks.some((link) => link.said.length) ? [make("p", { class: "cr-note" }, say("judge.edge"))] : []),
      make("h3", {}, say("judge.marked")), ...this.marked(),
      ...listed(say("judge.gaps"), report.gaps), ...listed(say("judge.reading"), report.reading),
      ...listed(say("judge.left_out"), report.left_out.map((one) => `${this.place(one)}: ${one.message}`)));
    return undefined;
  }

  /** @param {{cell: number | null, line: number}} where */
  place({ cell, line }) {
    return cell === null ? this.server.say("judge.at", { line }) : this.server.say("judge.at_cell", { cell, line });
  }

  /** One remark. @param {Link} link @param {boolean} again whether its repair is shown already */
  remark(link, again) {
    const { server } = this;
    const at = this.report?.links.indexOf(link) ?? 0;
    const say = server.say.bind(server);
    const show = make("button", { type: "button", class: "cr-name cr-place", "data-tip": say("judge.tip.place"), onclick: () => this.follow(at) }, this.place(link));
    const parts = [make("div", {}, show, " ", make("strong", { class: `cr-verdict-${link.verdict}` }, say(`judge.verdict.${link.verdict}`)), " ", make("span", { class: "cr-target" }, link.target ?? ""))];
    if (link.message) parts.push(make("div", {}, link.message));
    for (const { before, after } of again ? [] : link.repair?.changes ?? []) {
      parts.push(make("div", { class: "cr-change" }, make("del", {}, before || "∅"), " → ", make("ins", {}, after || "∅")));
    }
    if (!again && (link.said.length || link.meant.length)) {
      const names = [link.said.length ? say("judge.said", { names: link.said.join(", ") }) : "", link.meant.length ? say("judge.meant", { names: link.meant.join(", ") }) : ""];
      parts.push(make("div", { class: "cr-note" }, names.filter(Boolean).join("; ")));
    }
    if (link.repair && !again) {
      const label = say("judge.apply_at", { line: link.line });
      parts.push(make("button", { type: "button", class: "cr-button", "data-own": "apply", "aria-label": label, "data-tip": say("judge.tip.apply"), onclick: () => this.apply(link) }, say("judge.apply")));
    }
    const item = make("li", { class: "cr-remark", "data-link": at }, ...parts);
    this.lights(item, link);
    return item;
  }

  /** The document, with every link marked where it stands. */
  marked() {
    const { report, server } = this;
    if (!report) return [];
    return report.texts.map((text, part) => {
      const links = report.links.map((link, at) => ({ link, at })).filter(({ link }) => link.part === part);
      const pieces = spans(text, links.map(({ link, at }) => ({ start: link.start, end: link.end, at })));
      const body = make("pre", { class: "cr-marked", tabindex: "0", "aria-label": server.say("judge.marked"), "data-tip-whole": server.say("judge.tip.marked") }, ...pieces.map(({ text: piece, at }) => (at === null ? piece : this.mark(piece, at))));
      const cell = links[0]?.link.cell ?? null;
      return make("div", {}, cell === null ? null : make("h4", {}, server.say("judge.cell", { number: cell })), body);
    });
  }

  /** @param {string} piece @param {number} at */
  mark(piece, at) {
    const link = /** @type {Report} */ (this.report).links[at];
    const verdict = this.server.say(`judge.verdict.${link.verdict}`);
    const tip = link.message ? `${verdict}: ${link.message}` : verdict;
    const right = ["right", "definition"].includes(link.verdict);
    const node = make("mark", { class: `cr-link cr-link-${link.verdict}`, "data-mark": at, "data-tip": tip, ...(right ? {} : { tabindex: "0", role: "button", "aria-label": `${piece}. ${tip}` }) }, piece);
    if (!right) {
      const go = () => this.toRemark(at);
      node.addEventListener("click", go);
      node.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        go();
      });
    }
    this.lights(node, link);
    return node;
  }

  /** Lights in the drawing what a link speaks of. @param {HTMLElement} node @param {Link} link */
  lights(node, link) {
    if (!link.said.length && !link.meant.length) return;
    const light = (/** @type {boolean} */ on) => {
      if (this.found && !this.report?.networks.includes(this.page?.bundle.net.shorthand ?? "")) return;
      this.page?.light(on ? link.said : [], "wrong");
      this.page?.light(on ? link.meant : [], "right");
    };
    for (const [type, on] of /** @type {[string, boolean][]} */ ([["pointerenter", true], ["focusin", true], ["pointerleave", false], ["focusout", false]])) {
      node.addEventListener(type, () => light(on));
    }
  }

  /** Goes from a remark to its place. @param {number} at */
  follow(at) {
    const node = /** @type {HTMLElement | null | undefined} */ (this.result?.querySelector(`[data-mark="${at}"]`));
    node?.scrollIntoView({ block: "center" });
    node?.focus();
  }

  /** Goes from a place to its remark. @param {number} at */
  toRemark(at) {
    const item = this.result?.querySelector(`[data-link="${at}"]`);
    item?.scrollIntoView({ block: "center" });
    /** @type {HTMLElement | null | undefined} */ (item?.querySelector(".cr-button") ?? item?.querySelector("button"))?.focus();
  }

  // Repairs

  /** @param {Link} link */
  async apply(link) {
    if (!link.repair || !this.report) return;
    this.put(rewritten(this.text, this.report, [link]), this.name);
    await this.judge(this.server.say("judge.applied", { line: link.line }));
  }

  async applyAll() {
    if (!this.report) return;
    this.put(rewritten(this.text, this.report, this.report.links), this.name);
    await this.judge(this.server.say("judge.applied_all"));
  }

  /** @param {string} network */
  async load(network) {
    const { server, page } = this;
    if (!page) return;
    try {
      const { bundle, code } = await server.derive(network);
      server.address(bundle.net.shorthand ?? bundle.net.toml);
      page.load(bundle, code);
    } catch (error) {
      this.tell(error instanceof Error ? error.message : String(error), true);
    }
  }
}

/**
 * Takes files that are dropped on an element.
 * @param {HTMLElement} node
 * @param {(file: File) => void} take
 */
export function dropped(node, take) {
  const over = (/** @type {DragEvent} */ event) => {
    event.preventDefault();
    node.classList.add("cr-over");
  };
  node.addEventListener("dragenter", over);
  node.addEventListener("dragover", over);
  node.addEventListener("dragleave", () => node.classList.remove("cr-over"));
  node.addEventListener("drop", (event) => {
    event.preventDefault();
    node.classList.remove("cr-over");
    const file = event.dataTransfer?.files[0];
    if (file) take(file);
  });
}
