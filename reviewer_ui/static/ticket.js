// The ticket's page opens at the newest words, and a note grows with what is written in it.

const said = document.getElementById("said-here");
if (said) said.scrollTop = said.scrollHeight;

for (const field of document.querySelectorAll(".composer textarea")) {
  const grow = () => {
    field.style.height = "auto";
    field.style.height = `${Math.min(field.scrollHeight + 2, 260)}px`;
  };
  field.addEventListener("input", grow);
  if (field.value) grow();
}
