// The numbers of a network. They are computed by the code module, which was emitted from the derivation; none are here.

import { Names, fill } from "./names.js";

/** @typedef {import("./types.d.ts").Bundle} Bundle */
/** @typedef {import("./types.d.ts").Code} Code */
/** @typedef {import("./types.d.ts").Arrays} Arrays */
/** @typedef {import("./types.d.ts").Link} Link */
/** @typedef {import("./types.d.ts").LinkEnd} LinkEnd */
/** @typedef {import("./types.d.ts").Line} Line */
/** @typedef {import("./types.d.ts").Group} Group */
/** @typedef {import("./types.d.ts").Read} Read */
/** @typedef {{of: string, link: number, args: number[]}} Step to what is computed from something, and by which link */

/** A network with numbers in it: one sample is followed, all of them are computed. */
export class Model {
  /**
   * @param {Bundle} bundle
   * @param {Code} code
   */
  constructor(bundle, code) {
    this.bundle = bundle;
    this.code = code;
    this.names = new Names(bundle);
    this.p = Float64Array.from(bundle.numbers.p);
    this.x = bundle.numbers.x.map((row) => [...row]);
    this.target = bundle.numbers.target.map((row) => [...row]);
    this.row = 0;
    /** @type {Map<string, Step[]>} */
    this.steps = new Map();
    /** @type {Arrays | null} */
    this.allCache = null;
    /** @type {Arrays | null} */
    this.oneCache = null;
    /** @type {Arrays | null} */
    this.oddCache = null;
  }

  get count() {
    return this.x.length;
  }

  /** Forget what was computed: a number has changed. */
  changed() {
    this.allCache = null;
    this.oneCache = null;
  }

  /** All samples, computed. */
  get all() {
    this.allCache ??= this.compute(this.p, this.x, this.target);
    return this.allCache;
  }

  /** The sample that is followed, computed alone. */
  get one() {
    this.oneCache ??= this.compute(this.p, [this.x[this.row]], [this.target[this.row]]);
    return this.oneCache;
  }

  /**
   * @param {Float64Array} p
   * @param {number[][]} x
   * @param {number[][]} target
   */
  compute(p, x, target) {
    return this.code.compute(p, Float64Array.from(x.flat()), Float64Array.from(target.flat()), x.length);
  }

  /**
   * The array and the place in it where a name's number stands.
   * @param {Read} read
   * @param {Arrays} v
   * @param {boolean} partial
   * @returns {[Float64Array, number] | null}
   */
  at({ q, indices }, v, partial) {
    const quantity = this.bundle.quantities[q];
    const name = partial ? quantity.partial : quantity.array;
    const array = name === null ? undefined : v[name];
    if (!(array instanceof Float64Array)) return null;
    if (quantity.start === undefined) return [array, (indices[0] ?? 1) - 1];
    const [to, origin] = indices;
    return [array, quantity.start + (origin === undefined ? to - 1 : (origin - 1) * quantity.size[0] + to - 1)];
  }

  /**
   * The number of a symbol of the sample that is followed, or NaN.
   * @param {string} name
   * @param {Arrays} [v]
   */
  number(name, v = this.one) {
    if (name === "loss") return v.loss;
    const read = this.names.read(name);
    const found = read && this.at(read, v, false);
    return found ? found[0][found[1]] : NaN;
  }

  /**
   * ∂loss/∂name of the sample that is followed, or NaN.
   * @param {string} name
   * @param {Arrays} [v]
   */
  partial(name, v = this.one) {
    if (name === "loss") return 1;
    const read = this.names.read(name);
    const found = read && this.at(read, v, true);
    return found ? found[0][found[1]] : NaN;
  }

  /**
   * Whether a name is one whose number a person sets.
   * @param {string} name
   */
  given(name) {
    const read = this.names.read(name);
    return read !== null && ["w", "b", "x", "true"].includes(this.bundle.quantities[read.q].kind);
  }

