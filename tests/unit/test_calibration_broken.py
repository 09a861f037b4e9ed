"""Verdict logic broken on purpose, in many ways: the calibration notices each of them.

Each way names the simulated studies that must show it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtr, ndtri
from scipy.stats import norm

from cnnlab.analysis import decisions, effects
from cnnlab.analysis import intervals as stats
from cnnlab.analysis.image_sampling import ImageError
from tests.calibration import conjunctions, failing, grids, images, lost, seeds, tuned
from tests.calibration.rates import ERRORS, Rate, rates, table

Patch = pytest.MonkeyPatch


def everywhere(patch: Patch, name: str, value: Any) -> None:
    """Replace `name` in each module of the statistics that has it, by definition or by import."""
    for module in (stats, decisions):
        if hasattr(module, name):
            patch.setattr(module, name, value)


def _z_for_t(patch: Patch) -> None:
    everywhere(patch, "stdtrit", lambda df, p: ndtri(p) + 0.0 * np.asarray(df, dtype=float))
    everywhere(patch, "stdtr", lambda df, score: ndtr(score))


def _unpaired(patch: Patch) -> None:
    combine = stats.combine

    def shuffled(low: Any, high: Any, weights: Any) -> Any:
        apart = [np.stack([np.roll(x[:, k], k, axis=-1) for k in range(x.shape[1])], axis=1) for x in (low, high)]
        return combine(*apart, weights)

    everywhere(patch, "combine", shuffled)


def _no_margin(patch: Patch) -> None:
    decide = decisions.decide
    everywhere(patch, "decide", lambda direction, margin, *intervals: decide(direction, 0.0, *intervals))


def _ninety_for_ninety_five(patch: Patch) -> None:
    everywhere(patch, "ONE_SIDED", 0.05)


def _ninety_and_ninety_five_swapped(patch: Patch) -> None:
    everywhere(patch, "ONE_SIDED", 0.05)
    everywhere(patch, "TOST", 0.025)


def _interval_of_ninety(patch: Patch) -> None:
    interval = stats.interval
    everywhere(patch, "interval", lambda effects, tail=0.025: interval(effects, 0.05 if tail == 0.025 else tail))


def _eighty_for_ninety(patch: Patch) -> None:
    everywhere(patch, "TOST", 0.10)


def _sd_over_n(patch: Patch) -> None:
    patch.setattr(stats.Effects, "sd", property(lambda effects: effects.low.std(axis=-1)))


def _first_arm_alone(patch: Patch) -> None:
    combine = stats.combine
    everywhere(patch, "combine", lambda low, high, weights: combine(low[:, :1], high[:, :1], weights[:1]))


def _weights_by_sign(patch: Patch) -> None:
    combine = stats.combine
    everywhere(patch, "combine", lambda low, high, weights: combine(low, high, np.sign(weights)))


def _not_significant_means_equal(patch: Patch) -> None:
    decide = decisions.decide

    def careless(direction: Any, margin: float, wide: Any, narrow: Any) -> Any:
        found = decide(direction, margin, wide, narrow)
        return np.where((found == "inconclusive") & (wide[0] < 0) & (wide[1] > 0), "equivalent", found)

    everywhere(patch, "decide", careless)


def _images_forgotten(patch: Patch) -> None:
    half_widths = stats.half_widths
    everywhere(patch, "half_widths", lambda effects, *rest: half_widths(replace(effects, images=()), *rest))


def _images_as_if_seeds(patch: Patch) -> None:
    """The image error as one more seed's: divided by the number of seeds."""
    below = ImageError.below
    patch.setattr(ImageError, "below", lambda self, tail, growth=1.0: below(self, tail, 8 * np.asarray(growth)))


def _normal_interval_of_rare_errors(patch: Patch) -> None:
    patch.setattr(
        ImageError,
        "below",
        lambda self, tail, growth=1.0: norm.isf(tail) * self.sd / np.sqrt(self.images * np.asarray(growth)),
    )


def _images_forgotten_by_the_sign_test(patch: Patch) -> None:
    everywhere(patch, "slack", lambda effects, tail: np.broadcast_to(effects.below, effects.low.shape))


def _grid_forgotten(patch: Patch) -> None:
    error = stats.rounding_error
    everywhere(patch, "rounding_error", lambda effects, *rest: error(replace(effects, below=0.0, above=0.0), *rest))


def _grid_of_one_arm(patch: Patch) -> None:
    """A step of the grid counts once, however many arms are read on it, and alike on both sides."""
    everywhere(patch, "grid", lambda down, up, weights: ((largest := (np.asarray(down) + up).max(1)), largest))


def _grid_not_added_to_the_seeds(patch: Patch) -> None:
    """The wider of the two alone: rounding that moves all seeds the same way is taken for no error."""

    def wider(effects: Any, tail: float, n: Any = None, growth: Any = 1.0) -> Any:
        below = np.broadcast_to(effects.below, effects.low.shape).mean(axis=-1)
        return np.maximum(np.maximum(*stats.half_widths(effects, tail, n, growth)), below)

    everywhere(patch, "reach", wider)


