// Keep the lease while a person works on the card, and remove the actions once the task belongs to a colleague.

const KEEP_EVERY_MS = 60_000;

function keepLease(form) {
  let kept = Date.now(), asking = false;
  async function keep() {
    if (asking || Date.now() - kept < KEEP_EVERY_MS) return;
    asking = true;
    try {
      const answer = await fetch(form.dataset.keep, { method: "POST", body: new URLSearchParams(new FormData(form)) });
      if (answer.status === 409) document.body.dispatchEvent(new Event("unkept")); // A colleague has it: the page asks who.
      if (!answer.ok) return;
      const until = (await answer.json()).until;
      for (const shown of document.querySelectorAll("[data-countdown]")) shown.dataset.countdown = until;
    } catch {
      // The network is away: the countdown continues, and the next key tries again.
    } finally {
      kept = Date.now();
      asking = false;
    }
  }
  for (const activity of ["keydown", "pointerdown", "wheel", "pointermove"]) {
    document.addEventListener(activity, keep, { passive: true });
  }
}

// The words stay where they were typed; nothing of the task can be done from this page any more.
function lose() {
  for (const acts of document.querySelectorAll("form.decision .acts, form.decision .idea button")) acts.disabled = true;
  for (const menu of document.querySelectorAll("details.menu[open]")) menu.open = false;
  document.querySelector("[data-keep]")?.remove();
}
document.addEventListener("htmx:afterSwap", () => document.querySelector("[data-lost]") && lose());

const keeping = document.querySelector("[data-keep]");
if (keeping) keepLease(keeping);
