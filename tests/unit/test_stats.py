"""Numbers checked by hand, against scipy, statsmodels and textbooks; and laws that hold for any numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats as scipy_stats
from statsmodels.stats.weightstats import DescrStatsW

from cnnlab.analysis import decisions, intervals, power
from cnnlab.analysis.decisions import Hypothesis
from cnnlab.analysis.image_sampling import ImageError
from cnnlab.analysis.intervals import Effects
from cnnlab.planning.metrics import LEAST_SEEDS
from tests.calibration.images import dense

INF = math.inf
# Student's own example: hours of sleep gained by ten patients with one drug over another (Biometrika 1908).
SLEEP = np.array([1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4])
OPPOSITE = {"greater": "less", "less": "greater", "equal": "equal"} | {
    "not-greater": "not-less",
    "not-less": "not-greater",
}
directions = st.sampled_from(sorted(OPPOSITE))
values = arrays(float, st.integers(5, 12), elements=st.integers(-200, 200).map(lambda whole: whole / 16))


def _verdict(effects: Effects, direction: Any, margin: float) -> str:
    return str(decisions.verdict(Hypothesis(effects, direction, margin)))


def _p(effects: Effects, direction: Any, margin: float) -> float:
    return float(decisions.p_value(Hypothesis(effects, direction, margin)))


def _pairs(low: list[float], high: list[float], **rest: Any) -> Effects:
    return Effects(np.array(low, dtype=float), np.array(high, dtype=float), **rest)


class TestStudent:
    def test_the_sleep_data(self) -> None:
        assert intervals.interval(Effects.of(SLEEP)) == pytest.approx((0.7001142, 2.4598858))
        assert 2 * _p(Effects.of(SLEEP), "greater", 0.0) == pytest.approx(0.00283289)

    @pytest.mark.parametrize("tail", [0.025, 0.05])
    def test_interval_is_that_of_statsmodels(self, tail: float) -> None:
        assert intervals.interval(Effects.of(SLEEP), tail) == pytest.approx(DescrStatsW(SLEEP).tconfint_mean(2 * tail))

    def test_equivalence_is_that_of_statsmodels(self) -> None:
        for margin in (1.0, 1.9, 2.1, 2.4):
            p = DescrStatsW(SLEEP).ttost_mean(-margin, margin)[0]
            assert _p(Effects.of(SLEEP), "equal", margin) == pytest.approx(p)
            assert (_verdict(Effects.of(SLEEP), "equal", margin) == "supported") == (p <= 0.05)

    def test_p_is_that_of_scipy_against_the_margin(self) -> None:
        below = scipy_stats.ttest_1samp(SLEEP, 2.4, alternative="less").pvalue
        assert _p(Effects.of(SLEEP), "not-greater", 2.4) == pytest.approx(below)
        above = scipy_stats.ttest_1samp(SLEEP, -0.5, alternative="greater").pvalue
        assert _p(Effects.of(SLEEP), "not-less", 0.5) == pytest.approx(above)

    def test_repetitions_lie_on_leading_axes(self) -> None:
        low, high = intervals.interval(Effects.of(np.stack([SLEEP, SLEEP + 1, -SLEEP])))
        assert low == pytest.approx([0.7001142, 1.7001142, -2.4598858])
        assert high == pytest.approx([2.4598858, 3.4598858, -0.7001142])


def _rare(plus: int, minus: int, images: int) -> ImageError:
    """Of so many images the first arm alone errs, of so many the second; all seeds agree. In pp."""
    difference = np.zeros(images)
    difference[:plus], difference[plus : plus + minus] = 100, -100
    return ImageError.of_differences(difference, one=100)


class TestImageError:
    def test_many_images_on_either_side_give_the_standard_error(self) -> None:
        for tail in (0.025, 0.05):
            error = scipy_stats.norm.isf(tail) * 30 / math.sqrt(90_000)
            assert float(dense(30, 90_000).below(tail)) == pytest.approx(error, rel=1e-4)

    def test_rare_errors_have_the_score_interval_of_a_count(self) -> None:
        """Of 1,500 images nine on one side, 4.73 to 17.11; and none on the other, at most z²: the squares add."""
        z = scipy_stats.norm.isf(0.025)
        low, high = 9 + z**2 / 2 - z * math.sqrt(9 + z**2 / 4), 9 + z**2 / 2 + z * math.sqrt(9 + z**2 / 4)
        assert (low, high, z**2) == pytest.approx((4.735, 17.107, 3.841), abs=1e-3)
        error, share = _rare(9, 0, 1500), math.sqrt((1 - 9 / 1500) * 1500 / 1499)
        assert float(error.below(0.025)) == pytest.approx(100 * share * math.hypot(9 - low, z**2) / 1500)
        assert float(error.mirrored.below(0.025)) == pytest.approx(100 * share * (high - 9) / 1500)

    def test_no_difference_in_n_images_is_not_none_at_all(self) -> None:
        """The score interval's rule of three: up to z²/n, 3.84 images in 1,500."""
        assert float(_rare(0, 0, 1500).below(0.025)) == pytest.approx(100 * 3.8415 / 1500, rel=1e-4)

    def test_all_images_alike_leave_no_doubt(self) -> None:
        assert float(_rare(50, 0, 50).below(0.025)) == 0

    def test_more_images_at_the_same_rate(self) -> None:
        assert float(_rare(3, 1, 500).below(0.05, growth=4.0)) == pytest.approx(
            float(_rare(12, 4, 2000).below(0.05)), rel=1e-3
        )

    def test_losses_take_the_quantile_of_t(self) -> None:
        """Two losses on either side, of 1 and 3 nats: 8²/20 = 3.2 images that differ alike."""
        losses = np.zeros(10_000)
        losses[:4] = [1, 3, -1, -3]
        counted = ImageError.of_differences(losses, one=1.0)
        normal, student = scipy_stats.norm.isf(0.025), scipy_stats.t.isf(0.025, 2.2)
        found = [float(each.below(0.025)) for each in (counted, ImageError.of_differences(losses))]
        assert found[1] / found[0] == pytest.approx(_both_sides(student) / _both_sides(normal))

    def test_spread_of_an_interaction_over_images(self) -> None:
        values = np.random.default_rng(0).integers(0, 2, (4, 3, 50)).astype(float)
        weights = [1, -1, -1, 1]
        by_hand = (values[0] - values[1] - values[2] + values[3]).mean(axis=0)
        error = ImageError.of(values, weights)
        assert float(error.sd) == pytest.approx(by_hand.std(ddof=1))
        assert error.plus[0] - error.minus[0] == pytest.approx(by_hand.mean())
        assert error.plus[1] + error.minus[1] == pytest.approx((by_hand**2).mean())
        assert ImageError.of(np.stack([values, 2 * values]), weights).sd == pytest.approx(
            [by_hand.std(ddof=1), 2 * by_hand.std(ddof=1)]
        )


