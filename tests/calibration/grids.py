"""Metrics that are read on a grid: steps to a target at evaluations, rates in octaves.

The true value lies between two points of the grid, at a phase that differs from arm to arm and from study to study.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from cnnlab.analysis import intervals
from tests.calibration.rates import COUNTS, STUDIES, Draw, Rng, Scenario, known
from tests.calibration.seeds import INTERACTION, PAIR, SLOPE

INTERVAL = 100  # steps from one evaluation to the next


def evaluations(
    rng: Rng, n: int, truth: float, weights: tuple[float, ...], sd: float, first: float, last: float
) -> Draw:
    """log2 of steps to a target, reached by the other arms after `first` to `last` evaluations."""
    steps = _true(rng, truth, weights, np.log2(INTERVAL * first), np.log2(INTERVAL * last))
    reached = np.exp2(steps + sd * rng.normal(size=(STUDIES, len(weights), n)))
    seen = np.log2(INTERVAL * np.ceil(reached / INTERVAL))
    below, above = intervals.evaluation_grid(seen, INTERVAL, weights)
    return known(seen, below=below, above=above)


def octaves(rng: Rng, n: int, truth: float, weights: tuple[float, ...], sd: float) -> Draw:
    """log2 of the largest rate that trains, seen on a grid that begins at each arm's own tuned rate."""
    largest = _true(rng, truth, weights, 0.0, 4.0) + sd * rng.normal(size=(STUDIES, len(weights), n))
    own = rng.uniform(size=(STUDIES, len(weights), 1))
    seen = np.floor(largest - own) + own
    below, above = intervals.octave_grid(seen, weights)
    return known(seen, below=below, above=above)


def _true(rng: Rng, truth: float, weights: tuple[float, ...], low: float, high: float) -> np.ndarray:
    """True values (studies, arms, 1) whose effect is `truth`: the first arm makes up for what the others give."""
    values = rng.uniform(low, high, size=(STUDIES, len(weights), 1))
    others = np.tensordot(values[:, 1:, 0], weights[1:], axes=1)
    values[:, 0, 0] = (truth - others) / weights[0]
    return values


def scenarios() -> Iterator[Scenario]:
    designs = {"pair": (PAIR, 1.0), "interaction": (INTERACTION, 2.0), "slope over four arms": (SLOPE, 5.0)}
    for n in COUNTS:
        # Seeds that agree show the grid at its worst; seeds that vary by about a step, its bias.
        for name, (weights, margin) in designs.items():
            for sd in (0.005, 0.4):
                few = partial(evaluations, weights=weights, sd=sd, first=1.05, last=4.0)
                yield Scenario(f"{name}, few evaluations, sd {sd}", n, few, weights, margin)
            for sd in (0.1, 0.6):
                many = partial(evaluations, weights=weights, sd=sd, first=4.0, last=20.0)
                yield Scenario(f"{name}, many evaluations, sd {sd}", n, many, weights, 0.32 * margin)
            for sd in (0.05, 1.0):
                draw = partial(octaves, weights=weights, sd=sd)
                yield Scenario(f"{name}, octaves, sd {sd}", n, draw, weights, margin)
        apart = partial(evaluations, weights=PAIR, sd=0.4, first=4.0, last=8.0)
        yield Scenario("pair, evaluations, four times as many", n, apart, margin=2.0)
