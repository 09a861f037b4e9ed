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

from torch import nn

from cnnlab.models.layers.blocks import Images, Layers, Pool, scaled, with_head

ARCHITECTURE = {
    "title": "LeNet-5",
    "paper": "LeCun et al. 1998",
    "switches": {
        "common": {"activation": "sigmoid"},
        "pooling": "average",
        "dropout": 0.0,
        "head": "dense",
        "width": 6,
    },
    "table": {"padding": 2},
    "presets": {
        "small": {"input": [1, 28, 10], "microseconds": 100},
        "d2l": {"input": [1, 28, 10]},
        "paper": {
            "input": [1, 32, 10],
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

# Channels of the two convolutions at width 6; a 2x2 pooling follows each.
MAPS, KERNEL = (6, 16), 5
POOL = Pool(2, 2)
HIDDEN = (120, 84)


def build(images: Images, layers: Layers, *, table: dict[str, int], dropout: float, head: str, width: int) -> nn.Module:
    """``(N, channels, height, width)`` to class scores ``(N, classes)``; shapes at 28x28."""
    first, second = scaled(MAPS, width / MAPS[0])
    body = {
        "block1": layers.conv(images.channels, first, KERNEL, padding=table["padding"], pool=POOL),  # 6x14x14
        "block2": layers.conv(first, second, KERNEL, padding=0, pool=POOL),  # 16x5x5
    }
    return with_head(body, head, second, images, layers, hidden=HIDDEN, rate=dropout)
