// Formulas: KaTeX, numbers put into lines, and words with formulas in them.

import { fill } from "./names.js";

/** @typedef {import("./types.d.ts").Words} Words */

/** @type {any} */
let katex = /** @type {any} */ (globalThis).katex;

/**
 * Says which KaTeX sets the formulas, where it is not the page's own.
 * @param {any} own
 */
export function useKatex(own) {
  katex = own;
}

const LIMITS = { throwOnError: false, errorColor: "inherit", strict: "ignore", maxExpand: 1000, maxSize: 50, output: "htmlAndMathml" };

/**
 * Sets a line of the derivation, whose symbols say what they are.
 * @param {HTMLElement} node
 * @param {string} latex
 */
export function setLine(node, latex) {
  render(node, latex, `\\displaystyle ${latex}`);
}

/**
 * @param {HTMLElement} node
 * @param {string} latex
 * @param {string} set
 */
function render(node, latex, set) {
  const trust = (/** @type {{command: string}} */ context) => context.command === "\\htmlData";
  katex.render(set, node, { ...LIMITS, trust });
  // What is copied, and what a screen reader may read, is the formula without its links.
  for (const source of node.querySelectorAll("annotation")) source.textContent = bare(latex);
}

/**
 * Sets a formula that a person typed: nothing in it is trusted.
 * @param {HTMLElement} node
 * @param {string} latex
 */
export function setTyped(node, latex) {
  katex.render(latex, node, { ...LIMITS, trust: false });
}

/**
 * Sets words with formulas in them.
 * @param {HTMLElement} node
 * @param {Words} words
 * @param {number[]} indices
 */
export function setWords(node, words, indices) {
  node.replaceChildren(
    ...words.map((part, at) => {
      const before = at > 0 && typeof words[at - 1] !== "string";
      if (typeof part === "string") return before ? part.replace(/^[.,:;]/, "") : part;
      const span = document.createElement("span");
      setInline(span, fill(part.tex, indices));
      // A full stop or a comma behind a formula does not begin a row.
      const next = words[at + 1];
      const stop = typeof next === "string" ? /^[.,:;]/.exec(next)?.[0] : undefined;
      if (!stop) return span;
      const whole = document.createElement("span");
      whole.className = "cr-stop";
      whole.append(span, stop);
      return whole;
    }),
  );
}

/**
 * Sets a formula among words.
 * @param {HTMLElement} node
 * @param {string} latex
 */
export function setInline(node, latex) {
  render(node, latex, latex);
}

/**
 * A number as a person writes it: so many significant digits, no needless zeros, a power of 10 far from 1.
 * @param {number} value
 * @param {number} digits
 * @returns {string}
 */
export function numberText(value, digits = 6) {
  return written(value, digits, (mantissa, power) => `${mantissa}e${power}`, "−", "∞", "NaN");
}

/**
 * @param {number} value
 * @param {number} digits
 */
export function numberTex(value, digits = 6) {
  const power = (/** @type {string} */ mantissa, /** @type {number} */ by) =>
    `${mantissa === "1" ? "" : `${mantissa} \\times `}10^{${by}}`;
  return written(value, digits, power, "-", "\\infty", "\\mathrm{NaN}");
}

/**
 * @param {number} value
 * @param {number} digits
 * @param {(mantissa: string, power: number) => string} far
 * @param {string} minus
 * @param {string} infinite
 * @param {string} nan
 */
function written(value, digits, far, minus, infinite, nan) {
  if (Number.isNaN(value)) return nan;
  const sign = value < 0 ? minus : "";
  const size = Math.abs(value);
  if (size === Infinity) return sign + infinite;
  const [mantissa, exponent] = size.toExponential(digits - 1).split("e");
  const power = Number(exponent);
  const bare = (/** @type {string} */ text) => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);
  if (size !== 0 && (power < -4 || power >= digits)) return sign + far(bare(mantissa), power);
  return sign + bare(size.toFixed(Math.max(0, digits - 1 - power)));
}

/**
 * A number that may be changed in place.
 * @param {string} text
 */
export const marked = (text) => `\\htmlData{v=1}{${text}}`;

const MARKED = /v=1\}\{([^{}]*)\}/g;

/** @type {Map<HTMLElement, string>} what shows numbers that were changed in place, and the formula that it should be */
const behind = new Map();

/**
 * Sets a line whose numbers change often: where nothing else has changed, only they are written anew, which is much faster;
 * `settle` then sets the whole of it, for those who hear it.
 * @param {HTMLElement} node
 * @param {string} latex
 */
