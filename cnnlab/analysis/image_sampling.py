"""How far the test images at hand may mislead, as a pure function of the differences between arms on each image.

Where networks hardly err, a handful of images makes all the difference, and the normal interval of a mean, s/√N, is
too short on the far side: a true difference of 1 pp in 1,500 images looks too small to count in 7 % of test sets rather
than 5 (the Wald interval of paired proportions; Newcombe 1998; Fagerland, Lydersen & Laake 2014). So the images that
speak for one side and those that speak for the other have a score interval each (Wilson 1927, for rare events), and the
squares of their lengths add (Newcombe 1998, Statistics in Medicine 17:2635; Zou & Donner 2008). With many images that
is s/√N again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri, stdtrit

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ImageError:
    """The spread over test images of D, the seed-mean paired difference on one image, in the metric's unit.

    ``sd`` (...) is that of D; ``plus`` and ``minus`` (..., 2) are the mean and the mean square over all images of
    max(D, 0) and of max(-D, 0). ``one`` is what a single image counts, where an answer is right or wrong; 0 where
    images differ by any amount, as losses do: their sd is then known from few, and Student's t takes its place.
    """

    images: int
    sd: Floats
    plus: Floats
    minus: Floats
    one: float = 0.0

    @classmethod
    def of(cls, values: ArrayLike, weights: ArrayLike, one: float = 0.0) -> ImageError:
        """From values (..., arms, seeds, images) of one set of test images."""
        means = np.asarray(values, dtype=float).mean(axis=-2)
        return cls.of_differences(np.tensordot(np.asarray(weights, dtype=float), means, (0, -2)), one)

    @classmethod
    def of_differences(cls, values: ArrayLike, one: float = 0.0) -> ImageError:
        """From D itself (..., images)."""
        differences = np.asarray(values, dtype=float)
        plus, minus = (_moments(np.maximum(side, 0)) for side in (differences, -differences))
        return cls(differences.shape[-1], np.asarray(differences.std(axis=-1, ddof=1)), plus, minus, one)

    @cached_property
    def mirrored(self) -> ImageError:
        return replace(self, plus=self.minus, minus=self.plus)

    def below(self, tail: float, growth: float | Floats = 1.0) -> Floats:
        """How far below its mean over the images the true mean of D may lie, with probability `tail`: (...).

        `growth` is by how much the images are more than those observed.
        """
        images = self.images * np.asarray(growth)
        q = -ndtri(tail) if self.one else -stdtrit(np.maximum(images * self._alike - 1, 1), tail)
        fewer, more = _score(self.plus, images, q, self.one)[0], _score(self.minus, images, q, self.one)[1]
        return np.asarray(self._share * np.hypot(fewer, more))

    @property
    def _square(self) -> Floats:
        return np.asarray(self.plus[..., 1] + self.minus[..., 1])

    @property
    def _share(self) -> Floats:
        """The sd over the root mean square of D (...): 1 for rare differences, less where most images differ alike."""
        return np.sqrt(_ratio(self.sd**2, self._square, 1.0))

    @property
    def _alike(self) -> Floats:
        """The share of images that, differing alike, would spread as far: what a loss of many sizes knows of its sd."""
        return _ratio((self.plus[..., 0] + self.minus[..., 0]) ** 2, self._square, 0.0)


def _ratio(above: Floats, below: Floats, otherwise: float) -> Floats:
    return np.divide(above, below, out=np.full_like(below, otherwise), where=below > 0)


def _moments(parts: Floats) -> Floats:
    return np.stack([parts.mean(axis=-1), (parts**2).mean(axis=-1)], axis=-1)


def _score(side: Floats, images: Any, q: Any, one: float) -> tuple[Floats, Floats]:
    """How far the mean of one side may be less and more than seen: Wilson's interval for the number of images k.

    k = (ΣD)²/ΣD² counts images that differ alike, and each of them counts ΣD²/ΣD.
    """
    mean, square = side[..., 0], side[..., 1]
    size, count = _ratio(square, mean, one), images * _ratio(mean**2, square, 0.0)
    reach, shift = q * np.sqrt(count + q**2 / 4), q**2 / 2
    return np.asarray(size / images * (reach - shift)), np.asarray(size / images * (reach + shift))
