"""What each direction claims and what each verdict means, in words: a row each, from which all that names them is made.

The words themselves are the values of `Direction` and `Verdict`; the colours of the verdicts are in
``figures/drawing/theme.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

from cnnlab.analysis.decisions import ROOM
from cnnlab.planning.verdicts import Direction, Verdict
from cnnlab.wording.numbers import MINUS


@dataclass(frozen=True)
class Place:
    """Where an interval lies that gave a verdict: as a part of a sentence, and where such intervals are counted.

    In `text` ``{margin}`` and ``{either}`` are the margin on the claimed side and on both, ``{narrow}`` names the
    90 % interval if it decided.
    """

    text: str
    counted: str


@dataclass(frozen=True)
class DirectionWords:
    """A row of `DIRECTIONS`; ``{m}`` is the margin with its unit.

    Attributes:
        claim: what must hold of the effect.
        opposite: what would count against it.
        turn: 1 or -1, by which an effect is turned so that to the right is as claimed.
        holds: where the claim holds, in margins, once turned.
        places: where the interval lies, by verdict.
    """

    claim: str
    opposite: str
    turn: int
    holds: tuple[float, float]
    places: Mapping[str, Place]


def _places(open_margin: str, places: Mapping[str, Place]) -> Mapping[str, Place]:
    undecided = Place(f"which leaves {open_margin} open", "undecided")
    no_room = Place("where there is too little room for {margin}", "without room for the margin")
    running = Place(undecided.text, "not finished")
    return {**places, Verdict.INCONCLUSIVE: undecided, Verdict.NO_ROOM: no_room, Verdict.RUNNING: running}


_BEYOND = _places(
    "{margin}",
    {
        Verdict.SUPPORTED: Place("beyond {margin}", "beyond the margin as claimed"),
        Verdict.CONTRADICTED: Place("beyond {margin} the other way", "beyond the margin the other way"),
        Verdict.EQUIVALENT: Place(
            "within {either}{narrow}, so that there is no difference of that size", "no difference of that size"
        ),
    },
)
_WITHIN = _places(
    "{either}",
    {
        Verdict.SUPPORTED: Place("within {either}{narrow}", "within the margin as claimed"),
        Verdict.CONTRADICTED: Place("beyond {either}", "beyond the margin"),
    },
)
_SAFE = _places(
    "{margin}",
    {
        Verdict.SUPPORTED: Place("on the safe side of {margin}", "on the safe side of the margin"),
        Verdict.CONTRADICTED: Place("beyond {margin} on the wrong side", "beyond the margin on the wrong side"),
    },
)

DIRECTIONS: Mapping[str, DirectionWords] = {
    Direction.GREATER: DirectionWords("> {m}", "{m} or less", 1, (1, inf), _BEYOND),
    Direction.LESS: DirectionWords(f"< {MINUS}{{m}}", f"{MINUS}{{m}} or more", -1, (1, inf), _BEYOND),
    Direction.EQUAL: DirectionWords("within ±{m}", "{m} or more, either way", 1, (-1, 1), _WITHIN),
    Direction.NOT_GREATER: DirectionWords("< {m}", "{m} or more", -1, (-1, inf), _SAFE),
    Direction.NOT_LESS: DirectionWords(f"> {MINUS}{{m}}", f"{MINUS}{{m}} or less", 1, (-1, inf), _SAFE),
}


@dataclass(frozen=True)
class Side:
    """On which side of a claim a verdict is; of one study and of several it `agrees`, they `agree`."""

    phrase: str
    agrees: str
    agree: str
    claim: str = ""


FOR = Side("for the claim", "agrees", "agree", " with the claim")
AGAINST = Side("against it", "disagrees", "disagree")
OPEN = Side("open", "is open", "are open")
SIDES = (FOR, AGAINST, OPEN)


@dataclass(frozen=True)
class VerdictWords:
    """A row of `VERDICTS`.

    Attributes:
        side: the side of the claim that it takes.
        alone: what a part is by itself, beside the verdict on the whole claim.
        several: the word after a number other than 1, if it is another.
    """

    side: Side
    alone: str = ""
    several: str = ""


VERDICTS: Mapping[str, VerdictWords] = {
    Verdict.SUPPORTED: VerdictWords(FOR),
    Verdict.CONTRADICTED: VerdictWords(AGAINST, f"{Verdict.CONTRADICTED} by itself"),
    Verdict.EQUIVALENT: VerdictWords(AGAINST, "without a difference of that size"),
    Verdict.INCONCLUSIVE: VerdictWords(OPEN, "open"),
    Verdict.NO_ROOM: VerdictWords(OPEN, "without room for its margin"),
    Verdict.MIXED: VerdictWords(OPEN),
    Verdict.HOLDS: VerdictWords(FOR, several="hold"),
    Verdict.FAILS: VerdictWords(AGAINST, several="fail"),
    Verdict.RUNNING: VerdictWords(OPEN),
    Verdict.NOT_TESTED: VerdictWords(OPEN),
}

# For the methods section, in HTML.
MEANINGS = {
    f"{Verdict.SUPPORTED}, {Verdict.CONTRADICTED}": (
        "The whole 95 % interval lies beyond the margin as claimed, or beyond it on the other side."
    ),
    f"{Verdict.EQUIVALENT}": (
        "The whole 90 % interval lies within the margin on both sides (two one-sided tests at 5 %): there is no "
        f"difference of that size.\nA claim of no difference is <em>{Verdict.SUPPORTED}</em> in this way."
    ),
    f"{Verdict.INCONCLUSIVE}": "Neither; the report says how many seeds or test images would settle it.",
    f"{Verdict.NO_ROOM}": (
        "What the claim wants removed, or raised, is not there to the size of the margin in the first place: it could "
        f"not have come out as claimed. Or it is there to less than {ROOM} margins, and an effect within the margin is "
        "not too small to count. There is no verdict."
    ),
    f"{Verdict.MIXED}": (
        "Of a claim that is a list, some parts hold and others do not, each at an error rate divided by the number of "
        "parts."
    ),
    "several parts": (
        f"A claim whose parts must all hold is {Verdict.SUPPORTED} when each part is. It is {Verdict.CONTRADICTED}, or "
        "without a difference of that size, when\none part is, at an error rate divided by the number of parts."
    ),
}


def counted(verdict: str, number: int) -> str:
    """``1 holds``, ``2 hold``, ``2 supported``."""
    return f"{number} {(number != 1 and VERDICTS[verdict].several) or verdict}"
