// The page in a notebook: the same page, its weights and its choice shared with Python.

import { mount } from "./page.js";

/** @typedef {import("./types.d.ts").Bundle} Bundle */
/** @typedef {import("./types.d.ts").Code} Code */
/** @typedef {{get(name: string): any, set(name: string, value: any): void, save_changes(): void,
 *   on(event: string, f: () => void): void, off(event: string, f: () => void): void}} Traits */

/**
 * What a notebook calls to show a network.
 * @param {Bundle} bundle
 * @param {Code} code
 */
export function widget(bundle, code) {
  return {
    /** @param {{model: Traits, el: HTMLElement}} what */
    render({ model, el }) {
      const root = document.createElement("div");
      el.append(root);
      const page = mount(root, bundle, code, { address: false });
      const dress = () => page.setAround(dark() ? "dark" : "light");
      dress();
      // Who changes the notebook's colours changes the widget's, unless its own have been chosen.
      const watch = new MutationObserver(dress);
      for (const node of [document.body, document.documentElement]) watch.observe(node, { attributes: true, attributeFilter: SAID_BY });
      let told = "";
      const given = () => {
        const weights = model.get("weights");
        if (JSON.stringify(weights) !== told) page.setNumbers({ p: packed(page, weights) });
      };
      const chosen = () => page.selected !== model.get("selected") && page.select(model.get("selected"));
      const tell = () => {
        const weights = unpacked(page);
        told = JSON.stringify(weights);
        if (told === JSON.stringify(model.get("weights"))) return;
        model.set("weights", weights);
        model.save_changes();
      };
      given();
      chosen();
      model.on("change:weights", given);
      model.on("change:selected", chosen);
      page.on("numbers", tell);
      page.on("select", (/** @type {string} */ name) => {
        if (name === model.get("selected")) return;
        model.set("selected", name);
        model.save_changes();
      });
      return () => {
        watch.disconnect();
        model.off("change:weights", given);
        model.off("change:selected", chosen);
        page.destroy();
      };
    },
  };
}

/** The attributes in which notebooks say whether they are dark. */
const SAID_BY = ["class", "data-vscode-theme-kind", "data-jp-theme-light"];

const KIND = /^vscode-(light|dark|high-contrast(-light)?)$/;

/** Whether the notebook around is dark: JupyterLab, VS Code and marimo say so in three ways. */
function dark() {
  const { body, documentElement: html } = document;
  // VS Code gives its light theme of high contrast the class of the dark one as well.
  const kind = body.dataset.vscodeThemeKind ?? [...body.classList].filter((one) => KIND.test(one)).sort().at(-1) ?? "";
  if (KIND.test(kind)) return !kind.endsWith("light");
  return body.dataset.jpThemeLight === "false" || html.classList.contains("dark") || body.classList.contains("dark");
}

const READY = Symbol.for("chainrule.fonts");

/**
 * Gives the formulas their fonts as bytes: a style sheet's fonts are not found from within a shadow tree, and
 * VS Code lets none in that stand in one.
 * @param {string[][]} fonts family, style, weight, the file in base 64
 */
export function useFonts(fonts) {
  const own = /** @type {Record<symbol, boolean>} */ (/** @type {unknown} */ (document));
  if (own[READY]) return;
  own[READY] = true;
  for (const [family, style, weight, file] of fonts) {
    document.fonts.add(new FontFace(family, Uint8Array.from(atob(file), (letter) => letter.charCodeAt(0)), { style, weight, display: "block" }));
  }
}

/** @param {import("./page.js").Page} page the matrices and vectors of weights by name, as Python has them */
function unpacked(page) {
  const own = page.bundle.quantities.filter((quantity) => quantity.start !== undefined);
  return Object.fromEntries(own.map((quantity) => {
    const rows = page.model.matrix(quantity.matrix) ?? [];
    return [quantity.matrix, quantity.size.length === 1 ? rows[0] : rows];
  }));
}

/**
 * @param {import("./page.js").Page} page
 * @param {Record<string, any>} weights
 */
function packed(page, weights) {
  const p = Float64Array.from(page.model.p);
  for (const { matrix, start } of page.bundle.quantities) {
    if (start !== undefined && matrix in weights) p.set(Float64Array.from(weights[matrix].flat()), start);
  }
  return p;
}