def _both_sides(q: float) -> float:
    """The reach of a side with 1.6 images of 2.5 nats each, less on one hand and more on the other."""
    return math.hypot(q * math.sqrt(1.6 + q**2 / 4) - q**2 / 2, q * math.sqrt(1.6 + q**2 / 4) + q**2 / 2)


class TestSeedsAndImages:
    def test_satterthwaite_by_hand(self) -> None:
        """Seeds: variance 5 over 5, so 1 with 4 degrees of freedom; images: 1e6 over 1e6, so 1 with 1e6."""
        effects = Effects.of(np.array([-1, 0, 1, 0, 0]) * math.sqrt(10), dense(1e3, 10**6))
        assert float(effects.sd) == pytest.approx(math.sqrt(5))
        df = 2**2 / (1 / 4 + 1e-6)
        seed, both = intervals.half_widths(effects, 0.025)
        assert float(seed) == pytest.approx(2.776445)
        assert float(both) == pytest.approx(scipy_stats.t.ppf(0.975, df) * math.sqrt(2), rel=1e-4)
        assert intervals.summarize(effects).method == "satterthwaite"
        assert intervals.interval(effects)[1] == pytest.approx(float(both))

    def test_the_wider_interval_counts(self) -> None:
        """A little image error raises the degrees of freedom more than the standard error: t stays."""
        effects = Effects.of(SLEEP[:5], dense(1.0, 1000))
        assert np.allclose(intervals.interval(effects), DescrStatsW(SLEEP[:5]).tconfint_mean())
        assert intervals.summarize(effects).method == "t"

    def test_sets_of_images_are_independent(self) -> None:
        one, other = dense(30.0, 10_000), dense(40.0, 2_500)
        effects = Effects.of([0.5] * 8, one, other)
        expected = math.hypot(float(one.below(0.025)), float(other.below(0.025)))
        assert intervals.interval(effects)[0] == pytest.approx(0.5 - expected, rel=1e-3)
        assert effects.n_images == 2_500
        assert float(effects.image_sd or 0) ** 2 / 2_500 == pytest.approx(30**2 / 10_000 + 40**2 / 2_500)


