// Tables and figures as files, made here from what the page holds.
const packed = document.getElementById("tables-in-full");
let opened = null;

// The tables of results that the page holds: by name the head, and rows by their place.
const inFull = () => {
  opened ??= (async () => {
    const bytes = Uint8Array.from(atob(packed.content.textContent.trim()), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return JSON.parse(await new Response(stream).text());
  })();
  return opened;
};

// `0-2,7` as numbers.
const places = (ranges) => ranges.split(",").flatMap((range) => {
  const [first, last = first] = range.split("-").map(Number);
  return Array.from({ length: last - first + 1 }, (_, step) => first + step);
});

// The rows as CSV, by table, of `contrasts:0-2,7 runs:3`.
const files = async (needed) => {
  const tables = await inFull();
  return needed.split(" ").map((one) => {
    const [name, ranges] = one.split(":");
    const { head, lines } = tables[name];
    return { name, head, rows: places(ranges).map((place) => lines[place]) };
  });
};

const csv = ({ head, rows }) => [head, ...rows].join("\n") + "\n";

// Tables with one head, such as contrasts and measured contrasts, follow each other in one file.
const joined = (parts) => {
  const rows = parts.filter(({ head }) => head === parts[0].head).flatMap((part) => part.rows);
  return csv({ head: parts[0].head, rows });
};

const save = (name, text, type) => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
};

// What the classes of drawings stand for.
const ways = new Map([...document.getElementById("drawn").sheet.cssRules].map((rule) => [rule.selectorText.slice(1), rule.style.cssText]));

// A drawing that stands alone: with the light colours in place of the page's variables, and its text as title.
const drawing = (svg) => {
  const light = [...document.styleSheets[0].cssRules].find((rule) => rule.selectorText === ":root").style;
  const copied = svg.cloneNode(true);
  copied.querySelectorAll("[class]").forEach((element) => {
    if (!ways.has(element.getAttribute("class"))) return;
    element.setAttribute("style", ways.get(element.getAttribute("class")));
    element.removeAttribute("class");
  });
  const [, , width, height] = svg.getAttribute("viewBox").split(/[ ,]+/);
  const title = document.createElementNS(svg.namespaceURI, "title");
  title.textContent = svg.getAttribute("aria-label");
  copied.prepend(title);
  copied.removeAttribute("aria-label");
  const attributes = { width, height, "font-family": "Helvetica, Arial, sans-serif", "stroke-linejoin": "round" };
  for (const [name, value] of Object.entries(attributes)) copied.setAttribute(name, value);
  const text = new XMLSerializer().serializeToString(copied);
  return text.replace(/var\((--[\w-]+)\)/g, (_, name) => light.getPropertyValue(name).trim()) + "\n";
};

const choice = (label, act) => {
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: label });
  button.addEventListener("click", async () => { await act(); window.cnnlab.hide(); });
  return button;
};

const menu = (label, choices) => {
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: "Download" });
  button.setAttribute("aria-label", `Download ${label}`);
  button.setAttribute("aria-haspopup", "dialog");
  button.addEventListener("click", () => window.cnnlab.show(button, `Download ${label}`, choices()));
  return button;
};

const ofTable = (table) => {
  const { rows } = table.dataset;
  const full = rows && packed && window.DecompressionStream;
  return [
    full
      ? choice("CSV, unrounded", async () => save(`${table.id}.csv`, joined(await files(rows)), "text/csv"))
      : choice("CSV", () => save(`${table.id}.csv`, window.cnnlab.separated(table, ","), "text/csv")),
    choice("LaTeX, as shown", () => save(`${table.id}.tex`, window.cnnlab.latex(table), "application/x-tex")),
  ];
};

const ofFigure = (figure) => {
  const { figure: name, rows } = figure.dataset;
  const choices = [choice("SVG", () => save(`${name}.svg`, drawing(figure.querySelector("svg")), "image/svg+xml"))];
  const tables = rows && packed && window.DecompressionStream ? rows.split(" ") : [];
  return [...choices, ...tables.map((needed) => {
    const table = needed.split(":")[0].split("/").pop();
    return choice(`Data: ${table.replace("-means", ", means over seeds")}, CSV`, async () => save(`${name}-${table}.csv`, joined(await files(needed)), "text/csv"));
  })];
};

document.querySelectorAll("button[data-copies]").forEach((button) => {
  const source = document.getElementById(button.dataset.copies);
  const label = button.getAttribute("aria-label").replace(/^Copy | as .*$/g, "");
  if (source instanceof HTMLTableElement) button.after(menu(label, () => ofTable(source)));
  else if (button.dataset.file) {
    const text = () => document.getElementById(button.dataset.copies).textContent;
    button.after(menu(label, () => [choice("BibTeX", () => save(button.dataset.file, text(), "application/x-bibtex"))]));
  }
});

document.querySelectorAll("figure[data-figure]").forEach((figure) => {
  if (!figure.querySelector("svg")) return;
  const label = `the figure “${figure.querySelector("svg").getAttribute("aria-label").split(". ")[0]}”`;
  const line = Object.assign(document.createElement("p"), { className: "figure-tools" });
  line.append(menu(label, () => ofFigure(figure)));
  figure.append(line);
});
