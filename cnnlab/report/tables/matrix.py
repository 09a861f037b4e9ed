"""The cells of a matrix study as a table: every effect in every metric, or why there is none."""

from __future__ import annotations

from collections.abc import Sequence

from cnnlab.analysis.tables.frames import Tables, distinct
from cnnlab.planning.study import Study
from cnnlab.report.tables.view import Cell, Column, TableView, missing
from cnnlab.wording.contrasts import metric, title, unit
from cnnlab.wording.matrix_cells import SHOWN, MatrixCell, formula
from cnnlab.wording.numbers import times


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
    return Cell(cell.text(name), note=times(row["estimate"]) if log else "")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
