"""The verdicts first: one table with a row for every part of every claim, whether and however it is tested."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from itertools import accumulate

from cnnlab.analysis import intervals
from cnnlab.analysis.tables.frames import Row, Tables, group
from cnnlab.figures.drawing.theme import BADGES, Badge
from cnnlab.planning import plan as commands
from cnnlab.planning.plan import Plan
from cnnlab.planning.verdicts import AGAINST, DIRECTED, UNDECIDED, WHOLE, Direction, Verdict
from cnnlab.report.locks import LockHistory
from cnnlab.report.tables import facets
from cnnlab.report.tables.ledger import Ledger, has_section
from cnnlab.report.tables.view import Column, TableView, table
from cnnlab.wording import beside
from cnnlab.wording.answers import evidence
from cnnlab.wording.claims import anchor, claim_name, heads
from cnnlab.wording.numbers import listed, plural, significant
from cnnlab.wording.verdicts import counted

OWN = "Claims of one’s own"


@dataclass(frozen=True)
class Expected:
    """How many of the verdicts shown are to be expected false, at most; each number in two digits."""

    tests: int
    supported: str
    contradicted: str
    equivalent: str


@dataclass(frozen=True)
class Refuted:
    """A row of ``claims`` that did not hold, what was found instead, and the place that tells more."""

    row: Row
    found: str
    link: str


@dataclass(frozen=True)
class LedgerView:
    """`strip` holds a row of ``claims`` for each claim as a whole, by chapter; `wholes` say by the name of a claim what
    several studies found of it; `untested` are the claims of which nothing was tested, and `run_all` is how to;
    `choices` are what both tables can be filtered by, and `counts` the verdicts on whole claims."""

    summary: str
    refuted: Sequence[Refuted]
    counts: Sequence[tuple[Badge, int]]
    strip: Mapping[str, Sequence[Row]]
    table: TableView
    untested: TableView
    choices: facets.Choices
    untested_summary: str
    run_all: str
    wholes: Mapping[str, str]
    tiers: Sequence[str]
    expected: Expected


def build(tables: Tables, plan: Plan, locks: Mapping[str, LockHistory] | None = None) -> LedgerView:
    """`locks` are those of the studies, by name."""
    rows = tables.rows("claims")
    titles = {study.name: study.title for study in plan.studies}
    wholes = beside.across_studies(rows, titles)
    shown = Ledger(plan, tables, titles, wholes, locks or {})
    begun = {row["id"] for row in rows if row["verdict"] != Verdict.NOT_TESTED and row["kind"] != WHOLE}
    left = [row for row in heads(rows) if row["id"] not in begun]
    known = [row for row in rows if row["id"] in begun]
    tested = _table("ledger", "The ledger of claims", known, shown.columns, plan)
    untested = _table("untested", "Not tested yet", left, shown.to_run, plan)
    return LedgerView(
        summary=_summary(rows, begun),
        refuted=[_refuted(row, tables, plan) for row in rows if row["verdict"] in AGAINST and row["kind"] != WHOLE],
        counts=_counts(rows),
        strip=_chapters(heads(rows)),
        table=tested,
        untested=untested,
        choices=facets.choices([*tested.facets.values(), *untested.facets.values()]),
        untested_summary=f"{plural(len(left), 'claim')} not tested yet, in no part; this tests all",
        run_all=commands.run(plan, "all", to_decide=True),
        wholes={claim_name({"id": key, "part": part}): text for (key, part), text in wholes.items()},
        tiers=beside.summary(tables),
        expected=_expected(row for row in rows if row["kind"] == "empirical" and row["verdict"] != Verdict.NOT_TESTED),
    )


def _refuted(row: Row, tables: Tables, plan: Plan) -> Refuted:
    labels = {
        arm.name: arm.label for study in plan.studies if study.name == row["study"] for arm in study.arms.values()
    }
    return Refuted(row, evidence(row, tables, labels), anchor(row))


def _table(name: str, caption: str, listed: Sequence[Row], columns: Sequence[Column[Row]], plan: Plan) -> TableView:
    """Chapter by chapter. Each row is a place that a link leads to: that of its claim, where the page tells no more."""
    chapters = _chapters(listed)
    rows = [row for members in chapters.values() for row in members]
    places = (anchor(row) if not has_section(row) else f"row-{anchor(row)}" for row in rows)
    firsts = accumulate(map(len, chapters.values()), initial=0)
    return replace(
        table(name, caption, columns, rows),
        cards=True,
        groups=dict(zip(firsts, chapters, strict=False)),
        ids=dict(enumerate(places)),
        facets=dict(enumerate(facets.of_rows(chapters, plan))),
    )


def _chapters(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """One's own claims, which have no chapter of the notes; then by chapter, in the order of the ledger."""
    chapters = group(rows, _chapter)
    return {name: chapters[name] for name in sorted(chapters, key=lambda name: name != OWN)}


def _chapter(row: Row) -> str:
    registered = row["id"][0] == "C" and row["id"][1:].isdigit()
    return str(row["chapter"] or OWN) if registered else OWN


def _counts(rows: Sequence[Row]) -> list[tuple[Badge, int]]:
    """Of every verdict that a row bears, how many claims have it as a whole."""
    counts = Counter(row["verdict"] for row in heads(rows))
    borne = {row["verdict"] for row in rows}
    return [(verdict, counts[word]) for word, verdict in BADGES.items() if word in borne]


def _summary(rows: Sequence[Row], begun: Set[str]) -> str:
    """``7 claims tested: 4 supported, 1 contradicted, 2 inconclusive; 1 running; 42 not yet tested, 2 in part.``

    `begun` are the ids of claims of which some part was tested.
    """
    rows = heads(rows)
    kinds = {word: {row["id"] for row in rows if row["verdict"] == word} for word in BADGES}
    decided = [word for word in BADGES if word not in UNDECIDED and kinds[word]]
    tested = set[str]().union(*(kinds[word] for word in decided)) if decided else set[str]()
    counts = Counter(row["verdict"] for row in rows)
    head, verdicts = f"{plural(len(tested), 'claim')} tested", sum(counts[word] for word in decided)
    if verdicts > len(tested):
        head += f", with {verdicts} verdicts as some stand in several studies"
    if decided:
        head += ": " + listed([counted(word, counts[word]) for word in decided])
    started = tested | kinds[Verdict.RUNNING]
    rest = [counted(Verdict.RUNNING, counts[Verdict.RUNNING])] if counts[Verdict.RUNNING] else []
    left = {row["id"] for row in rows} - started
    partly = f", {len(left & begun)} in part" if left & begun else ""
    return "; ".join([head, *rest, *([f"{len(left)} not yet tested{partly}"] if left else [])]) + "."


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
