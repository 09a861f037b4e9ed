"""Runs that diverge, never reach their target, or hit a time limit; the true *median* effect is known.

From six seeds on these decide; five never do.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from scipy.stats import norm

from cnnlab.analysis import intervals
from tests.calibration.images import dense
from tests.calibration.rates import COUNTS, STUDIES, Draw, Rng, Scenario
from tests.calibration.seeds import INTERACTION, PAIR, SLOPE, shift, spread


def diverging(rng: Rng, n: int, truth: float, weights: tuple[float, ...], share: float) -> Draw:
    """The first arm diverges in a `share` of its runs, whose effects are then infinite."""
    values = rng.normal(scale=spread(weights), size=(STUDIES, len(weights), n))
    values += shift(weights, truth - norm.ppf(0.5 / (1 - share)))
    values[:, 0][rng.random((STUDIES, n)) < share] = np.inf
    return Draw(values, values, at_risk=True)


def both_diverging(rng: Rng, n: int, truth: float, share: float, timed_out: float = 0.0) -> Draw:
    """Both arms diverge at the same rate; some runs hit a time limit, and could have come out anyhow."""
    values = rng.normal(scale=spread(PAIR), size=(STUDIES, 2, n)) + shift(PAIR, truth)
    values[rng.random(values.shape) < share] = np.inf
    missing = rng.random(values.shape) < timed_out
    return Draw(np.where(missing, -np.inf, values), np.where(missing, np.inf, values), at_risk=True)


def censored(rng: Rng, n: int, truth: float, share: float) -> Draw:
    """log2 of steps; `share` of the slower arm's runs would need more steps than there are."""
    values = rng.normal(scale=0.4, size=(STUDIES, 2, n)) + shift(PAIR, truth)
    end = max(truth, 0) + 0.4 * norm.isf(share)
    return Draw(np.minimum(values, end), np.where(values > end, np.inf, values), at_risk=True)


def censored_on_a_grid(rng: Rng, n: int, truth: float, share: float) -> Draw:
    """The same, seen at an evaluation every 100 steps, of which the faster arm needs about four."""
    exact = censored(rng, n, truth, share)
    start, reached = np.log2(400), np.isfinite(exact.high)
    seen = np.log2(100 * np.ceil(np.exp2(exact.low + start) / 100))
    below, above = intervals.evaluation_grid(seen, 100, PAIR)
    return Draw(seen, np.where(reached, seen, np.inf), below=below, above=above, at_risk=True)


def diverging_on_images(rng: Rng, n: int, truth: float) -> Draw:
    """Seeds hardly differ, the test set is off by 1 pp for all of them, and one run in ten diverges."""
    off = rng.normal(size=(STUDIES, 1)) * [[1.0, 0.0]]
    values = rng.normal(scale=0.1, size=(STUDIES, 2, n)) + off[..., None] + shift(PAIR, truth)
    values[rng.random(values.shape) < 0.1] = np.inf
    return Draw(values, values, images=(dense(np.full(STUDIES, 30.0), 900),), at_risk=True)


def missing(rng: Rng, n: int, truth: float, share: float) -> Draw:
    """A signed metric of one arm that a lost run does not have: nothing is known of that seed."""
    values = rng.normal(size=(STUDIES, 1, n)) + truth
    lost = rng.random(values.shape) < share
    return Draw(np.where(lost, -np.inf, values), np.where(lost, np.inf, values), at_risk=True)


def scenarios() -> Iterator[Scenario]:
    designs = {"pair": PAIR, "interaction": INTERACTION, "slope over four arms": SLOPE}
    for n in (*COUNTS, 6):
        for name, weights in designs.items():
            for share in (0.1, 0.3, 0.45) if name == "pair" else (0.3,):
                draw = partial(diverging, weights=weights, share=share)
                yield Scenario(f"{name}, one arm diverges in {share:.0%}", n, draw, weights)
        yield Scenario("pair, both arms diverge in 20%", n, partial(both_diverging, share=0.2))
        yield Scenario("pair, 10% diverge, 10% time limits", n, partial(both_diverging, share=0.1, timed_out=0.1))
        yield Scenario("pair, 10% diverge, image error", n, diverging_on_images)
        yield Scenario("one arm, 15% missing", n, partial(missing, share=0.15), (1,))
        for share in (0.1, 0.45):
            yield Scenario(f"pair, {share:.0%} censored", n, partial(censored, share=share), margin=1.0)
        yield Scenario("pair, 30% censored on a grid", n, partial(censored_on_a_grid, share=0.3), margin=1.0)
