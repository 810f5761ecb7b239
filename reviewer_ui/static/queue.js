// Keys of the queue page, and what must not be lost when its rows are refreshed. Every act works without this file.

const own = JSON.parse(document.body.dataset.keys || "{}"); // {"off": true}: this person wants no keys.
const typing = (element) => element?.closest("input:not([type=checkbox]), select, textarea, dialog, [contenteditable]") != null;
const PICK = "input:is([name=task], [name=run])"; // What a row is selected with.
const rows = () => [...document.querySelectorAll("#rows tr[data-row]")];
const opener = (row) => row.querySelector("[data-open]");
const picked = new Set();
let here = null; // The task whose row was last gone to.

function go(step) {
  const all = rows();
  if (!all.length) return;
  const place = all.findIndex((row) => row.dataset.row === here);
  const next = place < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, place + step));
  here = all[next].dataset.row;
  opener(all[next]).focus();
  all[next].scrollIntoView({ block: "nearest" });
}

function toggle() {
  const box = rows().find((row) => row.dataset.row === here)?.querySelector(PICK);
  if (!box) return false;
  box.checked = !box.checked;
  box.dispatchEvent(new Event("change", { bubbles: true }));
  return true;
}

const acts = {
  j: () => go(1),
  ArrowDown: () => go(1),
  k: () => go(-1),
  ArrowUp: () => go(-1),
  x: toggle,
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || typing(event.target)) return;
  if (own.off || document.querySelector("dialog[open]")) return;
  const act = Object.hasOwn(acts, event.key) ? acts[event.key] : null;
  if (act && act() !== false) event.preventDefault();
});

document.addEventListener("focusin", (event) => {
  const row = event.target.closest?.("#rows tr[data-row]");
  if (row) here = row.dataset.row;
});

function tellPicked() {
  const all = document.getElementById("pick-all");
  const boxes = [...document.querySelectorAll(`#rows ${PICK}`)];
  if (all) {
    all.hidden = boxes.length === 0;
    all.checked = boxes.length > 0 && boxes.every((box) => box.checked);
  }
  for (const row of rows()) row.classList.toggle("picked", row.querySelector(PICK)?.checked === true);
  const count = document.getElementById("bulk-count");
  if (!count) return;
  count.dataset.how ??= count.textContent;
  count.textContent = picked.size ? count.dataset.words.replace("#", picked.size) : count.dataset.how;
  document.getElementById("bulk").classList.toggle("bulk-ready", picked.size > 0);
}

document.addEventListener("change", (event) => {
  const box = event.target;
  if (box.id === "pick-all") {
    for (const one of document.querySelectorAll(`#rows ${PICK}`)) mark(one, box.checked);
  } else if (box.matches(PICK)) {
    mark(box, box.checked);
  } else {
    return;
  }
  tellPicked();
});

function mark(box, on) {
  box.checked = on;
  if (on) picked.add(box.value);
  else picked.delete(box.value);
}

// Bulk actions show once something is selected; without this file they always show.
document.getElementById("bulk")?.classList.add("bulk-quiet");

// A card at a glance opens beside the rows and closes with Escape or its button, back on the row it was opened from.
const glance = document.getElementById("glance");
let glanced = null;
document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.target.matches?.("[hx-target='#glance-content']")) glanced = event.target;
});
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.id !== "glance-content") return;
  glance.hidden = false;
  event.detail.target.focus();
});
function closeGlance() {
  if (!glance || glance.hidden) return;
  glance.hidden = true;
  if (glanced?.isConnected) glanced.focus();
}
document.getElementById("glance-close")?.addEventListener("click", closeGlance);
document.addEventListener("keydown", (event) => event.key === "Escape" && closeGlance());

// New rows keep what was selected and where one was; what has left the page is no longer selected.
const inRows = (element) => element?.matches?.("#rows [data-open]") === true;
let announced = document.getElementById("rows")?.dataset.found;
let wasFocused = false;
document.addEventListener("htmx:beforeRequest", () => (wasFocused = inRows(document.activeElement)));
document.addEventListener("htmx:afterSwap", () => {
  const boxes = [...document.querySelectorAll(`#rows ${PICK}`)];
  for (const box of boxes) box.checked = picked.has(box.value);
  const shown = new Set(boxes.map((box) => box.value)); // A row of a cause is named by its card, its box by the run.
  for (const value of [...picked]) if (!shown.has(value)) picked.delete(value);
  if (wasFocused && document.activeElement === document.body) {
    const row = rows().find((one) => one.dataset.row === here);
    if (row) opener(row).focus();
  }
  tellPicked();
  const now = document.getElementById("rows")?.dataset.found;
  if (now && now !== announced) document.getElementById("said").textContent = announced = now;
});

// Filter menus close on a click elsewhere and with Escape.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.pick[open]")) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" ? event.target.closest?.("details.pick[open]") : null;
  if (!menu) return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

// The moment that is typed belongs to one choice only.
const moment = document.getElementById("bulk-moment");
const until = document.getElementById("bulk-until");
if (moment && until) {
  const show = () => {
    until.hidden = moment.value !== "moment";
    if (!until.hidden) until.focus();
  };
  moment.addEventListener("change", show);
  until.hidden = moment.value !== "moment";
}

for (const box of document.querySelectorAll(`#rows ${PICK}:checked`)) picked.add(box.value); // Kept by "back".
tellPicked();
