"""The accuracy of each arm on each class of the test images, with what it most often takes its images for."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from cnnlab.analysis.tables.frames import Row, Tables, group
from cnnlab.planning.study import Study
from cnnlab.report.tables.view import Cell, Column, TableView, missing
from cnnlab.wording.numbers import count, fixed

MOST = 12  # classes; of more, those on which the arms err most


def build(study: Study, tables: Tables) -> TableView | None:
    """None while no run of the study has left its answers, and where the arms are tested on different classes."""
    found = {name: tables.rows("classes", arm_id=arm.spec.arm_id) for name, arm in study.arms.items()}
    classes = group([row for rows in found.values() for row in rows], lambda row: (row["class"], row["name"]))
    if not classes or len({tuple(_key(row) for row in rows) for rows in found.values() if rows}) > 1:
        return None
    shown = _shown(classes)
    columns = [Column("Arm"), *(_column(classes[key][0]) for key in shown)]
    rows = [[Cell(study.arms[name].label), *_cells(mine, shown)] for name, mine in found.items()]
    told = "" if len(shown) == len(classes) else f", the {MOST} hardest of {len(classes)} classes"
    return TableView(f"classes-{study.name}", f"Accuracy by class in “{study.title}”, %{told}", columns, rows)


def _key(row: Row) -> tuple[int, str | None]:
    return row["class"], row["name"]


def _shown(classes: dict[tuple[int, str | None], list[Row]]) -> list[tuple[int, str | None]]:
    hardest = sorted(classes, key=lambda key: fmean(row["accuracy"] for row in classes[key]))[:MOST]
    return [key for key in classes if key in hardest]


def _column(row: Row) -> Column:
    name = str(row["class"]) if row["name"] is None else row["name"]
    hint = f"{count(row['images'])} test images; mean over seeds, and what most of the wrong answers say"
    return Column(name, numeric=True, hint=hint)


def _cells(mine: Sequence[Row], shown: Sequence[tuple[int, str | None]]) -> list[Cell]:
    known = {_key(row): row for row in mine}
    return [_cell(known[key]) if key in known else missing("no run has left its answers") for key in shown]


def _cell(row: Row) -> Cell:
    taken = row["mistaken_for"]
    note = "" if taken is None else f"{fixed(100 * row['mistaken_share'], 1)} as {taken}"
    return Cell(fixed(100 * row["accuracy"], 1), note=note)
