"""How often the verdicts on a scenario are false, and how often its intervals cover the truth."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from cnnlab.analysis import decisions, intervals
from cnnlab.analysis.decisions import Hypothesis
from cnnlab.analysis.image_sampling import ImageError
from cnnlab.analysis.intervals import Effects

Rng = np.random.Generator
STUDIES = 8000
# Standard errors of leeway. Of a thousand rates, one would soon be three off by chance.
ERRORS = 4
COUNTS = (10, 8, 5)
DIRECTIONS: tuple[decisions.Direction, ...] = ("greater", "less", "equal", "not-greater", "not-less")
WORDS = ("supported", "contradicted", "equivalent")


@dataclass(frozen=True)
class Draw:
    """Bounds (studies, arms, n) of the values of simulated arms, and what else `Effects` needs."""

    low: np.ndarray
    high: np.ndarray
    images: tuple[ImageError, ...] = ()
    below: Any = 0.0
    above: Any = 0.0
    at_risk: bool = False


@dataclass(frozen=True)
class Scenario:
    """A way that runs may vary. `exact`: the interval covers neither less nor more than 95 %."""

    name: str
    n: int
    draw: Callable[[Rng, int, float], Draw]  # (generator, n, true effect)
    weights: tuple[float, ...] = (1, -1)
    margin: float = 3.0
    truths: tuple[float, ...] = (-1, 0, 1)  # in margins
    exact: bool = False

    def effects(self, truth: float) -> Effects:
        drawn = _drawn(self, truth)
        bounds = intervals.combine(drawn.low, drawn.high, self.weights)
        return Effects(*bounds, drawn.images, drawn.below, drawn.above, drawn.at_risk)


@cache
def _drawn(scenario: Scenario, truth: float) -> Draw:
    seed = [ord(letter) for letter in f"{scenario.name} {scenario.n} {truth}"]
    return scenario.draw(np.random.default_rng(seed), scenario.n, truth * scenario.margin)


def known(values: np.ndarray, **rest: Any) -> Draw:
    return Draw(values, values, **rest)


@dataclass(frozen=True)
class Rate:
    """How often something happened, in how many studies, and the limits on its true rate."""

    design: str
    n: int
    truth: str
    what: str  # a word of WORDS, "covers 95 %", "covers 90 %", or "p"
    direction: str
    count: int
    of: int
    most: float = 1.0
    least: float = 0.0

    @property
    def rate(self) -> float:
        return self.count / self.of

    @property
    def failed(self) -> bool:
        return not self.least - _leeway(self.least, self.of) <= self.rate <= self.most + _leeway(self.most, self.of)

    @property
    def error(self) -> float:
        """Binomial standard error."""
        return float(np.sqrt(self.rate * (1 - self.rate) / self.of))

    def __str__(self) -> str:
        limits = f"at least {self.least}, " * (self.least > 0) + f"at most {self.most:.3g}"
        return (
            f"{self.design}, n = {self.n}, effect {self.truth}: {self.direction} {self.what} "
            f"{100 * self.rate:.2f} ± {100 * self.error:.2f} % ({limits})"
        )


def _leeway(limit: float, of: int) -> float:
    """What a true rate at its limit may be off by in so many studies."""
    return ERRORS * float(np.sqrt(limit * (1 - limit) / of))


def may(direction: str, truth: float) -> dict[str, float]:
    """The highest rate of each verdict that is false when the true effect is `truth` margins."""
    if direction in ("less", "not-less"):
        truth = -truth
    match direction:
        case "equal":
            return ({"supported": 0.05} if abs(truth) >= 1 else {}) | (
                {"contradicted": 0.025} if abs(truth) <= 1 else {}
            )
        case "not-greater" | "not-less":
            false = {"supported": truth >= 1, "contradicted": truth <= 1, "equivalent": True}
            return {word: 0.025 if word != "equivalent" else 0.0 for word, wrong in false.items() if wrong}
    limits = {"supported": (truth <= 1, 0.025), "contradicted": (truth >= -1, 0.025)}
    limits["equivalent"] = (abs(truth) >= 1, 0.05)
    return {word: limit for word, (wrong, limit) in limits.items() if wrong}


def rates(scenarios: Iterable[Scenario]) -> Iterator[Rate]:
    for scenario in scenarios:
        for truth in scenario.truths:
            yield from _verdicts(scenario, truth)
            yield from _coverage(scenario, truth)


def _verdicts(scenario: Scenario, truth: float) -> Iterator[Rate]:
    effects = scenario.effects(truth)
    where = (scenario.name, scenario.n, _margins(truth))
    for direction in DIRECTIONS:
        claim = Hypothesis(effects, direction, scenario.margin)
        found, p = decisions.verdict(claim), decisions.p_value(claim)
        for word, limit in may(direction, truth).items():
            for side in _sides(direction, word, effects):
                yield Rate(*where, word, direction, int(((found == word) & side).sum()), found.size, limit)
        line = intervals.TOST if direction == "equal" else intervals.ONE_SIDED
        differ = int(((p <= line) != (found == "supported")).sum())
        yield Rate(*where, "p on the wrong side of its line", direction, differ, found.size, most=0.0)


def _sides(direction: str, word: str, effects: Effects) -> list[Any]:
    """A claim of no difference can be contradicted on either side: 2.5 % each."""
    both = direction == "equal" and word == "contradicted"
    return [effects.estimate > 0, effects.estimate < 0] if both else [True]


def _coverage(scenario: Scenario, truth: float) -> Iterator[Rate]:
    effects, effect = scenario.effects(truth), truth * scenario.margin
    for share, (low, high) in (
        (0.95, intervals.interval(effects)),
        (0.9, intervals.interval(effects, intervals.TOST)),
    ):
        covered = int(((low <= effect) & (effect <= high)).sum())
        where = (scenario.name, scenario.n, _margins(truth), f"covers {100 * share:.0f} %", "interval")
        yield Rate(*where, covered, len(effects.low), share if scenario.exact else 1.0, share)


def _margins(truth: float) -> str:
    return {-1: "-m", 0: "0", 1: "+m"}[truth]


def table(found: Sequence[Rate]) -> str:
    """A line for each design, n and true effect; of several directions, the one nearest to its limit."""
    columns = ("supported", "contradicted", "equivalent", "covers 95 %", "covers 90 %")
    lines = [f"{'design':40}{'n':>3}{'true effect':>24}" + "".join(f"{name:>15}" for name in columns)]
    for design, n, truth in dict.fromkeys((rate.design, rate.n, rate.truth) for rate in found):
        here = [rate for rate in found if (rate.design, rate.n, rate.truth) == (design, n, truth)]
        cells = (_cell([rate for rate in here if _column(rate) == name]) for name in columns)
        lines.append(f"{design:40}{n:>3}{truth:>24}" + "".join(f"{cell:>15}" for cell in cells))
    return "\n".join(lines)


def _column(rate: Rate) -> str:
    """A claim of no difference is supported by equivalence, and may be so in 5 %."""
    return "equivalent" if (rate.direction, rate.what) == ("equal", "supported") else rate.what


def _cell(found: Sequence[Rate]) -> str:
    shown = max((rate for rate in found if rate.most > 0), key=lambda rate: rate.rate, default=None)
    return "" if shown is None else f"{100 * shown.rate:.2f} ± {100 * shown.error:.2f}{'!' * shown.failed}"
