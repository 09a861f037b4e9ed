"""Linear centered kernel alignment: Kornblith, Norouzi, Lee & Hinton 2019, "Similarity of neural network
representations revisited", equation 4 with linear kernels."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn


def cka(x: Tensor, y: Tensor) -> float:
    """Similarity in [0, 1] of features ``(N, p)`` and ``(N, q)`` of the same N images; NaN where one is constant.

    From the N x N kernels, so that maps with more numbers than images cost no more.
    """
    kernels = [_centered(features) for features in (x, y)]
    norms = [torch.linalg.matrix_norm(kernel) for kernel in kernels]
    return float((kernels[0] * kernels[1]).sum() / (norms[0] * norms[1]))


def _centered(features: Tensor) -> Tensor:
    values = features.flatten(1).double()
    values = values - values.mean(0)
    return values @ values.T


@torch.no_grad()
def outputs(model: nn.Module, layers: dict[str, nn.Module], images: Tensor) -> dict[str, Tensor]:
    """What each of `layers` returns for `images` in evaluation mode, flat ``(N, features)``."""
    found: dict[str, Tensor] = {}

    def keep(name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        return lambda _module, _inputs, output: found.update({name: output.flatten(1)})

    hooks = [layer.register_forward_hook(keep(name)) for name, layer in layers.items()]
    model.eval()
    model(images)
    for hook in hooks:
        hook.remove()
    return found