  /**
   * Puts a number in.
   * @param {string} name
   * @param {number} value
   * @returns {boolean} whether there is such a number
   */
  set(name, value) {
    const read = this.names.read(name);
    if (!read || !Number.isFinite(value)) return false;
    const { kind } = this.bundle.quantities[read.q];
    if (kind === "x") this.x[this.row][read.indices[0] - 1] = value;
    else if (kind === "true") this.target[this.row][(read.indices[0] ?? 1) - 1] = value;
    else if (kind === "w" || kind === "b") {
      const found = this.at(read, { .../** @type {any} */ ({}), p: this.p }, false);
      if (found) found[0][found[1]] = value;
    } else return false;
    this.changed();
    return true;
  }

  /**
   * By how much the loss of the sample changes where a number is changed by h.
   * @param {string} name
   * @param {number} h
   */
  nudge(name, h) {
    const before = this.number(name);
    const loss = this.one.loss;
    const one = this.oneCache;
    const all = this.allCache;
    if (!this.set(name, before + h)) return NaN;
    const after = this.one.loss;
    this.set(name, before);
    this.oneCache = one;
    this.allCache = all;
    return after - loss;
  }

  /**
   * The local derivative ∂of/∂by between two names, with how it is written; null where `of` is not computed from `by`.
   * @param {string} of
   * @param {string} by
   * @param {string} notation
   */
  local(of, by, notation) {
    const [q, s] = [this.names.read(of), this.names.read(by)];
    if (!q || !s) return null;
    for (const link of this.bundle.notations[notation].links) {
      /** @type {number[]} */
      const args = [];
      if (!matches(link.of, q, args) || !matches(link.by, s, args)) continue;
      const value = this.code.locals[link.code](this.one, 0, ...args.map((index) => index - 1));
      return { value, inner: fill(link.inner, args), local: link.local === null ? null : fill(link.local, args) };
    }
    return null;
  }

  /**
   * What is computed from a name directly.
   * @param {string} name
   * @returns {Step[]}
   */
  next(name) {
    let found = this.steps.get(name);
    if (found) return found;
    const read = this.names.read(name);
    found = read ? this.links.flatMap((link, at) => this.ends(link, at, read)) : [];
    this.steps.set(name, found);
    return found;
  }

  /** @param {Link} link @param {number} at @param {Read} read @returns {Step[]} */
  ends(link, at, read) {
    /** @type {number[]} */
    const args = [];
    if (!matches(link.by, read, args)) return [];
    const { size } = this.bundle.quantities[link.of.q];
    let found = [{ indices: /** @type {number[]} */ ([]), args }];
    link.of.places.forEach((place, k) => {
      const { argument } = place;
      found = found.flatMap((one) => {
        const own = argument === undefined ? [place.at ?? 1] : one.args[argument] !== undefined ? [one.args[argument]] : place.values ?? Array.from({ length: size[k] }, (_, n) => n + 1);
        return own.filter((index) => !place.values || place.values.includes(index)).map((index) => {
          const more = [...one.args];
          if (argument !== undefined) more[argument] = index;
          return { indices: [...one.indices, index], args: more };
        });
      });
    });
    const steps = found.map((one) => ({ of: this.names.spell(link.of.q, one.indices), link: at, args: one.args }));
    // A link that is not the same for all its places is 0 where nothing is computed from the name, whatever the numbers are;
    // but which outputs a loss is computed from may depend on the class that is the target.
    return link.local === null && this.bundle.quantities[link.of.q].kind !== "loss" ? steps.filter((step) => this.along(step, this.odd) !== 0) : steps;
  }

  get links() {
    return this.bundle.notations[this.bundle.notation].links;
  }

