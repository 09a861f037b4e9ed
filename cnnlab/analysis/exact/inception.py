"""Claims about the Inception block, read off the nine of GoogLeNet: C17, C44, C45."""

from __future__ import annotations

from copy import deepcopy

from torch import nn

from cnnlab.analysis.exact.algebra import pair
from cnnlab.analysis.exact.evidence import Evidence, Evidenced, claim
from cnnlab.analysis.exact.tensors import normal
from cnnlab.analysis.exact.zoo import Trace, Zoo
from cnnlab.models import cost
from cnnlab.models.layers.initialization import SCHEMES, initialize

BLOCK, POOLING = "InceptionBlock", "branch4"
PARAMETERS, MACS = ("parameters", "parameters"), ("multiply-accumulates", "MACs")
# Of block 3a and of the two convolutions, without and with biases, by hand.
WEIGHTS_3A = {"block": (163_328, 163_696), "3×3": (442_368, 442_624), "5×5": (1_228_800, 1_229_056)}


@claim("C17")
def blocks_are_cheaper_than_one_convolution(zoo: Zoo) -> Evidenced:
    """Each block beside one 3x3 and one 5x5 convolution between the same channels on the same map."""
    trace = zoo.trace("googlenet")
    rows, counts = [], {}
    for name, block in trace.blocks(BLOCK).items():
        inputs, outputs = trace.shapes[name]
        modules = {"block": block}
        for side in (3, 5):
            convolution = nn.Conv2d(inputs[0], outputs[0], side, padding=side // 2, device="meta")
            modules[f"{side}×{side}"] = nn.Sequential(convolution)
        counts[name] = {what: _counts(module, inputs) for what, module in modules.items()}
        own = counts[name]["block"]
        for kernel in ("3×3", "5×5"):
            other, against = counts[name][kernel], f"one {kernel} convolution"
            rows.append(Evidence(name, "weights", "parameters", own[0], "<", other[0], against))
            rows.append(Evidence(name, "multiply-accumulates", "MACs", own[2], "<", other[2], against))
    first = next(name for name in counts if name.endswith("3a"))
    weights = [weights for weights, *_ in counts[first].values()]
    ratios = [block["3×3"][kind] / block["block"][kind] for block in counts.values() for kind in (0, 2)]
    return rows + _by_hand(counts[first]), (
        f"Block 3a has {weights[0]:,} weights to {weights[1]:,} of one 3×3 and {weights[2]:,} of one 5×5 convolution. "
        f"Over the {len(counts)} blocks, a 3×3 convolution has {min(ratios):.1f} to {max(ratios):.1f} times the "
        "weights and multiply-accumulates."
    )


def _counts(module: nn.Module, input_shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Weights, weights and biases, multiply-accumulates."""
    weights = sum(parameter.numel() for parameter in module.parameters() if parameter.ndim > 1)
    return weights, cost.parameters(module), cost.macs(module, input_shape)


def _by_hand(counts: dict[str, tuple[int, int, int]]) -> list[Evidence]:
    kinds = ("weights", "weights and biases")
    return [
        Evidence(f"3a, {what}", kind, "parameters", value, "=", known, "counted by hand")
        for what, by_hand in WEIGHTS_3A.items()
        for kind, value, known in zip(kinds, counts[what][:2], by_hand, strict=True)
    ]


@claim("C44")
def reductions_control_the_cost(zoo: Zoo) -> Evidenced:
    """Each block with its 1x1 reductions, and without them."""
    reduced, whole = zoo.trace("googlenet"), zoo.trace("googlenet", reductions=False)
    rows, texts = [], []
    for name in reduced.blocks(BLOCK):
        ours, theirs = _cost(reduced, name), _cost(whole, name)
        for quantity, value in ours.items():
            rows.append(Evidence(name, *quantity, value, "<", theirs[quantity], "the same block without reductions"))
    for counted, unit in PARAMETERS, MACS:
        pairs = [(row.value, row.against or 0.0) for row in rows if row.unit == unit]
        own, without = (sum(values) for values in zip(*pairs, strict=True))
        texts.append(f"{own:,.0f} {counted} instead of {without:,.0f} ({without / own:.1f} times)")
    return rows, f"With 1×1 reductions the {len(pairs)} blocks have {' and '.join(texts)}, and each block has fewer."


def _cost(trace: Trace, name: str) -> dict[tuple[str, str], int]:
    layers = trace.within(name)
    return {PARAMETERS: sum(layer.parameters for layer in layers), MACS: sum(layer.macs for layer in layers)}


@claim("C45")
def filters_see_different_ranges(zoo: Zoo) -> Evidenced:
    """The receptive field of each branch: by the formula, and as the pixels with a gradient from one output pixel.

    The branch that pools has a filter of 1×1 only, and shares its range with another: shown, and no part of the claim.
    """
    trace = zoo.trace("googlenet")
    rows, ranges = [], []
    for name, block in trace.blocks(BLOCK).items():
        sides = {branch: _receptive_field(module) for branch, module in block.named_children()}
        for branch, side in sides.items():
            pixels = _pixels_seen(block.get_submodule(branch), trace.shapes[name][0][0])
            formula = f"{side}×{side}, by the formula"
            rows.append(Evidence(f"{name}, {branch}", REACHED, "pixels", pixels, "=", side**2, formula))
        filters = {branch: side for branch, side in sides.items() if branch != POOLING}
        different = len(set(filters.values()))
        rows.append(Evidence(name, "different ranges", "ranges", different, "=", len(filters), "branches with filters"))
        ranges.append(sides)
    usual = ranges[0]
    squares = ", ".join(f"{side}×{side} ({branch})" for branch, side in usual.items())
    different = len({side for branch, side in usual.items() if branch != POOLING})
    return rows, (
        f"In {ranges.count(usual)} of {len(ranges)} blocks a pixel of each branch sees {squares} pixels of the input, "
        f"by the formula and by its gradient: {different} different ranges for {len(usual) - 1} sizes of filter; the "
        "branch that pools shares one of them."
    )


REACHED = "input pixels with a gradient from one output pixel"


def _receptive_field(branch: nn.Module) -> int:
    """Side of the square of input pixels that one output pixel can depend on: 1 + Σ (kernel − 1) · strides before."""
    side, jump = 1, 1
    for layer in branch.modules():
        if isinstance(layer, nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d):
            side, jump = side + (pair(layer.kernel_size) - 1) * jump, jump * pair(layer.stride)
    return side


def _pixels_seen(branch: nn.Module, channels: int) -> int:
    """With weights drawn at random, how many pixels the middle one of the output depends on, in any channel."""
    drawn = deepcopy(branch).to_empty(device="cpu")
    initialize(drawn, 0, SCHEMES["kaiming"])
    images = normal(0, 1, channels, 11, 11).requires_grad_()
    drawn(images)[0, :, 5, 5].sum().backward()
    gradient = images.grad
    return 0 if gradient is None else int((gradient[0] != 0).any(dim=0).sum())
