"""The contrasts of a study: those that decide a claim first, then those that are only shown."""

from __future__ import annotations

from collections.abc import Mapping

from cnnlab.analysis.tables.frames import Row, Tables
from cnnlab.planning.studies.study import Study
from cnnlab.report.tables.view import WAITING, Cell, Column, Number, TableView, table, value, verdict_cell
from cnnlab.wording.contrasts import claimed, contrasts_of, formula, metric, title, unit
from cnnlab.wording.numbers import MINUS, Quantity, capital, p_value, significant, times

METHODS = {
    "t": ("t, seeds", "Student's t over seeds"),
    "satterthwaite": ("t, seeds and images", "Satterthwaite's t over seeds and test images, the wider of the two"),
    "sign": ("sign, median", "Exact sign test and the interval of the median, as some values are only bounded"),
}
METHODS_HINT = "; ".join(f"{name}: {meaning}" for name, meaning in METHODS.values())
CLAIMED_HINT = "What must hold of the whole interval; the number is the margin"
P_HINT = "Of the claim, one-sided, against its margin"
SECONDARY = "secondary: gives no verdict"


def build(study: Study, tables: Tables, labels: Mapping[str, str]) -> TableView:
    columns: list[Column[Row]] = [
        Column("Contrast", lambda row: _contrast(row, labels)),
        Column("Role", _role, "Only a primary contrast gives a verdict"),
        Number("Effect (95 % interval)", lambda row: effect(row, row["estimate"]), missing=_waiting),
        Number("Claimed", _claimed, CLAIMED_HINT, missing=SECONDARY),
        Column("Verdict", _verdict, missing=SECONDARY),
        Number("p", value("p", p_value), P_HINT, missing=lambda row: _waiting(row) if row["primary"] else SECONDARY),
        Number("n", _seeds, "Seeds"),
        Column("Method", _method, METHODS_HINT, missing=_waiting),
        Number(
            "Correlation",
            value("correlation", _correlation),
            "Between the two sides over seeds; pairing helps where it is positive",
            missing="not defined here",
        ),
    ]
    rows = sorted(contrasts_of(study.name, tables), key=lambda row: (not row["primary"], row["extension"] is None))
    caption = f"Contrasts of “{study.title}”"
    return table(f"contrasts-{study.name}", caption, columns, rows, lambda row: bool(row["primary"]))


def effect(row: Row, estimate: float | None, space: str = " ", note: str = "") -> Cell | None:
    """An estimate and its interval, words joined by `space`; of a ratio the factor too. None where there is neither."""
    number = Quantity(estimate, row["low"], row["high"])
    if number.value is None and number.interval is None:
        return None
    interval = (number.interval or "no bound").replace(" ", space)
    factor = f", {times(estimate)}" if estimate is not None and row["unit"] == "log2 ratio" and number.value else ""
    text = f"{number.value} ({interval})" if number.value else interval
    return Cell(text, note=f"{unit(row['unit'])}{factor}{note}")


def _contrast(row: Row, labels: Mapping[str, str]) -> Cell:
    head = title(row["metric"]) + (f", {row['label']}" if row["label"] else "")
    return Cell(capital(head), note=formula(row, labels))


def _role(row: Row) -> Cell:
    if row["primary"]:
        part = "" if row["part"] in (None, "main") else f" {row['part']}"
        return Cell("primary", note=f"{row['claim']}{part}")
    note = f"extension of {row['extension']}" if row["extension"] else ""
    return Cell("secondary, measured" if metric(row["metric"]).measured else "secondary", note=note)


def _claimed(row: Row) -> str | None:
    return claimed(row["direction"], row["margin"], row["unit"]) if row["primary"] else None


def _verdict(row: Row) -> Cell | None:
    return verdict_cell(row["verdict"]) if row["primary"] and row["verdict"] else None


def _seeds(row: Row) -> Cell | None:
    if row["n"] is None:
        return None
    ended = {"diverged": row["diverged"], "failed": row["failed"], "never reached": row["censored"]}
    note = ", ".join(f"{number} {how}" for how, number in ended.items() if number)
    running = row["n_planned"] is not None and row["n"] < row["n_planned"]
    return Cell(f"{row['n']} of {row['n_planned']}" if running else str(row["n"]), note=note)


def _method(row: Row) -> Cell | None:
    method = METHODS.get(row["method"] or "")
    return Cell(method[0], hint=method[1]) if method else None


def _waiting(row: Row) -> str:
    return WAITING if row["n"] != row["n_planned"] else row["reason"] or "not defined"


def _correlation(correlation: float) -> str:
    return significant(correlation, 2) if abs(correlation) >= 0.1 else f"{correlation:.2f}".replace("-", MINUS)
