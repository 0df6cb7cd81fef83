// The server, as the page sees it: what is asked, what comes back, and what is said when nothing does.

/** @typedef {import("../../page/static/page.js").Page} Page */

/**
 * What the server says at the beginning.
 * @typedef {{network: string, lang: string, exports: string[], activations: string[], losses: string[], optimizers: string[],
 *   initials: string[], texts: Record<string, Record<string, string>>}} Start
 */

/**
 * What can be changed of a figure, as it is.
 * @typedef {{inputs: number, loss: string, layers: {size: number, activation: string | null, bias: boolean | null}[]}} Shape
 */

/** The server, and what the panels share. */
export class Server {
  /** @param {Start} start */
  constructor(start) {
    this.start = start;
    this.lang = start.lang;
    this.net = "";
    /** @type {Shape} */
    this.shape = { inputs: 1, loss: "", layers: [] };
    /** @type {string[]} */
    this.data = [];
  }

  /**
   * A sentence of the panels.
   * @param {string} key
   * @param {Record<string, any>} [facts]
   */
  say(key, facts = {}) {
    const template = this.start.texts[this.lang][key] ?? key;
    return template.replace(/\{(\w+)\}/g, (whole, name) => (name in facts ? String(facts[name]) : whole));
  }

  /**
   * Asks for something, and gives the answer.
   * @param {string} path
   * @param {Record<string, any>} fields
   * @returns {Promise<Response>}
   */
  async ask(path, fields) {
    const headers = { "Content-Type": "application/json", "Accept-Language": this.lang };
    let answer;
    try {
      answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(fields) });
    } catch {
      throw new Error(this.say("server.gone"));
    }
    if (!answer.ok) {
      const body = await answer.json().catch(() => null);
      throw new Error(body?.error?.message ?? `${answer.status} ${answer.statusText}`);
    }
    return answer;
  }

  /**
   * A figure, derived; the panels know what it is from then on.
   * @param {string} network shorthand or TOML
   * @param {Record<string, any>} [fields]
   */
  async derive(network, fields = {}) {
    const found = await (await this.ask("/api/derive", { network, lang: this.start.lang, ...fields })).json();
    const code = await import(found.code);
    this.net = found.bundle.net.toml;
    this.shape = found.figure;
    this.data = found.data;
    return { bundle: found.bundle, code, numbers: found.numbers };
  }

  /** Puts the figure into the address, so that a link leads to it. @param {string} network */
  address(network) {
    const search = network === this.start.network ? "" : `?net=${encodeURIComponent(network)}`;
    history.replaceState(null, "", location.pathname + search + location.hash);
  }
}

/**
 * The numbers on the screen, as the server takes them.
 * @param {Page} page
 */
export function numbersOf(page) {
  const { p, x, target } = page.model;
  return { p: [...p], x: x.flat(), target: target.flat() };
}

/**
 * Rows of so many numbers.
 * @param {number[]} flat
 * @param {number} wide
 */
export function rowsOf(flat, wide) {
  return Array.from({ length: flat.length / wide }, (_, row) => flat.slice(row * wide, (row + 1) * wide));
}
