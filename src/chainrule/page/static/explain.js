// What the box beside a mark says: of a symbol and its numbers, of a line or a word of the drawing, of a control.

import { markAt } from "./factors.js";
import { numberText } from "./tex.js";

/** @typedef {import("./page.js").Page} Page */

/**
 * What is said of what the pointer or the focus is on; nothing where there is nothing to say.
 * @param {Page} page
 * @param {Element} target
 * @returns {string[]}
 */
export function explain(page, target) {
  if (page.figure.stage.contains(target)) return drawn(page, target);
  const mark = markAt(target);
  if (mark) return meaning(page, mark.kind, mark.name);
  const words = target.closest("[data-tip]")?.getAttribute("data-tip");
  return words ? [words] : [];
}

/** @param {Page} page @param {string} kind @param {string} name @returns {string[]} */
function meaning(page, kind, name) {
  const { model, digits } = page;
  const number = (/** @type {number} */ value) => numberText(value, digits);
  if (kind === "p") return [`∂loss/∂${name} = ${number(model.partial(name))}`];
  if (kind === "l") return [`∂${name.replace("|", "/∂")} = ${number(Number(page.value(kind, name)))}`];
  if (kind === "m") {
    const rows = model.matrix(name);
    return [rows ? page.say("follow.matrix_of", { name, rows: rows.length, columns: rows[0]?.length ?? 1 }) : name];
  }
  return [page.about(name), ...numbers(page, name)];
}

/** A symbol's number, and that of the derivative by it. @param {Page} page @param {string} name */
function numbers({ model, digits }, name) {
  const [value, partial] = [model.number(name), model.partial(name)];
  return [
    ...(Number.isNaN(value) ? [] : [`${name} = ${numberText(value, digits)}`]),
    ...(Number.isNaN(partial) ? [] : [`∂loss/∂${name} = ${numberText(partial, digits)}`]),
  ];
}

/** What is said of a part of the drawing. @param {Page} page @param {Element} target @returns {string[]} */
function drawn(page, target) {
  const { layers } = page.figure;
  const local = target.closest("[data-l]")?.getAttribute("data-l");
  if (local) return [page.say("about.local"), ...meaning(page, "l", local)];
  const symbol = target.closest("[data-symbol], [data-label]");
  if (symbol) {
    const name = symbol.getAttribute("data-symbol") ?? symbol.getAttribute("data-label") ?? "";
    return [page.about(name), ...numbers(page, name)];
  }
  const door = target.closest("[data-door]")?.getAttribute("aria-label");
  if (door) return [door];
  const edge = target.closest("g[data-from][data-to]");
  if (edge) return along(page, edge.getAttribute("data-from") ?? "", edge.getAttribute("data-to") ?? "");
  if (target.closest(".thicket")) {
    const counts = layers.thickets.map(({ edges }) => edges.length.toLocaleString("en"));
    return [page.say("about.thicket", { count: counts.join(" + ") })];
  }
  if (target.closest(".faint")) return [page.say("about.faint")];
  if (target.closest(".dots, .count")) return [page.say("about.hidden")];
  if (target.closest(".frame")) return [page.say("about.frame")];
  const word = target.closest(".captions text");
  return word ? below(page, word) : [];
}

/** An edge that is no weight's: into the loss, or between units that act together. @param {Page} page @param {string} from @param {string} to */
function along(page, from, to) {
  const own = page.figure.edges.find((edge) => edge.from === from && edge.to === to);
  const by = own?.node.classList.contains("bow") ? page.before(from) : from;
  const local = page.model.local(to, by, page.notation);
  return [page.say("about.edge", { from: by, to }), ...(local ? [`∂${to}/∂${by} = ${numberText(local.value, page.digits)}`] : [])];
}

/** The words under a column, or above the drawing. @param {Page} page @param {Element} word */
function below(page, word) {
  const { columns } = page.figure.layers;
  if (word.classList.contains("title")) return [page.title()];
  const x = Number(word.getAttribute("x"));
  const own = columns.reduce((best, one) => (Math.abs(one.x - x) < Math.abs(best.x - x) ? one : best), columns[0]);
  const { sizes } = page.bundle.net;
  const { level } = own;
  if (!(level in sizes)) return [page.about(own.units[0].name === "loss" ? "loss" : own.units[0].name)];
  const count = sizes[level];
  if (level === 0) return [page.say("about.inputs", { count })];
  return [page.say("about.layer", { level, count, activation: page.say(`layer.${level}`) })];
}
