// The paths from a symbol to the loss, along what is computed from what; they are counted before any of them is written.

/** @typedef {import("./model.js").Model} Model */
/** @typedef {import("./model.js").Step} Step */
/** @typedef {{by: string, step: Step}[]} Path */

const END = "loss";

/**
 * Everything that is computed from a symbol, itself left out.
 * @param {Model} model
 * @param {string} name
 * @returns {Set<string>}
 */
export function reached(model, name) {
  const found = new Set();
  const open = [name];
  for (let own = open.pop(); own !== undefined; own = open.pop()) {
    for (const { of } of model.next(own)) {
      if (found.has(of)) continue;
      found.add(of);
      open.push(of);
    }
  }
  return found;
}

/**
 * How many paths lead to the loss.
 * @param {Model} model
 * @param {string} name
 */
export function count(model, name) {
  /** @type {Map<string, number>} */
  const known = new Map([[END, 1]]);
  /** @type {(own: string) => number} */
  const from = (own) => {
    let found = known.get(own);
    if (found === undefined) {
      found = model.next(own).reduce((sum, { of }) => sum + from(of), 0);
      known.set(own, found);
    }
    return found;
  };
  return from(name);
}

/**
 * The paths, one after the other.
 * @param {Model} model
 * @param {string} name
 * @param {Path} [so]
 * @returns {Generator<Path>}
 */
export function* paths(model, name, so = []) {
  if (name === END) {
    if (so.length) yield so;
    return;
  }
  for (const step of model.next(name)) yield* paths(model, step.of, [...so, { by: name, step }]);
}
