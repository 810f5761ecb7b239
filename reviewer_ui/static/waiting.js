// Show a placeholder when a page takes longer than 300 ms, and a progress text after two seconds.

const SHOWN_MS = 300;
const WORDS_MS = 2000;
const timers = [];

function settle() {
  while (timers.length) clearTimeout(timers.pop());
  document.body.classList.remove("waiting");
  const waiting = document.getElementById("waiting");
  if (waiting) waiting.textContent = "";
}

function begin() {
  settle();
  timers.push(setTimeout(() => document.body.classList.add("waiting"), SHOWN_MS));
  timers.push(setTimeout(() => (document.getElementById("waiting").textContent = document.getElementById("waiting").dataset.words), WORDS_MS));
}

// What is fetched into this page, opened beside it or downloaded does not replace it.
const leaves = (link) =>
  link && !link.target && !link.hasAttribute("download") && link.origin === location.origin && !link.pathname.endsWith(".csv")
  && link.pathname + link.search !== location.pathname + location.search;

window.addEventListener("submit", (event) => {
  if (!event.defaultPrevented && event.target.method !== "dialog") begin();
});
window.addEventListener("click", (event) => {
  const plain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey && !event.altKey;
  if (plain && !event.defaultPrevented && leaves(event.target.closest?.("a[href]"))) begin();
});
window.addEventListener("keydown", (event) => event.key === "Escape" && settle()); // As it stops the loading itself.
window.addEventListener("pageshow", settle);
