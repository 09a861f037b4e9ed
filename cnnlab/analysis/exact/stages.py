"""Claims about the stages of GoogLeNet and ResNet: C18, C19, C40, C42."""

from __future__ import annotations

from itertools import groupby, pairwise

from cnnlab.analysis.exact.evidence import Evidence, Evidenced, all_of, claim, shown
from cnnlab.analysis.exact.structure import NOTES, count
from cnnlab.analysis.exact.zoo import CONVOLUTION, Trace, Zoo
from cnnlab.models.cost import LayerCost

# MACs of two skeletons that count as matched.
MATCHED = 0.01


@claim("C18", "stages")
def stages_halve(zoo: Zoo) -> Evidenced:
    """Each stage of GoogLeNet by the size that goes in and comes out."""
    trace = zoo.trace("googlenet")
    rows, factors = [], {}
    for name in trace.stages:
        inputs, outputs = trace.shapes[name]
        factors[name] = inputs[-1] / outputs[-1]
        rows += [
            Evidence(name, "height and width in over out", "times", factors[name], "=", 2, "halved, as claimed"),
            shown(name, "height and width out", "pixels", outputs[-1]),
        ]
    numbers = {name.removeprefix("stage"): factor for name, factor in factors.items()}
    halving = _listed([number for number, factor in numbers.items() if factor == 2])
    others = [f"stage {number} by {factor:g}" for number, factor in numbers.items() if factor != 2]
    return rows, f"Stages {halving} halve height and width" + (f"; {_listed(others)} (in over out)." if others else ".")


@claim("C18", "blocks")
def blocks_change_channels(zoo: Zoo) -> Evidenced:
    """Each Inception block of GoogLeNet by the shape that goes in and comes out."""
    trace, rows, kept = zoo.trace("googlenet"), list[Evidence](), []
    for name in trace.blocks("InceptionBlock"):
        inputs, outputs = trace.shapes[name]
        kept.append(inputs[1:] == outputs[1:])
        rows.append(shown(name, "channels in", "channels", inputs[0]))
        rows.append(shown(name, "channels out", "channels", outputs[0]))
    rows.append(all_of("googlenet", "height and width kept", "Inception blocks", kept))
    return rows, f"{sum(kept)} of {len(kept)} Inception blocks change only the channels."


def _listed(names: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1]))) if names else "none"


@claim("C19")
def first_stages_beside_alexnet(zoo: Zoo) -> Evidenced:
    """The first two convolutional stages of both, on the same images."""
    googlenet, alexnet = zoo.trace("googlenet", image_size=224), zoo.trace("alexnet")
    rows, texts = [], []
    for name, other in zip(googlenet.stages[:2], alexnet.stages[:2], strict=True):
        (before, *_), (channels, side, _) = googlenet.shapes[name]
        their_channels, their_side, _ = alexnet.shapes[other][1]
        kernel, their_kernel = _largest_kernel(googlenet, name), _largest_kernel(alexnet, other)
        case = f"{name}, beside AlexNet's {other}"
        rows += [
            Evidence(case, "largest kernel", "pixels", kernel, "<", their_kernel, "AlexNet"),
            Evidence(case, "height and width out", "pixels", side, ">", their_side, "AlexNet"),
            Evidence(case, "channels out", "channels", channels, ">", before, "channels in"),
            shown(case, "AlexNet's channels out", "channels", their_channels),
        ]
        kernels, maps = f"kernels up to {kernel} ({their_kernel})", f"maps of {side} ({their_side}) pixels"
        stage = name.replace("stage", "stage ")
        texts.append(f"in {stage}, {kernels}, {maps} and {channels} ({their_channels}) channels")
    ours, theirs = (trace.of(CONVOLUTION)[0].output_shape[-1] for trace in (googlenet, alexnet))
    rows.append(Evidence("first convolution", "height and width out", "pixels", ours, ">", theirs, "AlexNet"))
    return rows, f"On 224×224 images GoogLeNet (AlexNet) has {'; '.join(texts)}."


def _largest_kernel(trace: Trace, stage: str) -> int:
    return max(int(trace.module(layer).kernel_size[0]) for layer in trace.within(stage) if layer.kind == CONVOLUTION)


@claim("C40")
def stages_start_with_stride_two(zoo: Zoo) -> Evidenced:
    """How each stage of ResNet-18 begins and goes on; "usually" is read as most stages. ResNet-34 and -50 beside it."""
    trace = zoo.trace("resnet")
    starts, kept = _starts(trace), _kept(trace)
    rows = [_start_row(trace, name, so) for name, so in starts.items()]
    rows += [all_of(f"{_named(trace)}, {name}", "shape kept", "later blocks", same) for name, same in kept.items()]
    half = len(starts) / 2
    rows.append(Evidence(_named(trace), START, "stages", sum(starts.values()), ">", half, "half of the stages"))
    rows.append(count(trace, 11_178_378, NOTES))
    for depth in (34, 50):
        other = zoo.trace("resnet", depth=depth)
        rows += [_start_row(other, name, so) for name, so in _starts(other).items()]
    without = [name.replace("stage", "stage ") for name, so in starts.items() if not so]
    later = [same for every in kept.values() for same in every]
    return rows, (
        f"{sum(starts.values())} of ResNet-18's {len(starts)} stages of blocks start with a stride-2 block whose 1×1 "
        f"shortcut changes the channels (not {_listed(without)}); {sum(later)} of {len(later)} later blocks keep their "
        f"shape. {trace.parameters:,} parameters."
    )


