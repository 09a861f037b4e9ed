"""The seeds and images that would settle a verdict do so about as often as they say, by simulation.

For an inconclusive outcome, studies are drawn anew with the number suggested, the true effect and the spreads being
those that were observed: what the plan assumes. ``pytest -s tests/unit/test_calibration_settle.py`` prints how many
are settled.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from cnnlab.analysis import decisions
from cnnlab.analysis import power as settle
from cnnlab.analysis.decisions import Hypothesis
from cnnlab.analysis.image_sampling import ImageError
from cnnlab.analysis.intervals import Effects
from cnnlab.planning.verdicts import Direction
from tests.calibration.images import dense

Patch = pytest.MonkeyPatch
STUDIES = 8000
MARGIN = 1.0
# The plan takes the half-width of the interval for fixed, where it varies with the spread of the new seeds.
LEEWAY = 0.03 + 4 * np.sqrt(0.8 * 0.2 / STUDIES)
SHAPE = np.array([-1.5, -0.5, 0.0, 0.5, 1.5])  # five seeds, whatever their mean and sd
SHAPE /= SHAPE.std(ddof=1)


@dataclass(frozen=True)
class Outcome:
    """An inconclusive outcome of five seeds: its effect and spreads in margins, and what is claimed."""

    name: str
    direction: Direction
    effect: float
    sd: float
    image_sd: float | None = None
    images: int = 0
    rounding: float = 0.0
    seeds: int = 5

    def claim(self) -> Hypothesis:
        values = self.effect + self.sd * np.tile(SHAPE, self.seeds // 5)
        errors = () if self.image_sd is None else (dense(self.image_sd, self.images),)
        return Hypothesis(Effects.of(values, *errors, rounding=self.rounding), self.direction, MARGIN)

    def settled(self, n: int, images: int) -> float:
        """The share of studies with `n` seeds and `images` images, drawn as this one suggests, that decide."""
        rng = np.random.default_rng([n, images, len(self.name)])
        off = 0.0 if self.image_sd is None else rng.normal(scale=self.image_sd / np.sqrt(images), size=(STUDIES, 1))
        values = self.effect + off + self.sd * rng.normal(size=(STUDIES, n))
        rounding = self.rounding * (self.images / images if images else 1)
        errors = () if self.image_sd is None else (_repeated(self.image_sd, images),)
        claim = Hypothesis(Effects.of(values, *errors, rounding=rounding), self.direction, MARGIN)
        return float((decisions.verdict(claim) != "inconclusive").mean())


def _repeated(sd: float, images: int) -> ImageError:
    return dense(np.full(STUDIES, sd), images)


OUTCOMES = (
    Outcome("beyond the margin", "greater", 1.5, 0.9),
    Outcome("far beyond, noisy", "greater", 3.0, 2.4),
    Outcome("beyond on the other side", "greater", -2.0, 1.5),
    Outcome("too small to count", "greater", 0.2, 1.0),
    Outcome("none at all", "equal", 0.0, 1.5),
    Outcome("less than the margin, claimed less", "less", -1.6, 1.0),
    Outcome("not worse", "not-greater", 0.3, 1.2),
    Outcome("worse", "not-less", -1.8, 1.1),
    Outcome("read on a grid", "greater", 1.9, 1.0, rounding=0.4),
    Outcome("seeds and images", "greater", 2.0, 1.0, 10.0, 1000),
    Outcome("seeds and images, too small", "equal", 0.1, 1.0, 10.0, 1000),
    Outcome("images alone", "greater", 1.5, 0.02, 12.0, 1000),
    Outcome("images alone, not worse", "not-greater", 0.6, 0.1, 10.0, 1000),
    Outcome("images alone, equal", "equal", 0.0, 0.1, 22.0, 1000),
    Outcome("neither alone", "greater", 1.5, 1.0, 20.0, 1000),
)


@pytest.mark.parametrize("power", [0.8, 0.9, 0.95])
def test_as_many_studies_are_settled_as_was_planned(power: float, monkeypatch: Patch) -> None:
    """80 % is what the report says; the plan holds for other chances too."""
    monkeypatch.setattr(settle, "POWER", power)
    wrong = []
    print(f"\n{'outcome':36}{'now':>6}{'seeds':>7}{'images':>8}{'settled':>17}   planned: {power:.0%}")
    for outcome in OUTCOMES:
        claim = outcome.claim()
        assert str(decisions.verdict(claim)) == "inconclusive", outcome.name
        needed = settle.settle(claim)
        n, images = needed.seeds or outcome.seeds, needed.images or outcome.images
        now, share = outcome.settled(outcome.seeds, outcome.images), outcome.settled(n, images)
        error = np.sqrt(share * (1 - share) / STUDIES)
        print(f"{outcome.name:36}{100 * now:>4.0f} %{n:>7}{images:>8}{100 * share:>8.1f} ± {100 * error:.1f} %")
        if needed == settle.NONE_WOULD_DO or abs(share - power) > LEEWAY:
            wrong.append((outcome.name, needed, share))
    assert not wrong


LOST = np.inf
PAIRS: dict[str, tuple[Direction, list[float], list[float]]] = {
    "7 of 8 beyond": ("greater", [2, 2, 3, 2, 2, 3, LOST, -2], [2, 2, 3, 2, 2, 3, LOST, -2]),
    "3 of 4 beyond": ("greater", [2, 2, 3, 2, 2, LOST, 0.5, -2], [2, 2, 3, 2, 2, LOST, 0.5, -2]),
    "3 of 4 below": ("greater", [-2, -2, -3, -2, -2, -LOST, 0.5, 2], [-2, -2, -3, -2, -2, -LOST, 0.5, 2]),
    "one is not known": ("greater", [2, 2, 3, 2, 2, 3, 2, -LOST], [2, 2, 3, 2, 2, 3, 2, LOST]),
    "within": ("equal", [0, 0, 0.5, -0.5, 0, 2, LOST, 0], [0, 0, 0.5, -0.5, 0, 2, LOST, 0]),
    "not worse": ("not-greater", [0, -2, 0.5, -LOST, 0, 0.2, 2, 0], [0, -2, 0.5, -LOST, 0, 0.2, 2, 0]),
}


@pytest.mark.parametrize("name", PAIRS)
def test_nor_do_runs_that_are_lost_promise_too_much(name: str) -> None:
    direction, low, high = PAIRS[name]
    claim = Hypothesis(Effects(np.array(low), np.array(high), at_risk=True), direction, MARGIN)
    n = settle.seeds_to_settle(claim)
    assert str(decisions.verdict(claim)) == "inconclusive"
    assert n is not None
    rng = np.random.default_rng(n)
    drawn = rng.integers(0, len(low), size=(STUDIES, n))
    again = Hypothesis(Effects(np.array(low)[drawn], np.array(high)[drawn], at_risk=True), direction, MARGIN)
    share = float((decisions.verdict(again) != "inconclusive").mean())
    print(f"\n{name:36}{n:>7} seeds{100 * share:>8.1f} %")
    assert settle.POWER - LEEWAY <= share <= settle.POWER + LEEWAY + 1.5 / n


# Broken on purpose


def _half(patch: Patch) -> None:
    """The interval of the estimate itself just ends at the margin: half of the studies are settled."""
    patch.setattr(settle, "POWER", 0.5)


def _estimate_taken_for_the_truth(patch: Patch) -> None:
    patch.setattr(settle, "_distribution", lambda effects, n, growth: lambda x: 1.0 * (x > effects.estimate))


def _images_do_not_move_the_estimate(patch: Patch) -> None:
    distribution = settle._distribution
    patch.setattr(
        settle,
        "_distribution",
        lambda effects, n, growth: distribution(Effects(effects.low, effects.high), n, growth),
    )


@pytest.mark.parametrize("mutation", [_half, _estimate_taken_for_the_truth, _images_do_not_move_the_estimate])
def test_a_plan_that_promises_too_much_is_caught(mutation: Callable[[Patch], None], monkeypatch: Patch) -> None:
    mutation(monkeypatch)
    shares = []
    for outcome in OUTCOMES:
        needed = settle.settle(outcome.claim())
        shares.append(outcome.settled(needed.seeds or outcome.seeds, needed.images or outcome.images))
    assert min(shares) < 0.8 - LEEWAY
