"""Claims each of whose parts must hold: two parts or four, dependent or not, one of them false or all; with a baseline
that leaves one of them little room, or without."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.stats import norm

from cnnlab.analysis import decisions
from cnnlab.analysis.decisions import Hypothesis
from cnnlab.analysis.intervals import Effects
from tests.calibration.rates import COUNTS, STUDIES, Rate, Rng

MARGIN = 3.0
FAR = 9.0  # a part that holds beyond doubt
LIMITS = {"supported": 0.025, "contradicted": 0.025, "equivalent": 0.05}


@dataclass(frozen=True)
class Case:
    """The true effects of the parts in margins, and the verdicts that would be false."""

    name: str
    truths: tuple[float, ...]
    false: tuple[str, ...]


def cases(parts: int) -> tuple[Case, ...]:
    """Of claims that each effect is greater than the margin."""
    others = (FAR,) * (parts - 1)
    return (
        Case("one at +m, others true", (1, *others), ("supported", "contradicted", "equivalent")),
        Case("all at +m", (1,) * parts, ("supported", "contradicted", "equivalent")),
        Case("one at 0, others true", (0, *others), ("supported", "contradicted")),
        Case("all at 0", (0,) * parts, ("supported", "contradicted")),
        Case("one at -m, others true", (-1, *others), ("supported", "contradicted", "equivalent")),
        Case("all at -m", (-1,) * parts, ("supported", "contradicted", "equivalent")),
    )


def noise(rng: Rng, n: int, parts: int, shared: float) -> np.ndarray:
    """Errors (parts, studies, n) of sd 1, correlated by `shared` between neighbouring parts."""
    common, own = rng.normal(size=(STUDIES, n)), rng.normal(size=(parts, STUDIES, n))
    signs = np.sign(shared) ** np.arange(parts)
    return np.sqrt(abs(shared)) * signs[:, None, None] * common + np.sqrt(1 - abs(shared)) * own


def rates() -> Iterator[Rate]:
    for n, parts, shared in product(COUNTS, (2, 4), (-0.9, 0.0, 0.9)):
        drawn = noise(np.random.default_rng([n, parts, int(100 + 10 * shared)]), n, parts, shared)
        for case in cases(parts):
            effects = [Effects.of(part + truth * MARGIN) for part, truth in zip(drawn, case.truths, strict=True)]
            claims = [Hypothesis(effect, "greater", MARGIN) for effect in effects]
            yield from _rates(f"{parts} parts, correlated by {shared:+}", n, case, claims)
    for n, shared in product(COUNTS, (-0.9, 0.0, 0.9)):
        yield from _beside_little_room(n, shared)
    for n in (*COUNTS, 6):
        yield from _mixed(n)
        yield from _diverging(n)


def _beside_little_room(n: int, shared: float) -> Iterator[Rate]:
    """A baseline leaves the second of two parts room for three margins: it is in no study equivalent."""
    drawn = noise(np.random.default_rng([n, int(100 + 10 * shared), 9]), n, 2, shared)
    for case in cases(2):
        effects = [Effects.of(part + truth * MARGIN) for part, truth in zip(drawn, case.truths, strict=True)]
        rooms = zip(effects, (np.inf, 3 * MARGIN), strict=True)
        claims = [Hypothesis(effect, decisions.Direction.GREATER, MARGIN, room) for effect, room in rooms]
        yield from _rates(f"2 parts, one with little room, correlated by {shared:+}", n, case, claims)


def _mixed(n: int) -> Iterator[Rate]:
    """A part greater, a part not greater, a part equal, each false in turn by just nothing."""
    drawn = noise(np.random.default_rng([n, 7]), n, 3, 0.0)
    directions: tuple[decisions.Direction, ...] = ("greater", "not-greater", "equal")
    true, bound = (FAR, -FAR, 0.0), (1.0, 1.0, 1.0)
    for wrong in range(3):
        truths = tuple(bound[part] if part == wrong else true[part] for part in range(3))
        parts = zip(drawn, directions, truths, strict=True)
        claims = [Hypothesis(Effects.of(x + truth * MARGIN), direction, MARGIN) for x, direction, truth in parts]
        # Equivalence supports a part that claims it, so that the whole may be supported falsely in 5 %.
        limit = {"supported": 0.05} if directions[wrong] == "equal" else {}
        case = Case(f"{directions[wrong]} at +m, others true", truths, ("supported", "contradicted"))
        yield from _rates("greater, not greater, and equal", n, case, claims, limit)


def _diverging(n: int) -> Iterator[Rate]:
    """Two parts over the same two arms, of which one diverges in 30 % of its runs."""
    rng = np.random.default_rng([n, 8])
    drawn = noise(rng, n, 2, 0.5) - norm.ppf(0.5 / 0.7)
    drawn[:, rng.random((STUDIES, n)) < 0.3] = np.inf
    for case in cases(2):
        effects = [Effects.of(x + truth * MARGIN, at_risk=True) for x, truth in zip(drawn, case.truths, strict=True)]
        claims = [Hypothesis(effect, "greater", MARGIN) for effect in effects]
        yield from _rates("2 parts, one arm diverges in 30%", n, case, claims)


def _rates(
    design: str, n: int, case: Case, claims: Sequence[Hypothesis], limits: dict[str, float] | None = None
) -> Iterator[Rate]:
    found = decisions.conjunction(claims)
    for word in case.false:
        limit = (LIMITS | (limits or {}))[word]
        yield Rate(design, n, case.name, word, "conjunction", int((found == word).sum()), STUDIES, limit)
