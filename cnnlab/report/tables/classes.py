"""The accuracy of each arm on each class of the test images, with what it most often takes its images for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from cnnlab.analysis.tables.frames import Row, Tables
from cnnlab.planning.studies.study import Study
from cnnlab.report.tables.view import Cell, Column, Number, TableView, table
from cnnlab.wording.numbers import capital, count, fixed

Class = tuple[int, str | None]  # number and name
MEANING = "mean over seeds, and what most of the wrong answers say"
MOST = 12  # classes; of more, those on which the arms err most


def build(study: Study, tables: Tables) -> TableView | None:
    """None while no run of the study has left its answers, and where the arms are tested on different classes."""
    by_arm = {name: _by_class(tables.rows("classes", arm_id=arm.spec.arm_id)) for name, arm in study.arms.items()}
    if len({tuple(rows) for rows in by_arm.values() if rows}) != 1:
        return None
    classes = next(filter(None, by_arm.values()))
    hardest = sorted(classes, key=lambda key: fmean(rows[key]["accuracy"] for rows in by_arm.values() if rows))[:MOST]
    columns = [
        Column[str]("Arm", lambda name: study.arms[name].label),
        *(_column(row, key, by_arm) for key, row in classes.items() if key in hardest),
    ]
    which = "" if len(classes) <= MOST else f", the {MOST} hardest of {len(classes)} classes"
    return table(f"classes-{study.name}", f"Accuracy by class in “{study.title}”, %{which}", columns, by_arm)


def _by_class(rows: Sequence[Row]) -> dict[Class, Row]:
    return {(row["class"], row["name"]): row for row in rows}


def _column(row: Row, key: Class, by_arm: Mapping[str, Mapping[Class, Row]]) -> Column[str]:
    return Number(
        str(row["class"]) if row["name"] is None else row["name"],
        lambda name: _accuracy(by_arm[name].get(key)),
        f"{count(row['images'])} test images; {MEANING}",
        missing="no run has left its answers",
        meaning=capital(MEANING),
    )


def _accuracy(row: Row | None) -> Cell | None:
    if row is None:
        return None
    mistaken = row["mistaken_for"]
    note = "" if mistaken is None else f"{fixed(100 * row['mistaken_share'], 1)} as {mistaken}"
    return Cell(fixed(100 * row["accuracy"], 1), note=note)
