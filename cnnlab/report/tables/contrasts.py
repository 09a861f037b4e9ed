"""The contrasts of a study: those that decide a claim first, then those that are only shown."""

from __future__ import annotations

from collections.abc import Mapping

from cnnlab.analysis.tables.frames import Row, Tables, weights
from cnnlab.planning.study import Study
from cnnlab.report.tables.view import Cell, Column, TableView, missing, shown, verdict_cell
from cnnlab.wording.contrasts import Contrast, claimed, metric, title, unit
from cnnlab.wording.numbers import Quantity, p_value, significant, times

METHODS = {
    "t": ("t, seeds", "Student's t over seeds"),
    "satterthwaite": ("t, seeds and images", "Satterthwaite's t over seeds and test images, the wider of the two"),
    "sign": ("sign, median", "Exact sign test and the interval of the median, as some values are only bounded"),
}
COLUMNS = (
    Column("Contrast"),
    Column("Role", hint="Only a primary contrast gives a verdict"),
    Column("Effect (95 % interval)", numeric=True),
    Column("Claimed", numeric=True, hint="What must hold of the whole interval; the number is the margin"),
    Column("Verdict"),
    Column("p", numeric=True, hint="Of the claim, one-sided, against its margin"),
    Column("n", numeric=True, hint="Seeds"),
    Column("Method"),
    Column("Correlation", numeric=True, hint="Between the two sides over seeds; pairing helps where it is positive"),
)


def build(study: Study, tables: Tables, labels: Mapping[str, str]) -> TableView:
    rows = tables.rows("contrasts", study=study.name)
    measured = tables.rows("measured/contrasts", study=study.name)
    ordered = sorted([*rows, *measured], key=lambda row: (not row["primary"], row["extension"] is None))
    shown_rows = [_row(row, labels, timed=any(row is other for other in measured)) for row in ordered]
    strong = frozenset(index for index, row in enumerate(ordered) if row["primary"])
    return TableView(f"contrasts-{study.name}", f"Contrasts of “{study.title}”", COLUMNS, shown_rows, strong)


def _row(row: Row, labels: Mapping[str, str], timed: bool) -> list[Cell]:
    known = metric(row["metric"])
    head = title(row["metric"]) + (f", {row['label']}" if row["label"] else "")
    secondary = "secondary: gives no verdict"
    method = METHODS.get(row["method"] or "")
    return [
        Cell(head[0].upper() + head[1:], note=Contrast(weights(row), labels).formula(known.scale)),
        _role(row, timed),
        _effect(row),
        shown(claimed(row["direction"], row["margin"], row["unit"]) if row["primary"] else None, secondary),
        verdict_cell(row["verdict"]) if row["primary"] and row["verdict"] else missing(secondary),
        shown(None if row["p"] is None else p_value(row["p"]), secondary if not row["primary"] else _waiting(row)),
        _seeds(row),
        Cell(method[0], hint=method[1]) if method else missing(_waiting(row)),
        shown(None if row["correlation"] is None else _correlation(row["correlation"]), "not defined here"),
    ]


def _role(row: Row, timed: bool) -> Cell:
    if row["primary"]:
        part = "" if row["part"] in (None, "main") else f" {row['part']}"
        return Cell("primary", note=f"{row['claim']}{part}")
    note = f"extension of {row['extension']}" if row["extension"] else ""
    return Cell("secondary, measured" if timed else "secondary", note=note)


def _effect(row: Row) -> Cell:
    number = Quantity(row["estimate"], row["low"], row["high"])
    if number.value is None and number.interval is None:
        return missing(_waiting(row))
    of = unit(row["unit"])
    if row["unit"] == "log2 ratio" and number.value:
        of += f", {times(row['estimate'])}"
    text = f"{number.value} ({number.interval or 'no bound'})" if number.value else str(number.interval)
    return Cell(text, note=of)


def _seeds(row: Row) -> Cell:
    if row["n"] is None:
        return missing()
    told = {"diverged": row["diverged"], "never reached": row["censored"]}
    note = ", ".join(f"{number} {what}" for what, number in told.items() if number)
    running = row["n_planned"] is not None and row["n"] < row["n_planned"]
    return Cell(f"{row['n']} of {row['n_planned']}" if running else str(row["n"]), note=note)


def _waiting(row: Row) -> str:
    return "shown when all seeds are finished" if row["n"] != row["n_planned"] else row["reason"] or "not defined"


def _correlation(value: float) -> str:
    return significant(value, 2) if abs(value) >= 0.1 else f"{value:.2f}".replace("-", "\N{MINUS SIGN}")
