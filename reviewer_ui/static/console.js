// Keys, countdowns and secrets that go away. Every act is a form that works without this file.

const typing = (element) => element?.closest("input, select, textarea, [contenteditable]") !== null && element !== null;

function press(key) {
  const target = document.querySelector(`[data-key="${key}"]`);
  if (!target || target.disabled) return false;
  if (target instanceof HTMLButtonElement) target.click();
  else target.focus();
  return true;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || typing(event.target)) return;
  const help = document.getElementById("keys");
  if (help.open) return;
  if (event.key === "?") {
    help.showModal();
    event.preventDefault();
  } else if (press(event.key.toLowerCase())) {
    event.preventDefault(); // The letter must not land in the field that it leads to.
  }
});

function two(number) {
  return String(number).padStart(2, "0");
}

function tick() {
  for (const element of document.querySelectorAll("[data-countdown]")) {
    const left = Math.ceil((Date.parse(element.dataset.countdown) - Date.now()) / 1000);
    element.textContent = left > 0 ? `${two(Math.floor(left / 60))}:${two(left % 60)}` : element.dataset.over;
    element.classList.toggle("late", left <= 60);
  }
}

function forget(secret) {
  if (secret.dataset.counting) return;
  secret.dataset.counting = "yes";
  setTimeout(() => secret.remove(), Number(secret.dataset.goneAfter) * 1000);
}

const watchSecrets = () => document.querySelectorAll("[data-gone-after]").forEach(forget);
document.addEventListener("htmx:afterSwap", watchSecrets);
// A page kept for the "back" button would show the secret again.
window.addEventListener("pagehide", () => document.querySelectorAll("[data-gone-after]").forEach((one) => one.remove()));

watchSecrets();
if (document.querySelector("[data-countdown]")) {
  tick();
  setInterval(tick, 1000);
}
