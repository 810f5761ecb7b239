// What the card page does by itself: it keeps the lease while somebody works, takes the acts away when the task went to somebody else, and completes the name behind an @.

const KEEP_EVERY_MS = 60_000;

function keepLease(form) {
  let kept = Date.now(), asking = false;
  async function keep() {
    if (asking || Date.now() - kept < KEEP_EVERY_MS) return;
    asking = true;
    try {
      const answer = await fetch(form.dataset.keep, { method: "POST", body: new URLSearchParams(new FormData(form)) });
      if (answer.status === 409) document.body.dispatchEvent(new Event("unkept")); // Somebody else has it: the page asks who.
      if (!answer.ok) return;
      const until = (await answer.json()).until;
      for (const shown of document.querySelectorAll("[data-countdown]")) shown.dataset.countdown = until;
    } catch {
      // The network is away: the countdown goes on, and the next key tries again.
    } finally {
      kept = Date.now();
      asking = false;
    }
  }
  for (const activity of ["keydown", "pointerdown", "wheel", "pointermove"]) {
    document.addEventListener(activity, keep, { passive: true });
  }
}

function completeMentions(field) {
  const list = document.getElementById(field.getAttribute("list"));
  let asked = "";
  field.addEventListener("input", async () => {
    const begun = /(?:^|[^\w.+-])[@＠]([^@＠]{1,40})$/u.exec(field.value)?.[1];
    if (!begun || begun === asked) return;
    asked = begun; // Only the name goes out, never what else was typed.
    const before = field.value.slice(0, field.value.length - begun.length);
    const answer = await fetch(`/people/called?q=${encodeURIComponent(begun)}`);
    if (!answer.ok || asked !== begun) return; // A later letter has asked anew.
    list.replaceChildren(...(await answer.json()).map(({ name, email, calls }) => {
      const option = document.createElement("option");
      // Browsers offer only what begins as it was typed: Zhou is completed to Zhou Yuan, 周 to the whole name.
      const called = calls.find((one) => one.toLowerCase().startsWith(begun.toLowerCase())) ?? name;
      option.value = `${before}${called} `;
      option.label = `${name} · ${email}`;
      return option;
    }));
  });
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
for (const input of document.querySelectorAll("input[type=file]")) {
  const names = input.form?.querySelector("[data-files]");
  const show = () => names && (names.textContent = [...input.files].map((one) => one.name).join(" · "));
  input.addEventListener("change", show);
  show(); // A page that comes back may have kept them.
}
document.querySelectorAll("[data-mentions]").forEach(completeMentions);
