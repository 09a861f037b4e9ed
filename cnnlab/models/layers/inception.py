"""The Inception block: Szegedy et al. 2015, "Going deeper with convolutions", figure 2.

Four branches see the same map, and what they make of it is concatenated along the channels:

    branch1    1x1
    branch2    1x1 reduction    -> 3x3
    branch3    1x1 reduction    -> 5x5
    branch4    3x3 pooling      -> 1x1

Six numbers, in the order of the columns of the paper's table 1, say how wide it is. With 0 for a branch there is no
such branch, with 0 for a reduction its convolution sees all channels of the input (the 3x3 and 5x5 of figure 2a).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Collection
from typing import NamedTuple

import torch
from torch import Tensor, nn

from cnnlab.models.layers.blocks import Layers, Pool, named

BRANCHES = ("1x1", "3x3", "5x5", "pool")
# Of the fourth branch: it keeps the size of the map.
POOL = Pool(3, 1, padding=1)


class Widths(NamedTuple):
    """Channels of the six convolutions of one block; 0: there is no such convolution."""

    conv1x1: int
    reduce3x3: int
    conv3x3: int
    reduce5x5: int
    conv5x5: int
    pool: int

    @property
    def outputs(self) -> int:
        """Channels of the concatenated branches."""
        return self.conv1x1 + self.conv3x3 + self.conv5x5 + self.pool

    def scaled(self, factor: float) -> Widths:
        return Widths(*(width and max(1, round(width * factor)) for width in self))

    def keep(self, branches: Collection[str]) -> Widths:
        """Those of `BRANCHES` that are named."""
        one, three, five, pool = (int(branch in branches) for branch in BRANCHES)
        return Widths(*(width * kept for width, kept in zip(self, (one, three, three, five, five, pool), strict=True)))

    def without_reductions(self) -> Widths:
        return self._replace(reduce3x3=0, reduce5x5=0)

    def parameters(self, inputs: int, *, large_kernel: int = 5, per_channel: int = 1) -> int:
        """Of the block on `inputs` channels; `per_channel` come with each output of a convolution (its bias)."""
        convolutions = (
            (inputs, self.conv1x1, 1),
            (inputs, self.reduce3x3, 1),
            (self.reduce3x3 or inputs, self.conv3x3, 3),
            (inputs, self.reduce5x5, 1),
            (self.reduce5x5 or inputs, self.conv5x5, large_kernel),
            (inputs, self.pool, 1),
        )
        return sum(outputs * (seen * kernel**2 + per_channel) for seen, outputs, kernel in convolutions)


class InceptionBlock(nn.Module):
    """``(N, inputs, H, W)`` to ``(N, widths.outputs, H / stride, W / stride)``, rounded up.

    Args:
        stride: of the last convolution of each branch.
        large_kernel: of the third branch; some implementations have 3 for the paper's 5.
    """

    def __init__(self, inputs: int, widths: Widths, layers: Layers, *, stride: int = 1, large_kernel: int = 5) -> None:
        super().__init__()
        if widths.conv1x1:
            self.branch1 = named(conv1x1=layers.conv(inputs, widths.conv1x1, 1, stride=stride))
        if widths.conv3x3:
            self.branch2 = _spatial(inputs, widths.reduce3x3, widths.conv3x3, 3, stride, layers)
        if widths.conv5x5:
            self.branch3 = _spatial(inputs, widths.reduce5x5, widths.conv5x5, large_kernel, stride, layers)
        if widths.pool:
            conv = layers.conv(inputs, widths.pool, 1, stride=stride)
            self.branch4 = named(pooling=layers.pooling(*POOL), conv1x1=conv)

    def forward(self, images: Tensor) -> Tensor:
        return torch.cat([branch(images) for branch in self.children()], dim=1)


def _spatial(inputs: int, reduced: int, outputs: int, kernel: int, stride: int, layers: Layers) -> nn.Sequential:
    """A convolution over neighbours, after the 1x1 that reduces the channels if there is one."""
    reduction = {"conv1x1": layers.conv(inputs, reduced, 1)} if reduced else {}
    conv = layers.conv(reduced or inputs, outputs, kernel, stride=stride)
    return named(**reduction, **{f"conv{kernel}x{kernel}": conv})


def nearest_factor(count: Callable[[float], int], wanted: int) -> float:
    """The factor of 1 or more at which `count`, which must not fall and must grow without bound, is nearest `wanted`.

    By bisection, of factors a billionth apart; where two are equally near, the smaller.
    """
    enough = bisect_left(range(10**15), wanted, lo=10**9, key=lambda billionths: count(billionths / 1e9))
    factors = max(1.0, (enough - 1) / 1e9), enough / 1e9
    return min(factors, key=lambda factor: abs(count(factor) - wanted))
