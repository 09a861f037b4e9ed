"""What would settle an inconclusive verdict: how many seeds, test images, or both.

The plan is for a study done anew, with a chance of 80 % to come out one way or another if the true effect and the
spreads are those observed (the usual power of a plan; Cohen 1988). Planning for an interval that just ends at the
margin would have a chance of one half. The plan promises nothing: the estimate may be off, and seeds added after
looking are flagged in the report.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, stdtr

from cnnlab.analysis.decisions import Hypothesis
from cnnlab.analysis.intervals import ONE_SIDED, TOST, Effects, Floats, critical, least_seeds, reach, slack
from cnnlab.planning.verdicts import Direction

POWER = 0.8
MOST_SEEDS = 200
MOST_IMAGES = 1_000_000


@dataclass(frozen=True)
class SampleSize:
    """The seeds that would do, or the test images, or the two together; None where more would not help."""

    seeds: int | None = None
    images: int | None = None


NONE_WOULD_DO = SampleSize()


def settle(claim: Hypothesis) -> SampleSize:
    """The seeds that would settle `claim` (no leading axes), else the images, else both alike.

    Seeds up to 200, exactly; images up to a million, within half a percent.
    """
    seeds = seeds_to_settle(claim)
    if seeds is not None:
        return SampleSize(seeds=seeds)
    images = images_to_settle(claim)
    if images is not None:
        return SampleSize(images=images)
    growth = _growth(claim, seeds=True)
    return (
        NONE_WOULD_DO
        if growth is None
        else SampleSize(_times(claim.effects.n, growth), _times(claim.effects.n_images, growth))
    )


def seeds_to_settle(claim: Hypothesis) -> int | None:
    """The smallest n above the present one that settles it with a chance of 80 %; None if 200 would not do."""
    effects = claim.effects
    counts = np.arange(max(int(least_seeds(effects)), effects.n + 1), MOST_SEEDS + 1)
    enough = chance(claim, counts) >= POWER
    return int(counts[enough.argmax()]) if enough.any() else None


def images_to_settle(claim: Hypothesis) -> int | None:
    """The test images that would do with the seeds there are; None if none would, or they play no part."""
    growth = _growth(claim, seeds=False)
    return None if growth is None else _times(claim.effects.n_images, growth)


def _growth(claim: Hypothesis, seeds: bool) -> float | None:
    """The least factor that would do, of the test images alone or of `seeds` alike; None if none would.

    Nor does any where images have no part in the interval, or the seeds are too few.
    """
    effects = claim.effects
    images = effects.n_images
    if not effects.known or images is None or effects.n < least_seeds(effects) or images >= MOST_IMAGES:
        return None
    growth = np.geomspace(1, MOST_IMAGES / images, 3000)[1:]
    if seeds:
        growth = growth[growth * effects.n <= MOST_SEEDS]
    enough = chance(claim, np.ceil(effects.n * (growth if seeds else np.ones_like(growth))), growth) >= POWER
    return float(growth[enough.argmax()]) if enough.any() else None


def _times(count: int | None, growth: float) -> int:
    return int(np.ceil(growth * (count or 0)))


def chance(claim: Hypothesis, n: NDArray[Any], growth: Any = 1.0) -> Floats:
    """The chance of a verdict other than inconclusive with `n` seeds and `growth` times the images: as `n`."""
    claim = claim.upward
    if claim.effects.known:
        return _chance_of_t(claim, n, growth)
    return np.array([_chance_of_signs(claim, int(count)) for count in n], dtype=float)


def _chance_of_t(claim: Hypothesis, n: NDArray[Any], growth: Any) -> Floats:
    """The estimate varies like t about the one observed; the half-widths are those at the spread observed."""
    effects, margin = claim.effects, claim.margin
    down, up, down90, up90 = (
        reach(side, tail, n, growth) for tail in (ONE_SIDED, TOST) for side in (effects, effects.mirrored)
    )
    less = _distribution(effects, n, growth)
    above = 1 - less(margin + down)
    if claim.direction == Direction.NOT_GREATER:
        return np.asarray(above + less(margin - up))
    within = np.maximum(less(margin - up90) - less(-margin + down90), 0)
    return np.asarray(above + within + less(-margin - up))


def _distribution(effects: Effects, n: NDArray[Any], growth: Any) -> Callable[[Floats], Floats]:
    """x → the chance that the estimate of a study done anew is less than x."""
    seed, image = effects.sd**2 / n, np.zeros(())
    if effects.image_sd is not None and effects.n_images is not None:
        image = effects.image_sd**2 / (growth * effects.n_images)
    se = np.sqrt(seed + image)
    share = np.divide(seed, seed + image, out=np.ones_like(se), where=se > 0)
    df = (n - 1) / np.maximum(share**2, 1e-9)

    def less(x: Floats) -> Floats:
        distance = x - effects.estimate
        certain = np.where(np.isnan(se), np.nan, np.where(distance > 0, np.inf, -np.inf))
        return np.asarray(stdtr(df, np.divide(distance, se, out=certain, where=se > 0)))

    return less


def _chance_of_signs(claim: Hypothesis, n: int) -> float:
    """Pairs like those observed, drawn anew: each verdict takes enough of them on its side (Binomial)."""
    margin = claim.margin
    above, below = (_side(claim, n, ONE_SIDED, margin, up) for up in (True, False))
    if claim.direction == Direction.NOT_GREATER:
        return above + _side(claim, n, ONE_SIDED, -margin, False)
    within = sum(_side(claim, n, TOST, -margin, up) for up in (True, False)) - 1
    return above + below + max(within, 0.0)


def _side(claim: Hypothesis, n: int, tail: float, bound: float, up: bool) -> float:
    """The chance that the median's interval lies above `bound`; with `up` False, below -`bound`."""
    effects = claim.effects if up else claim.effects.mirrored
    disagree = critical(n, tail)
    share = float((effects.low - slack(effects, tail) > bound).mean())
    return float(bdtr(disagree - 1, n, 1 - share)) if disagree else 0.0
