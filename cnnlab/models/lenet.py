"""LeNet-5: LeCun, Bottou, Bengio & Haffner 1998, "Gradient-based learning applied to document recognition".

The network of the course notes (Dive into Deep Learning, section 7.6), which follows the paper's figure 2
with these deviations: sigmoid for the scaled tanh, plain average pooling without a trainable coefficient and
bias, every map of the second convolution sees all six maps (the paper's table I connects them in part), and a
dense output layer for the radial basis functions. 28x28 images are padded by 2 to the paper's 32x32. 61,706
parameters for 1x28x28, 10 classes.

Normalization stands between each hidden affine map and its activation; dropout follows the two hidden dense
layers.
"""

from __future__ import annotations

from functools import partial

from torch import nn

from cnnlab.models.blocks import conv_block, dense_block, named
from cnnlab.models.switches import Activation, Normalization, Pooling

ARCHITECTURE = {
    "title": "LeNet-5",
    "paper": "LeCun et al. 1998",
    "switches": {
        "activation": "sigmoid",
        "normalization": "none",
        "pooling": "average",
        "dropout": 0.0,
        "initialization": "auto",
    },
    "presets": {
        "small": {"channels": 1, "image_size": 28, "classes": 10},
        "d2l": {"channels": 1, "image_size": 28, "classes": 10},
    },
    # 12 -> pool 6 -> convolution 2 -> pool 1
    "smallest_image": 12,
}

#         channels, kernel, padding, then 2x2 pooling
BLOCK_1 = (6, 5, 2)
BLOCK_2 = (16, 5, 0)
HIDDEN = (120, 84)


def build(
    *,
    channels: int,
    image_size: tuple[int, int],
    classes: int,
    activation: Activation,
    normalization: Normalization,
    pooling: Pooling,
    dropout: float,
) -> nn.Module:
    """``(N, channels, *image_size)`` to class scores ``(N, classes)``."""
    (maps_1, kernel_1, padding_1), (maps_2, kernel_2, padding_2) = BLOCK_1, BLOCK_2
    height, width = ((side // 2 - kernel_2 + 1) // 2 for side in image_size)
    conv = partial(conv_block, activation=activation, normalization=normalization, pooling=pooling)
    dense = partial(dense_block, activation=activation, normalization=normalization, rate=dropout)
    return named(
        block1=conv(channels, maps_1, kernel_1, padding=padding_1),
        block2=conv(maps_1, maps_2, kernel_2, padding=padding_2),
        flatten=nn.Flatten(),
        dense1=dense(maps_2 * height * width, HIDDEN[0]),
        dense2=dense(HIDDEN[0], HIDDEN[1]),
        output=nn.Linear(HIDDEN[1], classes),
    )
