"""AlexNet: Krizhevsky, Sutskever & Hinton 2012, "ImageNet classification with deep convolutional neural networks".

The network of figure 2 and section 3.5: five convolutions, the first large and strided, three of them followed by
overlapping 3x3 max pooling with stride 2 (section 3.4), then two hidden dense layers.

    preset         images       first convolution            maps                       unlike the paper
    small          1x28x28      7x7, stride 2, padding 3     12, 32, 48, 48, 32         as d2l; pools 2x2 windows
    d2l            1x224x224    11x11, stride 4, padding 1   96, 256, 384, 384, 256     no grouping, no local response
    paper          3x224x224    11x11, stride 4, padding 2   96, 256, 384, 384, 256
    torchvision    3x224x224    11x11, stride 4, padding 2   64, 192, 384, 256, 256     as d2l; averages 6x6 windows

Parameters: d2l on 10 classes 46,764,746; on 1,000 classes paper 60,965,224 and torchvision 61,100,840. From the 224
pixels of the paper's text, its maps of 55, 27, 13 and 6 pixels a side take a padding of 2. torchvision's maps are those
of Krizhevsky 2014, "One weird trick for parallelizing convolutional neural networks".

Dropout follows the two hidden dense layers, as in the paper and the course notes; torchvision has it before them.
Normalization stands beside each hidden affine map; the local response normalization of section 3.3 after the activation
of the first two convolutions. With `grouping`, the paper's two GPUs, odd numbers of maps are rounded up to even ones.
`head: gap` averages the last maps in place of the hidden dense layers. With `pooling: none` maps are one or two pixels
larger, as there is no window that must fit. `width` scales the convolutions, not the dense layers.

`small` pools 2x2 because it has to train at the rates that suit other networks: at 0.03, without normalization, none of
three pilots with overlapping windows learned, and six of seven without did.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from torch import nn

from cnnlab.models.layers.blocks import Images, Layers, Pool, named, scaled, with_head
from cnnlab.models.layers.local_response_norm import LocalResponse

ARCHITECTURE = {
    "title": "AlexNet",
    "paper": "Krizhevsky et al. 2012",
    "switches": {
        "common": {},
        "pooling": "max",
        "dropout": 0.0,
        "head": "dense",
        "width": 96,
        "grouping": False,
        "local_response": False,
    },
    # first: kernel, stride and padding of the first convolution; pool: those of each pooling.
    "table": {"first": [11, 4, 2], "maps": [96, 256, 384, 384, 256], "pool": [3, 2, 0], "hidden": [4096, 4096]},
    "presets": {
        "small": {
            "input": [1, 28, 10],
            "microseconds": 110,
            "table": {"first": [7, 2, 3], "pool": [2, 2, 0], "hidden": [128, 128]},
            "switches": {"width": 12},
            # Convolution 8 -> pool 4 -> pool 2 -> pool 1.
            "smallest_image": 15,
        },
        "d2l": {
            "input": [1, 224, 10],
            "table": {"first": [11, 4, 1]},
            "switches": {"dropout": 0.5},
            "smallest_image": 65,
        },
        "paper": {
            "input": [3, 224, 1000],
            "switches": {"dropout": 0.5, "grouping": True, "local_response": True, "initialization": "paper"},
        },
        "torchvision": {
            "input": [3, 224, 1000],
            "table": {"maps": [64, 192, 384, 256, 256], "average": 6},
            "switches": {"dropout": 0.5, "width": 64},
        },
    },
    # Padded by 2: convolution 15 -> pool 7 -> pool 3 -> pool 1.
    "smallest_image": 63,
    # Section 5.
    "paper_initialization": {
        "normal": 0.01,
        "ones": ["block2.conv", "block4.conv", "block5.conv", "dense1.dense", "dense2.dense"],
    },
    "refuses": {"residual": "at most one of its convolutions keeps the shape of its input"},
}

# Of the second to fifth convolution; padded so that they keep the size.
KERNELS = (5, 3, 3, 3)
POOLED, GROUPED, RESPONDING = (1, 2, 5), (2, 4, 5), (1, 2)


def build(
    images: Images,
    layers: Layers,
    *,
    table: dict[str, Any],
    dropout: float,
    head: str,
    width: int,
    grouping: bool,
    local_response: bool,
) -> nn.Module:
    """``(N, channels, height, width)`` to class scores ``(N, classes)``."""
    maps = scaled(table["maps"], width / table["maps"][0])
    if grouping:
        maps = [count + count % 2 for count in maps]
    windows = [table["first"], *((kernel, 1, kernel // 2) for kernel in KERNELS)]
    body: dict[str, nn.Module] = {}
    for number, (pair, window) in enumerate(zip(pairwise([images.channels, *maps]), windows, strict=True), start=1):
        kernel, stride, padding = window
        groups = 2 if grouping and number in GROUPED else 1
        pool = Pool(*table["pool"]) if number in POOLED else None
        block = layers.conv(*pair, kernel, stride=stride, padding=padding, groups=groups, pool=pool)
        body[f"block{number}"] = _responding(block) if local_response and number in RESPONDING else block
    hidden, side = table["hidden"], table.get("average")
    return with_head(body, head, maps[-1], images, layers, hidden=hidden, rate=dropout, side=side)


def _responding(block: nn.Sequential) -> nn.Sequential:
    """The block with local response normalization between its activation and its pooling."""
    layers = dict(block.named_children())
    pooling = layers.pop("pooling")
    return named(**layers, response=LocalResponse(), pooling=pooling)
