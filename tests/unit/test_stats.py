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

from cnnlab import settle, stats
from cnnlab.stats import Effects, Hypothesis

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
    return str(stats.verdict(Hypothesis(effects, direction, margin)))


def _p(effects: Effects, direction: Any, margin: float) -> float:
    return float(stats.p_value(Hypothesis(effects, direction, margin)))


def _pairs(low: list[float], high: list[float], **rest: Any) -> Effects:
    return Effects(np.array(low, dtype=float), np.array(high, dtype=float), **rest)


class TestStudent:
    def test_the_sleep_data(self) -> None:
        assert stats.interval(Effects.of(SLEEP)) == pytest.approx((0.7001142, 2.4598858))
        assert 2 * _p(Effects.of(SLEEP), "greater", 0.0) == pytest.approx(0.00283289)

    @pytest.mark.parametrize("tail", [0.025, 0.05])
    def test_interval_is_that_of_statsmodels(self, tail: float) -> None:
        assert stats.interval(Effects.of(SLEEP), tail) == pytest.approx(DescrStatsW(SLEEP).tconfint_mean(2 * tail))

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
        low, high = stats.interval(Effects.of(np.stack([SLEEP, SLEEP + 1, -SLEEP])))
        assert low == pytest.approx([0.7001142, 1.7001142, -2.4598858])
        assert high == pytest.approx([2.4598858, 3.4598858, -0.7001142])


class TestImageError:
    def test_satterthwaite_by_hand(self) -> None:
        """Seeds: variance 5 over 5, so 1 with 4 degrees of freedom; images: 101 over 101, so 1 with 100."""
        effects = Effects.of(
            np.array([-1, 0, 1, 0, 0]) * math.sqrt(10), image_sd=np.asarray(math.sqrt(101)), images=101
        )
        assert float(effects.sd) == pytest.approx(math.sqrt(5))
        df = 2**2 / (1 / 4 + 1 / 100)
        seed, both = stats.half_widths(effects, 0.025, effects.n, effects.images)
        assert float(seed) == pytest.approx(2.776445)
        assert float(both) == pytest.approx(scipy_stats.t.ppf(0.975, df) * math.sqrt(2))
        assert stats.summarize(effects).method == "satterthwaite"
        assert stats.interval(effects)[1] == pytest.approx(float(both))

    def test_the_wider_interval_counts(self) -> None:
        """A little image error raises the degrees of freedom more than the standard error: t stays."""
        effects = Effects.of(SLEEP[:5], image_sd=np.asarray(1.0), images=1000)
        assert np.allclose(stats.interval(effects), DescrStatsW(SLEEP[:5]).tconfint_mean())
        assert stats.summarize(effects).method == "t"

    def test_spread_of_an_interaction_over_images(self) -> None:
        values = np.random.default_rng(0).integers(0, 2, (4, 3, 50)).astype(float)
        weights = [1, -1, -1, 1]
        by_hand = (values[0] - values[1] - values[2] + values[3]).mean(axis=0).std(ddof=1)
        assert float(stats.image_sd(values, weights)) == pytest.approx(by_hand)
        assert stats.image_sd(np.stack([values, 2 * values]), weights) == pytest.approx([by_hand, 2 * by_hand])


class TestFloor:
    def test_identical_seeds_have_an_interval_of_one_image(self) -> None:
        effects = Effects.of([0.5] * 8, floor=0.1)
        assert stats.interval(effects) == pytest.approx((0.4, 0.6))
        assert _verdict(effects, "greater", 0.45) == "inconclusive"
        assert _verdict(effects, "greater", 0.35) == "supported"

    def test_p_is_never_zero_for_it(self) -> None:
        assert _p(Effects.of([0.5] * 8, floor=0.1), "greater", 0.4) == pytest.approx(0.025)
        assert _p(Effects.of([0.5] * 8, floor=0.1), "equal", 0.6) == pytest.approx(0.05)

    def test_no_spread_and_no_floor_decides_by_the_value(self) -> None:
        assert _p(Effects.of([0.5] * 8), "greater", 0.4) == 0
        assert _p(Effects.of([0.5] * 8), "greater", 0.5) == 1


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
            assert stats.interval(Effects.of(sample), tail) == pytest.approx(ends)

    def test_six_pairs_at_least(self) -> None:
        five = _pairs([2] * 4 + [INF], [2] * 4 + [INF])
        assert _verdict(five, "greater", 1) == "inconclusive"
        assert math.isnan(_p(five, "greater", 1))
        assert _verdict(_pairs([2] * 5 + [INF], [2] * 5 + [INF]), "greater", 1) == "supported"

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
        assert stats.summarize(half).estimate is None

    def test_image_error_widens_it(self) -> None:
        effects = _pairs([2.0] * 7 + [INF], [2.0] * 7 + [INF], image_sd=np.asarray(30.0), images=900)
        half = scipy_stats.t.ppf(0.975, 899) * 30 / 30
        assert stats.interval(effects)[0] == pytest.approx(2 - half)
        assert _verdict(effects, "greater", 2 - half - 0.01) == "supported"
        assert _verdict(effects, "greater", 2 - half + 0.01) == "inconclusive"


