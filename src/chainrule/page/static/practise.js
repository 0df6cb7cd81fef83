// The panel to practise: the person writes each ∂, which is judged at once by its numbers, with hints a step at a time.

import { keeping, make } from "./dom.js";
import { LONGEST, Unreadable, readFormula } from "./formula.js";
import { bare, numberTex, numberText, setInline, setLine, setWords } from "./tex.js";

/** @typedef {import("./page.js").Page} Page */

const DRAWS = 4;
const TOLERANCE = 1e-7;
const MOST = 60;

export class Practise {
  /** @param {Page} page */
  constructor(page) {
    this.page = page;
    this.node = make("div", { class: "cr-practise" });
    this.at = 0;
    this.hints = 0;
    this.key = "";
    /** @type {string[]} */
    this.tasks = [];
    /** @type {Record<string, number>} */
    this.done = {};
    this.answer = /** @type {HTMLTextAreaElement} */ (make("textarea"));
    this.verdict = make("p");
    this.given = make("div");
  }

  get id() {
    return "practise";
  }

  load() {
    const { page } = this;
    const asked = this.tasks[this.at];
    this.tasks = tasksOf(page);
    this.key = `chainrule ${page.bundle.net.toml}`;
    this.done = this.kept();
    const wanted = [asked, page.selected].map((name) => this.tasks.indexOf(name)).find((at) => at >= 0);
    this.at = wanted ?? Math.max(0, this.tasks.findIndex((name) => !(name in this.done)));
    this.build();
  }

  /** What was solved before: the number of hints that each took. */
  kept() {
    try {
      /** @type {Record<string, number>} */
      const found = JSON.parse(localStorage.getItem(this.key) ?? "{}");
      return Object.fromEntries(Object.entries(found).filter(([name, hints]) => this.tasks.includes(name) && Number.isFinite(hints)));
    } catch {
      return {};
    }
  }

  keep() {
    try {
      localStorage.setItem(this.key, JSON.stringify(this.done));
    } catch {
      // A browser that keeps nothing: the score lasts as long as the page.
    }
  }

  choose() {
    const at = this.tasks.indexOf(this.page.selected);
    if (at >= 0 && at !== this.at) {
      this.at = at;
      this.build();
    }
  }

  update() {}

  build() {
    keeping(this.node, () => this.ask());
  }

