"""A multilayer perceptron: the baseline that sees an image as a list of numbers.

The network of the course notes (Dive into Deep Learning, section 5.2): flatten, dense layers with an
activation between them. The preset `d2l` has the notes' 256 hidden units; `small` has 78, so that its 62,020
parameters on 1x28x28 images and 10 classes match LeNet's 61,706 to 0.5 %. Elsewhere choose `width` anew.

`depth` counts the layers with weights, as in the other architectures; each hidden one has `width` units.
"""

from __future__ import annotations

from torch import nn

from cnnlab.models.layers.blocks import Images, Layers, named

ARCHITECTURE = {
    "title": "Multilayer perceptron",
    "paper": "Rumelhart, Hinton & Williams 1986",
    "switches": {"common": {}, "dropout": 0.0, "width": 78, "depth": {"default": 2, "from": 2}},
    "presets": {
        "small": {"input": [1, 28, 10], "microseconds": 8},
        "d2l": {"input": [1, 28, 10], "switches": {"width": 256}},
    },
    "smallest_image": 1,
    "refuses": {
        "pooling": "it has no map to pool",
        "head": "all of it is a dense head",
        "residual": "its first layer changes the width, and by default there is no other hidden one",
    },
}


def build(images: Images, layers: Layers, *, dropout: float, width: int, depth: int) -> nn.Module:
    """``(N, channels, height, width)`` to class scores ``(N, classes)``."""
    return named(**layers.dense_head(images.shape, [width] * (depth - 1), images.classes, dropout))
