// Rows of the ledger open: what stands in their second line is folded until it is asked for.
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
  button.setAttribute("aria-label", `Seeds, p, cost and command of ${row.cells[0].dataset.sort}`);
  button.addEventListener("click", () => toggle(row));
  row.cells[0].prepend(button);
};

if (ledger) {
  const full = Math.max(...[...ledger.rows].map((row) => row.cells.length));
  const folding = [...ledger.tBodies].flatMap((body) => [...body.rows]).filter((row) => row.cells.length === full);
  folding.forEach(addButton);
  ledger.classList.add("folds");
  // A click on what is no control opens too, unless it ends a selection.
  ledger.addEventListener("click", ({ target }) => {
    const row = target.closest("tbody tr");
    if (folding.includes(row) && !target.closest("a, button") && getSelection().isCollapsed) toggle(row);
  });
}