  /** Shows what is asked for. */
  ask() {
    const { page } = this;
    const say = page.say.bind(page);
    const name = this.tasks[this.at];
    this.hints = this.done[name] ?? 0;
    const solved = Object.keys(this.done).length;
    const points = Object.values(this.done).reduce((sum, hints) => sum + Math.max(0, 1 - hints / 4), 0);
    const score = make("p", { class: "cr-note", "aria-live": "polite" }, say("practise.score", { solved, count: this.tasks.length, points: numberText(points, 3) }));
    const bar = make("progress", { max: this.tasks.length, value: solved, "aria-label": say("practise.progress"), "data-tip": say("tip.practise.progress") });
    const question = make("h2", { class: "cr-question", "aria-label": `∂loss/∂${name} = ?` });
    setInline(question, `${page.partialTex(name)} = \\;?`);
    const id = `cr-answer-${page.number}`;
    this.answer = /** @type {HTMLTextAreaElement} */ (make("textarea", { id, class: "cr-input cr-answer", rows: "2", spellcheck: "false", autocomplete: "off", "data-tip": say("tip.practise.answer"),
      placeholder: page.judged ? "\\frac{\\partial loss}{\\partial z_1^2} \\cdot a_1^1" : "∂loss/∂z_1^2 · a_1^1" }));
    this.answer.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey) {
        event.preventDefault();
        this.check();
      }
    });
    this.verdict = make("p", { class: "cr-verdict", role: "status" });
    this.given = make("div", { class: "cr-hints" });
    const button = (/** @type {string} */ key, /** @type {() => void} */ act) =>
      make("button", { type: "button", class: "cr-button", "data-key": key, onclick: act }, say(key));
    const insert = make("div", { class: "cr-row cr-keys", role: "group", "aria-label": say("practise.symbols") },
      ...["∂loss/∂", " · ", " + ", "(", ")", "pred", "true"].map((text) => make("button", { type: "button", class: "cr-key", "data-tip": say("practise.insert", { text: text.trim() }), onclick: () => this.insert(text) }, text.trim())));
    this.node.replaceChildren(score, bar, question, make("label", { for: id }, say("practise.answer")), this.answer, insert,
      make("div", { class: "cr-row" }, button("practise.check", () => this.check()), button("practise.hint", () => this.hint()),
        button("practise.before", () => this.go(-1)), button("practise.after", () => this.go(1))),
      this.verdict, this.given, make("p", { class: "cr-note" }, say("practise.how")));
    for (let at = 0; at < Math.min(this.hints, 4) && name in this.done; at++) this.showHint(at);
    page.translate(this.node);
  }

  /** @param {string} text */
  insert(text) {
    const { selectionStart, selectionEnd } = this.answer;
    this.answer.setRangeText(text, selectionStart, selectionEnd, "end");
    this.answer.focus();
  }

  /** @param {number} by */
  go(by) {
    this.at = (this.at + by + this.tasks.length) % this.tasks.length;
    this.build();
    this.page.light([this.tasks[this.at]]);
  }

  async check() {
    const { page } = this;
    const name = this.tasks[this.at];
    const text = this.answer.value.replace(/^.*=/s, "");
    if (!text.trim()) return this.say("practise.empty", {}, "cr-unread");
    if (this.answer.value.length > LONGEST) return this.say("practise.long", { most: LONGEST.toLocaleString("en") }, "cr-unread");
    if (page.judged && /[\\$]/.test(this.answer.value)) return this.judge(name);
    try {
      const formula = readFormula(text, (kind, one) => {
        const number = kind === "p" ? page.model.partial(one) : page.model.number(one);
        return page.model.names.read(one) !== null && !Number.isNaN(number) && !(kind === "p" && one === name);
      });
      return this.settle(name, agrees(page, formula, name));
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      const read = error.read || page.say("practise.end");
      return this.say("practise.unreadable", { at: error.at + 1, read }, "cr-unread");
    }
  }

  /** @param {string} name */
  async judge(name) {
    const { page } = this;
    const answer = this.answer.value.replace(/\$/g, "");
    const plain = (/** @type {string} */ text) => text.replace(/[\s{}\\]|mathit|[dt](?=frac)/g, "");
    if (plain(answer.replace(/^.*=/s, "")).includes(plain(bare(page.partialTex(name))))) return this.say("practise.circular", { name }, "cr-unread");
    const line = answer.includes("=") ? answer : `${page.partialTex(name)} = ${answer}`;
    this.say("practise.judging", {}, "");
    try {
      const report = await page.services.judge?.(`$$${line}$$`, { format: "markdown" });
      const links = report.links ?? report.documents?.[0]?.links ?? [];
      const unread = !links.length || links.some((/** @type {any} */ link) => !["right", "wrong"].includes(link.verdict));
      const other = links.find((/** @type {any} */ link) => link.target && link.target !== `∂loss/∂${name}`);
      const wrong = links.find((/** @type {any} */ link) => link.verdict === "wrong");
      if (wrong) this.say("practise.wrong_why", { why: wrong.message ?? "" }, "cr-wrong");
      else if (other) this.say("practise.other", { target: other.target, name }, "cr-wrong");
      else if (unread) this.say("practise.unreadable", { at: 1, read: answer.slice(0, 12) }, "cr-unread");
      else this.settle(name, true);
    } catch (error) {
      this.say("practise.failed", { why: error instanceof Error ? error.message : "" }, "cr-unread");
    }
  }

  /** @param {string} name @param {boolean} right */
  settle(name, right) {
    if (!right) return this.say("practise.wrong", {}, "cr-wrong");
    if (!(name in this.done)) this.done[name] = this.hints;
    this.keep();
    const answer = this.answer.value;
    this.build();
    this.answer.value = answer;
    this.say(Object.keys(this.done).length === this.tasks.length ? "practise.all" : "practise.right", {}, "cr-right");
    this.page.light([name], "right");
  }

  /** @param {string} key @param {Record<string, any>} facts @param {string} kind */
  say(key, facts, kind) {
    this.verdict.className = `cr-verdict ${kind}`;
    this.verdict.textContent = this.page.say(key, facts);
  }

  hint() {
    if (this.given.childElementCount >= this.steps().length) return;
    this.showHint(this.given.childElementCount);
    this.hints = Math.max(this.hints, this.given.childElementCount);
  }

  /** The hints: the rule, the chain, the line where it says more, the number. @returns {((node: HTMLElement) => void)[]} */
  steps() {
    const { page } = this;
    const name = this.tasks[this.at];
    const found = page.model.line(name, true, page.notation);
    if (!found) return [];
    const { line, general } = found;
    const read = page.model.names.read(name);
    const words = line.why === undefined ? [] : page.bundle.notations[page.notation].reasons[line.why][page.lang];
    const upTo = (/** @type {number} */ count) => (/** @type {HTMLElement} */ node) => setLine(node, line.sides.slice(0, count).join(" = "));
    return [
      (node) => setWords(node, words, general || !read ? [] : page.model.names.running(read)),
      upTo(2), ...(line.sides.length > 2 ? [upTo(line.sides.length)] : []),
      (node) => setLine(node, `${page.partialTex(name)} = ${numberTex(page.model.partial(name), page.digits)}`),
    ];
  }

  /** @param {number} at */
  showHint(at) {
    const show = this.steps()[at];
    if (!show) return;
    const node = make("div", { class: "cr-hint" });
    show(node);
    if (at === 0) this.page.light([this.tasks[this.at]]);
    this.given.append(node);
  }
}

/**
 * Whether a formula has the numbers of ∂loss/∂name: those on the screen, and others drawn at random.
 * @param {Page} page
 * @param {(symbol: (kind: string, name: string) => number) => number} formula
 * @param {string} name
 */
function agrees(page, formula, name) {
  const { model } = page;
  for (let draw = 0; draw < DRAWS; draw++) {
    const v = draw === 0 ? model.one : model.compute(
      model.p.map((value) => value + 0.8 * (Math.random() - 0.5)), [model.x[model.row].map((value) => value + 0.8 * (Math.random() - 0.5))], [model.target[model.row]]);
    const mine = formula((kind, one) => (kind === "p" ? model.partial(one, v) : model.number(one, v)));
    const own = model.partial(name, v);
    if (!(Math.abs(mine - own) <= TOLERANCE * Math.max(1, Math.abs(own)))) return false;
  }
  return true;
}

/**
 * What is asked: every ∂ from the loss back; of a large network, the first ones of each kind.
 * @param {Page} page
 */
function tasksOf(page) {
  const { model, bundle } = page;
  const groups = bundle.notations[bundle.notation].backward.filter((group) => bundle.quantities[group.q].kind !== "x");
  const each = Math.max(2, Math.floor(MOST / Math.max(1, groups.length)));
  return groups.flatMap((group) => {
    const found = [];
    for (const name of group.templated || group.general ? model.names.all(group.q) : group.lines.map((line) => line.name ?? "")) {
      if (found.push(name) >= each) break;
    }
    return found;
  });
}
