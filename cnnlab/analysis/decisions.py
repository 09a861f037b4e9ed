"""From intervals to verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from math import inf
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtrc, stdtr, stdtrit

from cnnlab.analysis.intervals import (
    ONE_SIDED,
    TOST,
    Effects,
    Floats,
    decidable,
    interval,
    rounding_error,
    slack,
    standard_errors,
)
from cnnlab.planning.verdicts import DIRECTED, REFUTED, Direction, Verdict

ROOM = 4  # margins that a baseline must leave room for, or what lies within one is not too small to count


def error_rate(direction: str | None) -> float:
    """Of a false "supported": a side of the 95 % interval, or the two one-sided tests of a claim of no difference."""
    return TOST if direction == Direction.EQUAL else ONE_SIDED


@dataclass(frozen=True, eq=False)
class Hypothesis:
    """What is claimed of an effect, beyond or within a margin (> 0, in the metric's unit).

    `room` (...) is the largest effect, where the claim says that there is one, or the largest against it that the
    baseline leaves room for; infinite without a baseline.
    """

    effects: Effects
    direction: Direction
    margin: float
    room: Floats | float = inf

    @property
    def upward(self) -> Hypothesis:
        """The same claim as one that is `greater`, `not-greater` or `equal`: a mirrored one for the other two."""
        opposite = {Direction.LESS: Direction.GREATER, Direction.NOT_LESS: Direction.NOT_GREATER}.get(self.direction)
        return self if opposite is None else replace(self, effects=self.effects.mirrored, direction=opposite)


def p_value(claim: Hypothesis) -> Floats:
    """One-sided p (...) of the claim against its margin; NaN with too few seeds.

    It is the tail at which the interval would just lie on the claimed side, so p <= 0.025 if and only if
    the claim is supported; for `equal` it is the TOST p (the larger of two), and the line is at 0.05.
    """
    claim = claim.upward
    effects, margin, mirrored = claim.effects, claim.margin, claim.effects.mirrored
    if claim.direction == Direction.GREATER:
        p = _p_above(effects, margin, ONE_SIDED)
    elif claim.direction == Direction.NOT_GREATER:
        p = _p_above(mirrored, -margin, ONE_SIDED)
    else:
        p = np.maximum(_p_above(effects, -margin, TOST), _p_above(mirrored, -margin, TOST))
    return np.where(decidable(effects), p, np.nan)


def _p_above(effects: Effects, bound: float, tail: float) -> Floats:
    """p of effect > bound, exact at `tail`: there it is the tail of the interval that ends at the bound.

    Rounding enters as a part of the standard error, and so do the images, whose interval is not normal.
    """
    middle, rounding = rounding_error(effects)
    distance = effects.estimate + middle - bound
    seed_se, se, df = standard_errors(effects, tail, effects.n)
    seed_se = np.hypot(seed_se, rounding / stdtrit(effects.n - 1, tail))
    se = np.hypot(se, rounding / stdtrit(df, tail))
    with np.errstate(divide="ignore", invalid="ignore"):
        scores = distance / seed_se, distance / se
    student = np.maximum(stdtr(effects.n - 1, -scores[0]), stdtr(df, -np.nan_to_num(scores[1], nan=-np.inf)))
    beyond = (effects.low - slack(effects, tail) > bound).sum(axis=-1)
    sign = np.vectorize(_sign_p, otypes=[float])(beyond, effects.n)
    return np.asarray(np.where(effects.known, np.nan_to_num(student, nan=1.0), sign))


@cache
def _sign_p(beyond: int, n: int) -> float:
    """That at least `beyond` of `n` fair coins show heads."""
    return float(bdtrc(beyond - 1, n, 0.5)) if beyond else 1.0


def ledger_wide_p(p: float | None, parts: int) -> float | None:
    """min(1, K·p): Bonferroni over the K empirical parts of the ledger."""
    return None if p is None else min(1.0, parts * p)


def decide(direction: Direction, margin: float, wide: tuple[Any, Any], narrow: tuple[Any, Any]) -> NDArray[np.str_]:
    """The verdict (...) from the interval `wide` (95 %) and, for equivalence, from `narrow` (90 %).

    greater, less: supported beyond the margin as claimed, contradicted beyond it on the other side,
    equivalent within. equal: supported within the margin, contradicted beyond it on either side.
    not-greater, not-less (non-inferiority): supported on the claimed side of the margin, contradicted
    beyond it.
    """
    if direction in (Direction.LESS, Direction.NOT_LESS):
        wide, narrow = (-wide[1], -wide[0]), (-narrow[1], -narrow[0])
    (low, high), within = wide, (narrow[0] > -margin) & (narrow[1] < margin)
    if direction in DIRECTED:
        rules = {Verdict.SUPPORTED: low > margin, Verdict.CONTRADICTED: high < -margin, Verdict.EQUIVALENT: within}
    elif direction == Direction.EQUAL:
        rules = {Verdict.SUPPORTED: within, Verdict.CONTRADICTED: (low > margin) | (high < -margin)}
    else:
        rules = {Verdict.SUPPORTED: high < margin, Verdict.CONTRADICTED: low > margin}
    return np.select(list(rules.values()), list(rules), Verdict.INCONCLUSIVE)


def verdict(claim: Hypothesis, parts: int = 1) -> NDArray[np.str_]:
    """supported, contradicted, equivalent, inconclusive or no room (...), its error rates divided by `parts`."""
    wide, narrow = (interval(claim.effects, tail / parts) for tail in (ONE_SIDED, TOST))
    verdicts = decide(claim.direction, claim.margin, wide, narrow)
    return _with_room(claim, np.where(decidable(claim.effects), verdicts, Verdict.INCONCLUSIVE))


def _with_room(claim: Hypothesis, verdicts: NDArray[np.str_]) -> NDArray[np.str_]:
    """`verdicts`, or *no room* where what there is room for makes nothing of them.

    That there is an effect takes more room than the margin; that there is none to speak of, more than four margins.
    What there was room for is contradicted.
    """
    none = Verdict.EQUIVALENT if claim.direction in DIRECTED else Verdict.SUPPORTED
    least = np.where(verdicts == none, ROOM * claim.margin, claim.margin)
    return np.where((claim.room > least) | (verdicts == Verdict.CONTRADICTED), verdicts, Verdict.NO_ROOM)


def conjunction(claims: Sequence[Hypothesis], family: int = 1) -> NDArray[np.str_]:
    """The verdict (...) on a claim each of whose parts must hold.

    Supported when every part is, without a correction: were the conjunction false, some part would be, and
    that one is supported falsely no more often than alone (intersection-union test, Berger 1982).
    Contradicted, or equivalent, when any part is so with its error rate divided by the number of parts
    (Bonferroni): k chances to err, each at 2.5 %/k (equivalent: 5 %/k), keep a false contradiction of the
    conjunction at 2.5 % at most. A part without room is one of the k, and leaves room for a refutation alone.
    `family` divides all error rates by the number of such verdicts.
    """
    alone = np.stack([verdict(claim, family) for claim in claims])
    strict = np.stack([verdict(claim, family * len(claims)) for claim in claims])
    return np.select(
        [
            (alone == Verdict.SUPPORTED).all(axis=0),
            *((strict == word).any(axis=0) for word in REFUTED),
            (alone == Verdict.NO_ROOM).any(axis=0),
        ],
        [Verdict.SUPPORTED, *REFUTED, Verdict.NO_ROOM],
        Verdict.INCONCLUSIVE,
    )


def stands(claims: Sequence[Hypothesis], family: int) -> bool | None:
    """Whether the verdict is the same at error rates divided by `family`; None where there is none to stand.

    Support stands if K·p, which the ledger shows, still lies on its side of the line for each part.
    """
    verdict = str(conjunction(claims))
    if verdict in (Verdict.INCONCLUSIVE, Verdict.NO_ROOM):
        return None
    if verdict == Verdict.SUPPORTED:
        return all(family * float(p_value(claim)) <= error_rate(claim.direction) for claim in claims)
    return str(conjunction(claims, family)) == verdict
