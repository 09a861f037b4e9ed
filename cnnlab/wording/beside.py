"""What other tiers say of the same claims: told beside the verdict of this one, counted and never averaged."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from math import inf

from cnnlab.analysis import decisions, intervals
from cnnlab.analysis.tables.frames import Row, Tables, group, weights
from cnnlab.wording.claims import claim_name
from cnnlab.wording.contrasts import title, unit, with_unit
from cnnlab.wording.numbers import Quantity, count, listed, plain, plural, times

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


# Whether a verdict agrees with the claim.
SIDES = {
    "supported": "agree",
    "contradicted": "disagree",
    "equivalent": "disagree",
    "inconclusive": "open",
    "running": "open",
}


COUNTED = {"agree": ("agrees", "agree"), "disagree": ("disagrees", "disagree"), "open": ("is open", "are open")}


def across_studies(rows: Sequence[Row], titles: Mapping[str, str]) -> dict[tuple[str, str], str]:
    """By id and part, for each that more than one study tests: rows of ``claims``, and the titles of the studies."""
    tested = group([row for row in rows if row["study"]], lambda row: (row["id"], row["part"]))
    return {key: _tally(members, titles) for key, members in tested.items() if len(members) > 1}


def _tally(members: Sequence[Row], titles: Mapping[str, str]) -> str:
    """``Of 3 studies, 2 agree with the claim (…: supported; …), none disagrees, and 1 is open (…).``"""
    sides = group(members, lambda row: SIDES.get(row["verdict"], "open"))
    told = [_side(side, sides.get(side, []), titles) for side in COUNTED]
    return f"Of {len(members)} studies, {', '.join(told[:-1])}, and {told[-1]}."


def _side(side: str, rows: Sequence[Row], titles: Mapping[str, str]) -> str:
    one, many = COUNTED[side]
    verb = many if len(rows) > 1 else one
    if not rows:
        return f"none {verb}"
    named = [f"“{titles.get(row['study'], row['study'])}”: {row['verdict']}" for row in rows]
    return f"{len(rows)} {verb}{' with the claim' if side == 'agree' else ''} ({listed(named)})"


# What the interval of a family says, by what is claimed.
_DIRECTED = {
    "supported": "beyond the margin as claimed",
    "contradicted": "beyond the margin the other way",
    "equivalent": "too small to count",
}


_SAFE = {"supported": "on the safe side of the margin", "contradicted": "beyond the margin on the wrong side"}


PHRASES: dict[str, dict[str, str]] = {
    "greater": _DIRECTED,
    "less": _DIRECTED,
    "equal": {"supported": "within the margin as claimed", "contradicted": "beyond the margin"},
    "not-greater": _SAFE,
    "not-less": _SAFE,
}


OPEN = {"inconclusive": "undecided", "running": "not finished"}


def across_families(parts: Sequence[Row], tables: Tables, families: Mapping[tuple[str, str], str]) -> list[str]:
    """One sentence for each metric that the claim and the cells of a matrix share.

    Args:
        parts: the primary rows of ``contrasts`` of one claim.
        families: the label of each family, by study and family.
    """
    pairs = {part["metric"]: part for part in reversed(parts) if len(weights(part)) == 2}
    told = []
    for metric, part in reversed(pairs.items()):
        cells = [row for row in tables.rows("contrasts", extension=part["claim"], metric=metric) if row["switch"]]
        if cells:
            epochs = [_epochs(rows, tables) for rows in (cells, [part])]
            told.append(_sentence(part, cells, families, epochs))
    return told


def _epochs(contrasts: Sequence[Row], tables: Tables) -> str:
    """For how many epochs the arms of these contrasts are trained: ``4 or 12``."""
    wanted = {(row["study"], arm) for row in contrasts for arm in weights(row)}
    known = {row["epochs"] for row in tables.rows("arms") if (row["study"], row["arm"]) in wanted}
    return " or ".join(map(str, sorted(known)))


def _sentence(part: Row, cells: Sequence[Row], families: Mapping[tuple[str, str], str], epochs: Sequence[str]) -> str:
    found = group(cells, lambda cell: standing(part["direction"], part["margin"], cell))
    groups = []
    for word, phrase in (PHRASES[part["direction"]] | OPEN).items():
        names = [families.get((cell["study"], cell["family"]), cell["family"]) for cell in found.get(word, [])]
        if names:
            groups.append(f"{phrase} on {len(names)} ({listed(names)})")
    number = "1 family" if len(cells) == 1 else f"{len(cells)} families"
    margin = with_unit(plain(part["margin"]), part["unit"])
    about = f"{title(part['metric'])}, margin {margin}; {epochs[0]} epochs, and {epochs[1]} for the claim"
    return f"A contrast of the same kind on {number} ({about}): {', '.join(groups)}."


def standing(direction: decisions.Direction, margin: float, cell: Row) -> str:
    """The verdict that the interval of a cell would give on the claim; running while its seeds are."""
    if cell["n"] != cell["n_planned"]:
        return "running"
    least = intervals.LEAST_SIGNS if cell["method"] == "sign" else intervals.LEAST_SEEDS
    if cell["n"] < least:
        return "inconclusive"
    return str(decisions.decide(direction, margin, _interval(cell, "low", "high"), _interval(cell, "low90", "high90")))


def _interval(cell: Row, low: str, high: str) -> tuple[float, float]:
    return -inf if cell[low] is None else cell[low], inf if cell[high] is None else cell[high]
