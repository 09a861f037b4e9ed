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
from cnnlab.wording.verdicts import DIRECTIONS

INTERVAL_HINT = "In units of the margin, turned so that to the right is as claimed"
LEDGER_WIDE_HINT = "ledger-wide: min(1, K times p), K being the number of empirical claims in the ledger"
SECONDS_HINT = "Processor time of its runs and of tuning its arms"
RUNS_HINT = "In MLflow; links lead there once they are asked for, under “Tables in full”"
OUTDATED = "older than its study file or code: run the study again"
INSTEAD = 8  # columns, from the interval to the last, in place of which a claim without runs says what it rests on
RANKS = {verdict: rank for rank, verdict in enumerate(Verdict)}
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
        """For rows of ``claims``. The page folds what follows what is claimed into a second line."""
        return [
            Column("Id", lambda row: Cell(claim_name(row), note=row["kind"]), sort=claim_name),
            Column("Claim", self._claim, sort=lambda row: row["statement"]),
            Column("Verdict", self._verdict, sort=lambda row: RANKS.get(row["verdict"])),
            Column("Against its margin", self._interval, INTERVAL_HINT, missing=_no_number, sort=_in_margins),
            _number("Effect (95 % interval)", self._effect, sort=lambda row: row["effect"]),
            _number("Claimed", _claimed, CLAIMED_HINT, sort=lambda row: row["margin"]),
            _number("n", value("n", count), "Seeds", sort=lambda row: row["n"]),
            _number("p", _p, f"{P_HINT}; {LEDGER_WIDE_HINT}", sort=lambda row: row["p"]),
            _number("Core-seconds", self._seconds, SECONDS_HINT, sort=self._cost),
            _number("Runs", self._runs, RUNS_HINT),
            Column("To run it again", lambda row: Cell(self._command(row["study"]), code=True)),
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
        """Of a claim without numbers of its own, what there is instead."""
        if row["kind"] == WHOLE:
            return Cell("Each part has its own numbers.", span=INSTEAD)
        if row["verdict"] == Verdict.NOT_TESTED:
            return replace(self._how_to(row), span=INSTEAD)
        if row["kind"] != "empirical":
            return Cell(row["reason"] or "No summary is given.", span=INSTEAD)
        plot = margin_bar.interval(row)
        return Cell(plot=plot) if plot else None

    def _how_to(self, row: Row) -> Cell:
        """How to run what was not, in place of its numbers."""
        if row["kind"] not in ("empirical", WHOLE):
            return Cell("Its evidence is not in the tables yet.")
        if row["id"] not in {
            claim for claim, part in self.plan.testable if row["kind"] == WHOLE or part == row["part"]
        }:
            return Cell("No study of this tier tests it.")
        return Cell(self._command(row["id"]), code=True)

    def _command(self, study: str) -> str:
        return commands.run(self.plan, study, to_decide=True)

    def _parts(self, row: Row) -> list[Row]:
        """The primary contrasts that the verdict rests on."""
        of = {"claim": row["id"], "part": row["part"], "study": row["study"]}
        return self.tables.rows("contrasts", primary=True, **of)

    def _effect(self, row: Row) -> Cell | None:
        """The interval may stand on a second line, but is not broken itself."""
        parts = len(self._parts(row))
        return effect(row, row["effect"], NOBREAK, f"; weakest of {parts} parts" if parts > 1 else "")

    def _cost(self, row: Row) -> float | None:
        cost = self.tables.rows("measured/claims", id=row["id"], part=row["part"], study=row["study"])
        return cost[0]["core_seconds"] if cost else None

    def _seconds(self, row: Row) -> Cell | str:
        seconds = self._cost(row)
        return Cell(hint="not measured") if seconds is None else count(seconds)

    def _runs(self, row: Row) -> Cell:
        return mlflow_links.claim_runs(row, self._parts(row), self.tables)


def has_section(row: Row) -> bool:
    """Whether the page tells more of it than this row."""
    return row["verdict"] != Verdict.NOT_TESTED and row["kind"] != WHOLE and not row["outdated"]


def _number(
    title: str,
    cell: Callable[[Row], Cell | str | None],
    hint: str = "",
    sort: Callable[[Row], float | None] | None = None,
) -> Column[Row]:
    return Number(title, cell, hint, missing=_no_number, sort=sort)


def _claimed(row: Row) -> str | None:
    return claimed(row["direction"], row["margin"], row["unit"])


def _in_margins(row: Row) -> float | None:
    """The effect in margins, turned so that more is as claimed."""
    words = DIRECTIONS.get(row["direction"])
    if words is None or not row["margin"] or row["effect"] is None:
        return None
    return float(words.turn * row["effect"] / row["margin"])


def _no_number(row: Row) -> str:
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
