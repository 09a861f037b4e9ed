"""ResNet-18, -34 and -50: He, Zhang, Ren & Sun 2016, "Deep residual learning for image recognition", table 1.

    layer         map        18                34                50
    stem          112x112    7x7, 64, stride 2
    stem.pooling  56x56      3x3 max pooling, stride 2
    stage1        56x56      2 x [3x3, 64]     3 x [3x3, 64]     3 x [1x1 64, 3x3 64, 1x1 256]
    stage2        28x28      2 x [3x3, 128]    4 x [3x3, 128]    4 x [1x1 128, 3x3 128, 1x1 512]
    stage3        14x14      2 x [3x3, 256]    6 x [3x3, 256]    6 x [1x1 256, 3x3 256, 1x1 1024]
    stage4        7x7        2 x [3x3, 512]    3 x [3x3, 512]    3 x [1x1 512, 3x3 512, 1x1 2048]
                             global average, dense layer to the class scores

    preset         depth, w    images       stem       convolutions    projections    stride of a bottleneck in
    paper          50, 64      3x224x224    7x7 / 2    no bias         normalized     its first 1x1
    torchvision    18, 64      3x224x224    7x7 / 2    no bias         normalized     its 3x3
    d2l            18, 64      1x96x96      7x7 / 2    bias            bare           (18 has none)
    small          18, 8       1x28x28      3x3 / 1    no bias         normalized     (18 has none)

Each [3x3] of 18 and 34 is a pair. Shortcuts are projections where the shape changes (the paper's option B), or with
`shortcut: identity` zeros for the new channels (option A). `small` has an eighth of the channels, in the same stages,
on maps of 14, 7, 4 and 2 pixels.

Deviation: a convolution has a bias where no normalization replaces it, as the paper's networks are always
normalized.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from torch import nn

from cnnlab.models.layers.blocks import Images, Layers, Pool, with_head
from cnnlab.models.layers.residual import SHORTCUTS, Block, bare_projection, basic, bottleneck, stages

ARCHITECTURE = {
    "title": "ResNet",
    "paper": "He et al. 2016",
    "switches": {
        "depth": {"default": 18, "choices": [18, 34, 50]},
        "width": 64,
        "residual": True,
        "shortcut": {"default": "projection", "choices": ["identity", "projection"]},
        "common": {"normalization": "batch"},
        "zero_init": False,
        "pooling": "max",
        "head": "gap",
    },
    # stem: kernel and stride; strided: the convolution of a bottleneck that takes the stride
    "table": {"stem": [7, 2], "bias": False, "normalized_projection": True, "strided": "1x1"},
    "presets": {
        "small": {
            "input": [1, 28, 10],
            "microseconds": 380,
            "table": {"stem": [3, 1]},
            "switches": {"width": 8},
            "smallest_image": 9,
        },
        "d2l": {"input": [1, 96, 10], "table": {"bias": True, "normalized_projection": False}},
        "paper": {"input": [3, 224, 1000], "switches": {"depth": 50, "initialization": "paper"}},
        "torchvision": {"input": [3, 224, 1000], "table": {"strided": "3x3"}},
    },
    # Each halving finds something to halve: 17 -> 9 -> 5 -> 3 -> 2 -> 1; without the stem's stride from 9.
    "smallest_image": 17,
    # Section 3.4, after He et al. 2015: normal with variance 2 / fan-in.
    "paper_initialization": {"normal_fan_in": 2},
    "contradictions": [
        {"when": {"residual": False, "shortcut": "identity"}, "because": "a plain network has no shortcut"}
    ],
}

# Blocks of each stage, by depth.
DEPTHS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}
BOTTLENECKS = (50,)
STEM_POOL = Pool(3, 2, padding=1)


def build(
    images: Images,
    layers: Layers,
    *,
    table: dict[str, Any],
    depth: int,
    width: int,
    residual: bool,
    shortcut: str,
    zero_init: bool,
    head: str,
) -> nn.Module:
    """``(N, channels, height, width)`` to class scores ``(N, classes)``."""
    layers = replace(layers, keeps_bias=table["bias"])
    projecting = SHORTCUTS if table["normalized_projection"] else {**SHORTCUTS, "projection": bare_projection}
    block = partial(
        Block,
        layers=layers,
        convolutions=partial(bottleneck, strided=table["strided"]) if depth in BOTTLENECKS else basic,
        shortcut=projecting[shortcut] if residual else None,
        zero_init=zero_init,
    )
    kernel, stride = table["stem"]
    stem = layers.conv(images.channels, width, kernel, stride=stride, pool=STEM_POOL)
    body, outputs = stages(width, DEPTHS[depth], block)
    return with_head({"stem": stem, **body}, head, outputs, images, layers)
