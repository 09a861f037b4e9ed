"""The cells of a matrix study, families × switches: the effects in each, or why it has none."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cnnlab.analysis.rows import Row, Tables, distinct, weights
from cnnlab.planning.study import Study
from cnnlab.report.tables.cells import Cell, Column, TableView, missing
from cnnlab.wording.numbers import Quantity, times
from cnnlab.wording.phrases import Contrast, metric, title, unit

SHOWN = "test_error"  # what the figure shows; the table has every metric


@dataclass(frozen=True)
class MatrixCell:
    """A switch in a family: rows of ``contrasts`` by metric, and the reason if the family refuses the switch."""

    family: str
    switch: str
    title: str
    effects: Mapping[str, Row]
    refused: str | None

    def row(self, name: str) -> Row | None:
        """The row of a metric, once it has numbers."""
        row = self.effects.get(name)
        return row if row and any(row[key] is not None for key in ("estimate", "low", "high")) else None

    def why(self, name: str) -> str:
        """Why there is no number."""
        row = self.effects.get(name)
        if self.refused is not None:
            return f"not applicable: {self.refused}"
        if row is None:
            return "not compared here" if self.effects else "its contrast is not in the tables yet"
        if row["n"] != row["n_planned"]:
            return f"{row['n'] or 0} of {row['n_planned']} seeds"
        return row["reason"] or "no interval can be given"

    def told(self, name: str) -> str:
        """``0.81 (0.43 to 1.19)``, or why not."""
        row = self.row(name)
        if row is None:
            return self.why(name)
        number = Quantity(row["estimate"], row["low"], row["high"])
        return f"{number.value or 'no estimate'} ({number.interval or 'no bound'})"


def read(study: Study, tables: Tables) -> list[MatrixCell]:
    """Every cell, family by family; none is left out."""
    if study.matrix is None:
        return []
    rows = [row for name in ("contrasts", "measured/contrasts") for row in tables.rows(name, study=study.name)]
    return [
        MatrixCell(
            family,
            switch,
            study.matrix.switches[switch],
            {row["metric"]: row for row in rows if (row["family"], row["switch"]) == (family, switch)},
            study.matrix.refused.get((family, switch)),
        )
        for family in study.matrix.families
        for switch in study.matrix.switches
    ]


def formula(cells: Sequence[MatrixCell], switch: str, tables: Tables, study: str) -> str:
    """What is subtracted from what, in the values of the switch: ``none − batch``; empty before there is a contrast."""
    arms = {arm["arm"]: arm for arm in tables.rows("arms", study=study)}
    for cell in cells:
        row = cell.effects.get(SHOWN)
        if cell.switch == switch and row and all(name in arms for name in weights(row)):
            values = {name: _value(json.loads(arms[name]["switches"]).get(switch)) for name in weights(row)}
            return Contrast(weights(row), values).formula(metric(SHOWN).scale)
    return ""


def _value(value: object) -> str:
    return {True: "with", False: "without"}[value] if isinstance(value, bool) else str(value)


def table(study: Study, cells: Sequence[MatrixCell], tables: Tables) -> TableView | None:
    """All cells in all metrics; None for a study without a matrix."""
    if study.matrix is None:
        return None
    metrics = distinct([row for cell in cells for row in cell.effects.values()], "metric")
    signs = {switch: formula(cells, switch, tables, study.name) for switch in study.matrix.switches}
    heads = [Column(f"{_capital(title(name))}, {unit(metric(name).unit)}", numeric=True) for name in metrics]
    rows = [
        [
            Cell(study.matrix.families[cell.family]),
            Cell(cell.title, note=signs[cell.switch]),
            *(_cell(cell, name) for name in metrics),
        ]
        for cell in cells
    ]
    return TableView(
        f"cells-{study.name}", f"Cells of “{study.title}”", (Column("Family"), Column("Switch"), *heads), rows
    )


def _cell(cell: MatrixCell, name: str) -> Cell:
    row = cell.row(name)
    if row is None and cell.refused is not None:
        return Cell("not applicable", note=cell.refused) if name == SHOWN else missing(cell.why(name))
    if row is None:
        return missing(cell.why(name))
    log = row["unit"] == "log2 ratio" and row["estimate"] is not None
    return Cell(cell.told(name), note=times(row["estimate"]) if log else "")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
