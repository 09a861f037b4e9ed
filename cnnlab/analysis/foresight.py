"""What a study can come to: before it is run, from its margins, seeds and test images; after, from its spreads."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from cnnlab.analysis.decisions import Hypothesis
from cnnlab.analysis.image_sampling import ImageError
from cnnlab.analysis.intervals import LEAST_SIGNS, ONE_SIDED, TOST, Effects, half_widths, reach
from cnnlab.analysis.power import POWER, chance
from cnnlab.planning.metrics import METRICS
from cnnlab.planning.verdicts import DIRECTED, Direction, Verdict

if TYPE_CHECKING:
    from cnnlab.planning.studies.study_file import ContrastSpec


def cannot(contrast: ContrastSpec, seeds: int, images: int, family: int = 1) -> list[str]:
    """What a primary contrast cannot come to, whatever its runs say, each with its reason; none for a sound design.

    Args:
        images: how many test images there are.
        family: the empirical parts of the ledger, at whose level support may stand.
    """
    metric, direction, margin = METRICS[contrast.metric], contrast.direction, contrast.margin
    assert direction is not None
    assert margin is not None
    found = []
    if margin >= metric.largest and not metric.signed:
        found.append(f"{Verdict.SUPPORTED}: no difference is larger than {metric.largest:g} {metric.unit}")
    least = _least_excluded(contrast, seeds, images, TOST if direction in (*DIRECTED, Direction.EQUAL) else ONE_SIDED)
    if least >= margin:
        word = Verdict.EQUIVALENT if direction in DIRECTED else Verdict.SUPPORTED
        found.append(f"{word}: of {images:,} images, all alike, no less than {least:.2g} {metric.unit} can be excluded")
    if metric.censored and seeds >= LEAST_SIGNS and family * 0.5**seeds > ONE_SIDED:
        found.append(f"stand ledger-wide where runs are censored: no sign test of {seeds} seeds is so small")
    return found


def _least_excluded(contrast: ContrastSpec, seeds: int, images: int, tail: float) -> float:
    """The smallest difference that the test images could exclude if every answer were the same in both arms."""
    metric = METRICS[contrast.metric]
    if metric.per_image is None or metric.floor != "image":
        return 0.0
    weights = list(contrast.contrast.values())
    alike = np.zeros((len(weights), seeds, images))
    one = metric.factor * max(map(abs, weights))
    effects = Effects.of(np.zeros(seeds), ImageError.of(alike, weights, one), rounding=one / images)
    return float(reach(effects, tail))


def smallest_effect(claim: Hypothesis) -> float | None:
    """The smallest effect as claimed, in the metric's unit, that a study with these spreads decides with 80 %.

    None where it is no effect that is claimed, or the spread is not known (a sign test).
    """
    claim = claim.upward
    effects = claim.effects
    if claim.direction != Direction.GREATER or not effects.known or effects.n < 2:
        return None
    width = float(max(np.max(part) for part in half_widths(effects, ONE_SIDED)))
    low, high = claim.margin, claim.margin + 10 * width + 1e-9
    for _ in range(40):
        middle = (low + high) / 2
        moved = effects.low + (middle - effects.estimate)
        enough = chance(replace(claim, effects=replace(effects, low=moved, high=moved)), np.array([effects.n]))
        low, high = (low, middle) if enough[0] >= POWER else (middle, high)
    return high
