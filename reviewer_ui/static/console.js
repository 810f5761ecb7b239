// Keys, menus, countdowns and secrets that go away. Every act is a form that works without this file.

const own = JSON.parse(document.body.dataset.keys || "{}"); // {"off": true}, or what a person changed: {"a": "y"}
const CONTROL = "a, button, summary, input, select, textarea";
const SETTLED_MS = 400; // A second Enter that was meant for the last page must not act on this one.
const opened = performance.now();
let going = false;
let byKey = false; // A key is pressing a button at this moment.

const typing = (element) =>
  Boolean(element?.closest?.("input:not([type=radio]):not([type=checkbox]), select, textarea, [contenteditable]"));
const reachable = (element) => !element.closest(":disabled") && element.checkVisibility();

// A key decides a card only once a person worked on its page, or it was in view for a time that grows with its value:
// a second key that was meant for the card before must not decide this one.
let looked = false;
let viewedMs = 0;
let viewedSince = document.visibilityState === "visible" ? performance.now() : null;
const viewed = () => viewedMs + (viewedSince === null ? 0 : performance.now() - viewedSince);
const judged = (target) => (typing(target) ? null : target.closest("form[data-settles-ms]"));
const tooEarly = (form) => !looked && viewed() < Number(form.dataset.settlesMs);
const WORK = /^(Tab|Arrow\w+|Page\w+|Home|End)$/;

document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "hidden") [viewedMs, viewedSince] = [viewed(), null];
  else viewedSince ??= performance.now();
});
for (const work of ["pointerdown", "wheel", "touchmove", "input"]) {
  document.addEventListener(work, () => (looked = true), { capture: true, passive: true });
}
document.addEventListener("keydown", (event) => WORK.test(event.key) && (looked = true), { capture: true });

function tellEarly(form) {
  const place = form.querySelector("[data-early-said]");
  if (place) place.textContent = form.dataset.early;
  say(form.dataset.early);
}

// What a key means to this person: the default name of its act, or nothing where they moved that act elsewhere.
function meant(key) {
  const moved = Object.entries(own).find(([, chosen]) => chosen === key);
  return moved ? moved[0] : key in own ? null : key;
}

function openMenu(menu, on) {
  for (const other of document.querySelectorAll("details.menu[open]")) if (other !== menu) other.open = false;
  menu.open = on;
  if (on) (menu.querySelector("input:checked") ?? menu.querySelector("input:not([type=hidden]), select, button"))?.focus();
  else menu.querySelector("summary").focus();
}

// E on a field of the card leads to where that very field is typed.
function entryOf(element) {
  const field = element?.closest?.("[data-field]")?.dataset.field;
  return field && document.querySelector(`.entry [name="${field}"]`);
}

function press(name) {
  const entry = name === "e" && entryOf(document.activeElement);
  if (entry) return entry.focus(), true;
  const target = [...document.querySelectorAll(`[data-key~="${CSS.escape(name)}"]`)].find(reachable);
  if (!target) return false;
  const form = judged(target);
  if (form && tooEarly(form)) return tellEarly(form), true;
  looked ||= !form && !target.closest("header, .card-head, .undo-bar"); // A field, the photo, a reason to type.
  if (target.matches("details.menu > summary")) openMenu(target.parentElement, !target.parentElement.open);
  else if (target.matches("button, a, summary")) target.click();
  else target.focus();
  return true;
}

function choose(menu, key) {
  const found = menu.querySelector(`[data-letter="${CSS.escape(key)}"]`);
  found?.click();
  return Boolean(found);
}

function go(key) {
  going = false;
  const link = [...document.querySelectorAll(".rail a")].find((one) => one.dataset.go === key);
  link?.click();
  return Boolean(link);
}

function act(key, target) {
  const menu = document.querySelector("details.menu[open]");
  if (menu && choose(menu, key)) return true;
  if (going) return go(key);
  const name = meant(key);
  if (name === null) return false;
  if (name === "enter" && (target.closest(CONTROL) || (!looked && performance.now() - opened < SETTLED_MS))) return false;
  if (name === "g") {
    going = true;
    setTimeout(() => (going = false), 2000);
    return true;
  }
  if (name === "?") {
    document.getElementById("keys").showModal();
    return true;
  }
  if (press(name)) return true;
  if (name === "/") location.assign("/search"); // On a phone the field is on its own page.
  return name === "/";
}

