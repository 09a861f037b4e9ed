"""Residual blocks: He, Zhang, Ren & Sun 2016, "Deep residual learning for image recognition", figures 2 and 5.

A block is a few convolutions, and a shortcut that is added in front of the last activation:

    normalization before the activation (the paper's)    conv, norm, activation, ..., conv, norm, sum, activation
    normalization after it                               conv, activation, norm, ..., conv, sum, activation, norm

The order moves nothing but the normalization, the last one behind the sum. A projection has no activation: its
normalization stays behind its convolution in either order. Without a shortcut it is the block of the plain network,
with the same weights by the same names.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from torch import Tensor, nn
from torch.nn.functional import pad

from cnnlab.models.layers.blocks import NO_NORMALIZATION, Layers, affine_layers, named

# The last convolution of a bottleneck has four times the channels of the others.
EXPANSION = 4


class Convolution(NamedTuple):
    """One of a block, padded so that only the stride changes the size of the map."""

    inputs: int
    outputs: int
    kernel: int
    stride: int


# From input channels, width and stride.
Convolutions = Callable[[int, int, int], tuple[Convolution, ...]]
# From input channels, output channels, stride and what a projection is made of.
Shortcut = Callable[[int, int, int, Layers], nn.Module]


def basic(inputs: int, width: int, stride: int) -> tuple[Convolution, ...]:
    """Two 3x3 convolutions (figure 5, left)."""
    return Convolution(inputs, width, 3, stride), Convolution(width, width, 3, 1)


def bottleneck(inputs: int, width: int, stride: int, *, strided: str = "1x1") -> tuple[Convolution, ...]:
    """1x1, 3x3, 1x1 (figure 5, right); `strided` says whether the first, ``1x1``, or the ``3x3`` takes the stride."""
    first, middle = (stride, 1) if strided == "1x1" else (1, stride)
    return (
        Convolution(inputs, width, 1, first),
        Convolution(width, width, 3, middle),
        Convolution(width, EXPANSION * width, 1, 1),
    )


class ZeroPadShortcut(nn.Module):
    """Option A, without weights: ``(N, C, H, W)`` to ``(N, C + extra, ceil(H / s), ceil(W / s))``."""

    def __init__(self, extra: int, stride: int) -> None:
        super().__init__()
        self.extra, self.stride = extra, stride

    def extra_repr(self) -> str:
        return f"extra={self.extra}, stride={self.stride}"

    def forward(self, images: Tensor) -> Tensor:
        return pad(images[..., :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.extra))


def zero_pad(inputs: int, outputs: int, stride: int, _layers: Layers) -> nn.Module:
    """Option A: every `stride`-th pixel, and zeros for the new channels; there is nothing to normalize."""
    return ZeroPadShortcut(outputs - inputs, stride)


def projection(inputs: int, outputs: int, stride: int, layers: Layers) -> nn.Module:
    """Option B: a 1x1 convolution and its normalization."""
    layers = replace(layers, activation=nn.Identity, normalization=replace(layers.normalization, after=False))
    conv = nn.Conv2d(inputs, outputs, 1, stride, bias=layers.bias)
    return named(conv=conv, normalization=layers.normalization.images(outputs))


def bare_projection(inputs: int, outputs: int, stride: int, layers: Layers) -> nn.Module:
    """Option B without a normalization."""
    return projection(inputs, outputs, stride, replace(layers, normalization=NO_NORMALIZATION))


# Where the shape changes; elsewhere every shortcut is the identity.
SHORTCUTS: dict[str, Shortcut] = {"identity": zero_pad, "projection": projection}


class Block(nn.Module):
    """``(N, inputs, H, W)`` to ``(N, outputs, ceil(H / stride), ceil(W / stride))``; its layers run in their order.

    Args:
        shortcut: where the shape changes; None makes the block of a plain network.
        zero_init: the last scale starts at 0 (Goyal et al. 2017, section 5.1).
    """

    def __init__(
        self,
        inputs: int,
        width: int,
        stride: int,
        layers: Layers,
        *,
        convolutions: Convolutions,
        shortcut: Shortcut | None,
        zero_init: bool = False,
    ) -> None:
        super().__init__()
        *inner, last = convolutions(inputs, width, stride)
        self.outputs = last.outputs
        for number, conv in enumerate((*inner, last), start=1):
            affine = nn.Conv2d(*conv, padding=conv.kernel // 2, bias=layers.bias)
            normalizer = layers.normalization.images(conv.outputs)
            parts = affine_layers("conv", affine, normalizer, layers.activation, layers.normalization)
            for name, layer in parts.items():
                if conv is last and name == "activation":
                    self.add_module("shortcut", _beside(inputs, last.outputs, stride, layers, shortcut))
                self.add_module(f"{name}{number}", layer)
        if zero_init:  # now, and whenever `initialize` sets it
            nn.init.zeros_(normalizer.get_parameter("weight"))
            normalizer.initial_scale = 0.0  # type: ignore[assignment]

    def forward(self, images: Tensor) -> Tensor:
        out = images
        for name, layer in self.named_children():
            out = out + layer(images) if name == "shortcut" else layer(out)
        return out


def _beside(inputs: int, outputs: int, stride: int, layers: Layers, shortcut: Shortcut | None) -> nn.Module | None:
    if shortcut is None:
        return None
    return nn.Identity() if (inputs, stride) == (outputs, 1) else shortcut(inputs, outputs, stride, layers)


def stages(
    width: int, counts: Sequence[int], block: Callable[[int, int, int], Block]
) -> tuple[dict[str, nn.Module], int]:
    """Stages of so many blocks for a map of `width` channels, by name, and how many channels the last one returns.

    The first stage is as wide as the map; each of the others is twice as wide as the one before and halves the map.
    """
    body: dict[str, nn.Module] = {}
    inputs = width
    for index, count in enumerate(counts):
        blocks = []
        for stride in (2 if index else 1, *[1] * (count - 1)):
            blocks.append(block(inputs, width * 2**index, stride))
            inputs = blocks[-1].outputs
        body[f"stage{index + 1}"] = nn.Sequential(*blocks)
    return body, inputs
