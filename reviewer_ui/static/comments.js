// Complete the name behind an @ in a comment, and list the chosen files.

function completeMentions(field) {
  const list = document.getElementById(field.getAttribute("list"));
  let asked = "";
  field.addEventListener("input", async () => {
    const begun = /(?:^|[^\w.+-])[@＠]([^@＠]{1,40})$/u.exec(field.value)?.[1];
    if (!begun || begun === asked) return;
    asked = begun; // Only the name goes out, never what else was typed.
    const before = field.value.slice(0, field.value.length - begun.length);
    const answer = await fetch(`/people/called?q=${encodeURIComponent(begun)}`);
    if (!answer.ok || asked !== begun) return; // A later letter has sent a new request.
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

for (const input of document.querySelectorAll("input[type=file]")) {
  const names = input.form?.querySelector("[data-files]");
  const show = () => names && (names.textContent = [...input.files].map((one) => one.name).join(" · "));
  input.addEventListener("change", show);
  show(); // A page that comes back may have kept them.
}
document.querySelectorAll("[data-mentions]").forEach(completeMentions);
