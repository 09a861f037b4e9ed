"""LeNet-5: LeCun, Bottou, Bengio & Haffner 1998, "Gradient-based learning applied to document recognition".

The network of the course notes (Dive into Deep Learning, section 7.6), which follows the paper's figure 2 with these
deviations: plain average pooling without a trainable coefficient and bias, and the activation before it and not after;
every map of the second convolution sees all six maps (the paper's table I connects them in part); a dense layer for
the paper's third convolution, which at 32x32 is the same; and one for its radial basis functions.

    preset        images      first convolution    activation
    d2l, small    1x28x28     padded by 2          sigmoid
    paper         1x32x32     not padded           tanh (not scaled)

61,706 parameters on 10 classes in each. Normalization stands beside each hidden affine map; dropout follows the two
hidden dense layers. `head: gap` averages the maps of the second block in place of the hidden dense layers.
"""

from __future__ import annotations

from functools import partial

from torch import nn

from cnnlab.models.layers.blocks import Pool, conv_block, dense_head, gap_head, named, output_shape
from cnnlab.models.layers.switches import Activation, Normalization, Pooling

ARCHITECTURE = {
    "title": "LeNet-5",
    "paper": "LeCun et al. 1998",
    "switches": {
        "activation": "sigmoid",
        "normalization": "none",
        "normalization_order": "before",
        "affine": "both",
        "pooling": "average",
        "dropout": 0.0,
        "head": "dense",
        "width": 6,
        "initialization": "auto",
    },
    "presets": {
        "small": {"channels": 1, "image_size": 28, "classes": 10, "table": {"padding": 2}},
        "d2l": {"channels": 1, "image_size": 28, "classes": 10, "table": {"padding": 2}},
        "paper": {
            "channels": 1,
            "image_size": 32,
            "classes": 10,
            "table": {"padding": 0},
            "switches": {"activation": "tanh", "initialization": "paper"},
            "smallest_image": 16,
        },
    },
    # 12 -> pool 6 -> convolution 2 -> pool 1; without the padding 16 -> 12 -> 6 -> 2 -> 1
    "smallest_image": 12,
    # Section 5 and appendix A: uniform between -2.4 / F and 2.4 / F, F the fan-in.
    "paper_initialization": {"uniform_fan_in": 2.4},
    "refuses": {"residual": "no block of it keeps the shape of its input, so there is nothing to add it to"},
}

#          channels of width 6, kernel, then 2x2 pooling
BLOCK_1 = (6, 5)
BLOCK_2 = (16, 5)
HIDDEN = (120, 84)


def build(
    *,
    channels: int,
    image_size: tuple[int, int],
    classes: int,
    table: dict[str, int],
    activation: Activation,
    normalization: Normalization,
    pooling: Pooling,
    dropout: float,
    head: str,
    width: int,
) -> nn.Module:
    """``(N, channels, *image_size)`` to class scores ``(N, classes)``."""
    (maps_1, kernel_1), (maps_2, kernel_2) = BLOCK_1, BLOCK_2
    maps_1, maps_2 = width, round(maps_2 * width / maps_1)
    conv = partial(conv_block, activation=activation, normalization=normalization, pooling=pooling, pool=Pool(2, 2))
    body = named(
        block1=conv(channels, maps_1, kernel_1, padding=table["padding"]),
        block2=conv(maps_1, maps_2, kernel_2),
    )
    if head == "gap":
        rest = gap_head(maps_2, classes, dropout)
    else:
        shape = output_shape(body, channels, image_size)
        rest = dense_head(shape, HIDDEN, classes, activation=activation, normalization=normalization, rate=dropout)
    return named(**dict(body.named_children()), **rest)
