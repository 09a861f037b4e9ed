"""The statistics of the ledger, as pure functions on arrays.

The last axis of an array of effects runs over the n seeds; leading axes, where there are any, are independent
repetitions: ``tests/unit/test_calibration.py`` simulates thousands at once, through these very functions.

An effect is Σ weight · metric(arm) of one seed. Where every effect is known, the interval is the wider of
Student's t over seeds and of a Satterthwaite t (Satterthwaite 1946) whose squared standard error adds that
of the test images. Where a run diverged or was censored, an effect is known only to lie between two
bounds: an exact sign test and the order-statistic interval of the median take over (Conover, *Practical
Nonparametric Statistics*).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtr, ndtri, stdtrit  # scipy.stats takes a second to import, in every step

from cnnlab.analysis.image_sampling import ImageError

Floats = NDArray[np.float64]

ONE_SIDED = 0.025  # the rate of false "supported" and of false "contradicted", a side; 95 % intervals
TOST = 0.05  # the rate of false "equivalent": two one-sided tests, 90 % intervals (Schuirmann 1987)
LEAST_SEEDS = 5
# Five pairs that agree have p = 1/32 in a sign test, and an arm that diverges in nearly half of its runs does so in
# none of five with the same probability: t would then judge the survivors. With six, either is 1/64.
LEAST_SIGNS = 6


@dataclass(frozen=True, eq=False)
class Effects:
    """The effects of one contrast, one per seed, in the metric's unit.

    ``low`` and ``high`` (..., n) bound each effect: equal where it is known, infinite where nothing is.
    ``images`` is the error of each set of test images that arms share; empty if the metric has no value per
    image. ``below`` and ``above``, numbers or (..., n), are how far the grid on which the metric is read (an
    image, an evaluation, an octave) lets each effect lie from what was seen. ``at_risk``: a run of these arms
    could have diverged or been censored, whether or not one did.
    """

    low: Floats
    high: Floats
    images: tuple[ImageError, ...] = ()
    below: float | Floats = 0.0
    above: float | Floats = 0.0
    at_risk: bool = False

    @classmethod
    def of(cls, values: ArrayLike, *images: ImageError, rounding: float = 0.0, at_risk: bool = False) -> Effects:
        """Effects that are all known, from `values` (..., n), with the same rounding on either side."""
        points = np.asarray(values, dtype=float)
        return cls(points, points, images, rounding, rounding, at_risk)

    @property
    def n(self) -> int:
        return int(self.low.shape[-1])

    @cached_property
    def known(self) -> NDArray[np.bool_]:
        """Whether every effect is a finite point: (...)."""
        points: NDArray[np.bool_] = ((self.low == self.high) & np.isfinite(self.low)).all(axis=-1)
        return points

    @cached_property
    def sd(self) -> Floats:
        """The sd over seeds: (...), NaN where an effect is not known or there is but one."""
        if self.n < 2:
            return np.full(self.low.shape[:-1], np.nan)
        with np.errstate(invalid="ignore"):
            return np.asarray(np.where(self.known, self.low.std(axis=-1, ddof=1), np.nan))

    @cached_property
    def estimate(self) -> Floats:
        """Mean of known effects, else their median: (...), NaN where the bounds do not pin it down."""
        with np.errstate(invalid="ignore"):
            low, high = np.median(self.low, axis=-1), np.median(self.high, axis=-1)
            middle = np.where(low == high, low, np.nan)
            return np.asarray(np.where(self.known, self.low.mean(axis=-1), middle))

    @cached_property
    def mirrored(self) -> Effects:
        """The effects with their sign turned."""
        images = tuple(error.mirrored for error in self.images)
        return replace(self, low=-self.high, high=-self.low, images=images, below=self.above, above=self.below)

    @property
    def n_images(self) -> int | None:
        """The images of the smallest set."""
        return min((error.images for error in self.images), default=None)

    @property
    def image_sd(self) -> Floats | None:
        """The sd (...) of one image's difference; of several sets, the sd that gives the smallest set their error."""
        if self.n_images is None:
            return None
        return np.sqrt(self.n_images * sum(error.sd**2 / error.images for error in self.images))


@dataclass(frozen=True)
class Summary:
    """One hypothesis in numbers; None where a number does not exist. Units are the metric's."""

    n: int
    estimate: float | None
    low: float | None
    high: float | None
    low90: float | None
    high90: float | None
    sd_seed: float | None
    sd_image: float | None
    n_images: int | None
    method: Literal["t", "satterthwaite", "sign"]


