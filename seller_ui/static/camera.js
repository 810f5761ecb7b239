// Shows the photograph that was taken or chosen before it is sent. Without this script the form works, only blind.
(() => {
  "use strict";
  // With one photo there is nothing to say of several; without this script the question is always shown.
  const ask = (form, count) => { const asked = form && form.querySelector("[data-several]"); if (asked) asked.hidden = count < 2; };
  for (const asked of document.querySelectorAll("[data-several]")) ask(asked.closest("form"), 0);
  document.addEventListener("change", (event) => {
    const input = event.target;
    const camera = input.closest && input.closest("[data-camera]");
    if (!camera || input.type !== "file" || !input.files.length) return;
    for (const other of camera.querySelectorAll("input[type=file]")) if (other !== input) other.value = "";
    const preview = camera.querySelector("[data-preview]");
    if (preview.src) URL.revokeObjectURL(preview.src);
    const shown = input.files[0].type.startsWith("image/");  // A PDF has no picture before its pages are drawn.
    if (shown) preview.src = URL.createObjectURL(input.files[0]); else preview.removeAttribute("src");
    preview.hidden = !shown;
    ask(input.form, input.files.length);
    camera.querySelector("[data-empty]").hidden = shown;
    camera.querySelector("[data-chosen]").hidden = false;
  });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("[data-once]") || form.dataset.sent || document.getElementById("live")) return;
    form.dataset.sent = "yes";
    form.querySelectorAll("button").forEach((button) => button.classList.add("btn-loading"));
  });
})();
