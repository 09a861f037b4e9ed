"""Runs whose learning rate was chosen by noisy tuning among neighbours that differ in their effect.

What is estimated is the effect of the whole procedure: the mean over what tuning chooses.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product

import numpy as np

from cnnlab.analysis.intervals import interval
from tests.calibration.rates import COUNTS, STUDIES, Draw, Rng, Scenario, known


@dataclass(frozen=True)
class Choice:
    """How often tuning chose each rate, the effect at each, and the sd over seeds at one rate, as measured for a claim
    with n seeds."""

    claim: str
    n: int
    share: tuple[float, ...]
    effect: tuple[float, ...]  # pp
    sd: float

    @property
    def mean(self) -> float:
        return float(np.dot(self.share, self.effect))


# Batch normalization chose 0.1 in two tunings of three and 0.3 in one; without dropout, three rates in five tunings.
CHOICES = (
    Choice("C33", 10, (2 / 3, 1 / 3), (0.0, 0.47), 0.52),
    Choice("C05", 8, (0.4, 0.4, 0.2), (4.5, 2.9, 1.65), 1.65),
)


def draw(rng: Rng, n: int, truth: float, choice: Choice, shared: bool) -> Draw:
    """Effects (studies, 1, n) whose mean over seeds and choices is `truth`; `shared`: one choice for all seeds."""
    chosen = rng.choice(choice.effect, p=choice.share, size=(STUDIES, 1, 1 if shared else n))
    return known(truth - choice.mean + chosen + rng.normal(scale=choice.sd, size=(STUDIES, 1, n)))


def scenarios() -> Iterator[Scenario]:
    """Each seed tuned by itself."""
    for n in COUNTS:
        yield from (_scenario(choice, n, shared=False) for choice in CHOICES)


def tuned_once() -> Iterator[Scenario]:
    """As those studies were: one choice for all seeds of an arm, which no interval over seeds holds."""
    yield from (_scenario(choice, choice.n, shared=True) for choice in CHOICES)


def table() -> str:
    """As in docs/statistics.md: percent of the studies, with binomial standard errors."""
    heads = ["as in", "seeds", "a rate for", "falsely above", "falsely below", "95 % intervals cover"]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for choice, shared in product(CHOICES, (True, False)):
        low, high = interval(_scenario(choice, choice.n, shared).effects(0))
        shares = (low > 0).mean(), (high < 0).mean(), ((low <= 0) & (high >= 0)).mean()
        cells = [f"{100 * share:.1f} ± {100 * np.sqrt(share * (1 - share) / STUDIES):.1f}" for share in shares]
        lines.append(
            f"| {choice.claim} | {choice.n} | {'all seeds' if shared else 'each seed'} | {' | '.join(cells)} |"
        )
    return "\n".join(lines)


def _scenario(choice: Choice, n: int, shared: bool) -> Scenario:
    name = f"a rate {'for all' if shared else 'per'} seed{'s' * shared}, as in {choice.claim}"
    return Scenario(name, n, partial(draw, choice=choice, shared=shared), weights=(1,), margin=1.0)
