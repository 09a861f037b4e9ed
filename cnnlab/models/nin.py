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

from typing import Any

from torch import nn

from cnnlab.models.layers.blocks import Images, Layers, Pool, named, scaled, with_head
from cnnlab.models.layers.blocks import dropout as dropout_layer

ARCHITECTURE = {
    "title": "NiN",
    "paper": "Lin et al. 2014",
    "switches": {"common": {}, "pooling": "max", "dropout": 0.5, "head": "gap", "width": 96},
    # Of each block: kernel, stride and padding of the convolution, then the channels of the three. In that of the
    # scores the last has a channel for each class; without numbers, all three do. activated: the scores too.
    "table": {"activated": True, "ceil": True},
    "presets": {
        "small": {
            "input": [1, 28, 10],
            "microseconds": 230,
            "table": {
                "blocks": [[5, 1, 2, [8, 8, 8]], [5, 1, 2, [16, 16, 16]], [3, 1, 1, [32, 32, 32]]],
                "scores": [3, 1, 1, [32, 32]],
                "activated": False,
                "dropout_after": [1, 2, 3],
                "hidden": [128, 128],
            },
            "switches": {"width": 8, "dropout": 0.0},
            "smallest_image": 8,
        },
        "d2l": {
            "input": [1, 224, 10],
            "table": {
                "blocks": [[11, 4, 0, [96, 96, 96]], [5, 1, 2, [256, 256, 256]], [3, 1, 1, [384, 384, 384]]],
                "scores": [3, 1, 1, []],
                "ceil": False,
                "dropout_after": [3],
                "hidden": [4096, 4096],
            },
        },
        "paper": {
            "input": [3, 32, 10],
            "table": {
                "blocks": [[5, 1, 2, [192, 160, 96]], [5, 1, 2, [192, 192, 192]]],
                "scores": [3, 1, 1, [192, 192]],
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


def build(images: Images, layers: Layers, *, table: dict[str, Any], dropout: float, head: str, width: int) -> nn.Module:
    """``(N, channels, height, width)`` to class scores ``(N, classes)``."""
    scale = width / table["blocks"][0][3][0]
    pool = Pool(3, 2, ceil=table["ceil"])
    body: dict[str, nn.Module] = {}
    inputs = images.channels
    for number, (*window, maps) in enumerate(table["blocks"], start=1):
        rate = dropout if number in table["dropout_after"] else 0.0
        maps = scaled(maps, scale)
        convolutions = _mlpconv(inputs, window, maps, layers, layers, layers.stride(pool))
        body[f"block{number}"] = named(**convolutions, pooling=layers.pooling(*pool), dropout=dropout_layer(rate))
        inputs = maps[-1]
    if head == "dense":
        hidden = scaled(table["hidden"], scale)
        return with_head(body, head, inputs, images, layers, hidden=hidden, rate=dropout)
    *window, maps = table["scores"]
    maps = [*(scaled(maps, scale) or [images.classes] * 2), images.classes]
    last = Layers(layers.activation if table["activated"] else nn.Identity)
    scores = named(**_mlpconv(inputs, window, maps, layers, last))
    return named(**body, scores=scores, pooling=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten())


def _mlpconv(
    inputs: int, window: list[int], maps: list[int], layers: Layers, last: Layers, stride: int = 1
) -> dict[str, nn.Module]:
    """The three convolutions of a block; the last is made of `last` and takes the stride of its pooling."""
    kernel, first_stride, padding = window
    return {
        "spatial": layers.conv(inputs, maps[0], kernel, stride=first_stride, padding=padding),
        "pointwise1": layers.conv(maps[0], maps[1], 1),
        "pointwise2": last.conv(maps[1], maps[2], 1, stride=stride),
    }
