"""Runs of one arm that spread lognormally over seeds while those of the other do not vary: where t errs too often.

`table` has the rule and what was tried in its place: the wider of t and a bootstrap-t (Efron & Tibshirani 1993, chapter
12.5), the wider of t and Hall's transformation (Hall 1992), and no verdict where the sample looks skewed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from scipy.special import stdtrit
from scipy.stats import skew

from cnnlab.analysis import intervals
from cnnlab.analysis.intervals import ONE_SIDED, Effects
from tests.calibration.rates import COUNTS, STUDIES, Draw, Rng, Scenario, known
from tests.calibration.seeds import PAIR, shift

SEEDS, SPREADS = (8, 10), (0.0, 0.5, 1.0, 1.5)  # sd of the logarithm; 0 stands for a normal spread
RESAMPLES, SKEWED = 400, 1.0
Ends = tuple[np.ndarray, np.ndarray]


def lognormal(rng: Rng, spread: float, shape: tuple[int, ...]) -> np.ndarray:
    """Values of mean 0."""
    return np.exp(spread * rng.normal(size=shape)) - np.exp(spread**2 / 2) if spread else rng.normal(size=shape)


def both(rng: Rng, n: int, truth: float, spread: float) -> Draw:
    """Both arms vary alike, so that their difference is symmetric."""
    return known(lognormal(rng, spread, (STUDIES, 2, n)) + shift(PAIR, truth))


def scenarios() -> Iterator[Scenario]:
    for n in COUNTS:
        for spread in SPREADS[1:]:
            yield Scenario(f"pair, both arms lognormal, {spread}", n, partial(both, spread=spread))


def students_t(values: np.ndarray) -> Ends:
    return intervals.interval(Effects.of(values))


def bootstrap_t(values: np.ndarray) -> Ends:
    """The wider of t and the bootstrap-t."""
    rng, n, (low, high) = np.random.default_rng(0), values.shape[-1], students_t(values)
    mean, se = values.mean(axis=-1), values.std(axis=-1, ddof=1) / np.sqrt(n)
    for study, sample in enumerate(values):
        again = sample[rng.integers(0, n, size=(RESAMPLES, n))]
        spread = again.std(axis=-1, ddof=1) / np.sqrt(n)
        scores = ((again.mean(axis=-1) - mean[study])[spread > 0]) / spread[spread > 0]
        least, most = np.quantile(scores, [ONE_SIDED, 1 - ONE_SIDED])
        low[study] = min(low[study], mean[study] - most * se[study])
        high[study] = max(high[study], mean[study] - least * se[study])
    return low, high


def halls(values: np.ndarray) -> Ends:
    """The wider of t and the interval of Hall's transformed score x + a x² + a² x³/3 + a/2."""
    n, (low, high) = values.shape[-1], students_t(values)
    mean, se = values.mean(axis=-1), values.std(axis=-1, ddof=1) / np.sqrt(n)
    a, t = skew(values, axis=-1, bias=False) / (3 * np.sqrt(n)), -stdtrit(n - 1, ONE_SIDED)
    least, most = ((np.cbrt(1 + 3 * a * (score - a / 2)) - 1) / a for score in (-t, t))
    return np.minimum(low, mean - most * se), np.maximum(high, mean - least * se)


def silent(values: np.ndarray) -> Ends:
    """No end where the sample's skewness exceeds `SKEWED`."""
    low, high = students_t(values)
    looks = abs(skew(values, axis=-1, bias=False)) > SKEWED
    return np.where(looks, -np.inf, low), np.where(looks, np.inf, high)


RULES: dict[str, Callable[[np.ndarray], Ends]] = {
    "Student's t, the rule": students_t,
    "the wider of t and bootstrap-t": bootstrap_t,
    "the wider of t and Hall's": halls,
    f"t, none where the sample's skewness exceeds {SKEWED:g}": silent,
}


def drawn(n: int, spread: float) -> np.ndarray:
    """Effects (studies, n) of mean 0."""
    return lognormal(np.random.default_rng([n, int(10 * spread)]), spread, (STUDIES, n))


def beyond(ends: Ends) -> tuple[float, float]:
    """How often the interval lies above the true effect, 0, and below it: a false verdict with the margin there."""
    return float((ends[0] > 0).mean()), float((ends[1] < 0).mean())


def table() -> str:
    """As in docs/statistics.md: percent of false verdicts on the side that errs more often, and what a rule costs."""
    heads = ["normal", *(f"s = {spread:g}" for spread in SPREADS[1:])]
    lines = [f"| seeds | interval | {' | '.join(heads)} | wider if normal |", "|---" * (len(heads) + 3) + "|"]
    for n in SEEDS:
        samples = [drawn(n, spread) for spread in SPREADS]
        low, high = students_t(samples[0])
        for name, rule in RULES.items():
            found = [rule(values) for values in samples]
            width = (found[0][1] - found[0][0]).mean() / (high - low).mean()
            cost = f"{width - 1:.0%}" if np.isfinite(width) else f"none in {np.isinf(found[0][0]).mean():.0%}"
            rates = (f"{100 * max(beyond(ends)):.1f}" for ends in found)
            lines.append(f"| {n} | {name} | {' | '.join(rates)} | {cost if rule is not students_t else ''} |")
    return "\n".join(lines)
