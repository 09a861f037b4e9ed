"""What other tiers say of the same claims: told beside the verdict of this one, counted and never averaged."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from cnnlab.analysis.tables.frames import Row, Tables
from cnnlab.wording.claims import claim_name
from cnnlab.wording.contrasts import unit
from cnnlab.wording.numbers import Quantity, count, listed, plural, times
from cnnlab.wording.wholes import SIDES

Pair = tuple[Row, Row]  # of this tier, and of another
UNDECIDED = ("not tested", "running")


def line(claim: Row, tables: Tables) -> str:
    """``At the full tier: equivalent, 0.02 (0.01 to 0.03) nats, n = 8.``; empty where no other tier tested it."""
    return " ".join(f"At the {row['tier']} tier: {told(row)}." for row in _counterparts(claim, tables))


def summary(tables: Tables) -> list[str]:
    """For each other tier, how many of its verdicts are those of this one, and which are not."""
    pairs: dict[str, list[Pair]] = defaultdict(list)
    for claim in tables.rows("claims"):
        for other in _counterparts(claim, tables):
            pairs[other["tier"]].append((claim, other))
    return [_compared(tier, members) for tier, members in pairs.items()]


def told(row: Row) -> str:
    """Verdict, weakest effect with its interval, and n of a row of ``claims``."""
    number = Quantity(row["effect"], row["low"], row["high"])
    effect = f"{number.value} ({number.interval or 'no bound'})" if number.value else number.interval or ""
    if effect:
        effect += f" {unit(row['unit'])}"
    if row["unit"] == "log2 ratio" and number.value:
        effect += f", {times(row['effect'])}"
    return ", ".join(part for part in (row["verdict"], effect, f"n = {count(row['n'])}") if part)


def _counterparts(claim: Row, tables: Tables) -> list[Row]:
    """The decided rows of other tiers for the same part of the claim, in the same study."""
    if claim["kind"] != "empirical" or claim["verdict"] in UNDECIDED:
        return []
    same = {key: claim[key] for key in ("id", "part", "study")}
    return [row for row in tables.rows("tiers", **same) if row["verdict"] not in UNDECIDED]


def _compared(tier: str, pairs: Sequence[Pair]) -> str:
    """``The full tier tested 9 parts of these claims too: 8 with the same verdict, …``"""
    changed = [(mine, other) for mine, other in pairs if mine["verdict"] != other["verdict"]]
    named = [f"{claim_name(mine)} ({mine['verdict']} here, {other['verdict']} there)" for mine, other in changed]
    same = len(pairs) - len(changed)
    here, there = (Counter(SIDES.get(row["verdict"], "open") for row in rows) for rows in zip(*pairs, strict=True))
    sides = [f"{there[side]} {words} ({here[side]} here)" for side, words in _SIDES.items()]
    others = f", {len(named)} with another: {listed(named)}" if named else ""
    return (
        f"The {tier} tier tested {plural(len(pairs), 'part')} of these claims too: {same} with the same verdict"
        f"{others}. There, {listed(sides)}."
    )


_SIDES = {"agree": "for the claim", "disagree": "against it", "open": "open"}