START = "begins with stride 2 and a 1×1 shortcut to other channels"


def _named(trace: Trace) -> str:
    return f"ResNet with {trace.depth - len(_pointwise_shortcuts(trace))} layers"


def _start_row(trace: Trace, stage: str, so: bool) -> Evidence:
    return Evidence(f"{_named(trace)}, {stage}", START, "first block", so, "=", 1, "as claimed", required=False)


def _by_stage(trace: Trace) -> dict[str, list[str]]:
    """The names of the blocks of each stage."""
    by_stage = groupby(trace.blocks("Block"), key=lambda name: name.partition(".")[0])
    return {stage: list(names) for stage, names in by_stage}


def _starts(trace: Trace) -> dict[str, bool]:
    """Of each stage, whether its first block has a 1x1 shortcut of stride 2 that changes the channels."""
    reducing = [layer for layer in _pointwise_shortcuts(trace) if trace.module(layer).stride == (2, 2)]
    changing = [layer.name for layer in reducing if layer.input_shape[0] != layer.output_shape[0]]
    return {
        stage: any(name.startswith(f"{first}.") for name in changing) for stage, (first, *_) in _by_stage(trace).items()
    }


def _pointwise_shortcuts(trace: Trace) -> list[LayerCost]:
    return [layer for layer in trace.pointwise if ".shortcut" in layer.name]


def _kept(trace: Trace) -> dict[str, list[bool]]:
    """Of each stage, whether its blocks but the first return the shape that they are given."""
    blocks = _by_stage(trace).items()
    return {stage: [trace.shapes[name][0] == trace.shapes[name][1] for name in later] for stage, (_, *later) in blocks}


@claim("C42")
def one_layout_three_blocks(zoo: Zoo) -> Evidenced:
    """One skeleton with each of the three blocks, and the three networks themselves on the same images."""
    skeletons = {block: zoo.trace("skeleton", "small", block=block) for block in ("vgg", "inception", "residual")}
    rows = [row for block, trace in skeletons.items() for row in _matched(block, trace, skeletons["vgg"])]
    networks = [zoo.trace(name, image_size=224) for name in ("vgg", "googlenet", "resnet")]
    rows += [row for trace in networks for row in _layout(trace)]
    costs = [f"{trace.macs:,} ({block})" for block, trace in skeletons.items()]
    sides = {trace.shapes[trace.stages[-1]][1][-1] for trace in networks}
    return rows, (
        f"One skeleton takes each block, with the same maps and channels and {_listed(costs)} multiply-accumulates. "
        f"VGG-11, GoogLeNet and ResNet-18 take 224 pixels to {_listed(sorted(map(str, sides)))} in "
        f"{_listed(sorted({str(len(trace.stages)) for trace in networks}))} stages."
    )


def _matched(block: str, trace: Trace, reference: Trace) -> list[Evidence]:
    """A skeleton beside that of the reference block: shapes and cost."""
    case = f"skeleton, {block} blocks"
    stages = dict.fromkeys(layer.stage for layer in reference.layers)
    same = [trace.shapes[name] == reference.shapes[name] for name in stages]
    apart = abs(trace.macs / reference.macs - 1)
    return [
        all_of(case, "shapes in and out as with VGG blocks", "stages", same),
        Evidence(case, "MACs apart from those with VGG blocks", "share", apart, "<=", MATCHED, "matched to 1 %"),
        shown(case, "multiply-accumulates", "MACs", trace.macs),
        shown(case, "parameters", "parameters", trace.parameters),
    ]


def _layout(trace: Trace) -> list[Evidence]:
    """Five stages, 224 pixels down to 7, the map never larger nor the channels fewer than a stage before."""
    shapes = {name: trace.shapes[name][1] for name in trace.stages}
    shrink = [after[-1] <= before[-1] and after[0] >= before[0] for before, after in pairwise(shapes.values())]
    case, last = trace.architecture, shapes[trace.stages[-1]][-1]
    rows = [
        Evidence(case, "stages", "stages", len(shapes), "=", 5, "as the others"),
        Evidence(case, "height and width after the last stage", "pixels", last, "=", 7, "as the others, from 224"),
        all_of(case, "map no larger, channels no fewer than before", "later stages", shrink),
    ]
    for name, shape in shapes.items():
        rows.append(shown(f"{case}, {name}", "height and width out", "pixels", shape[-1]))
        rows.append(shown(f"{case}, {name}", "channels out", "channels", shape[0]))
    return rows
