"""The bundle of layers that a network is built with, and what several architectures build of them.

`Layers` is made once from the switches; networks and blocks ask it for convolutions and dense layers, and so take every
activation, normalization and pooling alike. The names of their layers don't depend on the switches.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import NamedTuple

import torch
from torch import Tensor, nn

from cnnlab.models.layers.dropout import Dropout
from cnnlab.models.layers.hooks import evaluation
from cnnlab.models.layers.switches import Activation, Normalization, Pooling

NO_NORMALIZATION, NO_POOLING = Normalization(), Pooling(None)


class Images(NamedTuple):
    """What a network is built for: images ``(N, channels, height, width)`` of so many classes."""

    channels: int
    height: int
    width: int
    classes: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of one image: ``(channels, height, width)``."""
        return self.channels, self.height, self.width


class Pool(NamedTuple):
    """The window of a pooling layer, in pixels; `ceil` keeps a last window that sticks out."""

    kernel: int
    stride: int
    padding: int = 0
    ceil: bool = False


class WindowAverage(nn.Module):
    """``(N, C, H, W)`` to ``(N, C, side, side)``: the windows and values of `torch.nn.AdaptiveAvgPool2d`.

    Its gradient is deterministic on a GPU as well, as the other's is not.
    """

    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side

    def extra_repr(self) -> str:
        return str(self.side)

    def forward(self, images: Tensor) -> Tensor:
        for axis in (2, 3):
            windows = self._windows(images.shape[axis])
            images = torch.cat([images.narrow(axis, *window).mean(axis, keepdim=True) for window in windows], axis)
        return images

    def _windows(self, pixels: int) -> list[tuple[int, int]]:
        """Start and length of each; they overlap where `side` does not divide `pixels`."""
        starts = [index * pixels // self.side for index in range(self.side)]
        ends = [-(-(index + 1) * pixels // self.side) for index in range(self.side)]
        return [(start, end - start) for start, end in zip(starts, ends, strict=True)]


def named(**layers: nn.Module) -> nn.Sequential:
    """The layers one after another, under these names in the ``state_dict``."""
    return nn.Sequential(OrderedDict(layers))


def dropout(rate: float) -> nn.Module:
    """No layer at rate 0, so that nothing is drawn for it."""
    return Dropout(rate) if rate else nn.Identity()


def scaled(widths: Sequence[int], factor: float) -> list[int]:
    """Numbers of channels times `factor`, rounded, at least one."""
    return [max(1, round(width * factor)) for width in widths]


def affine_layers(
    name: str, affine: nn.Module, normalizer: nn.Module, activation: Activation, normalization: Normalization
) -> dict[str, nn.Module]:
    """An affine map (called `name`), its normalization and its activation, in the order that is asked for."""
    tail = {"normalization": normalizer, "activation": activation()}
    return {name: affine, **(dict(reversed(tail.items())) if normalization.after else tail)}


@dataclass(frozen=True)
class Layers:
    """What the layers of a network are made of.

    By default a convolution keeps its bias before a normalization, so that networks with and without one differ in the
    normalization alone; without `keeps_bias` it has one only where no normalization replaces it.
    """

    activation: Activation = nn.Identity
    normalization: Normalization = NO_NORMALIZATION
    pooling: Pooling = NO_POOLING
    keeps_bias: bool = True

    @property
    def bias(self) -> bool:
        """Whether a convolution has a bias."""
        return self.keeps_bias or not self.normalization.replaces_bias

    def conv(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        *,
        stride: int = 1,
        padding: int | None = None,
        groups: int = 1,
        pool: Pool | None = None,
    ) -> nn.Sequential:
        """Convolution, normalization, activation, and where `pool` is given pooling: ``(N, inputs, H, W)`` to
        ``(N, outputs, H', W')``.

        By default padded so that only strides change the size of the map. Without a kind of pooling the convolution
        takes over the stride of `pool`.
        """
        stride *= self.stride(pool) if pool else 1
        padding = kernel // 2 if padding is None else padding
        conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=self.bias)
        normalizer = self.normalization.images(outputs)
        layers = affine_layers("conv", conv, normalizer, self.activation, self.normalization)
        return named(**layers, **({"pooling": self.pooling(*pool)} if pool else {}))

    def stride(self, pool: Pool) -> int:
        """Of the convolution before `pool`."""
        return pool.stride if self.pooling.strided else 1

    def dense(self, inputs: int, outputs: int, rate: float = 0.0) -> nn.Sequential:
        """Dense layer, normalization, activation, dropout: ``(N, inputs)`` to ``(N, outputs)``."""
        dense, normalizer = nn.Linear(inputs, outputs), self.normalization.features(outputs)
        layers = affine_layers("dense", dense, normalizer, self.activation, self.normalization)
        return named(**layers, dropout=dropout(rate))

    def dense_head(
        self, shape: Sequence[int], hidden: Sequence[int], classes: int, rate: float = 0.0
    ) -> dict[str, nn.Module]:
        """Hidden dense layers on every value of a map of `shape` (without the batch), then scores ``(N, classes)``."""
        widths = [prod(shape), *hidden]
        blocks = {f"dense{number}": self.dense(*pair, rate) for number, pair in enumerate(pairwise(widths), start=1)}
        return {"flatten": nn.Flatten(), **blocks, "output": nn.Linear(widths[-1], classes)}


def gap_head(channels: int, classes: int, rate: float = 0.0) -> dict[str, nn.Module]:
    """Each channel averaged over its map (global average pooling, Lin et al. 2014), then scores ``(N, classes)``."""
    return {
        "pooling": nn.AdaptiveAvgPool2d(1),
        "flatten": nn.Flatten(),
        "dropout": dropout(rate),
        "output": nn.Linear(channels, classes),
    }


def with_head(
    body: Mapping[str, nn.Module],
    head: str,
    outputs: int,
    images: Images,
    layers: Layers,
    *,
    hidden: Sequence[int] = (),
    rate: float = 0.0,
    side: int | None = None,
) -> nn.Sequential:
    """The network of `body`, which returns `outputs` channels, and its scores ``(N, classes)``.

    They are made of the averages of the channels (``gap``), or by hidden dense layers of every pixel.

    Args:
        rate: of dropout.
        side: a map of another size is averaged to ``side x side`` windows in front of dense layers.
    """
    if head == "gap":
        return named(**body, **gap_head(outputs, images.classes, rate))
    shape = output_shape(named(**body), images)
    if side and shape[1:] != (side, side):
        body, shape = {**body, "average": WindowAverage(side)}, (outputs, side, side)
    return named(**body, **layers.dense_head(shape, hidden, images.classes, rate))


def output_shape(body: nn.Module, images: Images) -> tuple[int, ...]:
    """The shape, without the batch, of what `body` makes of one image."""
    with evaluation(body):
        return tuple(body(torch.zeros(1, *images.shape)).shape[1:])