  /** A sample at numbers that nobody would type, so that nothing in it is 0 by chance. */
  get odd() {
    const numbers = (/** @type {number} */ count) => Array.from({ length: count }, (_, at) => 0.3 + (((at + 1) * 0.618034) % 1) / 3);
    const target = this.bundle.targets === "class" ? [1] : numbers(this.target[0].length);
    this.oddCache ??= this.compute(Float64Array.from(numbers(this.p.length)), [numbers(this.x[0].length)], [target]);
    return this.oddCache;
  }

  /** The local derivative along a step, at the numbers on the screen. @param {Step} step @param {Arrays} [v] */
  along({ link, args }, v = this.one) {
    return this.code.locals[this.links[link].code](v, 0, ...args.map((index) => index - 1));
  }

  /**
   * The line of a name, forward or backward, with its holes filled.
   * @param {string} name
   * @param {boolean} backward
   * @param {string} notation
   * @returns {{line: Line, general: boolean} | null}
   */
  line(name, backward, notation) {
    const own = this.names.chief.get(name) ?? name;
    const read = this.names.read(own);
    if (!read) return null;
    const groups = this.bundle.notations[notation][backward ? "backward" : "forward"];
    for (const group of groups) {
      if (group.q !== read.q) continue;
      if (group.general) {
        const places = group.general.slice(-read.indices.length);
        if (places.every((values, at) => values.includes(read.indices[at]))) return { line: group.lines[0], general: true };
        continue;
      }
      if (group.templated) return { line: filled(group.lines[0], this.names.running(read)), general: false };
      const line = group.lines.find((one) => one.name === own);
      if (line) return { line, general: false };
    }
    return null;
  }

  /**
   * A whole matrix by its name in a line (`Z_1`, `∂W_2`, `δ_2`), all samples; null where it has none.
   * @param {string} key
   * @returns {number[][] | null}
   */
  matrix(key) {
    const v = this.all;
    let partial = key.startsWith("∂");
    let name = partial ? key.slice(1) : key;
    if (name.startsWith("δ_")) {
      partial = true;
      name = `Z_${name.slice(2)}`;
      if (!this.bundle.quantities.some((q) => q.matrix === name)) name = "pred";
    }
    if (name.startsWith("onehot")) {
      return this.target.map(([hit]) => Array.from({ length: this.bundle.net.outputs }, (_, k) => +(hit === k + 1)));
    }
    const at = this.bundle.quantities.findIndex((q) => q.matrix === name);
    if (at < 0) return null;
    const quantity = this.bundle.quantities[at];
    if (quantity.kind === "loss") return [[partial ? 1 : v.loss]];
    const array = v[(partial ? quantity.partial : quantity.array) ?? ""];
    if (!(array instanceof Float64Array)) return null;
    const start = quantity.start ?? 0;
    const [rows, columns] =
      quantity.start === undefined
        ? [this.count, quantity.size[0] ?? 1]
        : quantity.size.length === 2 ? [quantity.size[1], quantity.size[0]] : [1, quantity.size[0]];
    return Array.from({ length: rows }, (_, row) =>
      Array.from(array.subarray(start + row * columns, start + (row + 1) * columns)));
  }
}

/**
 * @param {LinkEnd} end
 * @param {Read} read
 * @param {number[]} args filled with what the arguments are
 */
function matches(end, read, args) {
  if (end.q !== read.q || end.places.length > read.indices.length) return false;
  return end.places.every((place, at) => {
    const index = read.indices[at];
    if (place.argument === undefined) return place.at === index;
    if (place.values && !place.values.includes(index)) return false;
    if (args[place.argument] !== undefined && args[place.argument] !== index) return false;
    args[place.argument] = index;
    return true;
  });
}

/**
 * @param {Line} line
 * @param {number[]} indices
 * @returns {Line}
 */
function filled(line, indices) {
  const found = { ...line, sides: line.sides.map((side) => fill(side, indices)) };
  if (line.put !== undefined) found.put = fill(line.put, indices);
  if (line.name !== undefined) found.name = fill(line.name, indices).replaceAll(";", ",");
  return found;
}
