// The photo under a reviewer's eyes: zoom and drag by the viewBox, rotate by a transform, and light a field's box.

const ZOOM_STEP = 1.4;
const ZOOM_MAX = 8;

function start(frame) {
  const svg = frame.querySelector("svg");
  const turned = frame.querySelector("[data-turned]");
  const width = Number(frame.dataset.width);
  const height = Number(frame.dataset.height);
  let zoom = 1, turns = 0, centre = { x: width / 2, y: height / 2 };

  function draw() {
    const sideways = turns % 2 === 1;
    const [wide, high] = sideways ? [height, width] : [width, height];
    const w = wide / zoom, h = high / zoom;
    svg.setAttribute("viewBox", `${centre.x - w / 2} ${centre.y - h / 2} ${w} ${h}`);
    turned.setAttribute("transform", `rotate(${turns * 90} ${width / 2} ${height / 2})`);
  }

  function zoomBy(factor) {
    zoom = Math.min(ZOOM_MAX, Math.max(1, zoom * factor));
    if (zoom === 1) centre = { x: width / 2, y: height / 2 };
    draw();
  }

  const acts = {
    "zoom-in": () => zoomBy(ZOOM_STEP),
    "zoom-out": () => zoomBy(1 / ZOOM_STEP),
    rotate: () => { turns = (turns + 1) % 4; draw(); },
    light: () => frame.classList.toggle("lit"),
    original: () => { zoom = 1; turns = 0; frame.classList.remove("lit"); zoomBy(1); },
  };

  frame.querySelector(".photo-tools").hidden = false;
  frame.addEventListener("click", (event) => acts[event.target.closest("[data-photo-act]")?.dataset.photoAct]?.());
  svg.addEventListener("wheel", (event) => { event.preventDefault(); zoomBy(event.deltaY < 0 ? ZOOM_STEP : 1 / ZOOM_STEP); }, { passive: false });
  svg.addEventListener("pointermove", (event) => {
    if (event.buttons !== 1 || zoom === 1) return;
    const scale = svg.viewBox.baseVal.width / svg.clientWidth;
    centre = { x: centre.x - event.movementX * scale, y: centre.y - event.movementY * scale };
    draw();
  });
}

function light(name, on) {
  for (const marked of document.querySelectorAll(`[data-field="${name}"]`)) marked.classList.toggle("lit", on);
}

for (const frame of document.querySelectorAll("[data-photo]")) start(frame);
for (const [event, on] of [["mouseover", true], ["mouseout", false], ["focusin", true], ["focusout", false]]) {
  document.addEventListener(event, (happened) => {
    const name = happened.target.closest?.("[data-field]")?.dataset.field;
    if (name) light(name, on);
  });
}