class TestGrid:
    def test_identical_seeds_have_an_interval_of_one_image(self) -> None:
        effects = Effects.of([0.5] * 8, rounding=0.1)
        assert intervals.interval(effects) == pytest.approx((0.4, 0.6))
        assert _verdict(effects, "greater", 0.45) == "inconclusive"
        assert _verdict(effects, "greater", 0.35) == "supported"

    def test_p_is_never_zero_for_it(self) -> None:
        assert _p(Effects.of([0.5] * 8, rounding=0.1), "greater", 0.4) == pytest.approx(0.025)
        assert _p(Effects.of([0.5] * 8, rounding=0.1), "equal", 0.6) == pytest.approx(0.05)

    def test_no_spread_and_no_rounding_decides_by_the_value(self) -> None:
        assert _p(Effects.of([0.5] * 8), "greater", 0.4) == 0
        assert _p(Effects.of([0.5] * 8), "greater", 0.5) == 1

    def test_seeds_and_grid_add_in_squares(self) -> None:
        student = DescrStatsW(SLEEP).tconfint_mean()
        half = math.hypot((student[1] - student[0]) / 2, 0.7)
        assert intervals.interval(Effects.of(SLEEP, rounding=0.7)) == pytest.approx((1.58 - half, 1.58 + half))

    def test_of_evaluations(self) -> None:
        """Every 50 steps, first seen at 400 and at 100: reached from 351 on, and from 51 on."""
        below, above = intervals.evaluation_grid(np.log2([[400.0], [100.0]]), 50, [1, -1])
        assert (below.item(), above.item()) == pytest.approx((math.log2(400 / 351), math.log2(100 / 51)))
        effects = Effects(np.full(5, 2.0), np.full(5, 2.0), (), below, above)
        assert intervals.interval(effects) == pytest.approx((math.log2(351 / 100), math.log2(400 / 51)))

    def test_of_the_first_evaluation_of_all(self) -> None:
        below, above = intervals.evaluation_grid(np.log2([[50.0, 50.0]]), 50, [1])
        assert below == pytest.approx([math.log2(50)] * 2)
        assert above.tolist() == [0, 0]

    def test_of_a_slope_each_arm_counts_with_its_weight(self) -> None:
        below, above = intervals.octave_grid(np.zeros((4, 2)), [-3, -1, 1, 3])
        assert (below.tolist(), above.tolist()) == ([4, 4], [4, 4])

    def test_a_value_that_is_not_known_adds_nothing(self) -> None:
        below, above = intervals.evaluation_grid([[INF], [math.log2(100)]], 50, [1, -1])
        assert (below.item(), above.item()) == pytest.approx((0, math.log2(100 / 51)))


