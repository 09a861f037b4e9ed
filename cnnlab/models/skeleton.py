"""One skeleton, three blocks: the layout that VGG, GoogLeNet and ResNet have in common.

    layer     map      channels    vgg        residual         inception
    stem      28x28    16          3x3        3x3              3x3
    stage1    14x14    16          2 x 3x3    1 pair of 3x3    3 Inception blocks
    stage2    7x7      32          2 x 3x3    1 pair of 3x3    3 Inception blocks
    stage3    4x4      64          2 x 3x3    1 pair of 3x3    3 Inception blocks
              global average, dense layer to the class scores

Each stage halves the map by pooling, then repeats its block. `pooling: none` gives the stride to the first block, as
ResNet does. Whatever the block, the stages have the same maps and channels, and at the size above multiply-accumulates
that agree within 1 %. Inception blocks are cheap: it takes three of them to cost as much as two 3x3 convolutions, and
their reductions are wider than GoogLeNet's, 1 to 1.5 times the 3x3 and 3 times the 5x5 that they feed, not 0.25 to 0.75
times as in its table 1. They mix channels here; they save nothing.

The blocks: Simonyan & Zisserman 2015, section 2.1 (two 3x3 convolutions); Szegedy et al. 2015, figure 2b; He et al.
2016, figure 2, with zeros for the new channels (option A), which cost nothing. Of their own networks only the block is
kept; all three are normalized as the last one was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from torch import nn

from cnnlab.models.layers.blocks import Images, Layers, Pool, gap_head, named
from cnnlab.models.layers.inception import InceptionBlock, Widths
from cnnlab.models.layers.residual import Block, basic, zero_pad

ARCHITECTURE = {
    "title": "Skeleton",
    "paper": "He et al. 2016",
    "switches": {
        "block": {"default": "vgg", "choices": ["vgg", "inception", "residual"]},
        "width": 16,
        "common": {"normalization": "batch"},
        "pooling": "max",
    },
    "presets": {"small": {"input": [1, 28, 10], "microseconds": 500}},
    # Three halvings leave more than one pixel: 9 -> 5 -> 3 -> 2.
    "smallest_image": 9,
    "refuses": {
        "residual": "it exchanges the whole block, by `block`",
        "head": "it exchanges nothing but the block",
    },
}

WIDTH = 16
# Inception blocks at that width; the sum of their branches is the number of channels that every kind of block returns.
#                   1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pooling
STAGES = {
    "stage1": Widths(4, 12, 8, 6, 2, 2),
    "stage2": Widths(8, 16, 16, 12, 4, 4),
    "stage3": Widths(16, 32, 32, 24, 8, 8),
}
HALVING = Pool(3, 2, padding=1)


def vgg(inputs: int, widths: Widths, stride: int, layers: Layers) -> nn.Module:
    """A 3x3 convolution."""
    return layers.conv(inputs, widths.outputs, 3, stride=stride)


def residual(inputs: int, widths: Widths, stride: int, layers: Layers) -> nn.Module:
    """Two 3x3 convolutions and a shortcut."""
    return Block(inputs, widths.outputs, stride, layers, convolutions=basic, shortcut=zero_pad)


def inception(inputs: int, widths: Widths, stride: int, layers: Layers) -> nn.Module:
    """Four branches."""
    return InceptionBlock(inputs, widths, layers, stride=stride)


# And how many of them are one stage.
BLOCKS: dict[str, tuple[Callable[[int, Widths, int, Layers], nn.Module], int]] = {
    "vgg": (vgg, 2),
    "residual": (residual, 1),
    "inception": (inception, 3),
}


def build(images: Images, layers: Layers, *, block: str, width: int) -> nn.Module:
    """``(N, channels, height, width)`` to class scores ``(N, classes)``; the average takes any image size."""
    layers = replace(layers, keeps_bias=False)
    make, count = BLOCKS[block]
    body: dict[str, nn.Module] = {"stem": layers.conv(images.channels, width, 3)}
    inputs = width
    for name, widths in STAGES.items():
        widths = widths.scaled(width / WIDTH)
        blocks: dict[str, nn.Module] = {"pooling": layers.pooling(*HALVING)}
        for number in range(1, count + 1):
            stride = layers.stride(HALVING) if number == 1 else 1
            blocks[f"block{number}"] = make(inputs, widths, stride, layers)
            inputs = widths.outputs
        body[name] = named(**blocks)
    return named(**body, **gap_head(inputs, images.classes))
