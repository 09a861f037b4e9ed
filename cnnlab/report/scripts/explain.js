// What the columns of a table mean, and why numbers in it are missing, beside the table instead of at the page's end.
const made = (tag, text) => Object.assign(document.createElement(tag), { textContent: text });

// What stands in a tooltip somewhere in the table, each once, with where it stands.
const hints = (table) => {
  const found = new Map();
  table.querySelectorAll("td[title], tbody th[title]").forEach((cell) => {
    const said = cell.textContent.replace(/\s+/g, " ").trim() || "drawn";
    found.set(`${said}: ${cell.title}`, true);
  });
  table.querySelectorAll(".missing").forEach((dash) => found.set(`—: ${dash.title}`, true));
  return [...found.keys()];
};

const explanation = (link) => {
  const list = document.querySelector(`${link.getAttribute("href")} dl`).cloneNode(true);
  const reasons = hints(link.closest(".table-head").parentElement.querySelector(`#${CSS.escape(link.dataset.table)}`));
  if (!reasons.length) return [list];
  const items = made("ul", "");
  items.append(...reasons.map((reason) => made("li", reason)));
  return [list, made("p", "In the cells:"), items];
};

document.addEventListener("click", (event) => {
  const link = event.target.closest("a.explained");
  if (link && window.cnnlab.show(link, "What the columns mean", explanation(link))) event.preventDefault();
  const dash = event.target.closest(".missing");
  if (dash) window.cnnlab.show(dash, "Why it is missing", [made("p", dash.title)]);
});
