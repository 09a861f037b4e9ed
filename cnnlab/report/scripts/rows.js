// Rows of the ledger open: their second line, or all but the beginning of a long text, is folded until it is asked for.
const LONG = 60; // letters, more than which may not fit into two lines
const ledger = document.getElementById("ledger");

const toggle = (row) => {
  const open = row.classList.toggle("open");
  row.querySelector("button.more").setAttribute("aria-expanded", open);
};

const addButton = (row) => {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "more";
  button.setAttribute("aria-expanded", "false");
  button.setAttribute("aria-label", `More of ${row.cells[0].dataset.sort}`);
  button.addEventListener("click", () => toggle(row));
  row.cells[0].prepend(button);
};

if (ledger) {
  const full = ledger.tHead.rows[0].cells.length;
  const long = (row) => row.cells.length === full || row.querySelector("td[colspan]")?.textContent.length > LONG;
  const folding = [...ledger.tBodies].flatMap((body) => [...body.rows]).filter(long);
  folding.forEach(addButton);
  ledger.classList.add("folds");
  // A click on what is no control opens too, unless it ends a selection.
  ledger.addEventListener("click", ({ target }) => {
    const row = target.closest("tbody tr");
    if (folding.includes(row) && !target.closest("a, button") && getSelection().isCollapsed) toggle(row);
  });
}
