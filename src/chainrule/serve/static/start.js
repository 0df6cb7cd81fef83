// The page behind `chainrule serve`: what the server adds to it, and which figure it begins with.

import { make } from "../../page/static/dom.js";
import { mount } from "../../page/static/page.js";
import { EditPanel } from "./edit.js";
import { JudgePanel } from "./judge.js";
import { Server, numbersOf } from "./server.js";
import { TrainPanel } from "./train.js";

/** @typedef {import("../../page/static/page.js").Page} Page */

/** @type {Record<string, string>} */
const FORMS = { PDF: "pdf", "LaTeX (.tex)": "latex", Typst: "typst", C: "c", "C (embedded)": "c-embedded", NumPy: "numpy", PyTorch: "torch", JAX: "jax", "HTML (lesson)": "lesson" };

const root = /** @type {HTMLElement} */ (document.getElementById("page"));

async function begin() {
  const server = new Server(await (await fetch("/api/start")).json());
  const asked = new URLSearchParams(location.search).get("net");
  let notice = "";
  /** @type {Awaited<ReturnType<Server["derive"]>>} */
  let found;
  try {
    found = await server.derive(asked ?? server.start.network);
  } catch (error) {
    if (asked === null) throw error;
    notice = server.say("server.refused", { why: error instanceof Error ? error.message : "" });
    found = await server.derive(server.start.network);
  }
  const panels = [new EditPanel(server), new JudgePanel(server), new TrainPanel(server)];
  /** @type {Page} */
  let page;
  page = mount(root, found.bundle, found.code, {
    judge: async (text, { format }) => (await server.ask("/api/judge", { document: text, format, network: server.net, lang: page.lang })).json(),
    export: async (form) => {
      const fields = { form: FORMS[form], network: server.net, ...numbersOf(page), lang: page.lang, notation: page.notation, selected: page.selected };
      const answer = await server.ask("/api/export", fields);
      const name = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") ?? "")?.[1] ?? `network.${FORMS[form]}`;
      return new File([await answer.blob()], name, { type: answer.headers.get("Content-Type") ?? "" });
    },
    exports: Object.keys(FORMS).filter((form) => server.start.exports.includes(FORMS[form])),
    panels: panels.map((panel) => ({
      id: panel.id,
      title: { en: server.start.texts.en[`title.${panel.id}`], ko: server.start.texts.ko[`title.${panel.id}`] },
      tip: { en: server.start.texts.en[`tab.${panel.id}`], ko: server.start.texts.ko[`tab.${panel.id}`] },
      mount: (/** @type {HTMLElement} */ node, /** @type {Page} */ own) => {
        server.lang = own.lang;
        document.documentElement.lang = own.lang;
        document.title = `${own.title()} · chainrule`;
        return panel.mount(node, own);
      },
    })),
  });
  if (notice) root.prepend(make("p", { class: "cr-notice", role: "alert" }, notice));
}

begin().catch((error) => {
  root.replaceChildren(make("p", { class: "cr-notice", role: "alert" }, error instanceof Error ? error.message : String(error)));
});
