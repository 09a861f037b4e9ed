"""A row of the ledger: what one study, or no training at all, says of one part of a claim."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from math import isclose

from cnnlab.analysis.decisions import error_rate
from cnnlab.analysis.tables.frames import Row, Tables
from cnnlab.figures import margin_bar
from cnnlab.planning import plan as commands
from cnnlab.planning.plan import Plan
from cnnlab.planning.verdicts import WHOLE, Verdict
from cnnlab.report.exact_claims import checks, evidence
from cnnlab.report.locks import LockHistory
from cnnlab.report.tables import mlflow_links
from cnnlab.report.tables.contrasts import CLAIMED_HINT, P_HINT, effect
from cnnlab.report.tables.view import WAITING, Cell, Column, Number, value, verdict_cell
from cnnlab.wording.claims import anchor, claim_name
from cnnlab.wording.contrasts import claimed, metric
from cnnlab.wording.numbers import capital, count, p_value

INTERVAL_HINT = "In units of the margin, turned so that to the right is as claimed"
LEDGER_WIDE_HINT = "ledger-wide: min(1, K times p), K being the number of empirical claims in the ledger"
OUTDATED = "older than its study file or code: run the study again"
NOBREAK = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class Ledger:
    """What the rows are made from. `several` are the claims, as (id, part), that more than one study tests."""

    plan: Plan
    tables: Tables
    titles: Mapping[str, str]
    several: Collection[tuple[str, str]]
    locks: Mapping[str, LockHistory]

    @property
    def columns(self) -> list[Column[Row]]:
        """For rows of ``claims``."""
        return [
            Column("Id", lambda row: Cell(claim_name(row), note=row["kind"])),
            Column("Claim", self._claim),
            Column("Verdict", self._verdict),
            Column("Against its margin", self._interval, INTERVAL_HINT, missing=_no_number),
            _of_training("Effect (95 % interval)", self._effect),
            _of_training("Claimed", lambda row: claimed(row["direction"], row["margin"], row["unit"]), CLAIMED_HINT),
            _of_training("n", value("n", count), "Seeds"),
            _of_training("p", _p, f"{P_HINT}; {LEDGER_WIDE_HINT}"),
            _of_training("Core-seconds", self._seconds, "Processor time of its runs and of tuning its arms"),
            _of_training("Runs", self._runs, "In MLflow; the links lead there while `cnnlab ui` runs"),
        ]

    @property
    def to_run(self) -> list[Column[Row]]:
        """For rows of ``claims`` of which nothing was tested."""
        return [self.columns[0], self.columns[1], Column("To test it", self._how_to)]

    def _claim(self, row: Row) -> Cell:
        about = [metric(row["metric"]).title.partition(", ")[0]] if row["metric"] else []
        if (row["id"], row["part"]) in self.several:
            about.append(self.titles.get(row["study"], row["study"]))
        link = anchor(row) if has_section(row) else ""
        return Cell(self._asked(row), note=" · ".join(about), link=link)

    def _asked(self, row: Row) -> str:
        """The claim in words; of a part beneath its whole claim, what it is about."""
        if row["kind"] == WHOLE or row["id"] not in self._wholes:
            return str(row["statement"])
        labels = {part["label"] for part in self._parts(row)}
        return capital((labels.pop() if len(labels) == 1 else None) or row["part"].replace("_", " "))

    @cached_property
    def _wholes(self) -> set[str]:
        return {row["id"] for row in self.tables.rows("claims", kind=WHOLE)}

    def _verdict(self, row: Row) -> Cell:
        if row["verdict"] == Verdict.NOT_TESTED:
            return verdict_cell(Verdict.NOT_TESTED)
        if row["kind"] == WHOLE:
            return verdict_cell(row["verdict"], row["reason"] or "")
        if row["kind"] != "empirical":
            fraction = checks(evidence(row, self.tables))
            return verdict_cell(row["verdict"], f"{fraction} checks" if fraction else "")
        if row["verdict"] == Verdict.RUNNING:
            return verdict_cell(row["verdict"], row["reason"] or "")
        if row["outdated"]:
            return verdict_cell(row["verdict"], OUTDATED, warning=True)
        locks = self.locks.get(row["study"], LockHistory())
        added = ["seeds added after a first look"] if row["seeds_added"] else []
        notes = [*added, *([locks.mark] if locks.mark else [])]
        return verdict_cell(row["verdict"], "; ".join(notes), bool(added or locks.departures))

    def _interval(self, row: Row) -> Cell | None:
        if row["kind"] == WHOLE:
            return None
        if row["verdict"] == Verdict.NOT_TESTED:
            return replace(self._how_to(row), span=7)
        plot = margin_bar.interval(row) if row["kind"] == "empirical" else ""
        return Cell(plot=plot) if plot else None

    def _how_to(self, row: Row) -> Cell:
        """How to run what was not, in place of its numbers."""
        if row["kind"] not in ("empirical", WHOLE):
            return Cell("Its evidence is not in the tables yet.")
        if row["id"] not in {
            claim for claim, part in self.plan.testable if row["kind"] == WHOLE or part == row["part"]
        }:
            return Cell("No study of this tier tests it.")
        return Cell(commands.run(self.plan, row["id"], to_decide=True), code=True)

    def _parts(self, row: Row) -> list[Row]:
        """The primary contrasts that the verdict rests on."""
        of = {"claim": row["id"], "part": row["part"], "study": row["study"]}
        return self.tables.rows("contrasts", primary=True, **of)

    def _effect(self, row: Row) -> Cell | None:
        """The interval may stand on a second line, but is not broken itself."""
        parts = len(self._parts(row))
        return effect(row, row["effect"], NOBREAK, f"; weakest of {parts} parts" if parts > 1 else "")

    def _seconds(self, row: Row) -> Cell | str:
        cost = self.tables.rows("measured/claims", id=row["id"], part=row["part"], study=row["study"])
        return value("core_seconds", count)(cost[0] if cost else None) or Cell(hint="not measured")

    def _runs(self, row: Row) -> Cell:
        return mlflow_links.claim_runs(row, self._parts(row), self.tables)


def has_section(row: Row) -> bool:
    """Whether the page tells more of it than this row."""
    return row["verdict"] != Verdict.NOT_TESTED and row["kind"] != WHOLE and not row["outdated"]


def _of_training(title: str, cell: Callable[[Row], Cell | str | None], hint: str = "") -> Column[Row]:
    """A number that exact claims do not have."""
    return Number(title, lambda row: cell(row) if row["kind"] == "empirical" else None, hint, missing=_no_number)


def _no_number(row: Row) -> str:
    if row["kind"] == WHOLE:
        return "each part has its own"
    if row["kind"] != "empirical":
        return "not part of this kind of evidence"
    return WAITING if row["verdict"] == Verdict.RUNNING else "no number can be given"


def _p(row: Row) -> Cell | None:
    return None if row["p"] is None else Cell(p_value(row["p"]).replace(" ", NOBREAK), note=_ledger_wide(row))


def _ledger_wide(row: Row) -> str:
    """The flag counts for a confirmed claim only: the others assert nothing that could be false by chance."""
    p = row["ledger_wide_p"]
    if p is None:
        return "not of the ledger"
    text = f"ledger-wide {p_value(p).replace(' ', NOBREAK)}"
    if row["verdict"] != Verdict.SUPPORTED:
        return text
    if p <= error_rate(row["direction"]):
        return f"{text}: stands"
    # Where every pair agrees, no sign test of so many seeds says more.
    least = f", nor could it with {row['n']} seeds" if isclose(row["p"], 0.5 ** row["n"]) else ""
    return f"{text}: does not stand{least}"
