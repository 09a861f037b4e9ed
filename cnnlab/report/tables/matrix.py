"""The cells of a matrix study as a table: every effect in every metric, or why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cnnlab.analysis.tables.frames import Tables, distinct
from cnnlab.planning.studies.study import Study
from cnnlab.report.tables.view import Cell, Column, Number, TableView, table
from cnnlab.wording.contrasts import metric, title, unit
from cnnlab.wording.matrix_cells import SHOWN, MatrixCell, formula
from cnnlab.wording.numbers import capital, times


def build(study: Study, cells: Sequence[MatrixCell], tables: Tables) -> TableView | None:
    """All cells in all metrics; None for a study without a matrix."""
    if study.matrix is None:
        return None
    families = study.matrix.families
    signs = {switch: formula(cells, switch, tables, study.name) for switch in study.matrix.switches}
    columns: list[Column[MatrixCell]] = [
        Column("Family", lambda cell: families[cell.family]),
        Column("Switch", lambda cell: Cell(cell.title, note=signs[cell.switch])),
        *(_column(name) for name in distinct([row for cell in cells for row in cell.effects.values()], "metric")),
    ]
    view = table(f"cells-{study.name}", f"Cells of “{study.title}”", columns, cells)
    return replace(view, records=[row for cell in cells for row in cell.effects.values()])


def _column(name: str) -> Column[MatrixCell]:
    head = f"{capital(title(name))}, {unit(metric(name).unit)}"
    return Number(head, lambda cell: _effect(cell, name), missing=lambda cell: cell.why(name))


def _effect(cell: MatrixCell, name: str) -> Cell | None:
    row = cell.row(name)
    if row is None:
        refused = cell.refused is not None and name == SHOWN
        return Cell("not applicable", note=cell.refused or "") if refused else None
    log = row["unit"] == "log2 ratio" and row["estimate"] is not None
    notes = [times(row["estimate"])] if log else []
    notes += [f"did not train: {cell.did_not_train}"] if cell.did_not_train and name == SHOWN else []
    return Cell(cell.text(name), note=", ".join(notes), warning=name == SHOWN and bool(cell.did_not_train))