def combine(low: ArrayLike, high: ArrayLike, weights: ArrayLike) -> tuple[Floats, Floats]:
    """Bounds (..., n) of Σ weight · value, paired by seed, from bounds (..., arms, n) of the values.

    A diverged run has both bounds at infinity, on the worse side. Two infinities that cancel say nothing.
    """
    least, most = np.asarray(low, dtype=float), np.asarray(high, dtype=float)
    weight = np.asarray(weights, dtype=float)[:, None]
    with np.errstate(invalid="ignore"):
        bottom = np.where(weight > 0, weight * least, weight * most).sum(axis=-2)
        top = np.where(weight > 0, weight * most, weight * least).sum(axis=-2)
    return np.where(np.isnan(bottom), -np.inf, bottom), np.where(np.isnan(top), np.inf, top)


def grid(down: ArrayLike, up: ArrayLike, weights: ArrayLike) -> tuple[Floats, Floats]:
    """How far below and above what was seen an effect may lie (..., n).

    Each value (..., arms, n) may lie by `down` below and by `up` above the point of its grid that was read.
    """
    low, high = combine(-np.asarray(down, dtype=float), up, weights)
    return -low, high


def evaluation_grid(values: ArrayLike, interval: ArrayLike, weights: ArrayLike) -> tuple[Floats, Floats]:
    """`grid` for log2 of the step at which a target was first seen to be reached: values (..., arms, n).

    Evaluated every `interval` steps, it was reached after the evaluation before, one step later at the
    earliest. A value that is not known has nothing to add.
    """
    logs = np.asarray(values, dtype=float)
    steps = np.exp2(np.where(np.isfinite(logs), logs, 0.0))
    earliest = np.clip(steps - np.asarray(interval) + 1, 1, steps)
    return grid(np.log2(steps / earliest), np.zeros_like(steps), weights)


def octave_grid(values: ArrayLike, weights: ArrayLike) -> tuple[Floats, Floats]:
    """`grid` for log2 of the largest rate that does, of rates an octave apart: the next may just fail."""
    shape = np.shape(values)
    return grid(np.zeros(shape), np.ones(shape), weights)


def correlation(values: ArrayLike, weights: ArrayLike) -> float | None:
    """Pearson's correlation over seeds between the two sides of a contrast, from values (arms, n).

    For two arms, the correlation between them; None if a side does not vary or a value is not known.
    """
    x, weight = np.asarray(values, dtype=float), np.asarray(weights, dtype=float)
    if x.shape[-1] < 3 or not np.isfinite(x).all():
        return None
    sides = [np.where(chosen, abs(weight), 0) @ x for chosen in (weight > 0, weight < 0)]
    if any(np.ptp(side) <= 1e-12 * abs(side).max() for side in sides):
        return None
    return float(np.corrcoef(*sides)[0, 1])


def interval(effects: Effects, tail: float = ONE_SIDED) -> tuple[Floats, Floats]:
    """The two-sided interval (...), with `tail` on each side: 0.025 gives 95 %, 0.05 gives 90 %.

    One seed, or effects too few for their median, give NaN or infinite ends.
    """
    center, (low, high) = effects.estimate, order_statistics(effects, tail)
    below, above = reach(effects, tail), reach(effects.mirrored, tail)
    with np.errstate(invalid="ignore"):
        return np.where(effects.known, center - below, low), np.where(effects.known, center + above, high)


def reach(effects: Effects, tail: float, n: Any = None, growth: Any = 1.0) -> Floats:
    """How far the interval reaches below the estimate of known effects, with `tail` there: (...).

    The wider of the two t about the middle of what reading on a grid allows, whose half-width adds in squares:
    where the seeds agree the interval is what the grid allows, and where they vary, rounding is near its mean.
    `n` seeds, and `growth` times the images, are those observed or others (arrays), at the spread observed.
    """
    middle, half = rounding_error(effects, growth)
    return np.asarray(np.hypot(np.maximum(*half_widths(effects, tail, n, growth)), half) - middle)


def rounding_error(effects: Effects, growth: Any = 1.0) -> tuple[Floats, Floats]:
    """Return the middle, relative to the estimate, and the half-width (...) of the range that rounding allows."""
    below, above = (
        np.broadcast_to(side, effects.low.shape).mean(axis=-1) / growth for side in (effects.below, effects.above)
    )
    return np.asarray((above - below) / 2), np.asarray((above + below) / 2)