class TestSign:
    ALL_BUT_ONE = _pairs([2, 2.5, 3, INF, 2, 2, 2, -INF], [2, 2.5, 3, INF, INF, 2, 2, INF])

    def test_p_is_the_binomial_tail(self) -> None:
        assert _p(self.ALL_BUT_ONE, "greater", 1) == pytest.approx(9 / 256)
        assert _p(self.ALL_BUT_ONE, "not-less", 1) == pytest.approx(9 / 256)
        assert _verdict(self.ALL_BUT_ONE, "greater", 1) == "inconclusive"

    def test_an_unknown_pair_counts_against_the_claim(self) -> None:
        known = _pairs([2, 2.5, 3, INF, 2, 2, 2, 2], [2, 2.5, 3, INF, INF, 2, 2, 2])
        assert _verdict(known, "greater", 1) == "supported"
        assert _p(known, "greater", 1) == pytest.approx(1 / 256)
        assert _verdict(known, "less", 1) == "contradicted"

    def test_interval_is_that_of_scipy(self) -> None:
        sample = np.array([*SLEEP[:-1], INF])
        for tail in (0.025, 0.05):
            ends = (
                scipy_stats.quantile_test(sample, alternative="greater").confidence_interval(1 - tail).low,
                scipy_stats.quantile_test(sample, alternative="less").confidence_interval(1 - tail).high,
            )
            assert intervals.interval(Effects.of(sample), tail) == pytest.approx(ends)

    def test_six_pairs_at_least(self) -> None:
        five = _pairs([2] * 4 + [INF], [2] * 4 + [INF])
        assert _verdict(five, "greater", 1) == "inconclusive"
        assert math.isnan(_p(five, "greater", 1))
        assert _verdict(_pairs([2] * 5 + [INF], [2] * 5 + [INF]), "greater", 1) == "supported"

    def test_six_at_least_where_a_run_could_have_been_lost(self) -> None:
        for n, verdict in ((5, "inconclusive"), (6, "supported")):
            assert _verdict(Effects.of(SLEEP[:n] + 9, at_risk=True), "greater", 1) == verdict
            assert _verdict(Effects.of(SLEEP[:n] + 9), "greater", 1) == "supported"

    def test_study_files_ask_for_as_many(self) -> None:
        assert max(intervals.LEAST_SEEDS, intervals.LEAST_SIGNS) == LEAST_SEEDS

    def test_rounding_counts_for_each_pair(self) -> None:
        effects = _pairs([2.0] * 7 + [INF], [2.0] * 7 + [INF], below=np.array([0.5, *[0.1] * 7]), above=0.0)
        assert intervals.interval(effects) == pytest.approx((1.5, INF))

    def test_equivalence(self) -> None:
        inside = _pairs([0.0] * 7 + [-INF], [0.0] * 7 + [-INF])
        assert _verdict(inside, "equal", 1) == "supported"
        assert _verdict(inside, "greater", 1) == "equivalent"
        assert _p(inside, "equal", 1) == pytest.approx(9 / 256)
        apart = _pairs([0.0] * 6 + [-INF] * 2, [0.0] * 6 + [-INF] * 2)
        assert _verdict(apart, "equal", 1) == "inconclusive"

    def test_estimate_is_the_median_where_there_is_one(self) -> None:
        assert float(_pairs([1, 2, 3, 4, INF], [1, 2, 3, INF, INF]).estimate) == 3
        half = _pairs([-INF] * 4 + [1] * 4, [INF] * 4 + [1] * 4)
        assert math.isnan(float(half.estimate))
        assert intervals.summarize(half).estimate is None

    def test_image_error_widens_it(self) -> None:
        error = dense(30.0, 900)
        effects = _pairs([2.0] * 7 + [INF], [2.0] * 7 + [INF], images=(error,))
        half = float(error.below(0.025))
        assert half == pytest.approx(1.96, rel=0.01)
        assert intervals.interval(effects)[0] == pytest.approx(2 - half)
        assert _verdict(effects, "greater", 2 - half - 0.01) == "supported"
        assert _verdict(effects, "greater", 2 - half + 0.01) == "inconclusive"


class TestCombine:
    def test_one_diverged_run_is_worse_than_any(self) -> None:
        low, high = intervals.combine([[INF, 3.0], [1.0, 1.0]], [[INF, 3.0], [1.0, 1.0]], [1, -1])
        assert low.tolist() == [INF, 2.0] == high.tolist()

    def test_two_diverged_runs_say_nothing(self) -> None:
        low, high = intervals.combine([[INF], [INF]], [[INF], [INF]], [1, -1])
        assert (low.tolist(), high.tolist()) == ([-INF], [INF])

    def test_a_censored_run_bounds_the_effect_on_one_side(self) -> None:
        low, high = intervals.combine([[1.0], [5.0]], [[1.0], [INF]], [1, -1])
        assert (low.tolist(), high.tolist()) == ([-INF], [-4.0])

    def test_two_censored_runs_say_nothing(self) -> None:
        low, high = intervals.combine([[5.0], [5.0]], [[INF], [INF]], [1, -1])
        assert (low.tolist(), high.tolist()) == ([-INF], [INF])

    def test_an_interaction(self) -> None:
        cells = [[7.0], [INF], [1.0], [2.0]]
        low, high = intervals.combine(cells, cells, [1, -1, -1, 1])
        assert low.tolist() == [-INF] == high.tolist()


