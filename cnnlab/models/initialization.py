"""Weights as a function of seed, name and shape alone.

Two networks with the same seed start from the same weights wherever names and shapes agree, whatever else
differs: adding a normalization or a shortcut moves no other draw. Both schemes scale the same uniform draw,
so that networks that differ in the scheme start from proportional weights.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable

import torch
from torch import nn

# Bounds of the uniform distribution, from the fan-in and fan-out of one weight.
SCHEMES: dict[str, Callable[[int, int], float]] = {
    # Glorot & Bengio 2010, equation 16.
    "xavier": lambda fan_in, fan_out: math.sqrt(6 / (fan_in + fan_out)),
    # He et al. 2015, equation 10 (variance 2 / fan-in), as a uniform distribution of that variance.
    "kaiming": lambda fan_in, fan_out: math.sqrt(6 / fan_in),
}


@torch.no_grad()
def initialize(model: nn.Module, seed: int, scheme: str) -> None:
    """Set every parameter in place: weights drawn, biases 0, scales 1; running statistics start afresh.

    Args:
        scheme: a key of `SCHEMES`.

    Raises:
        ValueError: for a parameter with one dimension that is neither a ``bias`` nor a ``weight``.
    """
    bound = SCHEMES[scheme]
    for name, parameter in model.named_parameters():
        if parameter.ndim >= 2:
            parameter.copy_(draw(name, tuple(parameter.shape), seed) * bound(*_fans(parameter)))
        elif name.endswith("bias"):
            parameter.zero_()
        elif name.endswith("weight"):
            parameter.fill_(1)
        else:
            raise ValueError(f"{name}: no rule for a parameter of this name and shape {tuple(parameter.shape)}")
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._NormBase):
            module.reset_running_stats()


def draw(name: str, shape: tuple[int, ...], seed: int) -> torch.Tensor:
    """Uniform in [-1, 1), drawn on the CPU, so that it doesn't depend on the device."""
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
    return torch.rand(shape, generator=generator).mul_(2).sub_(1)


def _fans(weight: torch.Tensor) -> tuple[int, int]:
    """Inputs that one output sees, outputs that one input reaches: ``(out, in, *kernel)``."""
    area = weight[0, 0].numel()
    return weight.shape[1] * area, weight.shape[0] * area
