// Copies a table as tab-separated values; folds the contents on a phone; opens what a link points into.
"use strict";

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

const contents = document.querySelector("nav details");
const wide = matchMedia("(min-width: 82rem)");
const fold = () => { contents.open = wide.matches; };
wide.addEventListener("change", fold);
fold();

const reveal = () => {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const closed = target && target.closest("details:not([open])");
  if (closed) { closed.open = true; target.scrollIntoView(); }
};
addEventListener("hashchange", reveal);
reveal();
