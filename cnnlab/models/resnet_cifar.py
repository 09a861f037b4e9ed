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

from functools import partial

from torch import nn

from cnnlab.models.layers.blocks import conv_block, named
from cnnlab.models.layers.residual import SHORTCUTS, Block, Stage, basic, head_layers, stages
from cnnlab.models.layers.switches import Activation, Normalization

ARCHITECTURE = {
    "title": "ResNet (CIFAR style)",
    "paper": "He et al. 2016, section 4.2",
    "switches": {
        "depth": {"default": 20, "from": 8, "step": 6},
        "width": 16,
        "residual": True,
        "shortcut": {"default": "identity", "choices": ["identity", "projection"]},
        "activation": "relu",
        "normalization": "batch",
        "normalization_order": "before",
        "affine": "both",
        "zero_init": False,
        "head": "gap",
        "initialization": "auto",
    },
    "presets": {
        "small": {"channels": 1, "image_size": 14, "classes": 10, "switches": {"width": 8}},
        "paper": {"channels": 3, "image_size": 32, "classes": 10, "switches": {"initialization": "paper"}},
    },
    # The last two stages halve the map: 4 -> 2 -> 1.
    "smallest_image": 4,
    # Section 3.4, after He et al. 2015: normal with variance 2 / fan-in.
    "paper_initialization": {"normal_fan_in": 2},
    "contradictions": [
        {
            "when": {"residual": False, "shortcut": "projection"},
            "because": "a plain network has no shortcut",
        },
        {
            "when": {"zero_init": True, "residual": False},
            "because": "without a shortcut nothing would pass a block that starts at 0",
        },
        {
            "when": {"zero_init": True, "normalization": "none"},
            "because": "there is no normalization whose scale could start at 0",
        },
        {
            "when": {"zero_init": True, "affine": ["shift", "none"]},
            "because": "the normalization learns no scale that could start at 0",
        },
        {
            "when": {"zero_init": True, "normalization_order": "after"},
            "because": "the last normalization follows the sum, and would erase the shortcut too",
        },
    ],
    "refuses": {"pooling": "it has no pooling layer but the global average"},
}

#         channels / w, stride
STAGES = {"stage1": (1, 1), "stage2": (2, 2), "stage3": (4, 2)}


def build(
    *,
    channels: int,
    image_size: tuple[int, int],
    classes: int,
    depth: int,
    width: int,
    residual: bool,
    shortcut: str,
    activation: Activation,
    normalization: Normalization,
    zero_init: bool,
    head: str,
) -> nn.Module:
    """``(N, channels, *image_size)`` to class scores ``(N, classes)``."""
    block = partial(
        Block,
        convolutions=basic,
        shortcut=partial(SHORTCUTS[shortcut], normalization=normalization) if residual else None,
        activation=activation,
        normalization=normalization,
        zero_init=zero_init,
    )
    bias = not normalization.replaces_bias
    stem = conv_block(channels, width, 3, padding=1, bias=bias, activation=activation, normalization=normalization)
    plan = {name: Stage(multiple * width, (depth - 2) // 6, stride) for name, (multiple, stride) in STAGES.items()}
    body, outputs = stages(width, plan, block)
    layers = {"stem": stem, **body}
    return named(**layers, **head_layers(head, outputs, classes, layers, channels, image_size))
