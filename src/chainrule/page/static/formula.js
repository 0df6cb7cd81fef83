// What a person types as an answer, read and computed: numbers, names of symbols, ∂loss/∂…, + − · / ( ) and powers.
// It is never run as code.

/** @typedef {{type: string, text: string, at: number}} Token */
/** @typedef {(symbol: (kind: string, name: string) => number) => number} Formula */

const TOKEN = /\s*(?:(?<number>\d+(?:\.\d*)?|\.\d+)|(?<partial>(?:∂|d)loss\s*\/\s*(?:∂|d)\s*(?<by>[a-z]+(?:_\{?[0-9,]+\}?)?(?:\^\{?[0-9,]+\}?)?))|(?<name>(?:pred|true|loss|[a-z])(?:_\{?[0-9,]+\}?(?:\^\{?[0-9,]+\}?)?)?)|(?<sign>[-+−–*·×/÷()^²³]))/gy;

/** An answer may be this long; a person writes no longer one, and a browser's stack is short. */
export const LONGEST = 4000;
const DEEPEST = 200;

/** A formula that cannot be read: where, and what stands there. */
export class Unreadable extends Error {
  /** @param {number} at @param {string} read */
  constructor(at, read) {
    super(read);
    this.at = at;
    this.read = read;
  }
}

/**
 * @param {string} text
 * @returns {Token[]}
 */
function tokens(text) {
  /** @type {Token[]} */
  const found = [];
  let end = 0;
  for (const match of text.matchAll(TOKEN)) {
    const groups = match.groups ?? {};
    const type = groups.number ? "number" : groups.partial ? "partial" : groups.name ? "name" : "sign";
    const plain = (groups.by ?? groups.name ?? "").replace(/[{}]/g, "");
    end = match.index + match[0].length;
    found.push({ type, text: type === "number" || type === "sign" ? match[0].trim() : plain, at: match.index });
  }
  const rest = text.slice(end).trim();
  if (rest) throw new Unreadable(text.length - text.slice(end).trimStart().length, rest.slice(0, 12));
  return found;
}

/**
 * A typed formula, read; symbols that `known` does not know are unreadable.
 * @param {string} text
 * @param {(kind: string, name: string) => boolean} known
 * @returns {Formula}
 */
export function readFormula(text, known) {
  const all = tokens(text);
  let at = 0;
  let depth = 0;
  const end = text.length;
  const peek = () => all[at] ?? { type: "end", text: "", at: end };
  const is = (/** @type {string} */ signs) => peek().type === "sign" && signs.includes(peek().text);
  const fail = () => {
    throw new Unreadable(peek().at, peek().text);
  };
  /** @type {() => Formula} */
  const sum = () => {
    let left = product();
    while (is("+-−–")) {
      const sign = all[at++].text === "+" ? 1 : -1;
      const [one, other] = [left, product()];
      left = (symbol) => one(symbol) + sign * other(symbol);
    }
    return left;
  };
  /** @type {() => Formula} */
  const product = () => {
    let left = signed();
    for (;;) {
      const divides = is("/÷");
      if (is("*·×/÷")) at++;
      else if (!(is("(") || ["number", "name", "partial"].includes(peek().type))) return left;
      const [one, other] = [left, signed()];
      left = divides ? (symbol) => one(symbol) / other(symbol) : (symbol) => one(symbol) * other(symbol);
    }
  };
  /** @type {() => Formula} */
  const signed = () => {
    if (++depth > DEEPEST) fail();
    let sign = 1;
    for (; is("+-−–"); at++) if (peek().text !== "+") sign = -sign;
    const inner = power();
    depth -= 1;
    return sign === 1 ? inner : (symbol) => -inner(symbol);
  };
  /** @type {() => Formula} */
  const power = () => {
    const base = atom();
    if (is("²³")) {
      const exponent = all[at++].text === "²" ? 2 : 3;
      return (symbol) => base(symbol) ** exponent;
    }
    if (!is("^")) return base;
    at++;
    const exponent = signed();
    return (symbol) => base(symbol) ** exponent(symbol);
  };
  /** @type {() => Formula} */
  const atom = () => {
    const token = peek();
    at++;
    if (token.type === "number") return () => Number(token.text);
    if (token.type === "name" || token.type === "partial") {
      const kind = token.type === "partial" ? "p" : "s";
      if (!known(kind, token.text)) throw new Unreadable(token.at, token.text);
      return (symbol) => symbol(kind, token.text);
    }
    if (token.type === "sign" && token.text === "(") {
      const inner = sum();
      if (!is(")")) fail();
      at++;
      return inner;
    }
    at--;
    return fail();
  };
  const found = sum();
  if (peek().type !== "end") fail();
  return found;
}
