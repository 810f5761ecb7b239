// The photo under a reviewer's eyes: zoom about a place, pan, turn, brighten; by pointer, by wheel and by keys alone.
// Zoom and pan are the viewBox, turning is a transform attribute, light is a filter primitive's attribute: no styles.

const ZOOM_STEP = 1.4;
const ZOOM_MAX = 10;
const PAN_STEP = 0.15; // Of what is visible.
const LIGHT_STEP = 0.15;
const LIGHT = { least: 0.4, most: 2.5 };
const typing = (element) => element?.closest?.("input, select, textarea, [contenteditable], dialog[open]");
const clamp = (value, least, most) => Math.min(most, Math.max(least, value));

class Photo {
  constructor(frame) {
    this.frame = frame;
    this.svg = frame.querySelector("svg");
    this.turned = frame.querySelector("[data-turned]");
    this.width = Number(frame.dataset.width);
    this.height = Number(frame.dataset.height);
    this.reset();
    frame.querySelector(".photo-tools").hidden = false;
    frame.addEventListener("click", (event) => this.act(event.target.closest("[data-photo-act]")?.dataset.photoAct));
    this.svg.addEventListener("keydown", (event) => this.key(event));
    this.svg.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.svg.addEventListener("pointerdown", (event) => this.grab(event));
    this.svg.addEventListener("pointermove", (event) => this.drag(event));
  }

  get shown() { // Width and height of the whole photo as it is turned.
    return this.turns % 2 ? [this.height, this.width] : [this.width, this.height];
  }

  reset() {
    this.turns = 0;
    this.brightness = 1;
    this.contrast = 1;
    this.fit();
  }

  fit() {
    this.zoom = 1;
    this.centre = { x: this.width / 2, y: this.height / 2 };
    this.draw();
  }

  draw() {
    const [wide, high] = this.shown;
    const w = wide / this.zoom, h = high / this.zoom;
    const middle = { x: this.width / 2, y: this.height / 2 };
    // The middle of what is seen stays inside the photo, so that it cannot be lost.
    this.centre.x = clamp(this.centre.x, middle.x - wide / 2, middle.x + wide / 2);
    this.centre.y = clamp(this.centre.y, middle.y - high / 2, middle.y + high / 2);
    this.svg.setAttribute("viewBox", `${this.centre.x - w / 2} ${this.centre.y - h / 2} ${w} ${h}`);
    this.turned.setAttribute("transform", `rotate(${this.turns * 90} ${middle.x} ${middle.y})`);
    this.lighten();
  }

  lighten() {
    const plain = this.brightness === 1 && this.contrast === 1;
    const image = this.turned.querySelector("image");
    if (plain) image.removeAttribute("filter");
    else image.setAttribute("filter", "url(#photo-light)");
    for (const channel of this.frame.querySelectorAll("#photo-light > * > *")) {
      channel.setAttribute("slope", String(this.brightness * this.contrast));
      channel.setAttribute("intercept", String((1 - this.contrast) / 2));
    }
  }

  zoomBy(factor, about = this.centre) {
    const zoom = clamp(this.zoom * factor, 1, ZOOM_MAX);
    const ratio = this.zoom / zoom; // The place under the pointer stays under it.
    this.centre = { x: about.x + (this.centre.x - about.x) * ratio, y: about.y + (this.centre.y - about.y) * ratio };
    this.zoom = zoom;
    if (zoom === 1) this.fit();
    else this.draw();
  }

  panBy(across, down) {
    const box = this.svg.viewBox.baseVal;
    this.centre = { x: this.centre.x + across * box.width, y: this.centre.y + down * box.height };
    this.draw();
  }

  lookAt(name) { // Brings a field's box into view, large; from the fields' own keys.
    const rect = this.svg.querySelector(`rect[data-field="${name}"]`);
    if (!rect) return;
    const box = rect.getBBox();
    this.zoom = clamp(Math.min(this.width / (box.width * 1.6), this.height / (box.height * 4)), 1, ZOOM_MAX);
    const middle = new DOMPoint(box.x + box.width / 2, box.y + box.height / 2);
    this.centre = middle.matrixTransform(this.turned.transform.baseVal.consolidate()?.matrix);
    this.draw();
  }

  light(name, step) {
    this[name] = Math.round(clamp(this[name] + step, LIGHT.least, LIGHT.most) * 100) / 100;
    this.lighten();
  }

  act(name) {
    const acts = {
      "zoom-in": () => this.zoomBy(ZOOM_STEP), "zoom-out": () => this.zoomBy(1 / ZOOM_STEP), fit: () => this.fit(),
      rotate: () => { this.turns = (this.turns + 1) % 4; this.fit(); }, original: () => this.reset(),
      brighter: () => this.light("brightness", LIGHT_STEP), darker: () => this.light("brightness", -LIGHT_STEP),
      contrast: () => this.light("contrast", LIGHT_STEP),
    };
    acts[name]?.();
  }

  key(event) { // Only while the photo has the focus, so that no letter is taken from the rest of the page.
    const keys = {
      "+": () => this.act("zoom-in"), "=": () => this.act("zoom-in"), "-": () => this.act("zoom-out"),
      ArrowLeft: () => this.panBy(-PAN_STEP, 0), ArrowRight: () => this.panBy(PAN_STEP, 0),
      ArrowUp: () => this.panBy(0, -PAN_STEP), ArrowDown: () => this.panBy(0, PAN_STEP),
      ".": () => this.act("rotate"), "]": () => this.act("brighter"), "[": () => this.act("darker"),
      "\\": () => this.act("contrast"), 0: () => this.act("fit"), Backspace: () => this.act("original"),
    };
    if (event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
    keys[event.key]();
    event.preventDefault();
    event.stopPropagation(); // A key that the photo used is not handled again.
  }

  wheel(event) {
    event.preventDefault();
    const matrix = this.svg.getScreenCTM();
    const about = matrix ? new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix.inverse()) : this.centre;
    this.zoomBy(event.deltaY < 0 ? ZOOM_STEP : 1 / ZOOM_STEP, about);
  }

  grab(event) {
    if (this.zoom > 1) this.svg.setPointerCapture(event.pointerId);
  }

  drag(event) {
    if (event.buttons !== 1 || this.zoom === 1) return;
    const scale = this.svg.getScreenCTM()?.a || 1;
    this.centre = { x: this.centre.x - event.movementX / scale, y: this.centre.y - event.movementY / scale };
    this.draw();
  }
}

const photos = [...document.querySelectorAll("[data-photo]")].map((frame) => new Photo(frame));

function mark(name, on) {
  for (const marked of document.querySelectorAll(`[data-field="${name}"]`)) marked.classList.toggle("lit", on);
}

for (const [event, on] of [["mouseover", true], ["mouseout", false], ["focusin", true], ["focusout", false]]) {
  document.addEventListener(event, (happened) => {
    const name = happened.target.closest?.("[data-field]")?.dataset.field;
    if (name) mark(name, on);
  });
}

document.addEventListener("click", (event) => { // A box leads to its field.
  const name = event.target.closest?.("rect[data-field]")?.dataset.field;
  if (name) document.querySelector(`tr[data-field="${name}"]`)?.focus();
});

document.addEventListener("keydown", (event) => { // On a field, + shows it large in the photo, - the whole photo again.
  const name = event.target.closest?.("tr[data-field]")?.dataset.field;
  if (!name || typing(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "+" || event.key === "=") photos[0]?.lookAt(name);
  else if (event.key === "-") photos[0]?.fit();
  else return;
  event.preventDefault();
});
