// A table as it is shown, in clean columns: a number, the ends of its interval and its note each in one of their own.
const INTERVAL = /^(\S+) \((\S+) to (\S+)\)$/;
const NUMBER = /^[−-]?[\d,]*\.?\d+$/;
const SIGNS = "svg, button, [aria-hidden=true], .unseen";

const flat = (node) => node.textContent.replace(/\s+/g, " ").trim();

// The words of a cell and, apart from them, its note; signs that only repeat a word stay behind.
const parts = (cell) => {
  if (cell.hasAttribute("data-copy")) return { text: cell.dataset.copy, note: "" };
  const copied = cell.cloneNode(true);
  copied.querySelectorAll(SIGNS).forEach((sign) => sign.remove());
  const notes = [...copied.querySelectorAll("small")].map((note) => { note.remove(); return flat(note); });
  return { text: flat(copied), note: notes.filter(Boolean).join("; ") };
};

const head = (cell) => {
  const copied = cell.cloneNode(true);
  copied.querySelectorAll("[aria-hidden=true], .unseen").forEach((sign) => sign.remove());
  return flat(copied);
};

// Rows of parts, as wide as the table; what a group of rows is called stands before each of them.
const body = (table) => {
  const rows = [];
  let group = "";
  for (const row of [...table.tBodies].flatMap((part) => [...part.rows])) {
    if (row.classList.contains("group")) group = row.hidden ? "" : flat(row); // sorted, rows leave their groups
    else if (!row.hidden) {
      const cells = [...row.cells].flatMap((cell) => [parts(cell), ...Array(cell.colSpan - 1).fill({ text: "", note: "" })]);
      rows.push([{ text: group, note: "" }, ...cells]);
    }
  }
  return rows;
};

const bare = (title) => title.replace(/ \(.*\)$/, "");

// A column as it is shown, as one, or as three where it has intervals.
const split = ({ title, cells, numeric }) => {
  const found = cells.map(({ text }) => INTERVAL.exec(text));
  if (!numeric || !found.some(Boolean)) return [{ title, cells: cells.map(({ text }) => text), numeric }];
  return ["", ", low", ", high"].map((end, place) => ({
    title: bare(title) + end,
    cells: found.map((match, row) => (match ? match[place + 1] : place ? "" : cells[row].text)),
    numeric: true,
  }));
};

const noted = ({ title, cells }) => ({ title: `${bare(title)}, note`, cells: cells.map(({ note }) => note), numeric: false });

// Columns of numbers and words, then those of notes, then the groups; what is empty in all rows is left out.
const columns = (table) => {
  const rows = body(table);
  const heads = [...table.tHead.rows[0].cells].map((cell) => ({ title: head(cell), numeric: cell.classList.contains("number") }));
  const [groups, ...shown] = [{ title: "Group", numeric: false }, ...heads]
    .map((column, place) => ({ ...column, cells: rows.map((row) => row[place]) }));
  return [...shown.flatMap(split), ...shown.map(noted), ...split(groups)].filter(({ cells }) => !rows.length || cells.some(Boolean));
};

const plain = (text) => (NUMBER.test(text) ? text.replace("−", "-").replaceAll(",", "") : text);

const quoted = (text, by) => (by === "," && /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

window.cnnlab = {
  ...window.cnnlab,
  columns,
  // As text whose columns are separated `by` a comma or a tab.
  separated(table, by) {
    const taken = columns(table);
    const line = (texts) => texts.map((text) => quoted(text, by)).join(by) + "\n";
    const written = ({ cells, numeric }, row) => (numeric ? plain(cells[row]) : cells[row]);
    const rows = taken.length ? taken[0].cells.map((_, row) => line(taken.map((column) => written(column, row)))) : [];
    return line(taken.map(({ title }) => title)) + rows.join("");
  },
};
