"""The verdicts first: one table with a row for every part of every claim, whether and however it is tested."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from cnnlab.analysis import intervals
from cnnlab.analysis.tables.frames import Row, Tables, group
from cnnlab.figures.drawing.theme import BADGES, Badge
from cnnlab.planning.plan import Plan
from cnnlab.planning.verdicts import DIRECTED, UNDECIDED, WHOLE, Direction, Verdict
from cnnlab.report.locks import LockHistory
from cnnlab.report.tables.ledger import Ledger
from cnnlab.report.tables.view import Column, TableView, table
from cnnlab.wording import beside
from cnnlab.wording.claims import anchor, claim_name, heads
from cnnlab.wording.numbers import listed, plural, significant
from cnnlab.wording.verdicts import counted

OWN = "Claims of the studies"


@dataclass(frozen=True)
class Expected:
    """How many of the verdicts shown are to be expected false, at most; each number in two digits."""

    tests: int
    supported: str
    contradicted: str
    equivalent: str


@dataclass(frozen=True)
class LedgerView:
    """`strip` holds a row of ``claims`` for each claim as a whole, by chapter; `wholes` say by the name of a claim what
    several studies found of it."""

    summary: str
    counts: Sequence[tuple[Badge, int]]
    strip: Mapping[str, Sequence[Row]]
    table: TableView
    wholes: Mapping[str, str]
    tiers: Sequence[str]
    expected: Expected


def build(tables: Tables, plan: Plan, locks: Mapping[str, LockHistory] | None = None) -> LedgerView:
    """`locks` are those of the studies, by name."""
    rows = tables.rows("claims")
    chapters = _chapters(rows)
    titles = {study.name: study.title for study in plan.studies}
    wholes = beside.across_studies(rows, titles)
    return LedgerView(
        summary=_summary(rows),
        counts=_counts(rows),
        strip=_chapters(heads(rows)),
        table=_table(chapters, Ledger(plan, tables, titles, wholes, locks or {}).columns),
        wholes={claim_name({"id": key, "part": part}): text for (key, part), text in wholes.items()},
        tiers=beside.summary(tables),
        expected=_expected(row for row in rows if row["kind"] == "empirical" and row["verdict"] != Verdict.NOT_TESTED),
    )


def _table(chapters: Mapping[str, Sequence[Row]], columns: Sequence[Column[Row]]) -> TableView:
    """Chapter by chapter; a row without a section of its own is the place that links to its claim lead to."""
    rows = [row for members in chapters.values() for row in members]
    firsts = accumulate(map(len, chapters.values()), initial=0)
    return replace(
        table("ledger", "The ledger of claims", columns, rows),
        cards=True,
        groups=dict(zip(firsts, chapters, strict=False)),
        ids={
            place: anchor(row)
            for place, row in enumerate(rows)
            if row["verdict"] == Verdict.NOT_TESTED or row["kind"] == WHOLE
        },
    )


def _chapters(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """By chapter, in the order of the ledger; a claim of a study's own has no chapter of the notes."""
    chapters = group(rows, lambda row: row["chapter"] if row["id"][0] == "C" and row["id"][1:].isdigit() else OWN)
    return {chapter or OWN: members for chapter, members in chapters.items()}


def _counts(rows: Sequence[Row]) -> list[tuple[Badge, int]]:
    counts = Counter(row["verdict"] for row in heads(rows))
    return [(verdict, counts[word]) for word, verdict in BADGES.items() if counts[word]]


def _summary(rows: Sequence[Row]) -> str:
    """``7 claims tested: 4 supported, 1 contradicted, 2 inconclusive; 1 running; 42 not yet tested.``"""
    rows = heads(rows)
    kinds = {word: {row["id"] for row in rows if row["verdict"] == word} for word in BADGES}
    decided = [word for word in BADGES if word not in UNDECIDED and kinds[word]]
    tested = set[str]().union(*(kinds[word] for word in decided)) if decided else set[str]()
    counts = Counter(row["verdict"] for row in rows)
    head = f"{plural(len(tested), 'claim')} tested"
    if decided:
        head += ": " + listed([counted(word, counts[word]) for word in decided])
    started = tested | kinds[Verdict.RUNNING]
    rest = [counted(Verdict.RUNNING, counts[Verdict.RUNNING])] if counts[Verdict.RUNNING] else []
    left = len({row["id"] for row in rows} - started)
    return "; ".join([head, *rest, *([f"{left} not yet tested"] if left else [])]) + "."


def _expected(tested: Iterable[Row]) -> Expected:
    """Were every true effect exactly on its margin, where errors are most frequent; by each kind of error."""
    directions = [row["direction"] for row in tested if row["verdict"] != Verdict.RUNNING]
    equal = directions.count(Direction.EQUAL)
    return Expected(
        tests=len(directions),
        supported=significant(equal * intervals.TOST + (len(directions) - equal) * intervals.ONE_SIDED),
        contradicted=significant(len(directions) * intervals.ONE_SIDED),
        equivalent=significant(sum(direction in DIRECTED for direction in directions) * intervals.TOST),
    )
