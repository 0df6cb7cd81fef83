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

/** The box beside a mark that says what the mark is; it follows pointer and focus, and Escape closes it. */
export class Tip {
  /**
   * @param {HTMLElement} root
   * @param {(target: Element, box: HTMLElement) => boolean} explain fills the box; false where there is nothing to say
   */
  constructor(root, explain) {
    this.root = root;
    this.explain = explain;
    this.box = make("div", { class: "cr-tip", role: "tooltip", hidden: true });
    root.append(this.box);
    /** @type {Element | null} */
    this.target = null;
    const over = (/** @type {Event} */ event) => this.show(/** @type {Element} */ (event.target));
    root.addEventListener("pointerover", (event) => event.pointerType !== "touch" && over(event));
    root.addEventListener("focusin", (event) => /** @type {Element} */ (event.target).matches(":focus-visible") && over(event));
    root.addEventListener("pointerdown", () => this.hide());
    root.addEventListener("pointerout", () => this.hide());
    root.addEventListener("focusout", () => this.hide());
    root.addEventListener("keydown", (event) => event.key === "Escape" && this.hide());
  }

  /** @param {Element} target */
  show(target) {
    this.hide();
    if (!this.explain(target, this.box)) return;
    this.target = target;
    this.box.hidden = false;
    const at = target.getBoundingClientRect();
    const own = this.box.getBoundingClientRect();
    const frame = this.root.getBoundingClientRect();
    const left = Math.min(Math.max(4, at.left + at.width / 2 - own.width / 2), document.documentElement.clientWidth - own.width - 4);
    const below = at.bottom + 8;
    const top = below + own.height > window.innerHeight && at.top - own.height - 8 > 0 ? at.top - own.height - 8 : below;
    this.box.style.left = `${left - frame.left}px`;
    this.box.style.top = `${top - frame.top}px`;
  }

  hide() {
    this.box.hidden = true;
    this.target = null;
  }
}
