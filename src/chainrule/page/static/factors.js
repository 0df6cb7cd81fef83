// The factors of lines by the keyboard: a line has the focus, ← and → go from one to the next, Enter follows it.

import { make } from "./dom.js";

/** @typedef {import("./page.js").Page} Page */

const MARKS = "[data-s], [data-p], [data-l], [data-m]";

export class Factors {
  /** @param {Page} page */
  constructor(page) {
    this.page = page;
    // Formulas are read as MathML, in which nothing can have the focus: what a factor is, is said here.
    this.spoken = make("p", { class: "cr-spoken", "aria-live": "polite" });
    /** @type {Element | null} */
    this.at = null;
  }

  /** @param {HTMLElement} place where lines stand */
  listen(place) {
    place.addEventListener("keydown", (event) => {
      const line = /** @type {HTMLElement} */ (event.target);
      if (line.hasAttribute("data-factors") && this.key(line, event.key)) event.preventDefault();
    });
    place.addEventListener("focusout", () => this.leave());
  }

  leave() {
    this.at?.classList.remove("cr-at");
    this.at = null;
    this.spoken.textContent = "";
  }

  /** @param {HTMLElement} line @param {string} key @returns {boolean} whether it was one of ours */
  key(line, key) {
    const { page } = this;
    const mark = this.at?.isConnected ? markAt(this.at) : null;
    if (key === "Enter" && mark) {
      if (mark.kind === "s" || mark.kind === "p") page.select(mark.name);
      return true;
    }
    if (!["ArrowLeft", "ArrowRight", "Home", "End"].includes(key)) return false;
    const all = [...line.querySelectorAll(MARKS)].filter((one) => one.checkVisibility());
    if (!all.length) return true;
    const from = this.at ? all.indexOf(this.at) : -1;
    const to = { ArrowRight: from + 1, ArrowLeft: from < 0 ? all.length - 1 : from - 1, Home: 0, End: all.length - 1 }[key] ?? 0;
    this.leave();
    this.at = all[Math.min(Math.max(to, 0), all.length - 1)];
    this.at.classList.add("cr-at");
    this.at.scrollIntoView({ block: "nearest", inline: "nearest" });
    page.lightMark(markAt(this.at));
    page.tip.show(this.at, true);
    this.spoken.textContent = page.tip.words;
    return true;
  }
}

/**
 * What a mark of a line is about.
 * @param {Element} node
 * @returns {{kind: string, name: string} | null}
 */
export function markAt(node) {
  const own = /** @type {HTMLElement | null} */ (node.closest("[data-s],[data-p],[data-l],[data-m]"));
  if (!own) return null;
  for (const kind of ["s", "p", "l", "m"]) {
    const name = own.dataset[kind];
    if (name !== undefined) return { kind, name: name.replaceAll(";", ",") };
  }
  return null;
}