function toSearch() {
  const field = document.querySelector("#search, .search-page [name=q]");
  if (!field?.checkVisibility()) return location.assign("/search");
  field.focus();
  field.select();
}

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k" && document.getElementById("search")) {
    event.preventDefault(); // The browser's own search of the address bar.
    if (!document.querySelector("dialog[open]")) toSearch();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || document.querySelector("dialog[open]")) return;
  if (event.key === "Escape") {
    const menu = document.querySelector("details.menu[open]");
    if (menu) openMenu(menu, false);
    else if (typing(event.target)) event.target.blur(); // From a field back to the keys.
  } else if (!own.off && !typing(event.target)) {
    byKey = true;
    if (act(event.key.toLowerCase(), event.target)) event.preventDefault(); // The letter must not land in the field that it leads to.
    byKey = false;
  }
});

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});

// Signing out leads to the sign-in page. Whatever the page asks for until then is answered "not signed in",
// which would lead there with an address to come back to: nothing more is asked, and no answer counts.
let leaving = false;
document.addEventListener("submit", (event) => (leaving ||= event.target.matches("form[action='/sign-out']")));
window.addEventListener("pageshow", () => (leaving = false));
for (const step of ["htmx:beforeRequest", "htmx:beforeOnLoad"]) {
  document.addEventListener(step, (event) => leaving && event.preventDefault());
}

// A form that is on its way is not sent a second time; a page that comes back from memory may send again.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.settlesMs) [form.elements.by.value, form.elements.looked.value] = [byKey ? "key" : "", looked ? "yes" : ""];
  if (!form.matches("[data-once]")) return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
});
window.addEventListener("pageshow", () => document.querySelectorAll("[data-sent]").forEach((one) => delete one.dataset.sent));

function showKeys() {
  const used = new Set();
  for (const link of document.querySelectorAll(".rail a")) {
    const letter = [...new URL(link.href).pathname.split("/").pop() || "home"].find((one) => /[a-z]/.test(one) && !used.has(one));
    if (!letter) continue;
    used.add(letter);
    link.dataset.go = letter;
    if (own.off) continue;
    link.setAttribute("aria-keyshortcuts", `G ${letter.toUpperCase()}`);
    link.title = `${link.title || link.textContent.trim()} (G ${letter.toUpperCase()})`;
  }
  document.body.classList.toggle("keys-off", Boolean(own.off));
  for (const kbd of document.querySelectorAll("[data-key] kbd, kbd[data-of]")) {
    const chosen = own[kbd.dataset.of ?? kbd.closest("[data-key]").dataset.key];
    if (chosen) kbd.textContent = chosen.toUpperCase();
  }
}

const two = (number) => String(number).padStart(2, "0");
const secondsTo = (moment) => Math.ceil((Date.parse(moment) - Date.now()) / 1000);

function tick() {
  for (const element of document.querySelectorAll("[data-countdown]")) {
    const left = secondsTo(element.dataset.countdown);
    element.textContent = left > 0 ? `${two(Math.floor(left / 60))}:${two(left % 60)}` : element.dataset.over;
    element.classList.toggle("late", left <= 60);
    if (left === 60 && element.dataset.warn) say(element.dataset.warn);
  }
  for (const bar of document.querySelectorAll("[data-undo-until]")) {
    const left = secondsTo(bar.dataset.undoUntil);
    if (left <= 0) {
      bar.remove();
      continue;
    }
    const shown = bar.querySelector("[data-left]");
    shown.textContent = left;
    shown.parentElement.hidden = false; // Without scripts there is no countdown, and no words of one.
  }
}

// Screen readers speak what changes in this region; what is on a page when it opens they would pass over.
function say(words) {
  const region = document.getElementById("said");
  if (region) region.textContent = words;
}

function forget(secret) {
  if (secret.dataset.counting) return;
  secret.dataset.counting = "yes";
  setTimeout(() => secret.remove(), Number(secret.dataset.goneAfter) * 1000);
}

// The reason of a refused reveal is shown in place of the secret; a refusal keeps its status.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { target, xhr } = event.detail;
  if (target.id === "secret" && xhr.status >= 400 && xhr.status < 500) event.detail.shouldSwap = true;
});

const watchSecrets = () => document.querySelectorAll("[data-gone-after]").forEach(forget);
document.addEventListener("htmx:afterSwap", watchSecrets);
document.addEventListener("htmx:afterRequest", (event) => {
  const saved = event.target.dataset?.saved;
  if (saved) event.target.querySelector("[data-saved-at]").textContent = event.detail.successful ? saved : event.target.dataset.unsaved;
});
// A page kept for the "back" button would show the secret again.
window.addEventListener("pagehide", () => document.querySelectorAll("[data-gone-after]").forEach((one) => one.remove()));

watchSecrets();
showKeys();
tick();
setInterval(tick, 1000);
setTimeout(() => say([...document.querySelectorAll("[data-say]")].map((one) => one.dataset.say).join(" ")), 300);