class TestVerdicts:
    BEYOND_ACROSS_WITHIN_OPPOSITE = ((2.0, 3.0), (0.5, 2.0), (-0.5, 0.5), (-3.0, -2.0))

    @pytest.mark.parametrize(
        ("direction", "expected"),
        [
            ("greater", ["supported", "inconclusive", "equivalent", "contradicted"]),
            ("less", ["contradicted", "inconclusive", "equivalent", "supported"]),
            ("equal", ["contradicted", "inconclusive", "supported", "contradicted"]),
            ("not-greater", ["contradicted", "inconclusive", "supported", "supported"]),
            ("not-less", ["supported", "supported", "supported", "contradicted"]),
        ],
    )
    def test_each_direction(self, direction: Any, expected: list[str]) -> None:
        found = [str(decisions.decide(direction, 1.0, ends, ends)) for ends in self.BEYOND_ACROSS_WITHIN_OPPOSITE]
        assert found == expected

    def test_equivalence_takes_the_narrow_interval_and_superiority_the_wide_one(self) -> None:
        assert str(decisions.decide("greater", 1.0, (-1.1, 1.1), (-0.9, 0.9))) == "equivalent"
        assert str(decisions.decide("greater", 1.0, (0.9, 3.0), (1.1, 2.8))) == "inconclusive"
        assert str(decisions.decide("not-greater", 1.0, (-1.0, 1.1), (-0.8, 0.9))) == "inconclusive"

    @pytest.mark.parametrize("n", [1, 2, 3, 4])
    @pytest.mark.parametrize("direction", sorted(OPPOSITE))
    def test_fewer_than_five_seeds_decide_nothing(self, n: int, direction: Any) -> None:
        effects = Effects.of(np.linspace(9.99, 10.01, n), rounding=0.01)
        for margin in (1.0, 1000.0):
            assert _verdict(effects, direction, margin) == "inconclusive"
            assert math.isnan(_p(effects, direction, margin))

    def test_one_seed_has_no_interval(self) -> None:
        summary = intervals.summarize(Effects.of([1.0], rounding=0.1))
        assert (summary.estimate, summary.low, summary.high, summary.sd_seed) == (1.0, None, None, None)


class TestConjunction:
    HIGH, ZERO, LOW = (Effects.of(shift + 0.1 * SLEEP) for shift in (5.0, 0.0, -5.0))
    OPEN = Effects.of(SLEEP)

    def _verdict(self, *parts: Effects) -> str:
        return str(decisions.conjunction([Hypothesis(part, "greater", 1.0) for part in parts]))

    def test_every_part_must_hold(self) -> None:
        assert self._verdict(self.HIGH, self.HIGH) == "supported"
        assert self._verdict(self.HIGH, self.OPEN) == "inconclusive"
        assert self._verdict(self.HIGH, self.ZERO) == "equivalent"
        assert self._verdict(self.HIGH, self.LOW) == "contradicted"
        assert self._verdict(self.ZERO, self.LOW) == "contradicted"

    def test_a_single_part_is_its_own_verdict(self) -> None:
        for part in (self.HIGH, self.ZERO, self.LOW, self.OPEN):
            assert self._verdict(part) == _verdict(part, "greater", 1.0)

    def test_refutation_is_corrected_for_the_number_of_parts_and_support_is_not(self) -> None:
        """Means of 1 ± 2.4 standard errors: beyond the 2.262 of 95 %, within the 2.685 of 97.5 %, 9 df."""
        noise = (SLEEP - SLEEP.mean()) / SLEEP.std(ddof=1) * math.sqrt(10)
        barely, refuted = Effects.of(noise + 1 + 2.4), Effects.of(noise - 1 - 2.4)
        assert self._verdict(barely, barely) == "supported"
        assert self._verdict(refuted) == "contradicted"
        assert self._verdict(barely, refuted) == "inconclusive"


def test_ledger_wide_p() -> None:
    assert decisions.ledger_wide_p(0.001, 30) == pytest.approx(0.03)
    assert decisions.ledger_wide_p(0.5, 30) == 1
    assert decisions.ledger_wide_p(None, 30) is None


class TestCorrelation:
    def test_of_two_arms_is_pearsons(self) -> None:
        x, y = SLEEP, np.roll(SLEEP, 3)
        assert intervals.correlation([x, y], [1, -1]) == pytest.approx(np.corrcoef(x, y)[0, 1])

    def test_of_more_arms_is_that_of_the_two_sides(self) -> None:
        a, b, c, d = (np.roll(SLEEP, shift) for shift in range(4))
        expected = np.corrcoef(a + d, b + c)[0, 1]
        assert intervals.correlation([a, b, c, d], [1, -1, -1, 1]) == pytest.approx(expected)

    def test_is_missing_where_it_does_not_exist(self) -> None:
        assert intervals.correlation([SLEEP, np.ones(10)], [1, -1]) is None
        assert intervals.correlation([SLEEP[:2], SLEEP[1:3]], [1, -1]) is None
        assert intervals.correlation([[1, 2, INF], [1, 3, 2]], [1, -1]) is None


