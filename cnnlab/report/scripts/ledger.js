// Filters and order of the ledger. Both stand in the address, "#ledger?verdict=supported&sort=p": a copied link shows
// the same rows, and the back button those before.
const form = document.getElementById("filters");
const ledger = document.getElementById("ledger");
const PREFIX = "#ledger?";
const FACETS = ["verdict", "chapter", "kind", "network"];

const rowsOf = (id) => [...document.querySelectorAll(`#${id} > tbody > tr:not(.group)`)];
const tested = rowsOf("ledger");
const untested = rowsOf("untested");
const homes = new Map(tested.map((row) => [row, row.parentNode]));
const texts = new Map([...tested, ...untested].map((row) => [row, `${row.dataset.of ?? ""} ${row.textContent}`.toLowerCase()]));

// What is chosen in the form, without what is left at "all".
const chosen = () => new URLSearchParams([...new FormData(form)].filter(([, value]) => value));

const matches = (row, view) => {
  const words = (view.get("text") ?? "").toLowerCase().split(/\s+/);
  const among = (name) => {
    const wanted = view.getAll(name);
    return !wanted.length || (row.dataset[name] ?? "").split("|").some((value) => wanted.includes(value));
  };
  return FACETS.every(among) && words.every((word) => texts.get(row).includes(word));
};

// By number where both are numbers; what is missing comes last, whatever the direction.
const compare = (one, other, reversed) => {
  if (one === undefined || other === undefined) return (one === undefined) - (other === undefined);
  const order = isNaN(one) || isNaN(other) ? one.localeCompare(other, "en", { numeric: true }) : one - other;
  return reversed ? -order : order;
};

const arrange = (view) => {
  const heads = [...ledger.querySelectorAll("th[data-key]")];
  const head = heads.find((each) => each.dataset.key === view.get("sort"));
  const reversed = view.has("order");
  heads.forEach((each) => each.removeAttribute("aria-sort"));
  head?.setAttribute("aria-sort", reversed ? "descending" : "ascending");
  const value = (row) => row.cells[head.cellIndex]?.dataset.sort;
  const sorted = head ? [...tested].sort((one, other) => compare(value(one), value(other), reversed)) : tested;
  sorted.forEach((row) => (head ? homes.get(tested[0]) : homes.get(row)).append(row));
  return Boolean(head);
};

const say = (total, shown, what) => (shown === total ? `${total} ${what}` : `${shown} of ${total} ${what}`);

const apply = () => {
  const view = chosen();
  const sorted = arrange(view);
  [...tested, ...untested].forEach((row) => { row.hidden = !matches(row, view); });
  const shown = (rows) => rows.filter((row) => !row.hidden).length;
  document.querySelectorAll("#ledger tr.group, #untested tr.group").forEach((group) => {
    const empty = !shown([...group.parentNode.rows].filter((row) => row !== group));
    group.hidden = empty || (sorted && ledger.contains(group));
  });
  ledger.classList.toggle("flat", String(view) !== "");
  const more = untested.length ? `; ${say(untested.length, shown(untested), "claims not tested yet")}` : "";
  document.getElementById("shown").textContent = say(tested.length, shown(tested), "rows") + more;
};

const fill = (text) => {
  const view = new URLSearchParams(text);
  for (const control of [...form.elements].filter((each) => each.name)) {
    if (control.type === "checkbox") control.checked = view.getAll(control.name).includes(control.value);
    else control.value = view.get(control.name) ?? "";
    if (control.selectedIndex === -1) control.selectedIndex = 0;
  }
  apply();
};

// A frame without an address of its own, as a viewer of files may show the page in, has none to change.
const record = (step, state, address) => {
  try {
    history[step](state, "", address);
  } catch {
    // The view holds all the same.
  }
};

// Letters typed one after another are one step back.
const changed = (typed) => {
  apply();
  const view = String(chosen());
  const step = typed && history.state?.typed ? "replaceState" : "pushState";
  record(step, { view, typed }, view ? PREFIX + view : "#ledger");
};

const asked = () => (location.hash.startsWith(PREFIX) ? location.hash.slice(PREFIX.length) : undefined);

const decoded = (hash) => { try { return decodeURIComponent(hash); } catch { return hash; } };

// A link to a row that a filter hides lifts the filter.
const lift = () => {
  const row = document.getElementById(decoded(location.hash.slice(1)));
  if (!row?.hidden || !texts.has(row)) return;
  fill("");
  record("replaceState", { view: "" });
  row.scrollIntoView();
};

// A place of the history without a view of its own is a link that was followed: it keeps the view.
const arrive = () => {
  const view = history.state?.view ?? asked() ?? String(chosen());
  if (!history.state && asked() !== undefined) form.scrollIntoView();
  fill(view);
  record("replaceState", { ...history.state, view });
  lift();
};

const sortBy = (head) => {
  const { sort, order } = form.elements;
  order.checked = sort.value === head.dataset.key && !order.checked;
  sort.value = head.dataset.key;
  changed();
};

const addButton = (head) => {
  const button = head.appendChild(document.createElement("button"));
  button.type = "button";
  button.className = "sort";
  button.setAttribute("aria-label", `Sort by ${head.dataset.key}`);
  button.addEventListener("click", () => sortBy(head));
};

if (form && ledger) {
  for (const row of tested) if (row.dataset.of) row.cells[1].dataset.of = row.dataset.of;
  ledger.querySelectorAll("th[data-key]").forEach(addButton);
  [...form.elements].forEach((control) => { control.disabled = false; });
  form.hidden = false;
  document.getElementById("verdicts").addEventListener("input", ({ target }) => {
    if (target.form === form) changed(target.name === "text");
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(changed));
  addEventListener("popstate", arrive);
  arrive();
}
