"""Linear centered kernel alignment: Kornblith, Norouzi, Lee & Hinton 2019, "Similarity of neural network
representations revisited", equation 4 with linear kernels."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cnnlab.models.layers.hooks import observed


def cka(x: Tensor, y: Tensor) -> float:
    """Similarity in [0, 1] of features ``(N, ...)`` and ``(N, ...)`` of the same N images; NaN where one is constant.

    From the N x N kernels, so that maps with more numbers than images cost no more.
    """
    return alignment(kernel(x.double()), kernel(y.double()))


def kernel(features: Tensor) -> Tensor:
    """The centered linear kernel of features ``(N, ...)``: ``(N, N)``."""
    values = features.flatten(1)
    values = values - values.mean(0)
    return values @ values.T


def alignment(one: Tensor, other: Tensor) -> float:
    """Of two centered kernels ``(N, N)``."""
    norms = torch.linalg.matrix_norm(one) * torch.linalg.matrix_norm(other)
    return float((one * other).sum() / norms)


@torch.no_grad()
def outputs(model: nn.Module, layers: dict[str, nn.Module], images: Tensor) -> dict[str, Tensor]:
    """What each of `layers` returns for `images` in evaluation mode: ``(N, ...)``."""
    returned: dict[str, Tensor] = {}
    with observed(layers, lambda name, _, output: returned.update({name: output})):
        model.eval()(images)
    return returned