export function setNumbers(node, latex) {
  if (node.dataset.tex === latex) return;
  node.dataset.tex = latex;
  const numbers = [...latex.matchAll(MARKED)].map((match) => match[1]);
  const shape = latex.replace(MARKED, "");
  const places = node.querySelectorAll(".katex-html [data-v]");
  if (node.dataset.shape !== shape || places.length !== numbers.length || numbers.some((text) => text.includes("\\"))) {
    behind.delete(node);
    node.dataset.shape = shape;
    setLine(node, latex);
    return;
  }
  numbers.forEach((text, at) => {
    const shown = text.replace("-", "−");
    if (places[at].textContent === shown) return;
    // KaTeX puts the space before an operator behind the number, inside of its mark.
    places[at].replaceChildren(shown, ...places[at].querySelectorAll(".mspace"));
  });
  behind.set(node, latex);
}

/** Sets all of what was changed in place. */
export function settle() {
  for (const [node, latex] of behind) if (node.isConnected) setLine(node, latex);
  behind.clear();
}

const PUT = /\x01([a-z])=([^\x02]*)\x02|[\x04\x06]|[\x05\x07]/g;

/**
 * A line's last side with its numbers, each of which says what it is; some brackets stand only before a negative one.
 * @param {string} put
 * @param {(kind: string, name: string) => number | number[][] | null} number
 * @param {number} digits
 */
export function putNumbers(put, number, digits) {
  const text = (/** @type {string} */ kind, /** @type {string} */ name) => {
    const value = number(kind, name.replaceAll(";", ","));
    return value === null ? "\\,?\\," : typeof value === "number" ? numberTex(value, digits) : matrixTex(value, digits);
  };
  /** @type {boolean[]} */
  const open = [];
  return put.replace(PUT, (whole, kind, name, at) => {
    if (kind !== undefined) {
      const shown = text(kind, name);
      return `\\htmlData{${kind}=${name}}{${shown.startsWith("\\begin") ? shown : marked(shown)}}`;
    }
    if (whole === "\x04" || whole === "\x06") {
      const next = /^[\x04\x06]*\x01([a-z])=([^\x02]*)\x02/.exec(put.slice(at));
      const stands = next !== null && text(next[1], next[2]).startsWith("-");
      open.push(stands);
      return !stands ? "" : whole === "\x04" ? "(" : "\\left( ";
    }
    return !open.pop() ? "" : whole === "\x05" ? ")" : " \\right)";
  });
}

/**
 * An array of numbers as a matrix, the middle of more than four rows or columns as dots; an entry that is meant is marked.
 * @param {number[][]} rows
 * @param {number} digits
 * @param {number[]} [entry] its row and column, from 0
 */
export function matrixTex(rows, digits, entry = []) {
  const [at, column] = entry;
  const columns = kept(rows[0]?.length ?? 0, column);
  const dots = (/** @type {string} */ sign) => columns.map(() => sign).join(" & ");
  const lines = kept(rows.length, at).map((row) => {
    if (row < 0) return dots("\\vdots");
    const cells = columns.map((k) => {
      if (k < 0) return "\\cdots";
      const text = marked(numberTex(rows[row][k], digits));
      return row === at && k === column ? `\\htmlData{e=1}{${text}}` : text;
    });
    return cells.join(" & ");
  });
  return `\\begin{bmatrix} ${lines.join(" \\\\ ")} \\end{bmatrix}`;
}

/**
 * Which of so many are shown: the first two, the last one and the one that is meant; -1 for dots between.
 * @param {number} count
 * @param {number | undefined} meant
 */
function kept(count, meant) {
  if (count <= 4) return Array.from({ length: count }, (_, at) => at);
  const shown = [...new Set([0, 1, meant ?? 0, count - 1])].sort((one, other) => one - other);
  return shown.flatMap((at, k) => (k && at > shown[k - 1] + 1 ? [-1, at] : [at]));
}

/**
 * A formula without what links it to the drawing.
 * @param {string} latex
 */
export function bare(latex) {
  const mark = "\\htmlData{";
  let text = latex;
  for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, at)) {
    const open = text.indexOf("}", at) + 1;
    const close = closing(text, open);
    text = text.slice(0, at) + text.slice(open + 1, close) + text.slice(close + 1);
  }
  return text;
}

/**
 * Where the bracket that opens at a place is closed.
 * @param {string} text
 * @param {number} open
 */
function closing(text, open) {
  let depth = 0;
  for (let at = open; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === "{") depth++;
    else if (text[at] === "}" && --depth === 0) return at;
  }
  return text.length;
}
