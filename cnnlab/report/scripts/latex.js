// A table as it is shown for LaTeX, with the rules of the package booktabs.
const SPECIAL = {
  "\\": "\\textbackslash{}", "&": "\\&", "%": "\\%", "$": "\\$", "#": "\\#", "_": "\\_", "{": "\\{", "}": "\\}",
  "~": "\\textasciitilde{}", "^": "\\textasciicircum{}", "<": "$<$", ">": "$>$",
  "−": "$-$", "×": "$\\times$", "÷": "$\\div$", "≤": "$\\leq$", "≥": "$\\geq$", "±": "$\\pm$", "·": "$\\cdot$",
  "–": "--", "—": "---", "“": "``", "”": "''", "’": "'", "…": "\\ldots{}", "→": "$\\to$", "σ": "$\\sigma$", "μ": "$\\mu$",
  "[": "{[}", "*": "{*}", "|": "\\textbar{}", "∞": "$\\infty$", "₁": "$_1$", "₂": "$_2$", "₀": "$_0$", "\u00a0": "~",
};
const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";

const power = (signs) => `$^{${[...signs].map((sign) => (sign === "⁻" ? "-" : SUPERSCRIPTS.indexOf(sign))).join("")}}$`;

const escaped = (text) => text.replace(/[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+|./gsu, (sign) => (
  /^[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]/.test(sign) ? power(sign) : SPECIAL[sign] ?? sign
));

window.cnnlab = {
  ...window.cnnlab,
  latex(table) {
    const taken = window.cnnlab.columns(table);
    const row = (texts) => `${texts.map(escaped).join(" & ")} \\\\\n`;
    const rows = taken[0].cells.map((_, place) => row(taken.map((column) => column.cells[place])));
    const lines = [
      `% ${table.caption.textContent.replace(/\s+/g, " ").trim()}\n% \\usepackage{booktabs}\n`,
      `\\begin{tabular}{${taken.map(({ numeric }) => (numeric ? "r" : "l")).join("")}}\n\\toprule\n`,
      row(taken.map(({ title }) => title)), "\\midrule\n", ...rows, "\\bottomrule\n\\end{tabular}\n",
    ];
    return lines.join("");
  },
};
