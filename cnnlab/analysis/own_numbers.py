"""The verdict on anybody's own numbers, with the statistics of the studies."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from cnnlab.analysis import decisions, intervals
from cnnlab.core.errors import UserError, nearest
from cnnlab.planning.verdicts import Direction, Verdict


@dataclass(frozen=True)
class Finding:
    """The verdict on an effect, its estimate with the 95 % interval, in the unit of the numbers; p of what is claimed,
    and n, the pairs, or the numbers of the smaller group."""

    verdict: Verdict
    effect: float
    low: float
    high: float
    p: float | None
    n: int

    def __str__(self) -> str:
        return f"{self.verdict}: {self.effect:.3g} ({self.low:.3g} to {self.high:.3g}), n = {self.n}"


def judge(a: ArrayLike, b: ArrayLike, margin: float, direction: str | None, paired: bool) -> Finding:
    """`cnnlab.verdict`."""
    direction = direction or Direction.GREATER
    if direction not in [*Direction]:
        raise UserError(f"verdict: direction: {direction!r}; {nearest(direction, [*map(str, Direction)])}")
    if not (isfinite(margin) and margin > 0):
        raise UserError(f"verdict: margin: {margin} is not a number above 0")
    groups = [np.asarray(values, dtype=float) for values in (a, b)]
    for name, values in zip("ab", groups, strict=True):
        if values.ndim != 1 or len(values) < 2 or not np.isfinite(values).all():
            raise UserError(f"verdict: {name}: give at least two numbers, all finite, in one list")
    if not paired and not any(map(np.ptp, groups)):
        raise UserError("verdict: all numbers of a list are the same, so that nothing is known of the spread")
    if not paired:
        return _of_groups(groups[0], groups[1], margin, Direction(direction))
    if len(groups[0]) != len(groups[1]):
        raise UserError(
            f"verdict: {len(groups[0])} and {len(groups[1])} numbers are no pairs; give as many, or paired=False"
        )
    claim = decisions.Hypothesis(intervals.Effects.of(groups[0] - groups[1]), Direction(direction), margin)
    numbers, p = intervals.summarize(claim.effects), float(decisions.p_value(claim))
    assert numbers.estimate is not None
    low, high = (-inf if numbers.low is None else numbers.low), (inf if numbers.high is None else numbers.high)
    word = Verdict(str(decisions.verdict(claim)))
    return Finding(word, numbers.estimate, low, high, None if np.isnan(p) else p, numbers.n)


def _of_groups(a: intervals.Floats, b: intervals.Floats, margin: float, direction: Direction) -> Finding:
    """Of two groups that share no seeds: Welch's t (1947), with as many in each as pairs would have to be."""
    test, n = stats.ttest_ind(a, b, equal_var=False), min(len(a), len(b))
    wide, narrow = (test.confidence_interval(1 - 2 * tail) for tail in (intervals.ONE_SIDED, intervals.TOST))
    word = Verdict(str(decisions.decide(direction, margin, wide, narrow)))

    def tail(bound: float, side: Direction) -> float:
        return float(stats.ttest_ind(a - bound, b, equal_var=False, alternative=side).pvalue)

    above, below = Direction.GREATER, Direction.LESS
    p = {
        Direction.GREATER: lambda: tail(margin, above),
        Direction.LESS: lambda: tail(-margin, below),
        Direction.NOT_GREATER: lambda: tail(margin, below),
        Direction.NOT_LESS: lambda: tail(-margin, above),
        Direction.EQUAL: lambda: max(tail(-margin, above), tail(margin, below)),
    }[direction]()
    enough, (low, high) = n >= intervals.LEAST_SEEDS, map(float, wide)
    effect = float(a.mean() - b.mean())
    return Finding(word if enough else Verdict.INCONCLUSIVE, effect, low, high, p if enough else None, n)
