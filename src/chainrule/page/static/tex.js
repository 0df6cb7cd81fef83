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
  const trust = (/** @type {{command: string}} */ context) => context.command === "\\htmlData";
  katex.render(`\\displaystyle ${latex}`, node, { ...LIMITS, trust });
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
    ...words.map((part) => {
      if (typeof part === "string") return part;
      const span = document.createElement("span");
      setInline(span, fill(part.tex, indices));
      return span;
    }),
  );
}

/**
 * Sets a formula among words.
 * @param {HTMLElement} node
 * @param {string} latex
 */
export function setInline(node, latex) {
  const trust = (/** @type {{command: string}} */ context) => context.command === "\\htmlData";
  katex.render(latex, node, { ...LIMITS, trust });
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

const PUT = /\x01([a-z])=([^\x02]*)\x02/g;

/**
 * A line's last side with its numbers: each says what it is, and one below 0 stands in brackets where something is before it.
 * @param {string} put
 * @param {(kind: string, name: string) => number | number[][] | null} number
 * @param {number} digits
 */
export function putNumbers(put, number, digits) {
  return put.replace(PUT, (whole, kind, name, offset) => {
    const value = number(kind, name.replaceAll(";", ","));
    if (value === null) return "\\,?\\,";
    if (typeof value !== "number") return matrixTex(value, digits);
    const text = numberTex(value, digits);
    const before = put.slice(0, offset).trimEnd();
    const leads = before === "" || /[({\[=|]$|\\left\($|\\displaystyle$/.test(before);
    const shown = `\\htmlData{${kind}=${name}}{${text}}`;
    const after = put.slice(offset + whole.length);
    return text.startsWith("-") && (!leads || after.startsWith("^")) ? `(${shown})` : shown;
  });
}

/**
 * An array of numbers as a matrix, the middle of more than four rows or columns as dots.
 * @param {number[][]} rows
 * @param {number} digits
 */
export function matrixTex(rows, digits) {
  const shown = elided(rows.map((row) => elided(row.map((value) => numberTex(value, digits)), "\\cdots")), null);
  const width = shown.find((row) => row)?.length ?? 1;
  const lines = shown.map((row) => (row ?? Array(width).fill("\\vdots")).join(" & "));
  return `\\begin{bmatrix} ${lines.join(" \\\\ ")} \\end{bmatrix}`;
}

/**
 * @template T
 * @param {T[]} items
 * @param {T | any} dots
 * @returns {any[]}
 */
function elided(items, dots) {
  return items.length <= 4 ? items : [items[0], items[1], dots, items[items.length - 1]];
}

/**
 * A formula without what links it to the drawing.
 * @param {string} latex
 */
export function bare(latex) {
  let text = latex;
  for (let before = ""; before !== text; ) {
    before = text;
    text = text.replace(/\\htmlData\{[^{}]*\}(\{(?:[^{}]|\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\})*\})/g, (_, body) => body.slice(1, -1));
  }
  return text;
}
