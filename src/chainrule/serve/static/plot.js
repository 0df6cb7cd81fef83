// Pictures of a training: the loss by epoch, and what the network answers. The answers come from the page's own code.

import { make } from "../../page/static/dom.js";
import { numberText } from "../../page/static/tex.js";

/** @typedef {import("../../page/static/types.d.ts").Code} Code */

/**
 * What a training tells at its beginning.
 * @typedef {{p: number[], x: number[][], target: number[][], aside: number[], samples: number, kept: number, kind: string, logits: boolean,
 *   classes: string[], scale: Record<"x" | "target", {mean: number[], deviation: number[]}>, names: {x: string[], target: string[]},
 *   loss: number | null, settings: Record<string, any>}} Begin
 */

const SVG = "http://www.w3.org/2000/svg";
const WIDE = 320;
const HIGH = 200;
const LEFT = 46;
const BELOW = 22;
const GRID = 48;
const STEPS = 160;
/** Two ends and what lies between, told apart also by those who see fewer colours. */
const ENDS = [[224, 123, 0], [247, 247, 247], [20, 82, 184]];
const CLASSES = [[20, 82, 184], [224, 123, 0], [20, 101, 47], [163, 51, 15], [111, 66, 193], [0, 121, 134], [140, 100, 20], [84, 93, 103]];

/**
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 * @param {...(Node | string)} children
 */
function svg(tag, attributes, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, String(value));
  node.append(...children);
  return node;
}

/**
 * A frame with numbers at its ends, and how to get into it.
 * @param {[number, number]} across
 * @param {[number, number]} up
 * @param {(value: number) => string} [label]
 */
function frame(across, up, label = (value) => numberText(value, 3)) {
  const x = (/** @type {number} */ value) => LEFT + ((value - across[0]) / (across[1] - across[0] || 1)) * (WIDE - LEFT - 8);
  const y = (/** @type {number} */ value) => HIGH - BELOW - ((value - up[0]) / (up[1] - up[0] || 1)) * (HIGH - BELOW - 8);
  const nodes = [
    svg("path", { class: "cr-axis", d: `M${LEFT} 8V${HIGH - BELOW}H${WIDE - 8}` }),
    svg("text", { x: LEFT - 4, y: HIGH - BELOW, "text-anchor": "end" }, numberText(up[0], 3)),
    svg("text", { x: LEFT - 4, y: 16, "text-anchor": "end" }, numberText(up[1], 3)),
    svg("text", { x: LEFT, y: HIGH - 6 }, label(across[0])),
    svg("text", { x: WIDE - 8, y: HIGH - 6, "text-anchor": "end" }, label(across[1])),
  ];
  return { x, y, nodes };
}

/** @param {number[]} values @returns {[number, number]} the least and the most, a little apart */
function range(values, margin = 0) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (!(low <= high)) return [0, 1];
  const room = (high - low) * margin || (high === low ? Math.abs(high) * 0.1 || 1 : 0);
  return [low - room, high + room];
}

/**
 * The loss by epoch.
 * @param {SVGSVGElement} node
 * @param {[number, number | null, number | null][]} points epoch, loss, loss of what is kept aside
 */
export function drawCurve(node, points) {
  node.setAttribute("viewBox", `0 0 ${WIDE} ${HIGH}`);
  if (!points.length) return node.replaceChildren();
  const stride = Math.max(1, Math.ceil(points.length / 600));
  const shown = points.filter((_, at) => at % stride === 0 || at === points.length - 1);
  const all = shown.flatMap(([, loss, kept]) => [loss, kept]).filter((value) => value !== null);
  const { x, y, nodes } = frame([points[0][0], Math.max(points[points.length - 1][0], points[0][0] + 1)], [Math.min(0, ...range(all)), range(all)[1]], String);
  const line = (/** @type {1 | 2} */ which, /** @type {string} */ kind) => {
    const places = shown.filter((point) => point[which] !== null).map((point) => `${x(point[0]).toFixed(1)},${y(Number(point[which])).toFixed(1)}`);
    return svg("polyline", { class: kind, points: places.join(" ") });
  };
  node.replaceChildren(...nodes, line(1, "cr-training"), line(2, "cr-kept"));
  return undefined;
}

