"""The verdict on a claim of which each of several parts must hold, in words."""

from __future__ import annotations

from collections.abc import Sequence

from cnnlab.analysis.tables.frames import Row, group
from cnnlab.wording.answers import Sentence, sentence
from cnnlab.wording.numbers import listed

# A part's own verdict, beside that on the whole.
ALONE = {
    "inconclusive": "open",
    "contradicted": "contradicted by itself",
    "equivalent": "too small to count by itself",
}


def conjunction(claim: Row, parts: Sequence[Row]) -> Sentence:
    """From the row of ``claims`` and the rows of its primary contrasts, in their order."""
    must = f"Each of {len(parts)} parts must hold"
    match claim["verdict"]:
        case "running":
            return Sentence(must, "running", sentence(claim["reason"]))
        case "supported":
            return Sentence(f"{must}, and each does", "supported")
        case "contradicted" | "equivalent" as verdict:
            failing = [place for place, part in enumerate(parts, 1) if part["verdict"] == verdict]
            told = f"{_parts(failing)} {'does' if len(failing) == 1 else 'do'}" if failing else "one does"
            return Sentence(f"{must}, and {told} not", verdict)
        case verdict:
            return Sentence(f"{must}; {_standing(parts)}", verdict, sentence(claim["reason"]))


def _standing(parts: Sequence[Row]) -> str:
    """``5 of 8 do, parts 3 and 6 are open, and part 7 is contradicted by itself``."""
    found = group([part | {"place": place} for place, part in enumerate(parts, 1)], lambda part: part["verdict"])
    holding = len(found.pop("supported", []))
    groups = [f"{holding or 'none'} of {len(parts)} {'does' if holding == 1 else 'do'}"]
    for word, members in found.items():
        places = [row["place"] for row in members]
        groups.append(f"{_parts(places)} {'is' if len(places) == 1 else 'are'} {ALONE.get(word, word)}")
    return ", ".join(groups[:-1]) + (", and " if len(groups) > 1 else "") + groups[-1]


def _parts(places: Sequence[int]) -> str:
    return f"part{'s' if len(places) > 1 else ''} {listed([str(place) for place in places])}"
