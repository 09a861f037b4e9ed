"""Claims about the shapes and values that convolutions and pooling give: C13, C21, C23."""

from __future__ import annotations

from math import ceil

import torch
from torch import nn
from torch.func import functional_call

from cnnlab.analysis.exact.evidence import Evidence, Evidenced, all_of, claim, shown
from cnnlab.analysis.exact.tensors import close, difference, normal, short
from cnnlab.analysis.exact.zoo import Zoo

SIZES = range(1, 65)
# Samples, input channels, output channels, height, width; those of NiN and GoogLeNet come beside them.
SHAPES = ((1, 1, 1, 1, 1), (2, 3, 5, 4, 4), (3, 512, 10, 1, 1), (5, 7, 3, 1, 9), (4, 16, 64, 28, 20))


@claim("C13")
def pointwise_convolution_is_dense(zoo: Zoo) -> Evidenced:
    """The same weights in a 1x1 convolution and in a dense layer that is given each pixel's channels."""
    shapes = dict.fromkeys(SHAPES)
    for trace in (zoo.trace("nin"), zoo.trace("googlenet")):
        for layer in trace.pointwise:
            inputs, height, width = layer.input_shape
            shapes[1, inputs, layer.output_shape[0], height, width] = None
    rows = [_same_as_dense(seed, shape) for seed, shape in enumerate(shapes)]
    worst = max(row.value for row in rows)
    return rows, (
        f"On {len(rows)} shapes, among them those of every 1×1 convolution of NiN and GoogLeNet, outputs differ from "
        f"those of a dense layer at every pixel by at most {short(worst)} of the largest value."
    )


def _same_as_dense(seed: int, shape: tuple[int, ...]) -> Evidence:
    samples, inputs, outputs, height, width = shape
    images = normal(seed, samples, inputs, height, width)
    weight, bias = normal(seed, outputs, inputs), normal(seed, outputs)
    kernel = {"weight": weight[:, :, None, None], "bias": bias}
    conv = functional_call(nn.Conv2d(inputs, outputs, 1), kernel, images)
    dense = functional_call(nn.Linear(inputs, outputs), {"weight": weight, "bias": bias}, images.movedim(1, -1))
    case = f"{samples}x{inputs}x{height}x{width} to {outputs} channels"
    return close(case, "largest difference", difference(conv, dense.movedim(-1, 1)))


@claim("C21")
def padding_keeps_the_size(zoo: Zoo) -> Evidenced:
    """Every size from 1 to 64 through real layers, and the 1x1 convolutions of the zoo."""
    rows = []
    for kernel in (1, 3, 5, 7, 9, 11):
        for stride in (1, 2, 3):
            layer = nn.Conv2d(1, 1, kernel, stride, padding=(kernel - 1) // 2, device="meta")
            expected = "size kept" if stride == 1 else f"size / {stride}, rounded up"
            kept = [_side(layer, size) == ceil(size / stride) for size in SIZES]
            rows.append(all_of(f"kernel {kernel}, stride {stride}", expected, "sizes", kept))
    pointwise = [(trace.module(layer).stride, layer) for trace in zoo.own() for layer in trace.pointwise]
    flat = [layer for stride, layer in pointwise if stride == (1, 1)]
    kept = [layer.output_shape[1:] == layer.input_shape[1:] for layer in flat]
    changes = [layer.output_shape[0] - layer.input_shape[0] for layer in flat]
    up, down = sum(change > 0 for change in changes), sum(change < 0 for change in changes)
    strided = len(pointwise) - len(flat)
    case = "1×1 convolutions of the zoo"
    rows += [
        all_of(case, "size kept", "convolutions", kept),
        Evidence(case, "more channels out than in", "convolutions", up, ">", 0, "none"),
        Evidence(case, "fewer channels out than in", "convolutions", down, ">", 0, "none"),
        shown(case, "with a stride of 2, which halves the size", "convolutions", strided),
    ]
    return rows, (
        f"With padding (k−1)/2, odd kernels from 1 to 11 keep each of {len(SIZES)} sizes at stride 1, and divide it by "
        f"the stride otherwise. The zoo's {len(flat):,} 1×1 convolutions of stride 1 keep the size; {up} raise the "
        f"channels, {down} lower them ({strided} more have stride 2, as shortcuts do)."
    )


def _side(layer: nn.Module, size: int) -> int:
    return int(layer(torch.empty(1, 1, size, size, device="meta")).shape[-1])


@claim("C23")
def stride_two_halves(zoo: Zoo) -> Evidenced:
    """By the formula, through real layers, and in the zoo; half up to the one pixel that a border may cost."""
    kinds: tuple[type[nn.Module], ...] = (nn.MaxPool2d, nn.AvgPool2d)
    pools = [(f"{kind.__name__}({window})", kind(window), window) for kind in kinds for window in (2, 3, 4, 5)]
    rows = [
        Evidence(case, "stride by default", "pixels", pair(pool.stride), "=", window, "window")
        for case, pool, window in pools
    ]
    rows += [row for window, padding in ((2, 0), (3, 0), (3, 1)) for row in _halving(window, padding)]
    exact, total = 0, 0
    for trace in zoo.own():
        layers = [layer for layer in trace.of("MaxPool2d", "AvgPool2d") if pair(trace.module(layer).stride) == 2]
        if layers:
            sides = [(layer.input_shape[-1], layer.output_shape[-1]) for layer in layers]
            rows.append(all_of(trace.case, HALF, "poolings", [abs(2 * out - size) <= 2 for size, out in sides]))
            total, exact = total + len(sides), exact + sum(2 * out == size for size, out in sides)
    near = sum(int(row.value) for row in rows if row.unit == "poolings")
    rows.append(shown("the zoo", "exactly half", "poolings", exact))
    first = zoo.trace("alexnet").of("MaxPool2d")[0]
    return rows, (
        "PyTorch's stride is by default the window, so a window of 2 halves every even size exactly. "
        f"{near} of {total} poolings of the zoo with stride 2 halve the map to within a pixel, which the border may "
        f"cost; {exact} do so exactly. AlexNet's window of 3 takes {first.input_shape[-1]} to {first.output_shape[-1]}."
    )


HALF = "half the size, to within a pixel"


def _halving(window: int, padding: int) -> list[Evidence]:
    """For every size that a window fits into: as the formula says, and about half."""
    layer = nn.MaxPool2d(window, 2, padding)
    sizes = [size for size in SIZES if size >= window]
    outs = {size: _side(layer, size) for size in sizes}
    case = f"window {window}, stride 2, padding {padding}"
    formula = [out == (size + 2 * padding - window) // 2 + 1 for size, out in outs.items()]
    half = [2 * out == size for size, out in outs.items() if size % 2 == 0]
    return [
        all_of(case, "size as by the formula ⌊(n + 2p − k) / 2⌋ + 1", "sizes", formula),
        all_of(case, HALF, "sizes", [abs(2 * out - size) <= 2 for size, out in outs.items()]),
        all_of(case, "exactly half of an even size", "sizes", half, required=window == 2),
    ]


def pair(value: object) -> int:
    """Of a window or stride that is the same in both directions."""
    if isinstance(value, tuple):
        (height, width) = value
        return int(height) if height == width else -1
    return int(str(value))