class TestSettle:
    def _spread(self, mean: float, sd: float, *images: ImageError, n: int = 5, rounding: float = 0.0) -> Hypothesis:
        noise = (SLEEP[:n] - SLEEP[:n].mean()) / SLEEP[:n].std(ddof=1)
        return Hypothesis(Effects.of(mean + sd * noise, *images, rounding=rounding), "greater", 1.0)

    def test_seeds_are_the_fewest_at_which_the_chance_is_80_percent(self) -> None:
        """Half of the distance to the margin for the interval, the rest for the estimate of another study."""
        n = power.seeds_to_settle(self._spread(mean=1.5, sd=1.0))
        assert n is not None
        needed = [(scipy_stats.t.isf(0.025, k - 1) + scipy_stats.t.isf(0.2, k - 1)) / math.sqrt(k) for k in (n - 1, n)]
        assert needed[0] > 0.5 >= needed[1]
        assert power.settle(self._spread(mean=1.5, sd=1.0)) == power.SampleSize(seeds=n)

    def test_equivalence_can_be_what_settles_it(self) -> None:
        n = power.seeds_to_settle(self._spread(mean=0.0, sd=2.0))
        assert n is not None
        needed = [
            2 * (scipy_stats.t.isf(0.05, k - 1) + scipy_stats.t.isf(0.1, k - 1)) / math.sqrt(k) for k in (n - 1, n)
        ]
        assert needed[0] > 1 >= needed[1]

    def test_every_direction_has_a_chance_of_its_own(self) -> None:
        """Of 100 seeds with sd 1 and an effect of 0.7, the margin being 1: three standard errors within it."""
        effects = Effects.of(np.tile([1.7, -0.3], 50) * 1.0)
        found = {
            direction: float(power.chance(Hypothesis(effects, direction, 1.0), np.array([100]))[0])  # type: ignore[arg-type]
            for direction in ("greater", "less", "equal", "not-greater", "not-less")
        }
        within, below = scipy_stats.t.cdf([2.985 - 1.660, 2.985 - 1.984], 99)
        assert found == pytest.approx(
            {"greater": within, "less": within, "equal": within, "not-greater": below, "not-less": 1.0}, abs=2e-3
        )

    def test_more_images_where_seeds_do_not_help(self) -> None:
        claim = self._spread(1.5, 0.01, dense(20.0, 1000), rounding=0.1)
        assert power.seeds_to_settle(claim) is None
        images = power.images_to_settle(claim)
        assert images == pytest.approx(((1.960 + 0.842) * 20 / 0.5) ** 2, rel=0.01)
        assert power.settle(claim) == power.SampleSize(images=images)

    def test_more_of_both_where_neither_is_enough(self) -> None:
        needed = power.settle(self._spread(1.5, 1.0, dense(20.0, 1000)))
        assert needed.seeds is not None
        assert needed.images is not None
        assert needed.images / needed.seeds == pytest.approx(1000 / 5, rel=0.1)

    def test_nothing_settles_an_effect_at_the_margin(self) -> None:
        assert power.settle(self._spread(mean=1.0, sd=1.0)) == power.NONE_WOULD_DO

    def test_one_seed_has_no_spread_to_plan_with(self) -> None:
        assert power.settle(Hypothesis(Effects.of([9.0]), "greater", 1.0)) == power.NONE_WOULD_DO

    def test_three_seeds_need_five_at_least(self) -> None:
        assert power.seeds_to_settle(self._spread(mean=90.0, sd=0.01, n=3)) == 5

    def test_and_six_where_a_run_can_be_lost(self) -> None:
        claim = Hypothesis(Effects.of([90.0, 91.0, 90.5], at_risk=True), "greater", 1.0)
        assert power.seeds_to_settle(claim) == 6

    def test_sign_test(self) -> None:
        """Seven pairs of eight beyond the margin: at that share, 11 of 13, at least, in 80 % of studies."""
        claim = Hypothesis(TestSign.ALL_BUT_ONE, "greater", 1.0)
        n = power.seeds_to_settle(claim)
        assert n is not None
        least = next(k for k in range(n) if scipy_stats.binom.sf(k - 1, n, 0.5) <= 0.025)
        assert scipy_stats.binom.sf(least - 1, n, 7 / 8) >= 0.8
        assert 9 <= n <= 16
        unknown = Hypothesis(_pairs([-INF] * 8, [INF] * 8), "greater", 1.0)
        assert power.settle(unknown) == power.NONE_WOULD_DO