class TestCombine:
    def test_one_diverged_run_is_worse_than_any(self) -> None:
        low, high = stats.combine([[INF, 3.0], [1.0, 1.0]], [[INF, 3.0], [1.0, 1.0]], [1, -1])
        assert low.tolist() == [INF, 2.0] == high.tolist()

    def test_two_diverged_runs_say_nothing(self) -> None:
        low, high = stats.combine([[INF], [INF]], [[INF], [INF]], [1, -1])
        assert (low.tolist(), high.tolist()) == ([-INF], [INF])

    def test_a_censored_run_bounds_the_effect_on_one_side(self) -> None:
        low, high = stats.combine([[1.0], [5.0]], [[1.0], [INF]], [1, -1])
        assert (low.tolist(), high.tolist()) == ([-INF], [-4.0])

    def test_two_censored_runs_say_nothing(self) -> None:
        low, high = stats.combine([[5.0], [5.0]], [[INF], [INF]], [1, -1])
        assert (low.tolist(), high.tolist()) == ([-INF], [INF])

    def test_an_interaction(self) -> None:
        cells = [[7.0], [INF], [1.0], [2.0]]
        low, high = stats.combine(cells, cells, [1, -1, -1, 1])
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
        found = [str(stats.decide(direction, 1.0, ends, ends)) for ends in self.BEYOND_ACROSS_WITHIN_OPPOSITE]
        assert found == expected

    def test_equivalence_takes_the_narrow_interval_and_superiority_the_wide_one(self) -> None:
        assert str(stats.decide("greater", 1.0, (-1.1, 1.1), (-0.9, 0.9))) == "equivalent"
        assert str(stats.decide("greater", 1.0, (0.9, 3.0), (1.1, 2.8))) == "inconclusive"
        assert str(stats.decide("not-greater", 1.0, (-1.0, 1.1), (-0.8, 0.9))) == "inconclusive"

    @pytest.mark.parametrize("n", [1, 2, 3, 4])
    @pytest.mark.parametrize("direction", sorted(OPPOSITE))
    def test_fewer_than_five_seeds_decide_nothing(self, n: int, direction: Any) -> None:
        effects = Effects.of(np.linspace(9.99, 10.01, n), floor=0.01)
        for margin in (1.0, 1000.0):
            assert _verdict(effects, direction, margin) == "inconclusive"
            assert math.isnan(_p(effects, direction, margin))

    def test_one_seed_has_no_interval(self) -> None:
        summary = stats.summarize(Effects.of([1.0], floor=0.1))
        assert (summary.estimate, summary.low, summary.high, summary.sd_seed) == (1.0, None, None, None)


class TestConjunction:
    HIGH, ZERO, LOW = (Effects.of(shift + 0.1 * SLEEP) for shift in (5.0, 0.0, -5.0))
    OPEN = Effects.of(SLEEP)

    def _verdict(self, *parts: Effects) -> str:
        return str(stats.conjunction([Hypothesis(part, "greater", 1.0) for part in parts]))

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
    assert stats.ledger_wide_p(0.001, 30) == pytest.approx(0.03)
    assert stats.ledger_wide_p(0.5, 30) == 1
    assert stats.ledger_wide_p(None, 30) is None


class TestCorrelation:
    def test_of_two_arms_is_pearsons(self) -> None:
        x, y = SLEEP, np.roll(SLEEP, 3)
        assert stats.correlation([x, y], [1, -1]) == pytest.approx(np.corrcoef(x, y)[0, 1])

    def test_of_more_arms_is_that_of_the_two_sides(self) -> None:
        a, b, c, d = (np.roll(SLEEP, shift) for shift in range(4))
        expected = np.corrcoef(a + d, b + c)[0, 1]
        assert stats.correlation([a, b, c, d], [1, -1, -1, 1]) == pytest.approx(expected)

    def test_is_missing_where_it_does_not_exist(self) -> None:
        assert stats.correlation([SLEEP, np.ones(10)], [1, -1]) is None
        assert stats.correlation([SLEEP[:2], SLEEP[1:3]], [1, -1]) is None
        assert stats.correlation([[1, 2, INF], [1, 3, 2]], [1, -1]) is None


