"""Blocks that several architectures share. The names of their layers don't depend on the switches."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from itertools import pairwise
from math import prod
from typing import NamedTuple

import torch
from torch import Tensor, nn

from cnnlab.models.layers.switches import Activation, Normalization, Pooling

NO_POOLING = Pooling(None)


class Pool(NamedTuple):
    """The window of a pooling layer, in pixels."""

    kernel: int
    stride: int
    padding: int = 0


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
    return nn.Dropout(rate) if rate else nn.Identity()


def affine_layers(
    name: str, affine: nn.Module, normalizer: nn.Module, activation: Activation, normalization: Normalization
) -> dict[str, nn.Module]:
    """An affine map (called `name`), its normalization and its activation, in the order that is asked for."""
    tail = {"normalization": normalizer, "activation": activation()}
    return {name: affine, **(dict(reversed(tail.items())) if normalization.after else tail)}


def conv_block(
    inputs: int,
    outputs: int,
    kernel: int,
    *,
    stride: int = 1,
    padding: int = 0,
    groups: int = 1,
    bias: bool = True,
    activation: Activation,
    normalization: Normalization,
    pooling: Pooling = NO_POOLING,
    pool: Pool | None = None,
) -> nn.Sequential:
    """Convolution, normalization, activation, and where `pool` is given pooling: ``(N, inputs, H, W)`` to
    ``(N, outputs, H', W')``.

    Without a kind of pooling the convolution takes over the stride of `pool`. By default it keeps its bias before a
    normalization, so that blocks with and without one differ in the normalization alone.
    """
    step = stride * (pool.stride if pool and pooling.strided else 1)
    conv = nn.Conv2d(inputs, outputs, kernel, step, padding, groups=groups, bias=bias)
    layers = affine_layers("conv", conv, normalization.images(outputs), activation, normalization)
    if pool:
        layers["pooling"] = pooling(*pool)
    return named(**layers)


def dense_block(
    inputs: int, outputs: int, *, activation: Activation, normalization: Normalization, rate: float
) -> nn.Sequential:
    """Dense layer, normalization, activation, dropout: ``(N, inputs)`` to ``(N, outputs)``."""
    dense = nn.Linear(inputs, outputs)
    layers = affine_layers("dense", dense, normalization.features(outputs), activation, normalization)
    return named(**layers, dropout=dropout(rate))


def dense_head(
    shape: Sequence[int],
    hidden: Sequence[int],
    classes: int,
    *,
    activation: Activation,
    normalization: Normalization,
    rate: float,
) -> dict[str, nn.Module]:
    """Hidden dense layers on every value of a map of `shape` (without the batch), then the class scores."""
    widths = [prod(shape), *hidden]
    blocks = {
        f"dense{number}": dense_block(*pair, activation=activation, normalization=normalization, rate=rate)
        for number, pair in enumerate(pairwise(widths), start=1)
    }
    return {"flatten": nn.Flatten(), **blocks, "output": nn.Linear(widths[-1], classes)}


def gap_head(channels: int, classes: int, rate: float = 0.0) -> dict[str, nn.Module]:
    """Each channel averaged over its map (global average pooling, Lin et al. 2014), then the class scores."""
    return {
        "pooling": nn.AdaptiveAvgPool2d(1),
        "flatten": nn.Flatten(),
        "dropout": dropout(rate),
        "output": nn.Linear(channels, classes),
    }


def output_shape(body: nn.Module, channels: int, image_size: tuple[int, int]) -> tuple[int, ...]:
    """The shape, without the batch, of what `body` makes of an image ``(channels, *image_size)``."""
    training = body.training
    body.eval()
    with torch.no_grad():
        shape = tuple(body(torch.zeros(1, channels, *image_size)).shape[1:])
    body.train(training)
    return shape
