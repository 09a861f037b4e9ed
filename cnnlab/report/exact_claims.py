"""Exact and structural claims: computed from networks and tensors, with every number that they rest on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cnnlab.analysis.tables.frames import Row, Tables
from cnnlab.figures.drawing.theme import BADGES, Badge
from cnnlab.planning.verdicts import COMPUTED, Verdict
from cnnlab.report.tables.view import Cell, Column, TableView, missing, verdict_cell
from cnnlab.wording.claims import anchor, claim_name
from cnnlab.wording.numbers import exact, plural

RELATIONS = {"<": "<", "<=": "≤", "=": "=", ">=": "≥", ">": ">"}
EVIDENCE = (
    Column("Case"),
    Column("Quantity"),
    Column("Value", numeric=True),
    Column("Must be", numeric=True, hint="What the value is held against"),
    Column("Holds"),
)


@dataclass(frozen=True)
class Article:
    """One part of a claim, with its evidence."""

    anchor: str
    name: str
    statement: str
    verdict: Badge
    summary: str
    checks: str
    evidence: TableView


def build(tables: Tables) -> list[Article]:
    return [_article(row, tables) for row in tables.rows("claims") if row["verdict"] in COMPUTED]


def _article(row: Row, tables: Tables) -> Article:
    found, name = evidence(row, tables), claim_name(row)
    decisive = [each for each in found if each["required"]]
    beside = len(found) - len(decisive)
    told = f"{checks(found) or 'no'} checks hold" if decisive else "no check"
    return Article(
        anchor=anchor(row),
        name=name,
        statement=row["statement"] or "",
        verdict=BADGES[row["verdict"]],
        summary=row["reason"] or "No summary is given.",
        checks=told + (f"; {plural(beside, 'number')} beside" if beside else ""),
        evidence=TableView(
            f"evidence-{anchor(row)}", f"Evidence for {name}", EVIDENCE, [_evidence_row(each) for each in found]
        ),
    )


def evidence(row: Row, tables: Tables) -> list[Row]:
    """The evidence for a row of ``claims``, in its order."""
    return sorted(tables.rows("evidence", id=row["id"], part=row["part"]), key=lambda each: each["index"])


def checks(found: Sequence[Row]) -> str | None:
    """``11 of 12``: of the rows of evidence that decide, how many hold."""
    decisive = [bool(row["holds"]) for row in found if row["required"]]
    return f"{sum(decisive):,} of {len(decisive):,}" if decisive else None


def _evidence_row(row: Row) -> list[Cell]:
    return [
        Cell(row["case"]),
        Cell(row["quantity"], note="" if (row["unit"] or "") in row["quantity"] else row["unit"]),
        Cell(exact(row["value"])),
        _against(row),
        _holds(row),
    ]


def _against(row: Row) -> Cell:
    if not row["relation"] or row["against"] is None:
        return missing("only shown: it is held against nothing")
    return Cell(f"{RELATIONS[row['relation']]} {exact(row['against'])}", note=row["against_name"] or "")


def _holds(row: Row) -> Cell:
    """A row that decides nothing says so."""
    if row["holds"] is None:
        return Cell("only shown")
    return verdict_cell(Verdict.HOLDS if row["holds"] else Verdict.FAILS, "" if row["required"] else "only shown")
