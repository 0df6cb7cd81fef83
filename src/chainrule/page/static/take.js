// The panel to take along: what is on the screen as a file, or as a link.

import { make } from "./dom.js";
import { matrixLines, matrixNumbers } from "./follow.js";
import { shape } from "./svg.js";
import { bare, matrixTex, numberTex, putNumbers } from "./tex.js";

/** @typedef {import("./page.js").Page} Page */

export class Take {
  /** @param {Page} page */
  constructor(page) {
    this.page = page;
    this.node = make("div", { class: "cr-take" });
    this.said = make("p");
  }

  get id() {
    return "take";
  }

  load() {
    const { page } = this;
    const button = (/** @type {string} */ label, /** @type {() => void} */ act) =>
      make("button", { type: "button", class: "cr-button", "data-tip": page.say("take.file", { form: label }), onclick: act }, label);
    this.said = make("p", { class: "cr-note", role: "status" });
    const own = [
      button("SVG", () => save(svgText(page), "network.svg", "image/svg+xml")),
      button("PNG", () => this.png()),
      button("LaTeX", () => save(latexText(page), "lines.tex", "text/x-tex")),
      button("Markdown", () => save(markdownText(page), "lines.md", "text/markdown")),
      button("TOML", () => save(tomlText(page), "network.toml", "application/toml")),
      button("JSON", () => save(numbersText(page), "numbers.json", "application/json")),
    ];
    const forms = page.services.exports ?? [];
    const served = forms.length
      ? [make("h3", {}, page.say("take.served")), make("p", { class: "cr-note" }, page.say("take.served_note")),
        make("div", { class: "cr-row" }, ...forms.map((form) => button(form, () => this.fetch(form))))]
      : [];
    const link = page.addressed
      ? [make("h2", {}, page.say("take.link")), make("p", { class: "cr-note" }, page.say("take.link_note")),
        make("div", { class: "cr-row" }, make("button", { type: "button", class: "cr-button", "data-tip": page.say("tip.take.copy"), onclick: () => this.copy() }, page.say("take.copy")),
          make("button", { type: "button", class: "cr-button", "data-tip": page.say("tip.take.print"), onclick: () => window.print() }, page.say("take.print")))]
      : [];
    this.node.replaceChildren(make("h2", {}, page.say("take.files")), make("p", { class: "cr-note" }, page.say("take.note")),
      make("div", { class: "cr-row" }, ...own), ...served, this.said, ...link);
  }

  choose() {}

  update() {}

  async copy() {
    this.page.save(true);
    try {
      await navigator.clipboard.writeText(location.href);
      this.said.textContent = this.page.say("take.copied");
    } catch {
      this.said.textContent = location.href;
    }
  }

  /** @param {string} form */
  async fetch(form) {
    try {
      const blob = await this.page.services.export?.(form);
      if (blob) download(blob, blob instanceof File ? blob.name : `network.${form.toLowerCase()}`);
    } catch (error) {
      this.said.textContent = error instanceof Error ? error.message : String(error);
    }
  }