/** What a network answers, by its inputs. */
export class Answers {
  /**
   * @param {Begin} begin
   * @param {(key: string, facts?: Record<string, any>) => string} say
   */
  constructor(begin, say) {
    this.begin = begin;
    this.say = say;
    const { x, target, scale, kind, classes } = begin;
    this.inputs = x[0]?.length ?? 0;
    this.outputs = 1;
    this.classed = classes.length > 0 || ["index", "onehot", "shares"].includes(kind);
    const least = kind === "sign" ? -1 : 0;
    this.ends = kind === "number" ? range(target.flat()) : /** @type {[number, number]} */ ([least, 1]);
    this.extents = Array.from({ length: this.inputs }, (_, k) => range(x.map((row) => row[k]), 0.08));
    /** A number of the data, from what the network sees. */
    this.back = (/** @type {"x" | "target"} */ which, /** @type {number} */ k, /** @type {number} */ value) => value * scale[which].deviation[k] + scale[which].mean[k];
    const shape = this.inputs === 2 ? "surface" : this.inputs === 1 ? "fitted" : "scatter";
    const [first, second] = begin.names.x;
    const label = say(`train.${shape}_text`, { x: first, y: second, count: x.length });
    this.node = shape === "surface" ? make("canvas", { role: "img", "aria-label": label, width: 2 * GRID * 4, height: 2 * GRID * 4 }) : svg("svg", { role: "img", "aria-label": label, viewBox: `0 0 ${WIDE} ${HIGH}` });
    this.shape = shape;
    this.node.setAttribute("data-tip", label);
    const notes = [say(`train.${shape}`), begin.kept ? say("train.kept_aside") : "", begin.settings.standardise ? say("train.scaled") : ""];
    this.figure = make("figure", { class: "cr-plot" }, this.node, make("figcaption", {}, notes.filter(Boolean).join(" ")));
  }

  /**
   * The outputs for rows of inputs, as they are read: probabilities where they mean some.
   * @param {Code} code
   * @param {ArrayLike<number>} p
   * @param {number[][]} rows
   */
  read(code, p, rows) {
    const { target, kind, logits } = this.begin;
    const none = rows.flatMap(() => target[0]);
    const pred = /** @type {Float64Array} */ (code.compute(Float64Array.from(p), Float64Array.from(rows.flat()), Float64Array.from(none), rows.length).pred);
    this.outputs = pred.length / rows.length;
    return rows.map((_, row) => {
      const own = [...pred.subarray(row * this.outputs, (row + 1) * this.outputs)];
      if (!logits) return own;
      if (kind === "probability") return own.map((z) => 1 / (1 + Math.exp(-z)));
      const most = Math.max(...own);
      const shares = own.map((z) => Math.exp(z - most));
      const sum = shares.reduce((one, other) => one + other, 0);
      return shares.map((share) => share / sum);
    });
  }

  /** @param {Code} code @param {ArrayLike<number>} p */
  draw(code, p) {
    if (!this.begin.x.length) return;
    if (this.shape === "surface") this.surface(code, p);
    else if (this.shape === "fitted") this.fitted(code, p);
    else this.scatter(code, p);
  }

  /** @param {number[]} answer one output, or a share for each class @returns {number[]} a colour */
  colour(answer) {
    if (answer.length > 1) {
      const best = answer.indexOf(Math.max(...answer));
      const sure = Math.max(0, Math.min(1, (answer[best] * answer.length - 1) / (answer.length - 1)));
      return blend([247, 247, 247], CLASSES[best % CLASSES.length], 0.25 + 0.75 * sure);
    }
    const part = Math.max(0, Math.min(1, (answer[0] - this.ends[0]) / (this.ends[1] - this.ends[0] || 1)));
    return part < 0.5 ? blend(ENDS[0], ENDS[1], part * 2) : blend(ENDS[1], ENDS[2], part * 2 - 1);
  }

