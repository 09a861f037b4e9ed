"""The cells of a matrix study, families × switches: the effects in each, or why it has none."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from cnnlab.analysis.tables.frames import Row, Tables, weights
from cnnlab.planning.studies.study import Study
from cnnlab.wording import contrasts
from cnnlab.wording.numbers import Quantity

SHOWN = "test_error"  # what the figure shows; the table has every metric


@dataclass(frozen=True)
class MatrixCell:
    """A switch in a family: rows of ``contrasts`` by metric, and the reason if the family refuses the switch."""

    family: str
    switch: str
    title: str
    effects: Mapping[str, Row]
    refused: str | None
    did_not_train: str = ""  # which of its arms, and why

    def row(self, name: str) -> Row | None:
        """The row of a metric, once it has numbers."""
        row = self.effects.get(name)
        return row if row and Quantity.of(row).known else None

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

    def text(self, name: str) -> str:
        """``0.81 (0.43 to 1.19)``, or why not."""
        row = self.row(name)
        return self.why(name) if row is None else Quantity.of(row).text


def read(study: Study, tables: Tables) -> list[MatrixCell]:
    """Every cell, family by family; none is left out."""
    if study.matrix is None:
        return []
    rows = contrasts.contrasts_of(study.name, tables)
    cells = []
    for family, switch in product(study.matrix.families, study.matrix.switches):
        effects = {row["metric"]: row for row in rows if (row["family"], row["switch"]) == (family, switch)}
        refused = study.matrix.refused.get((family, switch))
        untrained = did_not_train(next(iter(effects.values())), tables) if effects else ""
        cells.append(MatrixCell(family, switch, study.matrix.switches[switch], effects, refused, untrained))
    return cells


def did_not_train(row: Row, tables: Tables) -> str:
    """``NiN, plain: errs in 56 %, guessing in 90 %``; empty where each arm of a row of ``contrasts`` trained."""
    arms = [arm for arm in tables.rows("arms", study=row["study"]) if arm["arm"] in weights(row)]
    return "; ".join(f"{arm['label']}: {arm['did_not_train']}" for arm in arms if arm.get("did_not_train"))


def formula(cells: Sequence[MatrixCell], switch: str, tables: Tables, study: str) -> str:
    """What is subtracted from what, in the values of the switch: ``none − batch``; empty before there is a contrast."""
    arms = {arm["arm"]: arm for arm in tables.rows("arms", study=study)}
    for cell in cells:
        row = cell.effects.get(SHOWN)
        if cell.switch == switch and row and all(name in arms for name in weights(row)):
            values = {name: _value(json.loads(arms[name]["switches"]).get(switch)) for name in weights(row)}
            return contrasts.formula(row, values)
    return ""


def _value(value: object) -> str:
    return {True: "with", False: "without"}[value] if isinstance(value, bool) else str(value)