  png() {
    const image = new Image();
    image.onload = () => {
      const canvas = /** @type {HTMLCanvasElement} */ (make("canvas", { width: image.width, height: image.height }));
      canvas.getContext("2d")?.drawImage(image, 0, 0);
      canvas.toBlob((blob) => blob && download(blob, "network.png"), "image/png");
    };
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svgText(this.page, 2))}`;
  }
}

/**
 * @param {string} text
 * @param {string} name
 * @param {string} type
 */
function save(text, name, type) {
  download(new Blob([text], { type }), name);
}

/** @param {Blob} blob @param {string} name */
function download(blob, name) {
  const link = /** @type {HTMLAnchorElement} */ (make("a", { download: name }));
  link.href = URL.createObjectURL(blob);
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

const WRITTEN = ["fill", "stroke", "stroke-width", "stroke-dasharray", "opacity", "font-weight"];
const WRITTEN_TEXT = ["font-family", "font-size", "text-anchor", "paint-order", "stroke-linejoin", "font-variant-numeric"];

/**
 * The drawing as it is on the screen, standing alone: its styles written into it, on the paper that it is on.
 * @param {Page} page
 * @param {number} [pixels] how many of them a length of the drawing has
 */
export function svgText(page, pixels = 1) {
  const { svg, home, locals } = page.figure;
  const copy = /** @type {SVGSVGElement} */ (svg.cloneNode(true));
  copy.append(locals.cloneNode(true));
  copy.removeAttribute("style");
  const shapes = "path, circle, rect, text, tspan";
  const own = [svg, locals].flatMap((node) => [...node.querySelectorAll(shapes)]);
  [...copy.querySelectorAll(shapes)].forEach((node, at) => {
    const style = getComputedStyle(own[at]);
    const number = node.closest(".cr-locals") !== null;
    for (const name of number ? [...WRITTEN, ...WRITTEN_TEXT] : WRITTEN) {
      if (!(name === "fill" && node.tagName === "path" && node.closest(".edges") && !node.classList.contains("head"))) node.setAttribute(name, style.getPropertyValue(name));
    }
    const local = node.getAttribute("data-l");
    if (local) {
      const title = shape("title");
      title.textContent = `∂${local.replace("|", "/∂")}`;
      node.append(title);
    }
  });
  // What is there to be pressed or pointed at stays behind.
  for (const node of copy.querySelectorAll(".hit, [data-door] .area, [data-door][aria-expanded=true]")) node.remove();
  for (const node of copy.querySelectorAll("*")) {
    for (const name of ["tabindex", "role", "aria-pressed", "aria-describedby", "aria-expanded", "aria-hidden", "pointer-events", "data-door", "data-owner"]) node.removeAttribute(name);
  }
  const { left: x, top: y, width, height } = home;
  copy.prepend(shape("rect", { class: "paper", x, y, width, height, fill: getComputedStyle(page.root).backgroundColor }));
  copy.setAttribute("role", "img");
  copy.setAttribute("viewBox", `${x} ${y} ${width} ${height}`);
  for (const [name, side] of Object.entries({ width, height })) copy.setAttribute(name, String(pixels === 1 ? side : Math.round(side * pixels)));
  return new XMLSerializer().serializeToString(copy);
}

/**
 * The lines on the screen, or those of every symbol that was computed where none is chosen.
 * @param {Page} page
 */
function linesOf(page) {
  const { follow, model, notation } = page;
  const found = [];
  const all = follow.steps;
  for (let at = 0; at < Math.min(all.length, 2000); at++) {
    const entry = all.at(at);
    if (page.selected && page.figure.unit(entry.name) !== page.figure.unit(page.selected)) continue;
    const line = model.line(entry.name, entry.backward, notation);
    if (!line) continue;
    const sides = line.line.sides.map(bare);
    if (line.line.put !== undefined && !line.general) {
      sides.push(bare(putNumbers(line.line.put, page.value.bind(page), page.digits)));
      const value = entry.backward ? model.partial(entry.name) : model.number(entry.name);
      if (sides[sides.length - 1] !== numberTex(value, page.digits)) sides.push(numberTex(value, page.digits));
    }
    found.push(sides.join(" = "));
  }
  return [...found, ...matrixLinesOf(page)];
}

/**
 * The lines about whole layers, with the arrays that are on the screen.
 * @param {Page} page
 */
function matrixLinesOf(page) {
  const { follow, bundle, notation, digits } = page;
  const all = Array.from({ length: Math.min(follow.steps.length, 2000) }, (_, at) => follow.steps.at(at));
  const entries = all.filter((entry) => !page.selected || page.figure.unit(entry.name) === page.figure.unit(page.selected));
  const known = new Set();
  return matrixLines(page, entries).flatMap(({ line, entry }) => {
    const key = bundle.notations[notation].matrix.indexOf(line);
    if (known.has(key)) return [];
    known.add(key);
    const { number, value } = matrixNumbers(page, line, entry);
    const sides = line.sides.map(bare);
    if (line.put !== undefined) {
      sides.push(bare(putNumbers(line.put, number, digits)));
      const own = value();
      const last = own ? bare(matrixTex(own, digits)) : "";
      if (last && sides[sides.length - 1] !== last) sides.push(last);
    }
    return [sides.join(" = ")];
  });
}

/** @param {Page} page */
function latexText(page) {
  return linesOf(page).map((line) => `\\[ ${line} \\]\n`).join("");
}

/** @param {Page} page */
function markdownText(page) {
  return `# ${page.title()}\n\n${linesOf(page).map((line) => `$$${line}$$\n`).join("\n")}`;
}

/**
 * The figure with the numbers on the screen, as a sheet that `chainrule` reads.
 * @param {Page} page
 */
export function tomlText(page) {
  const { model, bundle } = page;
  const tables = { w: "", b: "" };
  bundle.quantities.forEach(({ kind, start }, q) => {
    if (start === undefined || (kind !== "w" && kind !== "b")) return;
    for (const name of model.names.all(q)) tables[kind] += `"${name}" = ${model.number(name)}\n`;
  });
  const rows = (/** @type {number[][]} */ table) => `[${table.map((row) => `[${row.join(", ")}]`).join(", ")}]`;
  const target = bundle.targets === "class" ? `[${model.target.map(([one]) => one).join(", ")}]` : rows(model.target);
  const parts = [tables.w && `[weights]\n${tables.w}`, tables.b && `[biases]\n${tables.b}`, `[samples]\nx = ${rows(model.x)}\ntrue = ${target}\n`];
  return [bundle.net.figure.trimEnd(), ...parts.filter(Boolean).map((part) => part.trimEnd())].join("\n\n") + "\n";
}

/** @param {Page} page */
function numbersText(page) {
  const { model } = page;
  const matrices = Object.fromEntries(page.bundle.quantities.filter((q) => q.start !== undefined).map((q) => [q.matrix, q.size.length === 1 ? model.matrix(q.matrix)?.[0] : model.matrix(q.matrix)]));
  return `${JSON.stringify({ ...matrices, X: model.x, true: model.target }, null, 1)}\n`;
}
