"""A multilayer perceptron: the baseline that sees an image as a list of numbers.

The network of the course notes (Dive into Deep Learning, section 5.2): flatten, dense layers with an
activation between them. The preset `d2l` has the notes' 256 hidden units; `small` has 78, so that its 62,020
parameters on 1x28x28 images and 10 classes match LeNet's 61,706 to 0.5 %. Elsewhere choose `width` anew.

`depth` counts the layers with weights, as in the other architectures; each hidden one has `width` units.
"""

from __future__ import annotations

from itertools import pairwise
from math import prod

from torch import nn

from cnnlab.models.blocks import dense_block, named
from cnnlab.models.switches import Activation, Normalization

ARCHITECTURE = {
    "title": "Multilayer perceptron",
    "paper": "Rumelhart, Hinton & Williams 1986",
    "switches": {
        "activation": "relu",
        "normalization": "none",
        "dropout": 0.0,
        "width": 78,
        "depth": {"default": 2, "from": 2},
        "initialization": "auto",
    },
    "presets": {
        "small": {"channels": 1, "image_size": 28, "classes": 10},
        "d2l": {"channels": 1, "image_size": 28, "classes": 10, "switches": {"width": 256}},
    },
    "smallest_image": 1,
}


def build(
    *,
    channels: int,
    image_size: tuple[int, int],
    classes: int,
    activation: Activation,
    normalization: Normalization,
    dropout: float,
    width: int,
    depth: int,
) -> nn.Module:
    """``(N, channels, *image_size)`` to class scores ``(N, classes)``."""
    widths = [channels * prod(image_size), *[width] * (depth - 1)]
    hidden = {
        f"dense{number}": dense_block(*pair, activation=activation, normalization=normalization, rate=dropout)
        for number, pair in enumerate(pairwise(widths), start=1)
    }
    return named(flatten=nn.Flatten(), **hidden, output=nn.Linear(width, classes))