class TestSettle:
    def _spread(self, mean: float, sd: float, n: int = 5, **rest: Any) -> Hypothesis:
        noise = (SLEEP[:n] - SLEEP[:n].mean()) / SLEEP[:n].std(ddof=1)
        return Hypothesis(Effects.of(mean + sd * noise, **rest), "greater", 1.0)

    def test_seeds_are_the_fewest_at_which_the_interval_passes_the_margin(self) -> None:
        claim = self._spread(mean=1.5, sd=1.0)
        n = settle.seeds_to_settle(claim)
        assert n is not None
        halves = [scipy_stats.t.ppf(0.975, k - 1) / math.sqrt(k) for k in (n - 1, n)]
        assert halves[0] >= 0.5 > halves[1]
        assert settle.settle(claim) == settle.Settle(seeds=n)

    def test_equivalence_can_be_what_settles_it(self) -> None:
        n = settle.seeds_to_settle(self._spread(mean=0.1, sd=2.0))
        assert n is not None
        halves = [2 * scipy_stats.t.ppf(0.95, k - 1) / math.sqrt(k) for k in (n - 1, n)]
        assert halves[0] >= 0.9 > halves[1]

    def test_more_images_where_seeds_do_not_help(self) -> None:
        claim = self._spread(mean=1.5, sd=0.01, image_sd=np.asarray(20.0), images=1000, floor=0.1)
        assert settle.seeds_to_settle(claim) is None
        images = settle.images_to_settle(claim)
        assert images == pytest.approx((1.96 * 20 / 0.5) ** 2, rel=0.01)
        assert settle.settle(claim) == settle.Settle(images=images)

    def test_more_of_both_where_neither_is_enough(self) -> None:
        needed = settle.settle(self._spread(mean=1.5, sd=1.0, image_sd=np.asarray(20.0), images=1000))
        assert needed.seeds is not None
        assert needed.images is not None
        assert needed.images / needed.seeds == pytest.approx(1000 / 5, rel=0.1)

    def test_nothing_settles_an_effect_at_the_margin(self) -> None:
        assert settle.settle(self._spread(mean=1.0, sd=1.0)) == settle.NOTHING

    def test_three_seeds_need_five_at_least(self) -> None:
        assert settle.seeds_to_settle(self._spread(mean=90.0, sd=0.01, n=3)) == 5

    def test_sign_test(self) -> None:
        """Seven pairs of eight beyond the margin: 3.5 %; at that share ten or more would do."""
        claim = Hypothesis(TestSign.ALL_BUT_ONE, "greater", 1.0)
        n = settle.seeds_to_settle(claim)
        assert n is not None
        assert 9 <= n <= 16
        unknown = Hypothesis(_pairs([-INF] * 8, [INF] * 8), "greater", 1.0)
        assert settle.settle(unknown) == settle.NOTHING


@settings(max_examples=60, deadline=None)
@given(values, directions, st.integers(1, 40), st.floats(0, 2), st.floats(0, 30))
def test_swapping_the_arms_turns_the_sign(x: Any, direction: Any, margin: int, floor: float, sd: float) -> None:
    effects = Effects.of(x, image_sd=np.asarray(sd), images=100, floor=floor)
    swapped = Effects.of(-x, image_sd=np.asarray(sd), images=100, floor=floor)
    low, high = stats.interval(effects)
    assert stats.interval(swapped) == pytest.approx((-high, -low))
    assert _verdict(effects, direction, margin) == _verdict(swapped, OPPOSITE[direction], margin)
    assert _p(effects, direction, margin) == pytest.approx(_p(swapped, OPPOSITE[direction], margin))


@settings(max_examples=60, deadline=None)
@given(values, directions, st.integers(1, 40), st.sampled_from([0.25, 2.0, 64.0]))
def test_units_do_not_matter(x: Any, direction: Any, margin: int, unit: float) -> None:
    effects = Effects.of(x, image_sd=np.asarray(3.0), images=100, floor=0.1)
    scaled = Effects.of(unit * x, image_sd=np.asarray(unit * 3.0), images=100, floor=unit * 0.1)
    low, high = stats.interval(effects)
    assert stats.interval(scaled) == pytest.approx((unit * low, unit * high))
    assert _verdict(effects, direction, margin) == _verdict(scaled, direction, unit * margin)
    assert _p(effects, direction, margin) == pytest.approx(_p(scaled, direction, unit * margin))


@settings(max_examples=60, deadline=None)
@given(values, st.integers(0, 3), st.floats(0.001, 0.2), st.floats(0.001, 0.2), st.floats(0, 2), st.floats(0, 30))
def test_doubt_never_narrows_an_interval(x: Any, lost: int, one: float, other: float, floor: float, sd: float) -> None:
    """Neither more confidence, nor image error, nor a floor, nor a run that diverged on top of others."""
    x[:lost] = INF
    certain = Effects.of(x)
    doubtful = Effects.of(x, image_sd=np.asarray(sd), images=100, floor=floor)
    wider, narrower = (stats.interval(certain, tail) for tail in sorted((one, other)))
    assert wider[0] <= narrower[0] <= narrower[1] <= wider[1]
    with_doubt = stats.interval(doubtful, one)
    without = stats.interval(certain, one)
    assert with_doubt[0] <= without[0] <= without[1] <= with_doubt[1]


@settings(max_examples=100, deadline=None)
@given(values, st.integers(0, 3), directions, st.integers(1, 40), st.floats(0, 2), st.floats(0, 30))
def test_p_passes_its_line_exactly_when_the_claim_is_supported(
    x: Any, lost: int, direction: Any, margin: int, floor: float, sd: float
) -> None:
    x[:lost] = INF
    effects = Effects.of(x, image_sd=np.asarray(sd), images=100, floor=floor)
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
