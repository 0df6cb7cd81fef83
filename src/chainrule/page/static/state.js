// What a person sees and has put in, as the part of the address behind #: a link is a lesson.

/** @typedef {import("./page.js").Page} Page */

const MOST = 400;

/**
 * @param {Page} page
 * @returns {string}
 */
export function written(page) {
  const { model, bundle } = page;
  const found = new URLSearchParams();
  const put = (/** @type {string} */ key, /** @type {string} */ value, /** @type {string} */ usual) => value !== usual && found.set(key, value);
  put("of", page.selected, "");
  put("step", page.follow.state, "");
  put("tab", page.tab, "follow");
  put("lang", page.lang, bundle.lang);
  put("notation", page.notation, bundle.notation);
  put("theme", page.theme, "");
  put("open", [...page.figure.opened].sort((one, other) => one - other).join(","), "");
  put("row", String(model.row + 1), "1");
  const rows = (/** @type {number[][]} */ table) => table.map((row) => row.join(",")).join(";");
  put("x", rows(model.x), rows(bundle.numbers.x));
  put("true", rows(model.target), rows(bundle.numbers.target));
  const changed = [];
  for (let at = 0; at < model.p.length && changed.length < MOST; at++) {
    if (model.p[at] !== bundle.numbers.p[at]) changed.push(`${at}:${model.p[at]}`);
  }
  put("p", changed.join(","), "");
  return found.toString();
}

/** @param {string} text a number, or NaN where it is none */
const number = (text) => (text.trim() === "" ? NaN : Number(text));

/**
 * Puts into the page what an address says; what does not fit is left as it is.
 * @param {Page} page
 * @param {string} hash
 */
export function read(page, hash) {
  const { model, bundle } = page;
  const found = new URLSearchParams(hash.replace(/^#/, ""));
  const table = (/** @type {string | null} */ text, /** @type {number} */ width) => {
    const rows = (text ?? "").split(";").map((row) => row.split(",").map(number));
    const fits = text !== null && rows.length <= 64 && rows.every((row) => row.length === width && row.every(Number.isFinite));
    return fits ? rows : null;
  };
  const x = table(found.get("x"), bundle.net.sizes[0]);
  const target = table(found.get("true"), bundle.numbers.target[0].length);
  const rows = (x ?? model.x).length;
  if ((target ?? model.target).length === rows) {
    model.x = x ?? model.x;
    model.target = target ?? model.target;
  }
  for (const part of (found.get("p") ?? "").split(",")) {
    const [at, value] = part.split(":").map(number);
    if (part && Number.isInteger(at) && at in model.p && Number.isFinite(value)) model.p[at] = value;
  }
  const row = Number(found.get("row") ?? 1) - 1;
  if (Number.isInteger(row) && row >= 0 && row < model.count) model.row = row;
  model.changed();
  const lang = found.get("lang") ?? bundle.lang;
  page.lang = lang === "ko" ? "ko" : "en";
  const notation = found.get("notation") ?? bundle.notation;
  page.notation = Object.hasOwn(bundle.notations, notation) ? notation : bundle.notation;
  const theme = found.get("theme") ?? "";
  page.theme = ["light", "dark"].includes(theme) ? theme : "";
  page.tab = found.get("tab") ?? "follow";
  page.figure.opened = new Set((found.get("open") ?? "").split(",").map(number).filter(Number.isInteger));
  const name = found.get("of") ?? "";
  page.selected = name === "loss" || model.names.read(name) ? name : "";
  return found.get("step") ?? "";
}
