// While the stream is not open, the parts of the page that wait for it refresh every half minute.

const EVERY_MS = 30_000;
const ask = () => document.body.dispatchEvent(new Event("unheard"));
let asking = setInterval(ask, EVERY_MS); // Until it opens: a proxy may hold an answer back without an error.

document.addEventListener("htmx:sseError", () => (asking ??= setInterval(ask, EVERY_MS)));
document.addEventListener("htmx:sseOpen", () => {
  const missed = asking;
  clearInterval(asking);
  asking = null;
  if (missed && performance.now() > EVERY_MS) ask(); // What was missed while the stream was closed.
});
