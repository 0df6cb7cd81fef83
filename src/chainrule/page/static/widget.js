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
      page.setTheme(dark() ? "dark" : "light");
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
        model.off("change:weights", given);
        model.off("change:selected", chosen);
        page.destroy();
      };
    },
  };
}

/** Whether the notebook around is dark: JupyterLab, VS Code and marimo say so in three ways. */
function dark() {
  const { body, documentElement: html } = document;
  const says = body.dataset.jpThemeLight === "false" || body.classList.contains("vscode-dark") || body.classList.contains("vscode-high-contrast");
  return says || html.classList.contains("dark") || body.classList.contains("dark");
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