@settings(max_examples=60, deadline=None)
@given(values, directions, st.integers(1, 40), st.floats(0, 2), st.floats(0, 30))
def test_swapping_the_arms_turns_the_sign(x: Any, direction: Any, margin: int, floor: float, sd: float) -> None:
    effects = Effects.of(x, dense(sd, 100), rounding=floor)
    swapped = Effects.of(-x, dense(sd, 100), rounding=floor)
    low, high = intervals.interval(effects)
    assert intervals.interval(swapped) == pytest.approx((-high, -low))
    assert _verdict(effects, direction, margin) == _verdict(swapped, OPPOSITE[direction], margin)
    assert _p(effects, direction, margin) == pytest.approx(_p(swapped, OPPOSITE[direction], margin))


@settings(max_examples=60, deadline=None)
@given(values, directions, st.integers(1, 40), st.sampled_from([0.25, 2.0, 64.0]))
def test_units_do_not_matter(x: Any, direction: Any, margin: int, unit: float) -> None:
    effects = Effects.of(x, dense(3.0, 100), rounding=0.1)
    scaled = Effects.of(unit * x, dense(unit * 3.0, 100), rounding=unit * 0.1)
    low, high = intervals.interval(effects)
    assert intervals.interval(scaled) == pytest.approx((unit * low, unit * high))
    assert _verdict(effects, direction, margin) == _verdict(scaled, direction, unit * margin)
    assert _p(effects, direction, margin) == pytest.approx(_p(scaled, direction, unit * margin))


@settings(max_examples=60, deadline=None)
@given(values, st.integers(0, 3), st.floats(0.001, 0.2), st.floats(0.001, 0.2), st.floats(0, 2), st.floats(0, 30))
def test_doubt_never_narrows_an_interval(x: Any, lost: int, one: float, other: float, floor: float, sd: float) -> None:
    """Neither more confidence, nor image error, nor a floor, nor a run that diverged on top of others."""
    x[:lost] = INF
    certain = Effects.of(x)
    doubtful = Effects.of(x, dense(sd, 100), rounding=floor)
    wider, narrower = (intervals.interval(certain, tail) for tail in sorted((one, other)))
    assert wider[0] <= narrower[0] <= narrower[1] <= wider[1]
    with_doubt = intervals.interval(doubtful, one)
    without = intervals.interval(certain, one)
    assert with_doubt[0] <= without[0] <= without[1] <= with_doubt[1]


@settings(max_examples=100, deadline=None)
@given(values, st.integers(0, 3), directions, st.integers(1, 40), st.floats(0, 2), st.floats(0, 30))
def test_p_passes_its_line_exactly_when_the_claim_is_supported(
    x: Any, lost: int, direction: Any, margin: int, floor: float, sd: float
) -> None:
    x[:lost] = INF
    effects = Effects.of(x, dense(sd, 100), rounding=floor)
    p, line = _p(effects, direction, margin), 0.05 if direction == "equal" else 0.025
    assume(math.isnan(p) or abs(p - line) > 1e-9)
    assert (_verdict(effects, direction, margin) == "supported") == (p <= line)


@settings(max_examples=60, deadline=None)
@given(values, directions, st.integers(1, 40), st.data())
def test_knowing_less_of_a_run_never_helps_a_claim(x: Any, direction: Any, margin: int, data: Any) -> None:
    x[0] = INF
    assume(len(x) >= 6)
    index = data.draw(st.integers(0, len(x) - 1))
    low, high = x.copy(), x.copy()
    low[index], high[index] = -INF, INF
    assert _p(Effects(low, high), direction, margin) >= _p(Effects.of(x), direction, margin)


@settings(max_examples=40, deadline=None)
@given(values, directions, st.integers(1, 40), st.randoms())
def test_the_order_of_the_seeds_does_not_matter(x: Any, direction: Any, margin: int, random: Any) -> None:
    order = list(range(len(x)))
    random.shuffle(order)
    assert _p(Effects.of(x), direction, margin) == pytest.approx(_p(Effects.of(x[order]), direction, margin))
