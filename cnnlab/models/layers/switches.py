"""What the names of the switches mean. Each is looked up here once; blocks are given classes, never names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from torch import nn

from cnnlab.models.layers.activations import ScaledSigmoid
from cnnlab.models.layers.batchnorm import BatchNorm
from cnnlab.models.layers.folded_batchnorm import BatchNorm1d, BatchNorm2d
from cnnlab.models.layers.ghost_batchnorm import ghost
from cnnlab.planning.specs import Switch

Activation = Callable[[], nn.Module]
# Channels and the small constant in the variance, to a layer with scale and shift.
Normalizer = Callable[[int, float], nn.Module]


@dataclass(frozen=True)
class Normalization:
    """Layers for ``(N, C, H, W)`` and for ``(N, C)``, made from C.

    Where it is `absent`, both are the identity. `after`: it follows the activation instead of preceding it.
    `per_channel`: each channel has statistics of its own, so that a constant added to it disappears.
    """

    make_images: Normalizer | None = None
    make_features: Normalizer | None = None
    scales: bool = True
    shifts: bool = True
    after: bool = False
    per_channel: bool = True
    epsilon: float = 1e-5

    @property
    def absent(self) -> bool:
        return self.make_images is None

    @property
    def replaces_bias(self) -> bool:
        """Whether a bias of the affine map just before it would do nothing that it does not do itself."""
        return not self.absent and self.per_channel and self.shifts and not self.after

    def images(self, channels: int) -> nn.Module:
        return self._layer(self.make_images, channels)

    def features(self, size: int) -> nn.Module:
        return self._layer(self.make_features, size)

    def _layer(self, make: Normalizer | None, size: int) -> nn.Module:
        if make is None:
            return nn.Identity()
        layer = make(size, self.epsilon)
        for name, learned in (("weight", self.scales), ("bias", self.shifts)):
            if not learned:
                layer.register_parameter(name, None)
        return layer


@dataclass(frozen=True)
class Pooling:
    """Layers that shrink a map. Without one, the convolution before it takes over the stride."""

    make: Callable[..., nn.Module] | None

    @property
    def strided(self) -> bool:
        return self.make is None

    def __call__(self, kernel: int, stride: int | None = None, padding: int = 0, ceil: bool = False) -> nn.Module:
        """Pool windows of `kernel` pixels, by default side by side; `ceil` keeps a last window that sticks out."""
        if self.make is None:
            return nn.Identity()
        return self.make(kernel, stride or kernel, padding, ceil_mode=ceil)


def groups(channels: int) -> int:
    """For group normalization: 16 channels a group or more (Wu & He 2018, table 3), or else two groups of two."""
    most = max(1, channels // 16, min(2, channels // 2))
    return next(count for count in range(most, 0, -1) if channels % count == 0)


def _group(channels: int, epsilon: float) -> nn.Module:
    return nn.GroupNorm(groups(channels), channels, epsilon)


def _layer_images(channels: int, epsilon: float) -> nn.Module:
    """Over channels and pixels, scale and shift for each channel, as in Wu & He 2018."""
    return nn.GroupNorm(1, channels, epsilon)


ACTIVATIONS: dict[str, Activation] = {
    "sigmoid": nn.Sigmoid,
    "scaled_sigmoid": ScaledSigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "identity": nn.Identity,
}
NORMALIZATIONS: dict[str, Normalization] = {
    "none": Normalization(),
    "batch": Normalization(BatchNorm2d, BatchNorm1d),
    "batch_scratch": Normalization(BatchNorm, BatchNorm),
    "batch_biased": Normalization(partial(BatchNorm, unbiased=False), partial(BatchNorm, unbiased=False)),
    "ghost8": Normalization(*ghost(8)),
    "ghost32": Normalization(*ghost(32)),
    "layer": Normalization(_layer_images, nn.LayerNorm, per_channel=False),
    "group": Normalization(_group, _group, per_channel=False),
}
# Where values of a window tie for the maximum, max pooling gives the whole gradient to the first of them.
POOLINGS: dict[str, Pooling] = {
    # Padding is left out of the mean.
    "average": Pooling(partial(nn.AvgPool2d, count_include_pad=False)),
    "max": Pooling(nn.MaxPool2d),
    "none": Pooling(None),
}
MAPS: dict[str, Mapping[str, Any]] = {
    "activation": ACTIVATIONS,
    "normalization": NORMALIZATIONS,
    "pooling": POOLINGS,
}
# What a normalization learns: scale, shift.
AFFINE = {"both": (True, True), "scale": (True, False), "shift": (False, True), "none": (False, False)}
# The switches that make a bundle of layers, and `initialization`, which draws the weights of the finished module.
NOT_ARGUMENTS = (*MAPS, "normalization_order", "affine", "initialization")


def look_up(switches: Mapping[str, Switch]) -> dict[str, Any]:
    """Activation, normalization and pooling as classes, as far as `switches` name them."""
    arguments: dict[str, Any] = {name: MAPS[name][str(value)] for name, value in switches.items() if name in MAPS}
    if "normalization" in switches:
        scales, shifts = AFFINE[str(switches.get("affine", "both"))]
        kind, after = NORMALIZATIONS[str(switches["normalization"])], switches.get("normalization_order") == "after"
        arguments["normalization"] = replace(kind, scales=scales, shifts=shifts, after=after)
    return arguments
