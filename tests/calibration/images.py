"""Runs that differ by seed and are tested on a sample of images: each answer is right or wrong."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np
from scipy.optimize import brentq

from cnnlab.analysis.image_sampling import ImageError
from tests.calibration.rates import COUNTS, STUDIES, Draw, Rng, Scenario, known
from tests.calibration.seeds import DESIGNS, PAIR, shift

FEWER = 2000  # studies, where every image is drawn


def dense(sd: float | np.ndarray, images: int) -> ImageError:
    """Images whose differences are normal with mean 0: many on either side, none of them rare."""
    scale = np.asarray(sd, dtype=float)
    side = np.stack([scale / np.sqrt(2 * np.pi), scale**2 / 2], axis=-1)
    return ImageError(images, scale, side, side)


def answers(
    rng: Rng, n: int, truth: float, weights: tuple[float, ...], seed_sd: float, images: int, base: float
) -> Draw:
    """Errors in pp, by a logit that image, arm and seed share in; each arm errs in `base` of the images, and so on."""
    spread = np.sqrt(1 + 1 + seed_sd**2)
    rates = base + shift(weights, truth)[:, 0] / 100
    logits = np.array([_logit_of(rate, spread) for rate in rates])
    shape = (FEWER, len(weights), n, images)
    shared, arm = (rng.standard_normal((FEWER, size, 1, images), dtype=np.float32) for size in (1, shape[1]))
    seed = np.float32(seed_sd) * rng.standard_normal((*shape[:3], 1), dtype=np.float32)
    chance = 1 / (1 + np.exp(-(logits[:, None, None].astype(np.float32) + shared + arm + seed)))
    wrong = rng.random(shape, dtype=np.float32) < chance
    one = 100 * max(map(abs, weights))
    error = ImageError.of(100.0 * wrong.mean(axis=2, keepdims=True), weights, one)
    return known(100 * wrong.mean(axis=-1), images=(error,), below=one / images, above=one / images)


def rises(rng: Rng, n: int, truth: float, **rest: float) -> Draw:
    """A signed metric of one arm: what each image gains or loses from one probe of a network to another."""
    pair = answers(rng, n, truth, PAIR, **rest)  # type: ignore[arg-type]
    return known(pair.low[:, :1] - pair.low[:, 1:], images=pair.images, below=pair.below, above=pair.above)


def few_errors(rng: Rng, n: int, truth: float, least: float, images: int) -> Draw:
    """Near the ceiling: all seeds agree, the better arm errs alone in a share `least` of the images."""
    better, worse = least, least + abs(truth) / 100
    counts = rng.multinomial(images, [worse, better, 1 - worse - better], size=STUDIES)[:, :2]
    plus, minus = (counts if truth >= 0 else counts[:, ::-1]).T / images
    sd = 100 * np.sqrt((plus + minus - (plus - minus) ** 2) * images / (images - 1))
    sides = (np.stack([100 * side, 1e4 * side], axis=-1) for side in (plus, minus))
    error = ImageError(images, sd, *sides, one=100.0)
    values = np.repeat(100 * (plus - minus)[:, None, None], n, axis=2)
    return known(values, images=(error,), below=100 / images, above=100 / images)


def losses(rng: Rng, n: int, truth: float) -> Draw:
    """Log-losses: nearly all images differ a little, one in 25 by 1 nat on average, up to 8, on either side."""
    shape, rates = (FEWER, 1500), (0.04 + max(truth, 0.0), 0.04 + max(-truth, 0.0))
    plus, minus = (rng.exponential(size=shape) * (rng.random(shape) < rate) for rate in rates)
    difference = plus - minus + rng.normal(scale=0.01, size=shape)
    values = np.repeat(difference.mean(axis=1)[:, None, None], n, axis=2)
    return known(values, images=(ImageError.of_differences(difference),))


def two_data_sets(rng: Rng, n: int, truth: float) -> Draw:
    """Each arm is tested on images of its own, 1,500 and 600 of them; 5 % are wrong."""
    rates, sizes = (0.05 + truth / 100, 0.05), (1500, 600)
    wrong = [rng.random((FEWER, size)) < rate for rate, size in zip(rates, sizes, strict=True)]
    errors = [ImageError.of_differences(100.0 * w * sign, 100.0) for w, sign in zip(wrong, PAIR, strict=True)]
    means = np.stack([100 * w.mean(axis=1) for w in wrong], axis=1)
    return known(np.repeat(means[..., None], n, axis=2), images=tuple(errors), below=1 / 6, above=1 / 6)


def _logit_of(rate: float, spread: float) -> float:
    """The mean logit at which a normal spread of logits gives `rate` on average."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)

    def excess(mean: float) -> float:
        return float(weights @ (1 / (1 + np.exp(-mean - spread * nodes))) / weights.sum()) - rate

    return float(brentq(excess, -20, 20))


def scenarios() -> Iterator[Scenario]:
    for n in COUNTS:
        for least in (0.0, 0.002, 0.01):
            draw = partial(few_errors, least=least, images=1500)
            yield Scenario(f"near the ceiling, {least:.1%} and more err", n, draw, (1,), margin=1.0)
        yield Scenario("pair, log-losses", n, losses, (1,), margin=0.03)
    for n in (10, 5):
        yield Scenario("pair, two data sets", n, two_data_sets)
        settings = {"images": 300, "base": 0.1}
        for name, seed_sd in (("images", 0.1), ("images and seeds", 0.5)):
            draw = partial(answers, weights=PAIR, seed_sd=seed_sd, **settings)
            yield Scenario(f"pair, {name}", n, draw, margin=6.0)
        for name, margin in (("interaction", 8.0), ("slope over four arms", 20.0)):
            draw = partial(answers, weights=DESIGNS[name], seed_sd=0.3, **settings)
            yield Scenario(f"{name}, images and seeds", n, draw, DESIGNS[name], margin)
        yield Scenario("one arm, images and seeds", n, partial(rises, seed_sd=0.3, **settings), (1,), margin=6.0)
    few = partial(answers, weights=PAIR, seed_sd=0.1, images=50, base=0.01)
    yield Scenario("pair, 50 images", 5, few, margin=1.0, truths=(0, 1))
