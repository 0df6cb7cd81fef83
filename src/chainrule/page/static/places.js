// Where numbers stand on the drawing: each on its line, clear of words, units and one another.

/** @typedef {{x: number, y: number, w: number, h: number}} Box its middle, and half of its sides */
/** @typedef {{x: number, y: number, cost: number}} Place where a number may stand, and how much worse that is than elsewhere */
/** @typedef {{w: number, h: number, places: Place[]}} Mark half of its sides, with the room around it */

const TOUCH = 60; // what an overlap costs; more than any place does
const SWEEPS = 12;
const CLOSE = 5; // a number beside a word reads as part of it, so that it stands better a little apart

/**
 * The places along a line: on it, best in its middle; else beside it.
 * @param {{x: number, y: number}[]} points of the line, evenly from its beginning to its end
 * @returns {Place[]}
 */
export function along(points) {
  const last = points.length - 1;
  return points.flatMap((here, at) => {
    const part = at / last;
    if (part < 0.1 || part > 0.9) return [];
    const [before, after] = [points[at - 1], points[at + 1]];
    const length = Math.hypot(after.x - before.x, after.y - before.y) || 1;
    const [nx, ny] = [(before.y - after.y) / length, (after.x - before.x) / length];
    return [0, -11, 11, -18, 18].map((off) => ({
      x: here.x + off * nx, y: here.y + off * ny, cost: 14 * Math.abs(part - 0.5) + (off ? 6 + Math.abs(off) / 2 : 0),
    }));
  });
}

/**
 * The places around a unit: best below it.
 * @param {{x: number, y: number, r: number}} unit @param {number} w @param {number} h
 * @returns {Place[]}
 */
export function around({ x, y, r }, w, h) {
  return [90, 60, 120, 270, 300, 240, 30, 150, 330, 210].map((degrees, at) => {
    const [cos, sin] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
    return { x: x + cos * (r + w), y: y + sin * (r + h + 1), cost: 2 * at };
  });
}

/** How much of one box lies on another: 0 where they are apart. @param {Box} a @param {Box} b */
function overlap(a, b) {
  const wide = a.w + b.w - Math.abs(a.x - b.x);
  const high = a.h + b.h - Math.abs(a.y - b.y);
  return wide > 0 && high > 0 ? Math.min(wide, 2 * Math.min(a.w, b.w)) * Math.min(high, 2 * Math.min(a.h, b.h)) : 0;
}

/** What an overlap costs. @param {Box} a @param {Box} b */
function touch(a, b) {
  const area = overlap(a, b);
  return area ? TOUCH + area : 0;
}

/**
 * A place for each number, so that as little as possible overlaps. Whether all can be apart is a packing problem: it is
 * searched from several beginnings, each improved number by number until none can do better by itself. Where edges cross
 * densely there may be no room for all; then the least bad is taken.
 * @param {Mark[]} numbers
 * @param {Box[]} fixed what stands already
 * @param {{x: number, y: number, of: number}[]} points of the lines, by the number on them; a number stands better on no other one's
 * @returns {Place[]}
 */
export function arrange(numbers, fixed, points = []) {
  const boxes = numbers.map(({ w, h, places }, of) => places.map(({ x, y, cost }) => {
    const box = { x, y, w, h };
    const touched = fixed.reduce((sum, one) => sum + touch(box, one), 0);
    const close = !touched && fixed.some((one) => overlap({ ...box, w: w + CLOSE }, one)) ? 3 : 0;
    const crossed = new Set();
    // Where it cannot stand, it does not matter what it would hide.
    if (!touched) for (const one of points) if (Math.abs(one.x - x) < w && Math.abs(one.y - y) < h && one.of !== of) crossed.add(one.of);
    return { ...box, cost: cost + 2 * crossed.size + close + touched };
  }));
  const easy = boxes.map((own) => own.filter(({ cost }) => cost < TOUCH).length);
  const order = boxes.map((_, at) => at);
  const orders = [[...order].sort((one, other) => easy[one] - easy[other]), order, [...order].reverse()];
  /** @type {{chosen: number[], cost: number}} */
  let best = { chosen: [], cost: Infinity };
  for (const turn of orders) {
    /** @type {number[]} */
    const chosen = boxes.map(() => -1);
    const price = (/** @type {number} */ at, /** @type {number} */ place) => {
      const own = boxes[at][place];
      return chosen.reduce((sum, other, one) => (one === at || other < 0 ? sum : sum + touch(own, boxes[one][other])), own.cost);
    };
    for (let sweep = 0, moved = true; moved && sweep < SWEEPS; sweep++) {
      moved = false;
      for (const at of turn) {
        const prices = boxes[at].map((_, place) => price(at, place));
        const least = prices.indexOf(Math.min(...prices));
        if (chosen[at] >= 0 && prices[least] >= prices[chosen[at]]) continue;
        chosen[at] = least;
        moved = true;
      }
    }
    const cost = chosen.reduce((sum, place, at) => sum + (boxes[at][place].cost + price(at, place)) / 2, 0);
    if (cost < best.cost) best = { chosen, cost };
  }
  return best.chosen.map((place, at) => numbers[at].places[place]);
}
