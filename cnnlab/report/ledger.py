"""The verdicts first: one row for every claim that training tests, and a list of those that are not tested yet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cnnlab import stats
from cnnlab.report import plots
from cnnlab.report.cells import Cell, Column, TableView, missing, shown, verdict_cell
from cnnlab.report.numbers import Quantity, count, listed, p_value, plural, significant, times
from cnnlab.report.phrases import claimed, metric, unit
from cnnlab.report.rows import Row, Tables, group
from cnnlab.report.theme import VERDICTS, Verdict
from cnnlab.study import Study

OWN = "Claims of the studies"
COLUMNS = (
    Column("Claim"),
    Column("Verdict"),
    Column("Against its margin", hint="In units of the margin, turned so that to the right is as claimed"),
    Column("Effect (95 % interval)", numeric=True),
    Column("Claimed", numeric=True, hint="What must hold of the whole interval; the number is the margin"),
    Column("n", numeric=True, hint="Seeds"),
    Column("p", numeric=True, hint="Of the claim, one-sided, against its margin"),
    Column("Ledger-wide", numeric=True, hint="min(1, K times p), K being the number of empirical claims in the ledger"),
    Column("Core-seconds", numeric=True, hint="Processor time of its runs and of tuning its arms"),
)


@dataclass(frozen=True)
class Square:
    """One claim in the strip at the top."""

    name: str
    verdict: Verdict
    statement: str
    link: str


@dataclass(frozen=True)
class Expected:
    """How many of the verdicts shown are to be expected false, at most; each number in two digits."""

    tests: int
    supported: str
    contradicted: str
    equivalent: str


@dataclass(frozen=True)
class LedgerView:
    summary: str
    counts: Sequence[tuple[Verdict, int]]
    strip: Mapping[str, Sequence[Square]]
    table: TableView
    untested: Mapping[str, Sequence[Row]]
    untested_title: str
    expected: Expected
    parts: int


def build(tables: Tables, studies: Sequence[Study], empirical_parts: int) -> LedgerView:
    rows = tables.rows("claims")
    order = {study.name: (not study.core, place) for place, study in enumerate(studies)}
    tested = [row for row in rows if row["kind"] == "empirical" and row["verdict"] != "not tested"]
    tested.sort(key=lambda row: order.get(row["study"], (True, len(order))))
    untested = [row for row in rows if row["verdict"] == "not tested"]
    return LedgerView(
        summary=_summary(rows),
        counts=_counts(rows),
        strip={chapter: [_square(row) for row in members] for chapter, members in _chapters(rows).items()},
        table=TableView("ledger", "Claims tested", COLUMNS, [_row(row, tables) for row in tested], cards=True),
        untested=_chapters(untested),
        untested_title=_untested_title(rows),
        expected=_expected(tested),
        parts=empirical_parts,
    )


def anchor(row: Row) -> str:
    """The id of the claim's place in the page."""
    part = "" if row["part"] in (None, "main") else f"-{row['part']}"
    return f"claim-{row['id']}{part}" + (f"-{row['study']}" if row["study"] else "")


def claim_name(row: Row) -> str:
    part = "" if row["part"] in (None, "main") else f" {row['part'].replace('_', ' ')}"
    return f"{row['id']}{part}"


