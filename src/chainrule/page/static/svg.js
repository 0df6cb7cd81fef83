// Shapes of the drawing: made, written anew, moved.

const SVG = "http://www.w3.org/2000/svg";
const SCRIPT = 0.68;

/**
 * A shape with attributes; what is null is left out.
 * @param {string} tag
 * @param {Record<string, any>} [attributes]
 * @param {...Node} children
 * @returns {SVGElement}
 */
export function shape(tag, attributes = {}, ...children) {
  const node = /** @type {SVGElement} */ (document.createElementNS(SVG, tag));
  for (const [name, value] of Object.entries(attributes)) if (value !== null) node.setAttribute(name, String(value));
  node.append(...children);
  return node;
}

/**
 * Writes a label anew where it stands: base, below, above.
 * @param {Element} text
 * @param {[string, string, string]} parts
 */
export function rewrite(text, parts) {
  const first = text.querySelector("tspan");
  const x = Number(first?.getAttribute("x") ?? text.getAttribute("x"));
  write(text, parts, x, Number(text.getAttribute("y")), Number(text.getAttribute("font-size")));
}

/**
 * A symbol in the middle of a unit, as large as fits.
 * @param {[string, string, string]} parts
 * @param {{x: number, y: number, r: number}} unit
 */
export function label(parts, { x, y, r }) {
  const [base, sub, sup] = parts;
  const scripts = SCRIPT * Math.max(sub.length, sup.length);
  // Letters of the fonts that a browser has are about half as wide as they are high.
  const size = Math.max(5, Math.min(17, (2 * r - 0.5 * r) / (0.55 * (base.length + scripts))));
  const text = shape("text", { class: "unit plain", "font-size": size.toFixed(1), "text-anchor": scripts ? "end" : "middle" });
  const seam = scripts ? x + 0.275 * size * (base.length - scripts) : x;
  text.setAttribute("x", seam.toFixed(1));
  text.setAttribute("y", (y + 0.33 * size).toFixed(1));
  write(text, parts, seam, y + 0.33 * size, size);
  return text;
}

/**
 * @param {Element} text
 * @param {[string, string, string]} parts
 * @param {number} x where the base ends and its scripts begin
 * @param {number} y
 * @param {number} size
 */
function write(text, [base, sub, sup], x, y, size) {
  const run = (/** @type {string} */ words, /** @type {Record<string, any>} */ attributes) => {
    const span = shape("tspan", attributes);
    span.textContent = words;
    text.append(span);
  };
  text.replaceChildren();
  run(base, { "font-style": "italic" });
  const small = { "font-size": (SCRIPT * size).toFixed(2), "text-anchor": "start", x: (x + 0.06 * size).toFixed(2) };
  if (sub) run(sub, { ...small, y: (y + 0.26 * size).toFixed(2) });
  if (sup) run(sup, { ...small, y: (y - (sub ? 0.42 : 0.36) * size).toFixed(2) });
}

/**
 * Moves a shape and everything in it.
 * @param {Element} node
 * @param {number} dx
 * @param {number} dy
 */
export function move(node, dx, dy) {
  if (!dx && !dy) return;
  for (const part of [node, ...node.querySelectorAll("*")]) {
    for (const [name, by] of /** @type {[string, number][]} */ ([["x", dx], ["cx", dx], ["y", dy], ["cy", dy]])) {
      const old = part.getAttribute(name);
      if (old !== null) part.setAttribute(name, String(Number(old) + by));
    }
    const path = part.getAttribute("d");
    if (path !== null) part.setAttribute("d", path.replace(/(-?[\d.]+) (-?[\d.]+)/g, (_, x, y) => `${Number(x) + dx} ${Number(y) + dy}`));
  }
}

/** @typedef {{x: number, y: number, r: number, box?: [number, number]}} Spot a unit, or a box with half its sides */

/**
 * The line from the rim of one to the rim of another.
 * @param {Spot} from
 * @param {Spot} to
 */
export function straight(from, to) {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = Math.hypot(dx, dy) || 1;
  const reach = (/** @type {Spot} */ { r, box }) => (box ? Math.min(box[0] / Math.abs(dx || 1e-9), box[1] / Math.abs(dy || 1e-9)) : r / length);
  const [s, t] = [reach(from), reach(to)];
  return `M${(from.x + s * dx).toFixed(1)} ${(from.y + s * dy).toFixed(1)}L${(to.x - t * dx).toFixed(1)} ${(to.y - t * dy).toFixed(1)}`;
}

/**
 * A curve from one to another that passes over what is between them.
 * @param {Spot} from
 * @param {Spot} to
 * @param {number} y how high
 */
export function over(from, to, y) {
  const [a, b] = [from.y - (from.box?.[1] ?? from.r), to.y - (to.box?.[1] ?? to.r)];
  const apart = (to.x - from.x) / 4;
  const [left, right] = [from.x + apart, to.x - apart];
  return `M${from.x} ${a}C${from.x} ${(a + y) / 2} ${from.x + apart / 2} ${y} ${left} ${y}C${left + apart} ${y} ${right - apart} ${y} ${right} ${y}` +
    `C${to.x - apart / 2} ${y} ${to.x} ${(b + y) / 2} ${to.x} ${b}`;
}

/**
 * A bow from one unit of a column to another: down on the right, up on the left.
 * @param {Spot} from
 * @param {Spot} to
 */
export function bow(from, to) {
  const side = to.y > from.y ? 1 : -1;
  const out = from.x + side * (Math.max(from.r, to.r) + Math.min(34, 8 + 0.16 * Math.abs(to.y - from.y)));
  const end = (/** @type {Spot} */ unit, /** @type {number} */ way) => `${(unit.x + side * 0.8 * unit.r).toFixed(1)} ${(unit.y + way * 0.6 * unit.r).toFixed(1)}`;
  const bend = (/** @type {Spot} */ unit, /** @type {number} */ way) => `${out.toFixed(1)} ${(unit.y + way * 1.1 * unit.r).toFixed(1)}`;
  return `M${end(from, side)}C${bend(from, side)} ${bend(to, -side)} ${end(to, -side)}`;
}