def half_widths(effects: Effects, tail: float, n: Any = None, growth: Any = 1.0) -> tuple[Floats, Floats]:
    """Return the half-widths (...) of Student's t over seeds and of the Satterthwaite t, `tail` below, unrounded."""
    n = effects.n if n is None else n
    seed_se, se, df = standard_errors(effects, tail, n, growth)
    return np.asarray(-stdtrit(n - 1, tail) * seed_se), np.asarray(-stdtrit(df, tail) * se)


def standard_errors(effects: Effects, tail: float, n: Any, growth: Any = 1.0) -> tuple[Any, Any, Any]:
    """Return the standard errors of the seeds and of seeds and images together, and the latter's degrees of freedom.

    All are (...). The standard error of the images is the one whose normal interval reaches as far below the
    estimate, with `tail` there, as the interval of the images does.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        seed = effects.sd**2 / n
        if effects.n_images is None:
            return np.sqrt(seed), np.sqrt(seed), n - 1
        image = (_image_reach(effects, tail, growth) / ndtri(tail)) ** 2
        df = (seed + image) ** 2 / (seed**2 / (n - 1) + image**2 / (growth * effects.n_images - 1))
    return np.sqrt(seed), np.sqrt(seed + image), np.where(seed + image > 0, df, n - 1)


def _image_reach(effects: Effects, tail: float, growth: Any = 1.0) -> Floats:
    """How far below the estimate the test images let the effects lie (...); sets of images are independent."""
    squares = [error.below(tail, growth) ** 2 for error in effects.images]
    return np.asarray(np.sqrt(sum(squares, np.zeros(()))))


def order_statistics(effects: Effects, tail: float) -> tuple[Floats, Floats]:
    """Return the order-statistic interval of the median, its ends (...).

    The sign test takes each effect as read and the test images as given, so each moves out by what these hide.
    """
    rank = critical(effects.n, tail)
    if rank == 0:
        return np.full(effects.low.shape[:-1], -np.inf), np.full(effects.low.shape[:-1], np.inf)
    low = np.sort(effects.low - slack(effects, tail), axis=-1)
    high = np.sort(effects.high + slack(effects.mirrored, tail), axis=-1)
    return low[..., rank - 1], high[..., effects.n - rank]


def critical(n: int, tail: float) -> int:
    """The most of `n` pairs that may disagree with a sign test at `tail`, plus one; 0 if it can never reject."""
    return int((bdtr(np.arange(n), n, 0.5) <= tail).sum())


def slack(effects: Effects, tail: float) -> Floats:
    """How far below what was seen the sign test takes each effect to lie: (..., n)."""
    return np.asarray(np.hypot(_image_reach(effects, tail)[..., None], effects.below))


def least_seeds(effects: Effects) -> NDArray[np.int_]:
    """The fewest seeds (...) that decide: six where a run was lost or could have been, else five."""
    return np.where(effects.known & (not effects.at_risk), LEAST_SEEDS, LEAST_SIGNS)


def decidable(effects: Effects) -> NDArray[np.bool_]:
    """Whether there are seeds enough (...) for any verdict."""
    return np.asarray(effects.n >= least_seeds(effects))


def summarize(effects: Effects) -> Summary:
    """The numbers of one contrast (effects without leading axes)."""
    (low, high), (low90, high90) = interval(effects), interval(effects, TOST)
    sides = half_widths(effects, ONE_SIDED), half_widths(effects.mirrored, ONE_SIDED)
    method: Literal["t", "satterthwaite", "sign"]
    method = "satterthwaite" if any(both > seed for seed, both in sides) else "t"
    return Summary(
        n=effects.n,
        estimate=_number(effects.estimate),
        low=_number(low),
        high=_number(high),
        low90=_number(low90),
        high90=_number(high90),
        sd_seed=_number(effects.sd),
        sd_image=None if effects.image_sd is None else _number(effects.image_sd),
        n_images=effects.n_images,
        method=method if effects.known else "sign",
    )


def _number(value: Any) -> float | None:
    return None if np.isnan(value) else float(value)


def prediction(values: ArrayLike, tail: float = ONE_SIDED) -> tuple[float, float]:
    """Where one more value like these lies, with `tail` on each side: mean ± t · sd · sqrt(1 + 1/n), for n ≥ 2.

    Whitmore 1986, "Prediction limits for a univariate normal observation".
    """
    x = np.asarray(values, dtype=float)
    reach = float(-stdtrit(len(x) - 1, tail) * x.std(ddof=1) * np.sqrt(1 + 1 / len(x)))
    return float(x.mean()) - reach, float(x.mean()) + reach