def _diverged_dropped(patch: Patch) -> None:
    """Each unknown effect becomes the mean of the known ones, so that only these count."""
    combine = stats.combine

    def survivors(low: Any, high: Any, weights: Any) -> Any:
        bottom, top = combine(low, high, weights)
        known = (bottom == top) & np.isfinite(bottom)
        mean = np.where(known, bottom, 0).sum(-1, keepdims=True) / np.maximum(known.sum(-1, keepdims=True), 1)
        return np.where(known, bottom, mean), np.where(known, bottom, mean)

    everywhere(patch, "combine", survivors)


def _failed_taken_as_read(patch: Patch) -> None:
    """A run that ends at guessing has an error of 90 %, as any other has its own."""
    patch.setattr(effects, "failed", lambda run: False)


def _survivors_of_five(patch: Patch) -> None:
    """Five seeds decide although a run could have been lost, and none was by chance."""
    everywhere(patch, "least_seeds", lambda effects: np.where(effects.known, 5, 6))


def _censored_taken_as_reached(patch: Patch) -> None:
    combine = stats.combine
    patch.setattr(
        stats,
        "combine",
        lambda low, high, weights: combine(low, np.where(np.isfinite(low), low, high), weights),
    )


def _unknown_counted_for_the_claim(patch: Patch) -> None:
    combine = stats.combine

    def hopeful(low: Any, high: Any, weights: Any) -> Any:
        bottom, top = combine(low, high, weights)
        return np.where(np.isneginf(bottom), top, bottom), top

    everywhere(patch, "combine", hopeful)


def _sign_test_two_ranks_off(patch: Patch) -> None:
    everywhere(patch, "critical", lambda n, tail: 3)


def _any_part_will_do(patch: Patch) -> None:
    conjunction = decisions.conjunction

    def any_of(claims: Any) -> Any:
        found = np.stack([decisions.verdict(claim) for claim in claims])
        return np.where((found == "supported").any(axis=0), "supported", conjunction(claims))

    everywhere(patch, "conjunction", any_of)


def _refuted_without_bonferroni(patch: Patch) -> None:
    verdict = decisions.verdict
    everywhere(patch, "verdict", lambda claim, parts=1: verdict(claim))


def _parts_without_room_uncounted(patch: Patch) -> None:
    """Error rates are divided by the number of the parts that turned out to have room."""
    conjunction = decisions.conjunction

    def of_the_rest(claims: Any) -> Any:
        found, alone = conjunction(claims), [decisions.verdict(claim) for claim in claims]
        for part, verdict in enumerate(alone if len(claims) == 2 else []):
            other = conjunction([claims[1 - part]])
            found = np.where((verdict == "no room") & np.isin(other, ["contradicted", "equivalent"]), other, found)
        return found

    everywhere(patch, "conjunction", of_the_rest)


def _of(module: Any) -> Callable[[], Iterator[Rate]]:
    return module.rates if hasattr(module, "rates") else lambda: rates(module.scenarios())


MUTATIONS = {
    _z_for_t: seeds,
    _unpaired: seeds,
    _no_margin: seeds,
    _ninety_for_ninety_five: seeds,
    _ninety_and_ninety_five_swapped: seeds,
    _interval_of_ninety: seeds,
    _eighty_for_ninety: seeds,
    _sd_over_n: seeds,
    _first_arm_alone: seeds,
    _weights_by_sign: seeds,
    _not_significant_means_equal: seeds,
    _images_forgotten: images,
    _images_as_if_seeds: images,
    _normal_interval_of_rare_errors: images,
    _images_forgotten_by_the_sign_test: lost,
    _grid_forgotten: grids,
    _grid_of_one_arm: grids,
    _grid_not_added_to_the_seeds: grids,
    _diverged_dropped: lost,
    _failed_taken_as_read: failing,
    _survivors_of_five: lost,
    _censored_taken_as_reached: lost,
    _unknown_counted_for_the_claim: lost,
    _sign_test_two_ranks_off: lost,
    _any_part_will_do: conjunctions,
    _refuted_without_bonferroni: conjunctions,
    _parts_without_room_uncounted: conjunctions,
}


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__.strip("_"))
def test_broken_logic_is_caught(mutation: Callable[[Patch], None], monkeypatch: Patch) -> None:
    mutation(monkeypatch)
    wrong = (rate for rate in _of(MUTATIONS[mutation])() if rate.failed and rate.what[0] != "p")
    assert next(wrong, None) is not None, "the calibration does not see this"


@pytest.mark.parametrize(
    ("claim", "word", "truth", "percent", "covered"),
    [("C33", "contradicted", "-m", 8.9, 78), ("C05", "supported", "+m", 17.8, 65)],
)
def test_a_rate_tuned_once_for_all_seeds_is_caught(
    claim: str, word: str, truth: str, percent: float, covered: float
) -> None:
    """Seeds that share one noisy choice: false verdicts in so many studies where 2.5 % may be, and an interval of 95 %
    that covers so few; these were found by other code."""
    found = [rate for rate in rates(tuned.tuned_once()) if rate.design.endswith(claim) and rate.truth == truth]
    print("", table(found), sep="\n")
    for what, expected in ((word, percent), ("covers 95 %", covered)):
        (rate, *_) = (rate for rate in found if rate.what == what and rate.direction in ("greater", "interval"))
        assert rate.failed
        assert abs(100 * rate.rate - expected) <= 100 * ERRORS * rate.error
