"""GoogLeNet: Szegedy, Liu, Jia et al. 2015, "Going deeper with convolutions", table 1 and figure 3.

Five stages: a convolution; two convolutions; two, five and two Inception blocks (`models/inception.py`); 3x3 pooling of
stride 2 between them; then a global average and one dense layer.

    preset         images       what it is
    small          1x28x28      four of the nine blocks, an eighth as wide; a 5x5 convolution of stride 1 first
    d2l            1x96x96      the course notes (Dive into Deep Learning, section 8.4): 5,977,530 parameters
    paper          3x224x224    local response normalization, two auxiliary classifiers, dropout 0.4
    torchvision    3x224x224    always normalized, 3x3 kernels in the 5x5 branch: 13,004,888 parameters

Poolings are padded by 1; those of `torchvision` are not, but keep a last window that sticks out, and its last is 2x2:
the map sizes of table 1 come out either way. Local response normalization has AlexNet's constants, as the paper names
none. Auxiliary classifiers (section 5) follow blocks 4a and 4d and run in training mode only; they average the map
into 4x4 pixels whatever its size, where the paper has 5x5 windows of stride 3 on 14x14. Their dropout of 0.7 is left
out with `dropout: 0`. A normalization stands beside every convolution, not in dense layers.

`width` is that of the first convolution, and all others follow. `branches` keeps some of the four in every block;
`widen` then makes those wider by one factor, so that the number of parameters is nearest to that of all four.
`reductions: false` leaves out the 1x1 convolutions before the 3x3 and 5x5. `pooling: none` gives the stride to the
convolutions before, in every branch to its last; the fourth branch is a 1x1 convolution then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from math import prod
from typing import Any

from torch import nn

from cnnlab.models.layers.auxiliary import Supervised, classifier
from cnnlab.models.layers.blocks import Images, Layers, Pool, gap_head, named, output_shape, scaled
from cnnlab.models.layers.blocks import dropout as dropout_layer
from cnnlab.models.layers.inception import BRANCHES, InceptionBlock, Widths, nearest_factor
from cnnlab.models.layers.local_response_norm import LocalResponse

ARCHITECTURE = {
    "title": "GoogLeNet",
    "paper": "Szegedy et al. 2015",
    "switches": {
        "common": {},
        "pooling": "max",
        "dropout": 0.0,
        "head": "gap",
        "width": 64,
        "branches": {
            "default": "all",
            "choices": "all 1x1 3x3 5x5 pool 1x1+3x3 1x1+5x5 1x1+pool 3x3+5x5 3x3+pool 5x5+pool "
            "1x1+3x3+5x5 1x1+3x3+pool 1x1+5x5+pool 3x3+5x5+pool",
        },
        "widen": False,
        "reductions": True,
        "auxiliary": False,
        "local_response": False,
    },
    # stem: kernel and stride; pools: kernel, stride and padding after each stage but the last; bias: beside a
    # normalization that has none
    "table": {
        "stem": [7, 2],
        "pools": [[3, 2, 1], [3, 2, 1], [3, 2, 1], [3, 2, 1]],
        "blocks": ["3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"],
        "large_kernel": 5,
        "epsilon": 1e-5,
        "bias": True,
    },
    "presets": {
        "small": {
            "input": [1, 28, 10],
            "microseconds": 280,
            "table": {"stem": [5, 1], "blocks": ["3a", "4a", "4d", "5a"]},
            "switches": {"width": 8},
            "smallest_image": 9,
        },
        "d2l": {"input": [1, 96, 10]},
        "paper": {"input": [3, 224, 1000], "switches": {"dropout": 0.4, "auxiliary": True, "local_response": True}},
        "torchvision": {
            "input": [3, 224, 1000],
            "table": {
                "pools": [[3, 2, 0], [3, 2, 0], [3, 2, 0], [2, 2, 0]],
                "large_kernel": 3,
                "epsilon": 1e-3,
                "bias": False,
            },
            "switches": {"normalization": "batch", "dropout": 0.2, "auxiliary": True},
            "smallest_image": 31,
        },
    },
    # The smallest that every stage still shrinks: 17 -> 9 -> 5 -> 3 -> 2 -> 1; small 9; torchvision 31 -> 16 -> 8 ...
    "smallest_image": 17,
    "contradictions": [
        {
            "when": {"widen": True, "branches": "all"},
            "because": "no branch is missing whose parameters the others could take over",
        },
        {
            "when": {"reductions": False, "branches": ["1x1", "pool", "1x1+pool"]},
            "because": "only the 3x3 and the 5x5 branch have a reduction to leave out",
        },
    ],
    "refuses": {
        "residual": "most of its blocks change the number of channels, and the paper adds no input to an output"
    },
}

# conv1, the 1x1 reduction of conv2, conv2
STEM = (64, 64, 192)
# Table 1:     1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool proj
TABLE_1 = {
    "3a": Widths(64, 96, 128, 16, 32, 32),
    "3b": Widths(128, 128, 192, 32, 96, 64),
    "4a": Widths(192, 96, 208, 16, 48, 64),
    "4b": Widths(160, 112, 224, 24, 64, 64),
    "4c": Widths(128, 128, 256, 24, 64, 64),
    "4d": Widths(112, 144, 288, 32, 64, 64),
    "4e": Widths(256, 160, 320, 32, 128, 128),
    "5a": Widths(256, 160, 320, 32, 128, 128),
    "5b": Widths(384, 192, 384, 48, 128, 128),
}
# Section 5: the block that each auxiliary classifier looks at; channels of its convolution, of its hidden layer.
AUXILIARY = {"auxiliary1": "4a", "auxiliary2": "4d"}
AUXILIARY_WIDTHS = (128, 1024)
AUXILIARY_DROPOUT = 0.7


def build(
    images: Images,
    layers: Layers,
    *,
    table: dict[str, Any],
    dropout: float,
    head: str,
    width: int,
    branches: str,
    widen: bool,
    reductions: bool,
    auxiliary: bool,
    local_response: bool,
) -> nn.Module:
    """``(N, channels, height, width)`` to class scores ``(N, classes)``, with `auxiliary` as `Supervised` does.

    Beside each stage are its output channels and pixels a side, of table 1.
    """
    normalization = replace(layers.normalization, epsilon=table["epsilon"])
    layers = replace(layers, normalization=normalization, keeps_bias=table["bias"])
    # Where it is not padded, a pooling keeps a last window that sticks out.
    pools = [Pool(size, step, padding, ceil=not padding) for size, step, padding in table["pools"]]
    (kernel, stride), (first, second, third, fourth) = table["stem"], pools
    pixels = 1 if head == "gap" else _last_pixels(images, stride, pools, layers)
    scale = width / STEM[0]
    stem, (reduced, hidden) = scaled(STEM, scale), scaled(AUXILIARY_WIDTHS, scale)
    responses = [{"response": LocalResponse()} if local_response else {} for _ in range(2)]

    rows, large_kernel, last = partial(_rows, table["blocks"], reductions), table["large_kernel"], table["blocks"][-1]
    if widen:
        readers = {**dict.fromkeys(AUXILIARY.values(), reduced * auxiliary), last: pixels * images.classes}
        count = partial(_count, layers=layers, inputs=stem[-1], readers=readers, large_kernel=large_kernel)
        scale *= nearest_factor(lambda factor: count(rows(branches, scale * factor)), count(rows("all", scale)))
    blocks = rows(branches, scale)
    inception = partial(_stage, blocks, stem[-1], layers=layers, large_kernel=large_kernel)

    stages = named(
        stage1=named(  # 64, 56
            conv=layers.conv(images.channels, stem[0], kernel, stride=stride * layers.stride(first)),
            pooling=layers.pooling(*first),
            **responses[0],
        ),
        stage2=named(  # 192, 28
            conv1x1=layers.conv(stem[0], stem[1], 1),
            conv3x3=layers.conv(stem[1], stem[2], 3, stride=layers.stride(second)),
            **responses[1],
            pooling=layers.pooling(*second),
        ),
        stage3=inception("3", third),  # 480, 14
        stage4=inception("4", fourth),  # 832, 7
        stage5=inception("5", None),  # 1024, 7
        **_head(head, blocks[last].outputs * pixels, images.classes, dropout),
    )
    if not auxiliary:
        return stages
    rate = AUXILIARY_DROPOUT if dropout else 0.0
    classifiers = {
        name: classifier(blocks[seen].outputs, reduced, hidden, images.classes, rate, layers)
        for name, seen in AUXILIARY.items()
    }
    return Supervised(stages, classifiers, {name: f"stage4.inception{seen}" for name, seen in AUXILIARY.items()})


def _rows(names: Sequence[str], reductions: bool, branches: str, scale: float) -> dict[str, Widths]:
    """The rows of table 1 that are built, as wide as they are built."""
    kept = BRANCHES if branches == "all" else branches.split("+")
    rows = {name: TABLE_1[name].keep(kept).scaled(scale) for name in names}
    return rows if reductions else {name: widths.without_reductions() for name, widths in rows.items()}


def _count(
    rows: Mapping[str, Widths], *, layers: Layers, inputs: int, readers: Mapping[str, int], large_kernel: int
) -> int:
    """Parameters of the blocks and of the layers that look at them: `readers` for each output channel of a block."""
    per_channel = sum(weight.numel() for weight in layers.conv(1, 1, 1).parameters()) - 1
    total = 0
    for name, widths in rows.items():
        total += widths.parameters(inputs, large_kernel=large_kernel, per_channel=per_channel)
        total += widths.outputs * readers.get(name, 0)
        inputs = widths.outputs
    return total


def _last_pixels(images: Images, stride: int, pools: Sequence[Pool], layers: Layers) -> int:
    """Of the last map, from the strides alone: for the rest, every convolution keeps the size of its map."""
    shrink = [nn.MaxPool2d(1, pool.stride) if layers.pooling.strided else layers.pooling(*pool) for pool in pools]
    return prod(output_shape(nn.Sequential(nn.MaxPool2d(1, stride), *shrink), images._replace(channels=1)))


def _stage(
    rows: Mapping[str, Widths], inputs: int, number: str, pool: Pool | None, *, layers: Layers, large_kernel: int
) -> nn.Sequential:
    """The Inception blocks of one stage; `inputs` are the channels that the first block of all is given."""
    blocks: dict[str, nn.Module] = {}
    last = max(name for name in rows if name.startswith(number))
    for name, widths in rows.items():
        if name.startswith(number):
            stride = layers.stride(pool) if pool and name == last else 1
            blocks[f"inception{name}"] = InceptionBlock(
                inputs, widths, layers, stride=stride, large_kernel=large_kernel
            )
        inputs = widths.outputs
    return named(**blocks, **({"pooling": layers.pooling(*pool)} if pool else {}))


def _head(kind: str, inputs: int, classes: int, rate: float) -> dict[str, nn.Module]:
    if kind == "gap":
        return gap_head(inputs, classes, rate)
    return {"flatten": nn.Flatten(), "dropout": dropout_layer(rate), "output": nn.Linear(inputs, classes)}
