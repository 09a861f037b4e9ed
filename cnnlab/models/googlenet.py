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

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import prod
from typing import Any

from torch import nn

from cnnlab.models.layers.auxiliary import Supervised, classifier
from cnnlab.models.layers.blocks import conv_block, gap_head, named, output_shape
from cnnlab.models.layers.blocks import dropout as dropout_layer
from cnnlab.models.layers.inception import BRANCHES, InceptionBlock, Widths, nearest_factor
from cnnlab.models.layers.local_response_norm import LocalResponse
from cnnlab.models.layers.switches import Activation, Normalization, Pooling

Conv = Callable[..., nn.Module]

ARCHITECTURE = {
    "title": "GoogLeNet",
    "paper": "Szegedy et al. 2015",
    "switches": {
        "activation": "relu",
        "normalization": "none",
        "normalization_order": "before",
        "affine": "both",
        "pooling": "max",
        "dropout": 0.0,
        "head": "gap",
        "width": 64,
        "branches": {
            "default": "all",
            "choices": [
                "all",
                "1x1",
                "3x3",
                "5x5",
                "pool",
                "1x1+3x3",
                "1x1+5x5",
                "1x1+pool",
                "3x3+5x5",
                "3x3+pool",
                "5x5+pool",
                "1x1+3x3+5x5",
                "1x1+3x3+pool",
                "1x1+5x5+pool",
                "3x3+5x5+pool",
            ],
        },
        "widen": False,
        "reductions": True,
        "auxiliary": False,
        "local_response": False,
        "initialization": "auto",
    },
    # stem: kernel and stride; pools: kernel, stride and padding after each stage but the last
    "presets": {
        "small": {
            "channels": 1,
            "image_size": 28,
            "classes": 10,
            "table": {
                "stem": [5, 1],
                "pools": [[3, 2, 1], [3, 2, 1], [3, 2, 1], [3, 2, 1]],
                "blocks": ["3a", "4a", "4d", "5a"],
                "large_kernel": 5,
                "epsilon": 1e-5,
                "bias": True,
            },
            "switches": {"width": 8},
            "smallest_image": 9,
        },
        "d2l": {
            "channels": 1,
            "image_size": 96,
            "classes": 10,
            "table": {
                "stem": [7, 2],
                "pools": [[3, 2, 1], [3, 2, 1], [3, 2, 1], [3, 2, 1]],
                "blocks": ["3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"],
                "large_kernel": 5,
                "epsilon": 1e-5,
                "bias": True,
            },
        },
        "paper": {
            "channels": 3,
            "image_size": 224,
            "classes": 1000,
            "table": {
                "stem": [7, 2],
                "pools": [[3, 2, 1], [3, 2, 1], [3, 2, 1], [3, 2, 1]],
                "blocks": ["3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"],
                "large_kernel": 5,
                "epsilon": 1e-5,
                "bias": True,
            },
            "switches": {"dropout": 0.4, "auxiliary": True, "local_response": True},
        },
        "torchvision": {
            "channels": 3,
            "image_size": 224,
            "classes": 1000,
            # bias: beside a normalization that has none
            "table": {
                "stem": [7, 2],
                "pools": [[3, 2, 0], [3, 2, 0], [3, 2, 0], [2, 2, 0]],
                "blocks": ["3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b"],
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
    *,
    channels: int,
    image_size: tuple[int, int],
    classes: int,
    table: dict[str, Any],
    activation: Activation,
    normalization: Normalization,
    pooling: Pooling,
    dropout: float,
    head: str,
    width: int,
    branches: str,
    widen: bool,
    reductions: bool,
    auxiliary: bool,
    local_response: bool,
) -> nn.Module:
    """``(N, channels, *image_size)`` to class scores ``(N, classes)``, with `auxiliary` as `Supervised` does."""
    normalization = normalization.with_epsilon(table["epsilon"])
    bias = table["bias"] or not normalization.replaces_bias
    common: dict[str, Any] = {"activation": activation, "normalization": normalization, "bias": bias}
    conv: Conv = partial(conv_block, **common)
    scale, pixels = width / STEM[0], 1 if head == "gap" else _last_pixels(image_size, table, pooling)
    stem, (reduced, hidden) = _scaled(STEM, scale), _scaled(AUXILIARY_WIDTHS, scale)

    rows = partial(_rows, table["blocks"], reductions)
    if widen:
        readers = dict.fromkeys(AUXILIARY.values(), reduced if auxiliary else 0)
        readers[table["blocks"][-1]] = pixels * classes
        count = partial(_count, conv=conv, inputs=stem[-1], readers=readers, large_kernel=table["large_kernel"])
        wanted = count(rows("all", scale))
        scale *= nearest_factor(lambda factor: count(rows(branches, scale * factor)), wanted)
    widths = rows(branches, scale)

    block = partial(InceptionBlock, **common, pooling=pooling, large_kernel=table["large_kernel"])
    stages = named(
        **_stem(channels, stem, table, conv, pooling, local_response),
        **_inception_stages(stem[-1], widths, table, block, pooling),
        **_head(head, widths[table["blocks"][-1]].outputs * pixels, classes, dropout),
    )
    if not auxiliary:
        return stages
    rate = AUXILIARY_DROPOUT if dropout else 0.0
    sizes = {name: widths[block_name].outputs for name, block_name in AUXILIARY.items()}
    heads = {
        name: classifier(inputs, reduced, hidden, classes, rate, conv, activation) for name, inputs in sizes.items()
    }
    return Supervised(stages, heads, {name: f"stage4.inception{seen}" for name, seen in AUXILIARY.items()})


def _scaled(widths: Sequence[int], scale: float) -> list[int]:
    return [max(1, round(width * scale)) for width in widths]


def _rows(names: Sequence[str], reductions: bool, branches: str, scale: float) -> dict[str, Widths]:
    """The rows of table 1 that are built, as wide as they are built."""
    kept = BRANCHES if branches == "all" else branches.split("+")
    rows = {name: TABLE_1[name].keep(kept).scaled(scale) for name in names}
    return rows if reductions else {name: widths.without_reductions() for name, widths in rows.items()}


def _count(
    rows: Mapping[str, Widths], *, conv: Conv, inputs: int, readers: Mapping[str, int], large_kernel: int
) -> int:
    """Parameters of the blocks and of the layers that look at them: `readers` for each output channel of a block."""
    per_channel = sum(weight.numel() for weight in conv(1, 1, 1).parameters()) - 1
    total = 0
    for name, widths in rows.items():
        total += widths.parameters(inputs, large_kernel=large_kernel, per_channel=per_channel)
        total += widths.outputs * readers.get(name, 0)
        inputs = widths.outputs
    return total


def _last_pixels(image_size: tuple[int, int], table: dict[str, Any], pooling: Pooling) -> int:
    """Of the last map, from the strides alone: for the rest, every convolution keeps the size of its map."""
    stem = nn.MaxPool2d(1, table["stem"][1])
    shrink = [nn.MaxPool2d(1, window[1]) if pooling.strided else _pool(window, pooling) for window in table["pools"]]
    return prod(output_shape(nn.Sequential(stem, *shrink), 1, image_size))


def _pool(window: Sequence[int], pooling: Pooling) -> nn.Module:
    """Where it is not padded, it keeps a last window that sticks out."""
    kernel, stride, padding = window
    return pooling(kernel, stride, padding, ceil=not padding)


def _stride(window: Sequence[int], pooling: Pooling) -> int:
    """Of the convolution before the pooling."""
    return window[1] if pooling.strided else 1


def _stem(
    channels: int, widths: Sequence[int], table: dict[str, Any], conv: Conv, pooling: Pooling, local_response: bool
) -> dict[str, nn.Module]:
    """The first two stages: convolutions alone."""
    (kernel, stride), (first, second, *_) = table["stem"], table["pools"]
    stride *= _stride(first, pooling)
    responses = [{"response": LocalResponse()} if local_response else {} for _ in range(2)]
    return {
        "stage1": named(
            conv=conv(channels, widths[0], kernel, stride=stride, padding=kernel // 2),
            pooling=_pool(first, pooling),
            **responses[0],
        ),
        "stage2": named(
            conv1x1=conv(widths[0], widths[1], 1),
            conv3x3=conv(widths[1], widths[2], 3, stride=_stride(second, pooling), padding=1),
            **responses[1],
            pooling=_pool(second, pooling),
        ),
    }


def _inception_stages(
    inputs: int, rows: Mapping[str, Widths], table: dict[str, Any], block: Callable[..., nn.Module], pooling: Pooling
) -> dict[str, nn.Module]:
    """The last three stages: Inception blocks."""
    stages: dict[str, nn.Module] = {}
    for number, window in zip("345", (*table["pools"][2:], None), strict=True):
        names = [name for name in rows if name.startswith(number)]
        layers: dict[str, nn.Module] = {}
        for name in names:
            stride = _stride(window, pooling) if window and name == names[-1] else 1
            layers[f"inception{name}"] = block(inputs, rows[name], stride=stride)
            inputs = rows[name].outputs
        pool = {"pooling": _pool(window, pooling)} if window else {}
        stages[f"stage{number}"] = named(**layers, **pool)
    return stages


def _head(kind: str, inputs: int, classes: int, rate: float) -> dict[str, nn.Module]:
    if kind == "gap":
        return gap_head(inputs, classes, rate)
    return {"flatten": nn.Flatten(), "dropout": dropout_layer(rate), "output": nn.Linear(inputs, classes)}