  /** @param {number} at the target of a sample, as an answer would be */
  truth(at) {
    const target = this.begin.target[at];
    if (this.begin.kind !== "index") return target;
    return Array.from({ length: this.outputs }, (_, k) => +(target[0] === k + 1));
  }

  /** @param {Code} code @param {ArrayLike<number>} p */
  surface(code, p) {
    const canvas = /** @type {HTMLCanvasElement} */ (this.node);
    const context = canvas.getContext("2d");
    if (!context) return;
    const [across, up] = this.extents;
    const rows = [];
    for (let row = 0; row < GRID; row++) {
      for (let column = 0; column < GRID; column++) {
        rows.push([across[0] + ((column + 0.5) / GRID) * (across[1] - across[0]), up[1] - ((row + 0.5) / GRID) * (up[1] - up[0])]);
      }
    }
    const cell = canvas.width / GRID;
    this.read(code, p, rows).forEach((answer, at) => {
      context.fillStyle = css(this.colour(answer));
      context.fillRect((at % GRID) * cell, Math.floor(at / GRID) * cell, cell + 0.5, cell + 0.5);
    });
    this.begin.x.forEach(([x, y], at) => {
      const left = ((x - across[0]) / (across[1] - across[0])) * canvas.width;
      const top = ((up[1] - y) / (up[1] - up[0])) * canvas.height;
      context.beginPath();
      context.arc(left, top, 5, 0, 2 * Math.PI);
      const colour = css(this.colour(this.truth(at)));
      if (this.begin.aside[at]) {
        context.strokeStyle = "#16191d";
        context.lineWidth = 5;
        context.stroke();
        context.strokeStyle = colour;
        context.lineWidth = 3;
      } else {
        context.fillStyle = colour;
        context.fill();
        context.strokeStyle = "#16191d";
        context.lineWidth = 1.2;
      }
      context.stroke();
    });
  }

  /** @param {Code} code @param {ArrayLike<number>} p */
  fitted(code, p) {
    const [across] = this.extents;
    const rows = Array.from({ length: STEPS + 1 }, (_, at) => [across[0] + (at / STEPS) * (across[1] - across[0])]);
    const answers = this.read(code, p, rows);
    const truths = this.begin.x.map((_, at) => this.truth(at));
    const up = range([...truths.flat(), ...answers.flat().filter(Number.isFinite)], 0.05);
    const { x, y, nodes } = frame(across, up, (value) => numberText(this.back("x", 0, value), 3));
    const points = this.begin.x.flatMap(([at], row) => truths[row].map((truth) => dot(x(at), y(truth), this.begin.aside[row])));
    const lines = Array.from({ length: this.outputs }, (_, k) => svg("polyline", { class: k ? "cr-kept" : "cr-training", points: rows.map(([at], row) => `${x(at).toFixed(1)},${y(answers[row][k]).toFixed(1)}`).join(" ") }));
    this.node.replaceChildren(...nodes, ...points, ...lines);
  }

  /** @param {Code} code @param {ArrayLike<number>} p */
  scatter(code, p) {
    const answers = this.read(code, p, this.begin.x);
    const truths = this.begin.x.map((_, at) => this.truth(at));
    const span = range([...truths.flat(), ...answers.flat().filter(Number.isFinite)], 0.05);
    const { x, y, nodes } = frame(span, span);
    const points = truths.flatMap((truth, row) => truth.map((value, k) => dot(x(value), y(answers[row][k]), this.begin.aside[row])));
    this.node.replaceChildren(...nodes, svg("path", { class: "cr-axis", d: `M${x(span[0])} ${y(span[0])}L${x(span[1])} ${y(span[1])}` }), ...points);
  }
}

/** @param {number} x @param {number} y @param {number} aside */
function dot(x, y, aside) {
  return svg("circle", { cx: x.toFixed(1), cy: y.toFixed(1), r: 2.4, class: aside ? "cr-point cr-aside" : "cr-point" });
}

/** @param {number[]} one @param {number[]} other @param {number} part */
function blend(one, other, part) {
  return one.map((value, k) => Math.round(value + (other[k] - value) * part));
}

/** @param {number[]} colour */
function css([red, green, blue]) {
  return `rgb(${red} ${green} ${blue})`;
}
