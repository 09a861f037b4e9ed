"""VGG: Simonyan & Zisserman 2015, "Very deep convolutional networks for large-scale image recognition".

The configurations A, B, D and E of table 1, by `depth`, the number of layers with weights: five stages of 3x3
convolutions that keep the size, 2x2 max pooling after each stage, then two hidden dense layers.

    depth      stage 1    stage 2    stage 3    stage 4    stage 5     parameters on 3x224x224, 1,000 classes
    11 (A)     1          1          2          2          2           132,863,336
    13 (B)     2          2          2          2          2           133,047,848
    16 (D)     2          2          3          3          3           138,357,544
    19 (E)     2          2          4          4          4           143,667,240
    channels   w          2w         4w         8w         8w          w = 64 = `width`

    preset         images       w     unlike the paper
    small          1x28x28      6     stages 4 and 5 without pooling (28, 14, 7, 3 pixels a side); hidden layers of 128
    d2l            1x224x224    64    128,806,154 parameters on 10 classes; of width 16, 43,093,322
    paper          3x224x224    64
    torchvision    3x224x224    64    averages 7x7 windows; dense layers are never normalized

Dropout follows the hidden dense layers. The paper's initialization is that of its network of 11 layers, whose weights
the deeper ones started from. Normalization stands beside each hidden affine map, and convolutions keep their biases.
`head: gap` averages the last maps in place of the hidden dense layers. `width` scales the convolutions, not the dense
layers.

Section 2.3 argues that two 3x3 convolutions beat one 5x5 of the same receptive field. `kernel_plan: single` puts one
convolution, 5x5, 7x7 or 9x9, for the two, three or four of each stage; `inner_activation: false` leaves them linear
among themselves, with an activation at the end of each stage alone (and normalization, if any, after each). `stages`
keeps the first few of the five, for small images whose later maps would be smaller than such a kernel.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch import nn

from cnnlab.models.layers.blocks import NO_NORMALIZATION, Images, Layers, Pool, named, with_head

ARCHITECTURE = {
    "title": "VGG",
    "paper": "Simonyan & Zisserman 2015",
    "switches": {
        "common": {},
        "pooling": "max",
        "dropout": 0.0,
        "head": "dense",
        "width": 64,
        "depth": {"default": 11, "choices": [11, 13, 16, 19]},
        "stages": {"default": 5, "choices": [2, 3, 4, 5]},
        "kernel_plan": {"default": "stacked", "choices": ["stacked", "single"]},
        "inner_activation": True,
    },
    # pooled: the stages that end in pooling; normalized: whether normalization includes the hidden dense layers.
    "table": {"pooled": [1, 2, 3, 4, 5], "hidden": [4096, 4096], "normalized": True},
    "presets": {
        "small": {
            "input": [1, 28, 10],
            "microseconds": 190,
            "table": {"pooled": [1, 2, 3], "hidden": [128, 128]},
            "switches": {"width": 6},
            "smallest_image": 8,
        },
        "d2l": {"input": [1, 224, 10], "switches": {"dropout": 0.5}},
        "paper": {"input": [3, 224, 1000], "switches": {"dropout": 0.5, "depth": 16, "initialization": "paper"}},
        "torchvision": {
            "input": [3, 224, 1000],
            "table": {"average": 7, "normalized": False},
            "switches": {"dropout": 0.5},
        },
    },
    # Halved by each pooling down to one pixel.
    "smallest_image": 32,
    # Section 3.1: a variance of 0.01.
    "paper_initialization": {"normal": 0.1},
    "contradictions": [
        {
            "when": {"kernel_plan": "single", "inner_activation": False},
            "because": "a stage of one convolution has no activation inside",
        },
        {
            "when": {"activation": "identity", "inner_activation": False},
            "because": "there is no activation to leave out",
        },
    ],
    "refuses": {
        "residual": "its stages are plain stacks by definition; skeleton and resnet compare them with residual ones"
    },
}

# Convolutions of each stage, by depth, and their channels in multiples of the width.
STAGES = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
MULTIPLES = (1, 2, 4, 8, 8)


def build(
    images: Images,
    layers: Layers,
    *,
    table: dict[str, Any],
    dropout: float,
    head: str,
    width: int,
    depth: int,
    stages: int,
    kernel_plan: str,
    inner_activation: bool,
) -> nn.Module:
    """``(N, channels, height, width)`` to class scores ``(N, classes)``."""
    inner = layers if inner_activation else replace(layers, activation=nn.Identity)
    body: dict[str, nn.Module] = {}
    inputs = images.channels
    for number, (count, multiple) in enumerate(zip(STAGES[depth][:stages], MULTIPLES, strict=False), start=1):
        kernels = [3] * count if kernel_plan == "stacked" else [2 * count + 1]
        pool = Pool(2, 2) if number in table["pooled"] else None
        body[f"stage{number}"] = _stage(inputs, multiple * width, kernels, inner, layers, pool)
        inputs = multiple * width
    dense = layers if table["normalized"] else replace(layers, normalization=NO_NORMALIZATION)
    hidden, side = table["hidden"], table.get("average")
    return with_head(body, head, inputs, images, dense, hidden=hidden, rate=dropout, side=side)


def _stage(
    inputs: int, outputs: int, kernels: list[int], inner: Layers, last: Layers, pool: Pool | None
) -> nn.Sequential:
    """Convolutions that keep the size; the last one has the stage's own activation and pooling."""
    blocks: dict[str, nn.Module] = {}
    for number, kernel in enumerate(kernels[:-1], start=1):
        blocks[f"conv{number}"] = inner.conv(inputs, outputs, kernel)
        inputs = outputs
    return named(**blocks, **{f"conv{len(kernels)}": last.conv(inputs, outputs, kernels[-1], pool=pool)})
