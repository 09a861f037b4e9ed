"""Runs that differ by their seeds alone: every design, normal and with heavy tails."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from tests.calibration.rates import COUNTS, STUDIES, Draw, Rng, Scenario, known

PAIR: tuple[float, ...] = (1, -1)
INTERACTION: tuple[float, ...] = (1, -1, -1, 1)
SLOPE: tuple[float, ...] = (3, 1, -1, -3)
ONE_ARM: tuple[float, ...] = (1,)
DESIGNS = {"pair": PAIR, "interaction": INTERACTION, "slope over four arms": SLOPE, "one arm": ONE_ARM}


def spread(weights: tuple[float, ...], sd: float = 1.0) -> float:
    """The sd of each arm for which the effect has `sd`."""
    return sd / float(np.linalg.norm(weights))


def shift(weights: tuple[float, ...], truth: float) -> np.ndarray:
    """Values (arms, 1) whose effect is `truth`: all of it in the first arm."""
    values = np.zeros((len(weights), 1))
    values[0] = truth / weights[0]
    return values


def levels(weights: tuple[float, ...], truth: float) -> np.ndarray:
    """The same, of arms that differ besides: main effects under an interaction, a bend in a slope."""
    weight, level = np.asarray(weights), np.array([20.0, 50.0, 10.0, 70.0])[: len(weights)]
    return (level - weight * (weight @ level - truth) / (weight @ weight))[:, None]


def normal(rng: Rng, n: int, truth: float, weights: tuple[float, ...]) -> Draw:
    return known(rng.normal(scale=spread(weights), size=(STUDIES, len(weights), n)) + levels(weights, truth))


def heavy(rng: Rng, n: int, truth: float, weights: tuple[float, ...]) -> Draw:
    """Student's t with 3 degrees of freedom; one run in a hundred is off by more than five sd."""
    return known(spread(weights) * rng.standard_t(3, size=(STUDIES, len(weights), n)) + levels(weights, truth))


def correlated(rng: Rng, n: int, truth: float, correlation: float) -> Draw:
    shared, own = rng.normal(size=(STUDIES, 1, n)), rng.normal(size=(STUDIES, 2, n))
    sign = np.array([[1.0], [np.sign(correlation)]])
    noise = np.sqrt(abs(correlation)) * sign * shared + np.sqrt(1 - abs(correlation)) * own
    return known(noise + levels(PAIR, truth))


def scenarios() -> Iterator[Scenario]:
    for n in COUNTS:
        for correlation in (-0.8, 0.8):
            draw = partial(correlated, correlation=correlation)
            yield Scenario(f"pair, correlated by {correlation:+}", n, draw, exact=True)
        for name, weights in DESIGNS.items():
            yield Scenario(name, n, partial(normal, weights=weights), weights, exact=True)
            yield Scenario(f"{name}, heavy tails", n, partial(heavy, weights=weights), weights)
