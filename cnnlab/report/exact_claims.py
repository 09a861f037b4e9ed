"""Exact and structural claims: computed from networks and tensors, with every number that they rest on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnlab.analysis.tables.frames import Row, Tables
from cnnlab.planning.verdicts import COMPUTED, WHOLE, Verdict
from cnnlab.report.tables.view import Cell, Column, Number, table, value, verdict_cell
from cnnlab.wording.claims import anchor, claim_name
from cnnlab.wording.numbers import exact, plural

RELATIONS = {"<": "<", "<=": "≤", "=": "=", ">=": "≥", ">": ">"}


def build(tables: Tables) -> list[dict[str, Any]]:
    """For each part of a claim its row of ``claims``, its evidence, and how much of it holds."""
    computed = [row for row in tables.rows("claims") if row["verdict"] in COMPUTED and row["kind"] != WHOLE]
    return [_article(row, tables) for row in computed]


def _article(row: Row, tables: Tables) -> dict[str, Any]:
    rows = evidence(row, tables)
    beside = sum(not check["required"] for check in rows)
    decided = f"{checks(rows) or 'no'} checks hold" if beside < len(rows) else "no check"
    caption = f"Evidence for {claim_name(row)}"
    return {
        "row": row,
        "checks": decided + (f"; {plural(beside, 'number')} beside" if beside else ""),
        "evidence": table(f"evidence-{anchor(row)}", caption, EVIDENCE, rows),
    }


def evidence(row: Row, tables: Tables) -> list[Row]:
    """The evidence for a row of ``claims``, in its order."""
    return sorted(tables.rows("evidence", id=row["id"], part=row["part"]), key=lambda check: check["index"])


def checks(rows: Sequence[Row]) -> str | None:
    """``11 of 12``: of the rows of evidence that decide, how many hold."""
    decisive = [bool(row["holds"]) for row in rows if row["required"]]
    return f"{sum(decisive):,} of {len(decisive):,}" if decisive else None


def _quantity(row: Row) -> Cell:
    return Cell(row["quantity"], note="" if (row["unit"] or "") in row["quantity"] else row["unit"])


def _bound(row: Row) -> Cell | None:
    if not row["relation"] or row["against"] is None:
        return None
    return Cell(f"{RELATIONS[row['relation']]} {exact(row['against'])}", note=row["against_name"] or "")


def _holds(row: Row) -> Cell:
    """A row that decides nothing says so."""
    if row["holds"] is None:
        return Cell("only shown")
    return verdict_cell(Verdict.HOLDS if row["holds"] else Verdict.FAILS, "" if row["required"] else "only shown")


EVIDENCE: tuple[Column[Row], ...] = (
    Column("Case", value("case")),
    Column("Quantity", _quantity),
    Number("Value", value("value", exact)),
    Number("Must be", _bound, "What the value is held against", missing="only shown: it is held against nothing"),
    Column("Holds", _holds),
)
