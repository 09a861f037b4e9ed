// Copies a table as tab-separated values.
const text = (cell) => (cell.hasAttribute("data-copy") ? cell.dataset.copy : cell.textContent).replace(/\s+/g, " ").trim();

const cells = (row) => [...row.cells].flatMap((cell) => [text(cell), ...Array(cell.colSpan - 1).fill("")]);

const tsv = (table) => [...table.rows].map((row) => cells(row).join("\t")).join("\n") + "\n";

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

document.querySelectorAll("button[data-copies]").forEach((button) => {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const before = button.textContent;
    try {
      await copy(tsv(document.getElementById(button.dataset.copies)));
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not allowed";
    }
    setTimeout(() => { button.textContent = before; }, 1500);
  });
});
