"""Network in Network: Lin, Chen & Yan 2014, "Network in network", section 3 and figure 2.

A block is a convolution and two 1x1 convolutions, each with its activation: a small perceptron that slides over the
map. The last block has as many channels as there are classes; each is averaged over its map into a class score, so no
dense layer is needed (section 3.2).

    preset    images        blocks, the last with the scores    3x3 pooling    dropout follows
    small     1x28x28       4, narrow                           rounded up     every pooling
    d2l       1x224x224     4: 96, 256, 384, classes            rounded down   the last pooling
    paper     3x32x32       3: 96, 192, classes                 rounded up     every pooling

`d2l` is the network of the course notes (Dive into Deep Learning, section 8.3): 1,992,166 parameters with 10 classes.
The paper draws its CIFAR-10 network but prints no widths; those of `paper` are as commonly published for the authors'
own configuration (192-160-96, 192-192-192, 192-192-classes). That one pools by the average the second time; here both
poolings are of the kind that is asked for.

`pooling: none` gives the stride to the last 1x1 convolution of a block. `head: dense` puts two hidden dense layers, as
AlexNet has them, in place of the last block; their widths are ours. A normalization stands beside every convolution but
the one that makes the scores. The ReLU after the scores, which the notes and the authors' configuration have, is part
of `d2l` and `paper` and follows `activation`. `small` does without: where all scores of a class are negative at the
start, it would leave that class untrained, which happens to a few of the ten classes in a network so narrow.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from torch import nn

from cnnlab.models.layers.blocks import conv_block, dense_head, named, output_shape
from cnnlab.models.layers.blocks import dropout as dropout_layer
from cnnlab.models.layers.switches import Activation, Normalization, Pooling

ARCHITECTURE = {
    "title": "NiN",
    "paper": "Lin et al. 2014",
    "switches": {
        "activation": "relu",
        "normalization": "none",
        "normalization_order": "before",
        "affine": "both",
        "pooling": "max",
        "dropout": 0.5,
        "head": "gap",
        "width": 96,
        "initialization": "auto",
    },
    # Of each block: kernel, stride and padding of the convolution, then the channels of the three. In that of the
    # scores the last has a channel for each class; without numbers, all three do. activated: the scores too.
    "presets": {
        "small": {
            "channels": 1,
            "image_size": 28,
            "classes": 10,
            "table": {
                "blocks": [[5, 1, 2, [8, 8, 8]], [5, 1, 2, [16, 16, 16]], [3, 1, 1, [32, 32, 32]]],
                "scores": [3, 1, 1, [32, 32]],
                "activated": False,
                "ceil": True,
                "dropout_after": [1, 2, 3],
                "hidden": [128, 128],
            },
            "switches": {"width": 8, "dropout": 0.0},
            "smallest_image": 8,
        },
        "d2l": {
            "channels": 1,
            "image_size": 224,
            "classes": 10,
            "table": {
                "blocks": [[11, 4, 0, [96, 96, 96]], [5, 1, 2, [256, 256, 256]], [3, 1, 1, [384, 384, 384]]],
                "scores": [3, 1, 1, []],
                "activated": True,
                "ceil": False,
                "dropout_after": [3],
                "hidden": [4096, 4096],
            },
        },
        "paper": {
            "channels": 3,
            "image_size": 32,
            "classes": 10,
            "table": {
                "blocks": [[5, 1, 2, [192, 160, 96]], [5, 1, 2, [192, 192, 192]]],
                "scores": [3, 1, 1, [192, 192]],
                "activated": True,
                "ceil": True,
                "dropout_after": [1, 2],
                "hidden": [1024, 1024],
            },
            "switches": {"width": 192},
            "smallest_image": 4,
        },
    },
    # d2l: 67 -> convolution 15 -> pooling 7 -> 3 -> 1; rounded up 8 -> 4 -> 2 -> 1
    "smallest_image": 67,
    "refuses": {"residual": "every block changes the number of channels, so its input cannot be added to its output"},
}


def build(
    *,
    channels: int,
    image_size: tuple[int, int],
    classes: int,
    table: dict[str, Any],
    activation: Activation,
    normalization: Normalization,
    pooling: Pooling,
    dropout: float,
    head: str,
    width: int,
) -> nn.Module:
    """``(N, channels, *image_size)`` to class scores ``(N, classes)``."""
    scale = width / table["blocks"][0][3][0]
    block = partial(_block, activation=activation, normalization=normalization, pooling=pooling)
    blocks: dict[str, nn.Module] = {}
    inputs = channels
    for number, (*window, maps) in enumerate(table["blocks"], start=1):
        maps = _scaled(maps, scale)
        rate = dropout if number in table["dropout_after"] else 0.0
        blocks[f"block{number}"] = block(inputs, window, maps, rate=rate, ceil=table["ceil"])
        inputs = maps[-1]
    if head == "dense":
        shape = output_shape(named(**blocks), channels, image_size)
        hidden = _scaled(table["hidden"], scale)
        rest = dense_head(shape, hidden, classes, activation=activation, normalization=normalization, rate=dropout)
        return named(**blocks, **rest)
    window, hidden = table["scores"][:3], _scaled(table["scores"][3], scale) or [classes, classes]
    last = activation if table["activated"] else nn.Identity
    scores = _class_block(inputs, window, [*hidden, classes], activation, last, normalization)
    return named(**blocks, scores=scores, pooling=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten())


def _scaled(widths: list[int], scale: float) -> list[int]:
    return [max(1, round(width * scale)) for width in widths]


def _block(
    inputs: int,
    window: list[int],
    maps: list[int],
    *,
    activation: Activation,
    normalization: Normalization,
    pooling: Pooling,
    rate: float,
    ceil: bool,
) -> nn.Sequential:
    """The three convolutions, 3x3 pooling of stride 2, dropout."""
    kernel, stride, padding = window
    conv = partial(conv_block, activation=activation, normalization=normalization)
    return named(
        spatial=conv(inputs, maps[0], kernel, stride=stride, padding=padding),
        pointwise1=conv(maps[0], maps[1], 1),
        pointwise2=conv(maps[1], maps[2], 1, stride=2 if pooling.strided else 1),
        pooling=pooling(3, 2, ceil=ceil),
        dropout=dropout_layer(rate),
    )


def _class_block(
    inputs: int,
    window: list[int],
    maps: list[int],
    activation: Activation,
    last: Activation,
    normalization: Normalization,
) -> nn.Sequential:
    """The three convolutions; the last, with activation `last` and no normalization, makes a map for each class."""
    kernel, stride, padding = window
    conv = partial(conv_block, activation=activation, normalization=normalization)
    return named(
        spatial=conv(inputs, maps[0], kernel, stride=stride, padding=padding),
        pointwise1=conv(maps[0], maps[1], 1),
        pointwise2=conv_block(maps[1], maps[2], 1, activation=last, normalization=Normalization()),
    )
