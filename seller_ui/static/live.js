// Keeps the moving part of a card's page fresh: server-sent events, or a poll where they do not come. Both end with the card.
(() => {
  "use strict";
  const POLL_MS = 4000;
  let source = null;
  let poll = 0;

  const part = () => document.getElementById("live");
  const refresh = () => { const live = part(); if (live && live.dataset.events) htmx.trigger(live, "changed"); };

  function stop() {
    if (source) { source.close(); source = null; }
    if (poll) { clearInterval(poll); poll = 0; }
  }

  function startPolling() {
    if (!poll) poll = setInterval(refresh, POLL_MS);
  }

  function listen() {
    const live = part();
    if (!live || !live.dataset.events) { stop(); return; }
    if (source || !window.EventSource) { if (!source) startPolling(); return; }
    source = new EventSource(live.dataset.events + "?seen=" + live.dataset.seen + "&held=" + live.dataset.held);
    source.addEventListener("changed", refresh);
    source.addEventListener("ended", () => { refresh(); source.close(); });
    source.addEventListener("error", () => { if (source && source.readyState === EventSource.CLOSED) startPolling(); });
    source.addEventListener("open", () => { if (poll) { clearInterval(poll); poll = 0; } });
  }

  // A form that is being filled in is not replaced by an update that does not concern it.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const typing = document.activeElement && document.activeElement.closest("#live form input:not([type=hidden])");
    const fresh = document.createElement("div");
    fresh.innerHTML = event.detail.serverResponse;
    const form = typing && typing.form.getAttribute("action");
    if (form && fresh.querySelector('form[action="' + form + '"]')) event.detail.shouldSwap = false;
  });

  function tick() {
    for (const shown of document.querySelectorAll("[data-countdown]")) {
      const left = Math.max(0, Math.floor((Date.parse(shown.dateTime) - Date.now()) / 1000));
      const hours = Math.floor(left / 3600);
      const two = (number) => String(number).padStart(2, "0");
      shown.textContent = (hours ? hours + ":" : "") + two(Math.floor((left % 3600) / 60)) + ":" + two(left % 60);
    }
  }

  // A second press while the first is on its way would be a second answer.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("[data-once]")) return;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "yes";
    form.querySelectorAll("button").forEach((button) => button.classList.add("btn-loading"));
  });

  document.addEventListener("htmx:afterSettle", () => { tick(); listen(); });
  window.addEventListener("pagehide", stop);
  window.addEventListener("pageshow", () => { tick(); listen(); });
  setInterval(tick, 1000);
})();
