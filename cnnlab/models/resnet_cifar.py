"""The CIFAR residual networks of He, Zhang, Ren & Sun 2016, "Deep residual learning for image recognition".

Section 4.2: a 3x3 convolution, three stages of n blocks of two 3x3 convolutions, a global average, one dense
layer: 6n + 2 layers with weights. Shortcuts are the identity (the paper's option A: where the shape changes,
every second pixel, and zeros for the new channels), so that `residual: false`, the paper's plain network, has
the same weights by the same names. `shortcut: projection` is option B: a 1x1 convolution with normalization
where the shape changes.

    output map    32x32     16x16    8x8         parameters of width 16, 3 channels, 10 classes:
    layers        1 + 2n    2n       2n          ResNet-20 0.27 M, -32 0.46, -44 0.66, -56 0.85, -110 1.7
    channels      w         2w       4w

Deviation: a convolution has a bias where no normalization replaces it, as the paper's networks are always
normalized.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from torch import nn

from cnnlab.models.layers.blocks import Images, Layers, with_head
from cnnlab.models.layers.residual import SHORTCUTS, Block, basic, stages

ARCHITECTURE = {
    "title": "ResNet (CIFAR style)",
    "paper": "He et al. 2016, section 4.2",
    "switches": {
        "depth": {"default": 20, "from": 8, "step": 6},
        "width": 16,
        "residual": True,
        "shortcut": {"default": "identity", "choices": ["identity", "projection"]},
        "common": {"normalization": "batch"},
        "zero_init": False,
        "head": "gap",
    },
    "presets": {
        "small": {"input": [1, 14, 10], "microseconds": 330, "switches": {"width": 8}},
        "paper": {"input": [3, 32, 10], "switches": {"initialization": "paper"}},
    },
    # The last two stages halve the map: 4 -> 2 -> 1.
    "smallest_image": 4,
    # Section 3.4, after He et al. 2015: normal with variance 2 / fan-in.
    "paper_initialization": {"normal_fan_in": 2},
    "contradictions": [
        {"when": {"residual": False, "shortcut": "projection"}, "because": "a plain network has no shortcut"}
    ],
    "refuses": {"pooling": "it has no pooling layer but the global average"},
}


def build(
    images: Images, layers: Layers, *, depth: int, width: int, residual: bool, shortcut: str, zero_init: bool, head: str
) -> nn.Module:
    """``(N, channels, height, width)`` to class scores ``(N, classes)``."""
    layers = replace(layers, keeps_bias=False)
    stem = layers.conv(images.channels, width, 3)
    kind = SHORTCUTS[shortcut] if residual else None
    block = partial(Block, layers=layers, convolutions=basic, shortcut=kind, zero_init=zero_init)
    body, outputs = stages(width, 3 * [(depth - 2) // 6], block)
    return with_head({"stem": stem, **body}, head, outputs, images, layers)
