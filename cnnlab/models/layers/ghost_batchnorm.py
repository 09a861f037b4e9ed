"""Ghost batch normalization: Hoffer, Hubara & Soudry 2017, "Train longer, generalize better", section 4.

In training, statistics are those of groups of `images` images within the batch, one group after the other, so that
their noise can be studied at one batch size of the optimizer. Otherwise, weights and evaluation included, the layers
are those of PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


class GhostBatchNorm1d(nn.BatchNorm1d):
    """``(N, C)`` to the same shape."""

    images = 8

    def forward(self, values: Tensor) -> Tensor:
        return _by_groups(super().forward, values, self.images) if self.training else super().forward(values)


class GhostBatchNorm2d(nn.BatchNorm2d):
    """``(N, C, H, W)`` to the same shape."""

    images = 8

    def forward(self, values: Tensor) -> Tensor:
        return _by_groups(super().forward, values, self.images) if self.training else super().forward(values)


class GhostBatchNorm1dOf32(GhostBatchNorm1d):
    images = 32


class GhostBatchNorm2dOf32(GhostBatchNorm2d):
    images = 32


def _by_groups(normalize: Callable[[Tensor], Tensor], values: Tensor, images: int) -> Tensor:
    """Each group by itself; a single image that is left over joins the last one."""
    groups = list(values.split(images))
    if len(groups) > 1 and len(groups[-1]) == 1:
        groups[-2:] = [torch.cat(groups[-2:])]
    return torch.cat([normalize(group) for group in groups])
