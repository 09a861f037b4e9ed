"""A row of the ledger: what one study, or no training at all, says of one part of a claim."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cnnlab.analysis.decisions import error_rate
from cnnlab.analysis.tables.frames import Row, Tables
from cnnlab.figures import margin_bar
from cnnlab.planning import plan as commands
from cnnlab.planning.verdicts import Verdict
from cnnlab.report.exact_claims import checks, evidence
from cnnlab.report.tables import mlflow_links
from cnnlab.report.tables.view import Cell, Column, missing, shown, verdict_cell
from cnnlab.wording.claims import anchor, claim_name
from cnnlab.wording.contrasts import claimed, metric, unit
from cnnlab.wording.numbers import Quantity, count, p_value, times

if TYPE_CHECKING:
    from cnnlab.planning.plan import Plan

COLUMNS = (
    Column("Id"),
    Column("Claim"),
    Column("Verdict"),
    Column("Against its margin", hint="In units of the margin, turned so that to the right is as claimed"),
    Column("Effect (95 % interval)", numeric=True),
    Column("Claimed", numeric=True, hint="What must hold of the whole interval; the number is the margin"),
    Column("n", numeric=True, hint="Seeds"),
    Column(
        "p",
        numeric=True,
        hint="Of the claim, one-sided, against its margin; ledger-wide: min(1, K times p), K being the number of "
        "empirical claims in the ledger",
    ),
    Column("Core-seconds", numeric=True, hint="Processor time of its runs and of tuning its arms"),
    Column("Runs", numeric=True, hint="In MLflow; the links lead there while `cnnlab ui` runs"),
)
UNTRAINED = "not part of this kind of evidence"
UNKNOWN = "no number can be given"
WAITING = "shown when all seeds are finished"
NOBREAK = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class Ledger:
    """What the rows are made from. `several` are the claims, as (id, part), that more than one study tests."""

    plan: Plan
    tables: Tables
    titles: Mapping[str, str]
    several: frozenset[tuple[str, str]]

    def cells(self, row: Row) -> list[Cell]:
        """The cells of a row of ``claims``."""
        head = [Cell(claim_name(row), note=row["kind"]), self._claim(row)]
        if row["verdict"] == Verdict.NOT_TESTED:
            return [*head, verdict_cell(Verdict.NOT_TESTED), self._how_to(row)]
        if row["kind"] != "empirical":
            rest = len(COLUMNS) - len(head) - 1
            return [*head, self._computed(row), *[missing(UNTRAINED)] * rest]
        return [*head, *self._tested(row)]

    def _claim(self, row: Row) -> Cell:
        about = [metric(row["metric"]).title.partition(", ")[0]] if row["metric"] else []
        if (row["id"], row["part"]) in self.several:
            about.append(self.titles.get(row["study"], row["study"]))
        link = "" if row["verdict"] == Verdict.NOT_TESTED else anchor(row)
        return Cell(row["statement"], note=" · ".join(about), link=link)

    def _how_to(self, row: Row) -> Cell:
        """How to run what this call did not, in place of its numbers."""
        span = len(COLUMNS) - 3
        if row["kind"] != "empirical":
            return Cell("Its evidence is not in the tables yet.", span=span)
        if (row["id"], row["part"]) not in self.plan.testable:
            return Cell("No study tests it yet.", span=span)
        command = commands.run(self.plan, row["id"])
        return Cell(command, code=True, note="not run in this call; this runs it", span=span)

    def _computed(self, row: Row) -> Cell:
        told = checks(evidence(row, self.tables))
        return verdict_cell(row["verdict"], f"{told} checks" if told else "")

    def _tested(self, row: Row) -> list[Cell]:
        running = row["verdict"] == Verdict.RUNNING
        why = WAITING if running else UNKNOWN
        mine = {"part": row["part"], "study": row["study"]}
        parts = self.tables.rows("contrasts", claim=row["id"], primary=True, **mine)
        cost = self.tables.rows("measured/claims", id=row["id"], **mine)
        seconds = cost[0]["core_seconds"] if cost else None
        note = "seeds added after a first look" if row["seeds_added"] else ""
        return [
            verdict_cell(row["verdict"], (row["reason"] or "") if running else note, warning=bool(row["seeds_added"])),
            Cell(plot=margin_bar.interval(row), hint=why),
            _effect(row, why, parts),
            shown(claimed(row["direction"], row["margin"], row["unit"]), why),
            shown(None if row["n"] is None else count(row["n"]), why),
            _p(row, why),
            shown(None if seconds is None else count(seconds), "not measured"),
            mlflow_links.claim_runs(row, parts, self.tables),
        ]


def _effect(row: Row, why: str, parts: Sequence[Row]) -> Cell:
    """The interval may stand on a second line, but is not broken itself."""
    number = Quantity(row["effect"], row["low"], row["high"])
    if number.value is None and number.interval is None:
        return missing(why)
    told = (number.interval or "no bound").replace(" ", NOBREAK)
    of = unit(row["unit"])
    if row["unit"] == "log2 ratio" and number.value:
        of += f", {times(row['effect'])}"
    weakest = f"; weakest of {len(parts)} parts" if len(parts) > 1 else ""
    return Cell(f"{number.value} ({told})" if number.value else told, note=f"{of}{weakest}")


def _p(row: Row, why: str) -> Cell:
    if row["p"] is None:
        return missing(why)
    return Cell(p_value(row["p"]).replace(" ", NOBREAK), note=_ledger_wide(row))


def _ledger_wide(row: Row) -> str:
    """The flag counts for a confirmed claim only: the others assert nothing that could be false by chance."""
    p = row["ledger_wide_p"]
    if p is None:
        return "not of the ledger"
    told = f"ledger-wide {p_value(p).replace(' ', NOBREAK)}"
    if row["verdict"] != Verdict.SUPPORTED:
        return told
    return f"{told}: {'stands' if p <= error_rate(row['direction']) else 'does not stand'}"
