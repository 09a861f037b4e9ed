"""On how many families a claim's contrast comes out as claimed: description beside the verdict, never part of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf

from cnnlab.analysis import intervals
from cnnlab.analysis.tables.frames import Row, Tables, group, weights
from cnnlab.wording.contrasts import title, with_unit
from cnnlab.wording.numbers import listed, plain

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


def sentences(parts: Sequence[Row], tables: Tables, families: Mapping[tuple[str, str], str]) -> list[str]:
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


def standing(direction: intervals.Direction, margin: float, cell: Row) -> str:
    """The verdict that the interval of a cell would give on the claim; running while its seeds are."""
    if cell["n"] != cell["n_planned"]:
        return "running"
    least = intervals.LEAST_SIGNS if cell["method"] == "sign" else intervals.LEAST_SEEDS
    if cell["n"] < least:
        return "inconclusive"
    return str(intervals.decide(direction, margin, _interval(cell, "low", "high"), _interval(cell, "low90", "high90")))


def _interval(cell: Row, low: str, high: str) -> tuple[float, float]:
    return -inf if cell[low] is None else cell[low], inf if cell[high] is None else cell[high]
