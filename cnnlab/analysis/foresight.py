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


def cannot(
    contrast: ContrastSpec, seeds: int, images: int, family: int = 1, evaluations: int | None = None
) -> list[str]:
    """What a primary contrast cannot come to, whatever its runs say, each with its reason; none for a sound design.

    Of a ratio that depends on how many images are wrong, which no plan knows, nothing is said.

    Args:
        images: how many test images there are.
        evaluations: how many there are along a run; of several arms, the fewest. None: not known.
        family: the empirical parts of the ledger, at whose level support may stand.
    """
    metric, direction, margin = METRICS[contrast.metric], contrast.direction, contrast.margin
    assert direction is not None
    assert margin is not None
    found = []
    if margin >= metric.largest and not metric.signed:
        found.append(f"{Verdict.SUPPORTED}: no difference is larger than {metric.largest:g} {metric.unit}")
    tail = TOST if direction in (*DIRECTED, Direction.EQUAL) else ONE_SIDED
    word = Verdict.EQUIVALENT if direction in DIRECTED else Verdict.SUPPORTED
    for grid, least in (
        (f"of {images:,} images", _least_by_images(contrast, seeds, images, tail)),
        (f"of {evaluations} evaluations a run", _least_by_evaluations(contrast, seeds, evaluations, tail)),
    ):
        if least >= margin:
            found.append(f"{word}: {grid}, all alike, no less than {least:.2g} {metric.unit} can be excluded")
    if metric.censored and seeds >= LEAST_SIGNS and family * 0.5**seeds > ONE_SIDED:
        found.append(f"stand ledger-wide where runs are censored: no sign test of {seeds} seeds is so small")
    return found


def _least_by_evaluations(contrast: ContrastSpec, seeds: int, evaluations: int | None, tail: float) -> float:
    """The same, of a share of training, which is read at evaluations alone: each arm lies within one of them."""
    metric = METRICS[contrast.metric]
    if metric.floor != "training" or not evaluations:
        return 0.0
    one = metric.factor * sum(map(abs, contrast.contrast.values())) / evaluations
    return float(reach(Effects.of(np.zeros(seeds), rounding=one), tail))


def _least_by_images(contrast: ContrastSpec, seeds: int, images: int, tail: float) -> float:
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
