"""Ghost batch normalization: Hoffer, Hubara & Soudry 2017, "Train longer, generalize better", section 4.

In training, statistics are those of groups of `images` images within the batch, one group after the other, so that
their noise can be studied at one batch size of the optimizer. Otherwise, weights and evaluation included, the layers
are those of PyTorch.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cnnlab.models.layers.folded_batchnorm import BatchNorm1d, BatchNorm2d


class Ghost(nn.Module):
    """Normalizes by groups in training. A mixin, in front of one of PyTorch's two classes."""

    images: int

    def forward(self, values: Tensor) -> Tensor:
        """``(N, C)`` or ``(N, C, H, W)`` to the same shape; a single image that is left over joins the last group."""
        if not self.training:
            return super().forward(values)  # type: ignore[misc, no-any-return]
        groups = list(values.split(self.images))
        if len(groups) > 1 and len(groups[-1]) == 1:
            groups[-2:] = [torch.cat(groups[-2:])]
        return torch.cat([super(Ghost, self).forward(group) for group in groups])  # type: ignore[misc]


def ghost(images: int) -> tuple[type[nn.Module], type[nn.Module]]:
    """Its layers for ``(N, C, H, W)`` and for ``(N, C)``, in groups of `images` images."""

    class GhostBatchNorm2d(Ghost, BatchNorm2d): ...

    class GhostBatchNorm1d(Ghost, BatchNorm1d): ...

    GhostBatchNorm2d.images = GhostBatchNorm1d.images = images
    return GhostBatchNorm2d, GhostBatchNorm1d
