// Copies a table as tab-separated values, or any other text as it is.
const copy = async (content) => {
  try {
    await navigator.clipboard.writeText(content);
  } catch {
    const area = document.body.appendChild(document.createElement("textarea"));
    area.value = content;
    area.select();
    const copied = document.execCommand("copy");
    area.remove();
    if (!copied) throw new Error("no clipboard");
  }
};

const content = (source) => (source instanceof HTMLTableElement ? window.cnnlab.separated(source, "\t") : source.textContent);

document.querySelectorAll("button[data-copies]").forEach((button) => {
  button.hidden = false;
  const before = button.textContent;
  button.addEventListener("click", async () => {
    try {
      await copy(content(document.getElementById(button.dataset.copies)));
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not allowed";
    }
    setTimeout(() => { button.textContent = before; }, 1500);
  });
});
