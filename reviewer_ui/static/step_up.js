// Identity confirmation as a dialog over the page: the act continues once it is confirmed.

const dialog = document.getElementById("step-up");

document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.getResponseHeader("x-step-up") !== "needed") return;
  event.detail.shouldSwap = true; // It is no failure: it keeps its status, and is shown all the same.
  event.detail.isError = false;
});

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target !== dialog) return;
  if (!dialog.open) dialog.showModal();
  dialog.querySelector("[autofocus]")?.focus();
});

document.addEventListener("htmx:afterRequest", (event) => {
  const asked = event.detail.xhr.getResponseHeader("x-step-up") === "needed";
  if (!asked && dialog.open && dialog.contains(event.detail.elt)) dialog.close();
});

dialog.addEventListener("click", (event) => {
  if (event.target.closest("[data-cancel]")) {
    dialog.close();
    event.preventDefault();
  }
});
dialog.addEventListener("close", () => dialog.replaceChildren());
