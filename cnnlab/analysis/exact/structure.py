"""Claims about which layers a network has, and in which order: C03, C04, C10, C15, C43."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from math import prod

from torch import nn

from cnnlab.analysis.exact.evidence import Evidence, Evidenced, all_of, claim, shown
from cnnlab.analysis.exact.zoo import CONVOLUTION, DENSE, Trace, Zoo
from cnnlab.models.cost import LayerCost
from cnnlab.models.layers.switches import ACTIVATIONS

POOLS = ("MaxPool2d", "AvgPool2d")
ACTIVATION_KINDS = tuple(getattr(kind, "__name__", "") for kind in ACTIVATIONS.values())
NOTES = "count of the notes' network"


def count(trace: Trace, expected: int, whose: str) -> Evidence:
    """The number of parameters, against the one that is known for this network."""
    size = f"{trace.channels}x{trace.image_size}x{trace.image_size}, {trace.classes} classes"
    return Evidence(f"{trace.architecture}, {size}", "parameters", "parameters", trace.parameters, "=", expected, whose)


def _in_order(case: str, layers: Sequence[LayerCost], expected: Sequence[str]) -> Evidence:
    pairs = zip_longest((layer.kind for layer in layers), expected)
    return all_of(case, f"in the order {', '.join(expected)}", "layers", [kind == wanted for kind, wanted in pairs])


@claim("C03")
def lenet_is_two_blocks_and_three_dense_layers(zoo: Zoo) -> Evidenced:
    """Every layer of LeNet at its place."""
    trace = zoo.trace("lenet")
    blocks = trace.stages
    head = [layer for layer in trace.layers if layer.stage not in blocks]
    rows = [_in_order(name, trace.within(name), (CONVOLUTION, "Sigmoid", "AvgPool2d")) for name in blocks]
    rows += [
        Evidence("lenet", "blocks with a convolution", "blocks", len(blocks), "=", 2, "claimed"),
        Evidence("lenet", "dense layers", "layers", len(trace.of(DENSE)), "=", 3, "claimed"),
        _in_order("behind the blocks", head, ("Flatten", DENSE, "Sigmoid", DENSE, "Sigmoid", DENSE)),
        count(trace, 61_706, NOTES),
    ]
    return rows, (
        f"LeNet runs {len(trace.layers)} layers: {len(blocks)} blocks of convolution, sigmoid and average pooling, "
        f"then {len(trace.of(DENSE))} dense layers; {trace.parameters:,} parameters."
    )


@claim("C04")
def alexnet_is_a_larger_lenet(zoo: Zoo) -> Evidenced:
    """The same kinds of layers in the same succession, and more of everything."""
    lenet, alexnet = zoo.trace("lenet"), zoo.trace("alexnet")
    rows = [row for trace in (lenet, alexnet) for row in _classic(trace)]
    rows += [
        Evidence("alexnet", *what, ours, ">", theirs, "LeNet")
        for (what, ours), theirs in zip(_sizes(alexnet).items(), _sizes(lenet).values(), strict=True)
    ]
    grouped = sum(alexnet.module(layer).groups > 1 for layer in alexnet.of(CONVOLUTION))
    rows += [
        Evidence("alexnet", "convolutions in groups", "layers", grouped, "=", 0, "none"),
        count(alexnet, 46_764_746, NOTES),
    ]
    return rows, (
        "Both are convolutions with pooling, then three dense layers. AlexNet has "
        f"{alexnet.depth} layers with weights to LeNet's {lenet.depth}, {alexnet.parameters:,} parameters to "
        f"{lenet.parameters:,}, and {alexnet.macs:,} multiply-accumulates to {lenet.macs:,}."
    )


def _sizes(trace: Trace) -> dict[tuple[str, str], int]:
    """What makes a network deep or large, by quantity and unit."""
    return {
        ("layers with weights", "layers"): trace.depth,
        ("convolutions", "layers"): len(trace.of(CONVOLUTION)),
        ("most channels of a convolution", "channels"): _widest(trace, CONVOLUTION),
        ("most features of a dense layer", "features"): _widest(trace, DENSE),
        ("parameters", "parameters"): trace.parameters,
        ("multiply-accumulates", "MACs"): trace.macs,
    }


def _classic(trace: Trace) -> list[Evidence]:
    """Convolutions, activations and pooling, then dense layers; nothing else."""
    usual = {CONVOLUTION, DENSE, "Flatten", "Dropout", *POOLS, *ACTIVATION_KINDS}
    kinds = [layer.kind for layer in trace.layers]
    other = [kind for kind in kinds if kind not in usual]
    late = [kind for kind in kinds[kinds.index(DENSE) :] if kind in (CONVOLUTION, *POOLS)]
    name = trace.architecture
    return [
        Evidence(name, "layers of another kind", "layers", len(other), "=", 0, "none"),
        Evidence(name, "convolutions and poolings behind a dense layer", "layers", len(late), "=", 0, "none"),
        Evidence(name, "dense layers", "layers", len(trace.of(DENSE)), "=", 3, "LeNet's, as the notes have it"),
    ]


def _widest(trace: Trace, kind: str) -> int:
    return max(layer.output_shape[0] for layer in trace.of(kind))


@claim("C10")
def vgg_is_one_block_repeated(zoo: Zoo) -> Evidenced:
    """Block by block, and beside AlexNet; its known counts of parameters."""
    vgg, alexnet = zoo.trace("vgg"), zoo.trace("alexnet")
    rows = [row for name in vgg.stages for row in _block(vgg, name)]
    rows += [
        Evidence("vgg", "different kernels and strides", "kinds", _windows(vgg), "<", _windows(alexnet), "AlexNet"),
        Evidence("vgg", "layers with weights", "layers", vgg.depth, ">", alexnet.depth, "AlexNet"),
        Evidence("vgg", "parameters", "parameters", vgg.parameters, ">", alexnet.parameters, "AlexNet"),
        Evidence("vgg", "multiply-accumulates", "MACs", vgg.macs, ">", alexnet.macs, "AlexNet"),
        Evidence("vgg", "dense layers", "layers", len(vgg.of(DENSE)), "=", len(alexnet.of(DENSE)), "AlexNet"),
        count(vgg, 128_806_154, NOTES),
        count(zoo.trace("vgg", width=16), 43_093_322, f"{NOTES}, channels / 4"),
        count(zoo.trace("vgg", "torchvision"), 132_863_336, "torchvision's count"),
    ]
    return rows, (
        f"VGG-11 repeats one block {len(vgg.stages)} times (3×3 convolutions that keep the size, then 2×2 pooling): "
        f"{vgg.depth} layers with weights to AlexNet's {alexnet.depth}, {vgg.parameters:,} parameters to "
        f"{alexnet.parameters:,}, {vgg.macs:,} multiply-accumulates to {alexnet.macs:,}."
    )


def _windows(trace: Trace) -> int:
    """How many different windows its convolutions have."""
    modules = [trace.module(layer) for layer in trace.of(CONVOLUTION)]
    return len({(module.kernel_size, module.stride) for module in modules})


def _block(trace: Trace, name: str) -> list[Evidence]:
    """3x3 convolutions that keep the size, with an activation each, then pooling that halves it."""
    layers = trace.within(name)
    *convs, last = (layer for layer in layers if layer.kind not in ACTIVATION_KINDS)
    small = [trace.module(layer).kernel_size == (3, 3) for layer in convs]
    kept = [layer.input_shape[1:] == layer.output_shape[1:] for layer in convs]
    halved = last.input_shape[-1] / last.output_shape[-1]
    case = f"vgg, {name}"
    return [
        _in_order(case, layers, (*[CONVOLUTION, "ReLU"] * len(convs), "MaxPool2d")),
        all_of(case, "kernel 3×3", "convolutions", small),
        all_of(case, "size kept", "convolutions", kept),
        Evidence(case, "size before over size behind the pooling", "times", halved, "=", 2, "halved"),
        shown(case, "channels", "channels", last.output_shape[0]),
    ]


@claim("C15")
def convolutions_are_4d_and_dense_layers_2d(zoo: Zoo) -> Evidenced:
    """What every convolution and every dense layer of the zoo is given and returns, the sample dimension included."""
    rows = []
    for trace in zoo.own():
        for kind, dimensions in ((CONVOLUTION, 4), (DENSE, 2)):
            layers = trace.of(kind)
            shapes = [shape for layer in layers for shape in (layer.input_shape, layer.output_shape)]
            if layers:
                right = [1 + len(shape) == dimensions for shape in shapes]
                rows.append(all_of(trace.case, DIMENSIONS[kind], "tensors", right))
    counts = [_counts([row for row in rows if row.quantity == what]) for what in DIMENSIONS.values()]
    return rows, (
        f"In every preset of every architecture: {counts[0]} tensors into and out of convolutions have 4 dimensions "
        f"(sample, channel, height, width), {counts[1]} into and out of dense layers 2 (sample, feature). "
        "Classifiers that run in training alone are left out."
    )


DIMENSIONS = {CONVOLUTION: "4 dimensions, of convolutions", DENSE: "2 dimensions, of dense layers"}


def _counts(rows: Sequence[Evidence]) -> str:
    """``898 of 904``, over rows that say how many of how many."""
    return f"{sum(row.value for row in rows):,.0f} of {sum(row.against or 0 for row in rows):,.0f}"


@claim("C43")
def nin_needs_no_dense_layer(zoo: Zoo) -> Evidenced:
    """For several numbers of classes: no dense layer anywhere, and the last channels averaged into scores."""
    rows, numbers = [], (2, 10, 100, 1000)
    for classes in numbers:
        trace = zoo.trace("nin", classes=classes)
        dense = [module for module in trace.model.modules() if isinstance(module, nn.Linear)]
        last, pools = trace.of(CONVOLUTION)[-1], trace.of("AdaptiveAvgPool2d")
        covered = prod(pools[-1].input_shape[1:]) if pools else 0
        weights = sum(layer.parameters for layer in trace.layers[trace.layers.index(last) + 1 :])
        case = f"nin, {classes} classes"
        rows += [
            Evidence(case, "dense layers", "layers", len(dense), "=", 0, "none"),
            Evidence(case, CHANNELS, "channels", last.output_shape[0], "=", classes, "classes"),
            Evidence(case, "pixels that a channel's average covers", "pixels", covered, ">", 1, "one"),
            Evidence(case, "parameters behind it", "parameters", weights, "=", 0, "none"),
            Evidence(case, "scores", "scores", trace.layers[-1].output_shape[0], "=", classes, "classes"),
        ]
    channels = [f"{row.value:.0f} ({row.against:.0f})" for row in rows if row.quantity == CHANNELS]
    layers = sum(row.value for row in rows if row.unit == "layers")
    return rows, (
        f"NiN has {layers:.0f} dense layers; its last convolution has {', '.join(channels)} channels (classes), each "
        "averaged over its map into a score."
    )


CHANNELS = "channels of the last convolution"
