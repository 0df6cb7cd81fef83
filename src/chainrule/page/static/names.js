// Names of symbols (`w_11^2`, `x_0`): read, spelled, and put into lines that have holes for subscripts.

/** @typedef {import("./types.d.ts").Bundle} Bundle */
/** @typedef {import("./types.d.ts").Quantity} Quantity */
/** @typedef {import("./types.d.ts").Read} Read */

const HOLE = /([\x00\x03])([^\x00\x03]*)\1/g;
const NAME = /^([a-z]+)(?:_([0-9]+(?:,[0-9]+)?))?(?:\^([0-9]+)(?:,([0-9]+))?)?$/;

/**
 * Subscripts as they are written: 11, but 10,3.
 * @param {(string | number)[]} parts
 * @param {string} comma
 */
function joined(parts, comma = ",") {
  const texts = parts.map(String);
  return texts.join(texts.every((text) => text.length === 1) ? "" : comma);
}

/**
 * A text with its holes filled: within LaTeX in braces where there is need, within names (where ; stands for a comma) bare.
 * @param {string} template
 * @param {number[]} indices
 */
export function fill(template, indices) {
  return template.replace(HOLE, (_, mark, spec) => {
    const parts = spec.split(";").map((/** @type {string} */ part) => {
      const found = /^#([0-9]+)([+-][0-9]+)$/.exec(part);
      return found ? indices[Number(found[1])] + Number(found[2]) : part;
    });
    if (mark === "\x03") return joined(parts, ";");
    const text = joined(parts);
    return text.length === 1 ? text : `{${text}}`;
  });
}

/** The names of one bundle's symbols. */
export class Names {
  /** @param {Bundle} bundle */
  constructor(bundle) {
    this.quantities = bundle.quantities;
    /** @type {Map<string, number>} */
    this.byKey = new Map(bundle.quantities.map((q, at) => [this.key(q.kind, q.layer, q.source), at]));
    /** @type {Map<string, string>} */
    this.chief = new Map(bundle.net.ties.flatMap((group) => group.map((name) => [name, group[0]])));
    this.support = bundle.quantities.map((q) => (q.support ? new Set(q.support.map(String)) : null));
    /** @type {Map<string, Read | null>} */
    this.known = new Map();
  }

  /**
   * @param {string} kind
   * @param {number | null} layer
   * @param {number | null} source
   */
  key(kind, layer, source) {
    return `${kind} ${layer} ${source}`;
  }

  /**
   * What a name means, or null where the network has nothing of that name. Indices count from 1.
   * @param {string} name
   * @returns {Read | null}
   */
  read(name) {
    const own = this.chief.get(name) ?? name;
    let found = this.known.get(own);
    if (found === undefined) {
      found = this.parse(own);
      this.known.set(own, found);
    }
    return found;
  }

  /**
   * @param {string} name
   * @returns {Read | null}
   */
  parse(name) {
    const found = this.locate(name);
    const support = found && this.support[found.q];
    return found && support && !support.has(String(found.indices)) ? null : found;
  }

  /**
   * Where a name stands, whether or not its edge is there, or is another one's.
   * @param {string} name
   * @returns {Read | null}
   */
  locate(name) {
    const match = NAME.exec(name);
    if (!match) return null;
    const [, kind, sub = "", sup, from] = match;
    const layer = sup === undefined ? null : Number(sup);
    const source = kind === "w" && layer !== null ? (from === undefined ? layer - 1 : Number(from)) : null;
    const q = this.byKey.get(this.key(kind, layer, source));
    if (q === undefined) return null;
    const size = this.quantities[q].size;
    let parts = sub === "" ? [] : sub.includes(",") || kind !== "w" ? sub.split(",") : [...sub];
    let indices = parts.map((part) => Number(part) + (kind === "x" ? 1 : 0));
    if (!indices.length && size.length === 1 && size[0] === 1) indices = [1];
    if (indices.length !== size.length || indices.some((index, at) => index < 1 || index > size[at])) return null;
    return { q, indices };
  }

  /**
   * The plain name of a quantity at its indices.
   * @param {number} q
   * @param {number[]} indices
   */
  spell(q, indices) {
    const { kind, layer, source, size } = this.quantities[q];
    const alone = (kind === "pred" || kind === "true") && size[0] === 1;
    const sub = alone ? [] : indices.map((index) => (kind === "x" ? index - 1 : index));
    const skips = source !== null && layer !== null && source !== layer - 1;
    return kind + (sub.length ? `_${joined(sub)}` : "") + (layer === null ? "" : `^${layer}${skips ? `,${source}` : ""}`);
  }

  /**
   * The indices that lines have holes for: those that can take more than one value.
   * @param {Read} read
   */
  running({ q, indices }) {
    return indices.filter((_, at) => this.quantities[q].size[at] > 1);
  }

  /**
   * The names of all places of a quantity, in order.
   * @param {number} q
   * @returns {Generator<string>}
   */
  *all(q) {
    const { size, support } = this.quantities[q];
    if (support) {
      for (const place of support) yield this.spell(q, place);
    } else if (size.length === 2) {
      for (let i = 1; i <= size[0]; i++) for (let j = 1; j <= size[1]; j++) yield this.spell(q, [i, j]);
    } else if (size.length === 1) {
      for (let i = 1; i <= size[0]; i++) yield this.spell(q, [i]);
    } else {
      yield this.spell(q, []);
    }
  }

  /**
   * The quantity of a kind in a layer, or -1.
   * @param {string} kind
   * @param {number | null} layer
   * @param {number | null} [source]
   */
  find(kind, layer, source = null) {
    return this.byKey.get(this.key(kind, layer, source)) ?? -1;
  }
}
