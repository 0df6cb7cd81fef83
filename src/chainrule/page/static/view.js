// Where one looks at the drawing: zoomed and moved with the pointer, two fingers, the wheel or the keyboard.

/** @typedef {{left: number, top: number, width: number, height: number}} Frame */

const CLOSEST = 40;

export class View {
  /** @param {HTMLElement} stage what the drawing stands in */
  constructor(stage) {
    this.stage = stage;
    /** @type {SVGSVGElement} */
    this.svg = /** @type {any} */ (null);
    /** @type {SVGSVGElement[]} what shows the same part of the drawing, one over the other */
    this.sheets = [];
    /** @type {Frame} */
    this.home = { left: 0, top: 0, width: 1, height: 1 };
    this.now = { ...this.home };
    /** @type {Map<number, PointerEvent>} */
    this.pointers = new Map();
    this.dragged = 0;
    this.pulling = { x: 0, y: 0 };
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.resting = undefined;
    this.listen();
  }

  /** @param {SVGSVGElement[]} sheets @param {Frame} home the whole drawing */
  load(sheets, home) {
    [this.svg] = sheets;
    this.sheets = sheets;
    this.home = home;
    this.pointers.clear();
    this.stage.style.aspectRatio = `${home.width} / ${home.height}`;
    this.whole();
  }

  whole() {
    this.now = { ...this.home };
    this.moved();
  }

  /** @param {number} by @param {{x: number, y: number}} [at] a point of the drawing that stays where it is */
  zoom(by, at) {
    const { now, home } = this;
    const scale = Math.min(Math.max(by, now.width / home.width / 3), (now.width / home.width) * CLOSEST);
    const x = at?.x ?? now.left + now.width / 2;
    const y = at?.y ?? now.top + now.height / 2;
    this.now = { left: x - (x - now.left) / scale, top: y - (y - now.top) / scale, width: now.width / scale, height: now.height / scale };
    this.moved();
  }

  /** @param {number} x @param {number} y in lengths of the drawing */
  move(x, y) {
    this.now.left -= x;
    this.now.top -= y;
    this.moved();
  }

  moved() {
    const { left, top, width, height } = this.now;
    clearTimeout(this.resting);
    this.pulling = { x: 0, y: 0 };
    for (const sheet of this.sheets) {
      sheet.style.removeProperty("transform");
      sheet.setAttribute("viewBox", `${left} ${top} ${width} ${height}`);
    }
  }

  /**
   * Moves the drawing as it is painted, which costs nothing however much is drawn; it is painted anew where it comes to rest.
   * @param {number} x @param {number} y in pixels
   */
  pull(x, y) {
    const rate = this.rate();
    this.now.left -= x * rate;
    this.now.top -= y * rate;
    this.pulling = { x: this.pulling.x + x, y: this.pulling.y + y };
    for (const sheet of this.sheets) sheet.style.transform = `translate(${this.pulling.x}px, ${this.pulling.y}px)`;
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.moved(), 200);
  }

  /** Moves so far that something is seen: what has the focus is not out of sight. @param {Element} node */
  show(node) {
    const frame = this.stage.getBoundingClientRect();
    const own = node.getBoundingClientRect();
    const rate = this.rate();
    const off = (/** @type {number} */ low, /** @type {number} */ high, /** @type {number} */ from, /** @type {number} */ to) =>
      high - low > to - from ? 0 : low < from ? low - from - 12 : high > to ? high - to + 12 : 0;
    const [x, y] = [off(own.left, own.right, frame.left, frame.right), off(own.top, own.bottom, frame.top, frame.bottom)];
    if (x || y) this.move(-x * rate, -y * rate);
  }

  /** How much of the drawing one pixel is. */
  rate() {
    return 1 / (this.svg.getScreenCTM()?.a || 1);
  }

  /** @param {{clientX: number, clientY: number}} event */
  point(event) {
    return new DOMPoint(event.clientX, event.clientY).matrixTransform(this.svg.getScreenCTM()?.inverse());
  }

  listen() {
    const { stage, pointers } = this;
    stage.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY / 300), this.point(event));
    }, { passive: false });
    stage.addEventListener("pointerdown", (event) => {
      pointers.set(event.pointerId, event);
      this.dragged = 0;
    });
    stage.addEventListener("pointermove", (event) => {
      const last = pointers.get(event.pointerId);
      if (!last) return;
      if (event.pointerType === "mouse" && !event.buttons) return void pointers.delete(event.pointerId);
      const others = [...pointers.values()].filter((one) => one.pointerId !== event.pointerId);
      this.dragged += Math.abs(event.clientX - last.clientX) + Math.abs(event.clientY - last.clientY);
      if (this.dragged > 6 && !stage.hasPointerCapture(event.pointerId)) stage.setPointerCapture(event.pointerId);
      if (others.length === 1) {
        const apart = (/** @type {PointerEvent} */ one) => Math.hypot(one.clientX - others[0].clientX, one.clientY - others[0].clientY);
        this.zoom(apart(event) / Math.max(1, apart(last)), this.point({
          clientX: (event.clientX + others[0].clientX) / 2, clientY: (event.clientY + others[0].clientY) / 2,
        }));
      } else if (this.dragged > 6) {
        this.pull(event.clientX - last.clientX, event.clientY - last.clientY);
      }
      pointers.set(event.pointerId, event);
      return undefined;
    });
    for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, (event) => {
      pointers.delete(/** @type {PointerEvent} */ (event).pointerId);
      if (this.pulling.x || this.pulling.y) this.moved();
    });
    stage.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const by = { "+": 1.25, "=": 1.25, "-": 0.8 }[event.key];
      if (by) this.zoom(by);
      else if (event.key === "0") this.whole();
      else return;
      event.preventDefault();
    });
  }

  /** Whether the pointer has moved the drawing since it went down: then it has not clicked. */
  get pulled() {
    return this.dragged > 6;
  }
}
