"""What would settle an inconclusive verdict: how many seeds, test images, or both.

The estimate and the spreads are taken as observed. That plans the next study and promises nothing: the
estimate will move, and seeds added after looking are flagged in the report.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnlab.stats import (
    LEAST_SEEDS,
    LEAST_SIGNS,
    ONE_SIDED,
    TOST,
    Floats,
    Hypothesis,
    decide,
    half_width,
    order_statistics,
)

MOST_SEEDS = 200
MOST_IMAGES = 1_000_000


@dataclass(frozen=True)
class Settle:
    """The seeds that would do, or the test images, or the two together; None where more would not help."""

    seeds: int | None = None
    images: int | None = None


NOTHING = Settle()


def settle(claim: Hypothesis) -> Settle:
    """The seeds that would settle `claim` (no leading axes), else the images, else both alike.

    Seeds up to 200, exactly; images up to a million, within half a percent.
    """
    seeds = seeds_to_settle(claim)
    if seeds is not None:
        return Settle(seeds=seeds)
    images = images_to_settle(claim)
    return Settle(images=images) if images is not None else _both_to_settle(claim)


def seeds_to_settle(claim: Hypothesis) -> int | None:
    """The smallest n above the present one at which the verdict is settled; None if 200 would not do."""
    effects = claim.effects
    least = LEAST_SEEDS if effects.known else LEAST_SIGNS
    counts = np.arange(max(least, effects.n + 1), MOST_SEEDS + 1)
    if effects.known:
        settled = _settled(claim, counts, effects.images, effects.floor)
    else:
        settled = np.array([_settled_by_sign(claim, int(n)) for n in counts], dtype=bool)
    return int(counts[settled.argmax()]) if settled.any() else None


def images_to_settle(claim: Hypothesis) -> int | None:
    """The test images that would do with the seeds there are; None if none would, or they play no part."""
    effects = claim.effects
    growth = _growth(claim, MOST_IMAGES / max(effects.images, 1))
    images = np.ceil(growth * effects.images)
    settled = _settled(claim, effects.n, images, effects.floor / growth)
    return int(images[settled.argmax()]) if settled.any() else None


def _both_to_settle(claim: Hypothesis) -> Settle:
    effects = claim.effects
    growth = _growth(claim, min(MOST_SEEDS / effects.n, MOST_IMAGES / max(effects.images, 1)))
    seeds, images = np.ceil(growth * effects.n), np.ceil(growth * effects.images)
    settled = _settled(claim, seeds, images, effects.floor / growth)
    first = settled.argmax() if settled.any() else None
    return NOTHING if first is None else Settle(int(seeds[first]), int(images[first]))


def _growth(claim: Hypothesis, most: float) -> Floats:
    """Factors by which to grow; none where images have no part in the interval, or the seeds are too few."""
    effects = claim.effects
    usable = effects.known and effects.image_sd is not None and effects.n >= LEAST_SEEDS and most > 1
    return np.geomspace(1, most, 3000)[1:] if usable else np.empty(0)


def _settled(claim: Hypothesis, n: Any, images: Any, floor: Any) -> NDArray[np.bool_]:
    center = claim.effects.estimate
    halves = (half_width(claim.effects, tail, n, images, floor) for tail in (ONE_SIDED, TOST))
    wide, narrow = ((center - half, center + half) for half in halves)
    return np.asarray(decide(claim.direction, claim.margin, wide, narrow) != "inconclusive")


def _settled_by_sign(claim: Hypothesis, n: int) -> bool:
    wide, narrow = (order_statistics(claim.effects, tail, n) for tail in (ONE_SIDED, TOST))
    return bool(decide(claim.direction, claim.margin, wide, narrow) != "inconclusive")
