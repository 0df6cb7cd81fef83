// Small helpers: elements, and the box that explains what the pointer or the focus is on.

/**
 * An element with attributes, listeners (`onclick`) and children; a `class` is one, and what is null is left out.
 * @param {string} tag
 * @param {Record<string, any>} [attributes]
 * @param {...(Node | string | null)} children
 * @returns {HTMLElement}
 */
export function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

/**
 * What has the focus; in a notebook the page may stand in a tree of its own, which the document does not look into.
 * @param {Node} node somewhere in the page
 */
export function focused(node) {
  const root = node.getRootNode();
  return root instanceof ShadowRoot ? root.activeElement : document.activeElement;
}

/**
 * A sentence with its facts put in.
 * @param {string} template
 * @param {Record<string, any>} facts
 */
export function put(template, facts) {
  return template.replace(/\{(\w+)(?::,)?\}/g, (whole, name) => (name in facts ? String(facts[name]) : whole));
}

/** What of a page can have the focus by Tab. */
const FOCUSABLE = "a[href], button:enabled, input:enabled, select:enabled, textarea:enabled, [tabindex='0']";

/** @param {HTMLElement} root @returns {HTMLElement[]} what can have the focus, in order */
function stops(root) {
  return /** @type {HTMLElement[]} */ ([...root.querySelectorAll(FOCUSABLE)]).filter((one) => one.checkVisibility());
}

/** What tells a control from the others in another language too; an empty text where nothing does. @param {HTMLElement} node */
function called(node) {
  return node.id || node.dataset.own || node.dataset.key || node.getAttribute("aria-label") || node.textContent?.trim() || "";
}

/**
 * Builds a part of the page anew without losing the focus: it stays on the same control, or goes to what took its place.
 * @param {HTMLElement} root
 * @param {() => void} build
 */
export function keeping(root, build) {
  const held = /** @type {HTMLElement | null} */ (focused(root));
  if (!held || !root.contains(held)) return build();
  const before = stops(root);
  const at = before.indexOf(held);
  const name = called(held);
  const same = (/** @type {HTMLElement} */ one) => called(one) === name;
  const nth = before.slice(0, at).filter(same).length;
  const caret = held instanceof HTMLInputElement && held.type === "text" ? held.selectionStart : null;
  build();
  const now = focused(root);
  if (now && root.contains(now)) return undefined;
  if (held.isConnected && held.checkVisibility() && !held.matches(":disabled")) return void held.focus({ preventScroll: true });
  const after = stops(root);
  const alike = after.filter(same);
  const next = alike[Math.min(nth, alike.length - 1)] ?? after[Math.min(Math.max(at, 0), after.length - 1)];
  next?.focus({ preventScroll: true });
  if (next && alike.length && caret !== null) /** @type {HTMLInputElement} */ (next).setSelectionRange(caret, caret);
  return undefined;
}

/** The box beside a mark that says what the mark is; it follows pointer and focus, and Escape closes it. */
export class Tip {
  /**
   * @param {HTMLElement} root
   * @param {string} id
   * @param {(target: Element) => string[]} explain what the box says; nothing where there is nothing to say
   */
  constructor(root, id, explain) {
    this.root = root;
    this.explain = explain;
    this.box = make("div", { class: "cr-tip", id, role: "tooltip", hidden: true });
    /** @type {Element | null} what has the focus and is described by the box */
    this.described = null;
    this.held = false;
    this.pressed = false;
    this.pointer = { x: NaN, y: NaN };
    this.listening = new AbortController();
    const { signal } = this.listening;
    root.addEventListener("pointerover", (event) => {
      // What moves under a resting pointer does not take the box from what has the focus, nor bring it back after a press.
      const rests = event.screenX === this.pointer.x && event.screenY === this.pointer.y;
      this.pointer = { x: event.screenX, y: event.screenY };
      this.pressed &&= rests;
      if (event.pointerType !== "touch" && !(rests && (this.held || this.pressed))) this.show(/** @type {Element} */ (event.target));
    }, { signal });
    root.addEventListener("pointerout", () => this.held || this.hide(), { signal });
    root.addEventListener("focusin", (event) => {
      const target = /** @type {Element} */ (event.target);
      if (target.matches(":focus-visible")) this.show(target, true);
    }, { signal });
    root.addEventListener("pointerdown", (event) => {
      this.pressed = true;
      this.pointer = { x: event.screenX, y: event.screenY };
      this.hide();
    }, { signal });
    root.addEventListener("focusout", () => this.hide(), { signal });
    // Escape closes it wherever the focus is: what the pointer is on has none.
    document.addEventListener("keydown", (event) => event.key === "Escape" && this.hide(), { signal });
  }

  /** @param {Element} target @param {boolean} [focus] whether it has the focus, and not only the pointer on it */
  show(target, focus = false) {
    this.hide();
    const whole = focus ? target.getAttribute("data-tip-whole") : null;
    const lines = whole ? [whole] : this.explain(target);
    if (!lines.length) return;
    this.box.replaceChildren(...lines.map((line) => make("div", {}, line)));
    this.box.hidden = false;
    this.held = focus;
    if (focus && !target.hasAttribute("aria-describedby")) {
      target.setAttribute("aria-describedby", this.box.id);
      this.described = target;
    }
    const at = target.getBoundingClientRect();
    const own = this.box.getBoundingClientRect();
    const frame = this.root.getBoundingClientRect();
    const left = Math.max(4, Math.min(at.left + at.width / 2 - own.width / 2, document.documentElement.clientWidth - own.width - 4));
    const below = at.bottom + 8;
    const top = below + own.height > window.innerHeight && at.top - own.height - 8 > 0 ? at.top - own.height - 8 : below;
    this.box.style.left = `${left - frame.left}px`;
    this.box.style.top = `${top - frame.top}px`;
  }

  /** What the box says, where it is shown. */
  get words() {
    return this.box.hidden ? "" : [...this.box.children].map((line) => line.textContent).join(" ");
  }

  hide() {
    this.box.hidden = true;
    this.held = false;
    this.described?.removeAttribute("aria-describedby");
    this.described = null;
  }

  destroy() {
    this.listening.abort();
  }
}
