"""Weights as a function of seed, name and shape alone.

Two networks with the same seed start from the same weights wherever names and shapes agree, whatever else differs:
adding a normalization or a shortcut moves no other draw. Every scheme scales the same draw (a normal distribution takes
its quantiles), so networks that differ in a uniform scheme start from proportional weights.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from cnnlab.planning.architecture import PaperInitialization


@dataclass(frozen=True)
class Scheme:
    """How far the draws of one weight reach, from its fan-in and fan-out: the bound, or the standard deviation.

    `biases`: those of a convolution or dense layer are drawn up to 1/sqrt(fan-in), as PyTorch does, and not 0.
    """

    spread: Callable[[int, int], float]
    normal: bool = False
    ones: tuple[str, ...] = ()
    biases: bool = False


SCHEMES: dict[str, Scheme] = {
    # Glorot & Bengio 2010, equation 16.
    "xavier": Scheme(lambda fan_in, fan_out: math.sqrt(6 / (fan_in + fan_out))),
    # He et al. 2015, equation 10 (variance 2 / fan-in), as a uniform distribution of that variance.
    "kaiming": Scheme(lambda fan_in, fan_out: math.sqrt(6 / fan_in)),
    # The code of "Dive into Deep Learning": Xavier's weights, and the biases that PyTorch's layers come with.
    "d2l": Scheme(lambda fan_in, fan_out: math.sqrt(6 / (fan_in + fan_out)), biases=True),
}


def scheme(name: str, paper: PaperInitialization | None) -> Scheme:
    """What `name` stands for; `paper` is what the architecture declares of its paper."""
    if name != "paper" or paper is None:
        return SCHEMES[name]
    if paper.normal is not None:
        std = paper.normal
        return Scheme(lambda fan_in, fan_out: std, normal=True, ones=paper.ones)
    if paper.normal_fan_in is not None:
        gain = paper.normal_fan_in
        return Scheme(lambda fan_in, fan_out: math.sqrt(gain / fan_in), normal=True, ones=paper.ones)
    bound = paper.uniform_fan_in or 0.0
    return Scheme(lambda fan_in, fan_out: bound / fan_in, ones=paper.ones)


@torch.no_grad()
def initialize(model: nn.Module, seed: int, drawn: Scheme) -> None:
    """Set every parameter in place: weights drawn, biases as the scheme says, scales 1; running statistics afresh.

    A scale starts at its module's ``initial_scale`` where it has one.

    Raises:
        ValueError: for a parameter with one dimension that is neither a ``bias`` nor a ``weight``.
    """
    for prefix, module in model.named_modules():
        for own, parameter in module.named_parameters(prefix, recurse=False):
            _set(own, parameter, seed, drawn, getattr(module, "initial_scale", 1.0))
            weight = getattr(module, "weight", None)
            if drawn.biases and own.endswith("bias") and weight is not None and weight.ndim >= 2:
                parameter.copy_(draw(own, tuple(parameter.shape), seed) / math.sqrt(_fans(weight)[0]))
        reset = getattr(module, "reset_running_stats", None)
        if reset is not None:
            reset()


def _set(name: str, parameter: nn.Parameter, seed: int, drawn: Scheme, scale: float) -> None:
    if parameter.ndim >= 2:
        values = draw(name, tuple(parameter.shape), seed)
        if drawn.normal:  # the same draws, as those of a standard normal distribution: by its quantiles
            values = math.sqrt(2) * torch.erfinv(values.clamp(-1 + 1e-7, 1 - 1e-7))
        parameter.copy_(values * drawn.spread(*_fans(parameter)))
    elif name.endswith("bias"):
        parameter.fill_(1.0 if drawn.ones and name.startswith(drawn.ones) else 0.0)
    elif name.endswith("weight"):
        parameter.fill_(scale)
    else:
        raise ValueError(f"{name}: no rule for a parameter of this name and shape {tuple(parameter.shape)}")


def draw(name: str, shape: tuple[int, ...], seed: int) -> Tensor:
    """Uniform in [-1, 1), drawn on the CPU, so that it doesn't depend on the device."""
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
    return torch.rand(shape, generator=generator).mul_(2).sub_(1)


def _fans(weight: Tensor) -> tuple[int, int]:
    """Inputs that one output sees, outputs that one input reaches: ``(out, in, *kernel)``."""
    area = weight[0, 0].numel()
    return weight.shape[1] * area, weight.shape[0] * area