def _chapters(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """By chapter, in the order of the ledger; a claim of a study's own has no chapter of the notes."""
    chapters = group(rows, lambda row: row["chapter"] if row["id"][0] == "C" and row["id"][1:].isdigit() else OWN)
    return {chapter or OWN: members for chapter, members in chapters.items()}


def _counts(rows: Sequence[Row]) -> list[tuple[Verdict, int]]:
    found = Counter(row["verdict"] for row in rows)
    return [(verdict, found[word]) for word, verdict in VERDICTS.items() if found[word]]


def _summary(rows: Sequence[Row]) -> str:
    """``7 claims tested: 4 supported, 1 contradicted, 2 inconclusive; 1 running; 42 not yet tested.``"""
    kinds = {word: {row["id"] for row in rows if row["verdict"] == word} for word in VERDICTS}
    decided = [word for word in VERDICTS if word not in ("running", "not tested") and kinds[word]]
    tested = set[str]().union(*(kinds[word] for word in decided)) if decided else set[str]()
    found = Counter(row["verdict"] for row in rows)
    head = f"{plural(len(tested), 'claim')} tested"
    if decided:
        head += ": " + listed([f"{found[word]} {_of(word, found[word])}" for word in decided])
    started = tested | kinds["running"]
    rest = [f"{found['running']} running"] if found["running"] else []
    left = len({row["id"] for row in rows} - started)
    return "; ".join([head, *rest, *([f"{left} not yet tested"] if left else [])]) + "."


def _of(verdict: str, number: int) -> str:
    """``1 holds``, ``2 hold``; the other verdicts do not change."""
    return verdict.removesuffix("s") if verdict in ("holds", "fails") and number != 1 else verdict


def _untested_title(rows: Sequence[Row]) -> str:
    untested = {row["id"] for row in rows if row["verdict"] == "not tested"}
    partly = untested & {row["id"] for row in rows if row["verdict"] != "not tested"}
    rest = f", and further parts of {listed(sorted(partly))}" if partly else ""
    return f"{plural(len(untested - partly), 'claim')} not yet tested{rest}"


def _square(row: Row) -> Square:
    return Square(
        claim_name(row), VERDICTS.get(row["verdict"], VERDICTS["running"]), row["statement"] or "", anchor(row)
    )


def _row(row: Row, tables: Tables) -> list[Cell]:
    running = row["verdict"] == "running"
    why = "shown when all seeds are finished" if running else "not part of this kind of evidence"
    parts = tables.rows("contrasts", claim=row["id"], part=row["part"], study=row["study"], primary=True)
    cost = tables.rows("measured/claims", id=row["id"], part=row["part"], study=row["study"])
    note = "seeds added after a first look" if row["seeds_added"] else ""
    return [
        Cell(row["statement"], note=_named(row), link=anchor(row)),
        verdict_cell(row["verdict"], (row["reason"] or "") if running else note, warning=bool(row["seeds_added"])),
        Cell(plot=plots.interval(row), hint=why),
        _effect(row, why, len(parts)),
        shown(claimed(row["direction"], row["margin"], row["unit"]), why),
        shown(None if row["n"] is None else count(row["n"]), why),
        shown(None if row["p"] is None else p_value(row["p"]), why),
        _ledger_wide(row, why),
        shown(count(cost[0]["core_seconds"]) if cost else None, "not measured"),
    ]


def _named(row: Row) -> str:
    """``C26 · steps to the target validation accuracy``."""
    about = metric(row["metric"]).title.partition(", ")[0] if row["metric"] else row["kind"]
    return f"{claim_name(row)} · {about}"


def _effect(row: Row, why: str, parts: int) -> Cell:
    number = Quantity(row["effect"], row["low"], row["high"])
    if number.value is None and number.interval is None:
        return missing(why)
    text = f"{number.value} ({number.interval})" if number.value else str(number.interval)
    of = unit(row["unit"])
    if row["unit"] == "log2 ratio" and number.value:
        of += f", {times(row['effect'])}"
    weakest = f"; weakest of {parts} parts" if parts > 1 else ""
    return Cell(text, note=f"{of}{weakest}")


def _ledger_wide(row: Row, why: str) -> Cell:
    """The flag counts for a confirmed claim only: the others assert nothing that could be false by chance."""
    p = row["ledger_wide_p"]
    if p is None:
        return missing(why if row["verdict"] == "running" else "not one of the ledger's claims")
    level = stats.TOST if row["direction"] == "equal" else stats.ONE_SIDED
    note = ("stands" if p <= level else "does not stand") if row["verdict"] == "supported" else ""
    return Cell(p_value(p), note=note)


def _expected(tested: Iterable[Row]) -> Expected:
    """Were every true effect exactly on its margin, where errors are most frequent; by each kind of error."""
    directions = [row["direction"] for row in tested if row["verdict"] != "running"]
    equal = directions.count("equal")
    return Expected(
        tests=len(directions),
        supported=significant(equal * stats.TOST + (len(directions) - equal) * stats.ONE_SIDED),
        contradicted=significant(len(directions) * stats.ONE_SIDED),
        equivalent=significant(sum(direction in ("greater", "less") for direction in directions) * stats.TOST),
    )
