"""Claims about how many parameters and multiply-accumulates a layer has: C02, C12, C14, C16."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import prod

import torch
from torch import nn

from cnnlab.analysis.exact.evidence import Evidence, Evidenced, all_of, claim, shown
from cnnlab.analysis.exact.zoo import CONVOLUTION, DENSE, Trace, Zoo
from cnnlab.models import cost
from cnnlab.models.cost import LayerCost
from cnnlab.planning import model_registry

# The notes say "far fewer" and give no number.
FAR, FAR_NAME = 10, "our reading of 'far fewer': ten times"
PARAMETERS = ("parameters", "parameters")


@claim("C02")
def convolutions_need_far_fewer(zoo: Zoo) -> Evidenced:
    """Each convolution of LeNet beside the dense layer from all its inputs to all its outputs."""
    rows, texts = [], []
    for layer in zoo.trace("lenet").of(CONVOLUTION):
        with torch.device("meta"):
            dense = cost.parameters(nn.Linear(prod(layer.input_shape), prod(layer.output_shape)))
        ratio = dense / layer.parameters
        name = "dense layer with the same input and output sizes"
        rows.append(Evidence(layer.name, *PARAMETERS, layer.parameters, "<", dense, name))
        rows.append(Evidence(layer.name, "dense layer's parameters over its own", "times", ratio, ">=", FAR, FAR_NAME))
        texts.append(f"{layer.parameters:,} parameters where a dense layer would need {dense:,} ({ratio:,.0f} times)")
    return rows, f"LeNet's convolutions have {' and '.join(texts)}."


WITH_DENSE = (("lenet", "LeNet"), ("alexnet", "AlexNet"), ("vgg", "VGG-11"))


@claim("C12", "parameters")
def first_dense_layer_holds_most_parameters(zoo: Zoo) -> Evidenced:
    """Shares of parameters of every layer with weights."""
    rows, texts = [], []
    for name, title in WITH_DENSE:
        trace = zoo.trace(name)
        first = trace.of(DENSE)[0]
        rows += _shares(trace, "share of parameters", lambda layer: layer.parameters)
        share = first.parameters / trace.parameters
        texts.append(f"{first.parameters:,} of {title}'s {trace.parameters:,} ({100 * share:.0f} %)")
    return rows, f"Parameters of the first dense layer: {', '.join(texts)}."


@claim("C12", "memory")
def first_dense_layer_holds_most_memory(zoo: Zoo) -> Evidenced:
    """Shares of memory of every layer with weights: in predicting one image, and in training on a batch of the notes.

    In training each weight is there three times (gradient, momentum), and every image of the batch has its activations.
    """
    rows, texts = [], []
    for quantity, copies, images in (
        (f"share of memory in training: weights 3 times, activations of {NOTES_BATCH} images", TRAINED, NOTES_BATCH),
        ("share of memory in prediction: weights, and activations of one image", 1, 1),
    ):
        found = []
        for name, _ in WITH_DENSE:
            held = _memory(zoo.trace(name), quantity, copies, images)
            rows += held
            found += [row.value for row in held if row.required]
        texts.append(f"{100 * min(found):.0f} to {100 * max(found):.0f} %")
    training, prediction = texts
    return rows, (
        f"Of the memory, the first dense layer holds {prediction} in predicting one image, and {training} in "
        f"training on {NOTES_BATCH} images."
    )


TRAINED, NOTES_BATCH = 3, 128


def _memory(trace: Trace, quantity: str, copies: int, images: int) -> list[Evidence]:
    return _shares(trace, quantity, lambda layer: copies * layer.parameter_bytes + images * layer.activation_bytes)


def _shares(trace: Trace, quantity: str, size: Callable[[LayerCost], int]) -> list[Evidence]:
    """The share of each layer with weights; that of the first dense one must be more than half."""
    total, first = sum(map(size, trace.layers)), trace.of(DENSE)[0]
    rows = []
    for layer in trace.of(CONVOLUTION, DENSE):
        case, share = f"{trace.architecture}, {layer.name}", size(layer) / total
        more = Evidence(case, quantity, "share", share, ">", 0.5, "half")
        rows.append(more if layer is first else shown(case, quantity, "share", share))
    return rows


@claim("C14", "parameters")
def averaging_replaces_the_dense_head(zoo: Zoo) -> Evidenced:
    """Every architecture that takes either head, on the same body. Far fewer: in heads with hidden layers.

    NiN's dense head is ours and replaces its last block, so it decides nothing.
    """
    rows, texts = [], []
    for name, architecture in model_registry.architectures().items():
        if "head" not in architecture.switches or architecture.path.parent != model_registry.MODELS:
            continue
        preset = "d2l" if "d2l" in architecture.presets else "paper"
        dense, gap = (zoo.trace(name, preset, head=head) for head in ("dense", "gap"))
        shared = set(dense.stages) & set(gap.stages)  # NiN's averaging head has convolutions of its own
        heads = [sum(layer.parameters for layer in trace.layers if layer.stage not in shared) for trace in (dense, gap)]
        own = dense.of(CONVOLUTION) == gap.of(CONVOLUTION)
        hidden = own and len(dense.of(DENSE)) > 1
        body = "the same body with its dense head" if own else "a dense head of our own for its last block"
        rows += [
            Evidence(gap.case, *PARAMETERS, gap.parameters, "<", dense.parameters, body, own),
            Evidence(gap.case, "parameters of the head", "parameters", heads[1], "<", heads[0], "the dense head", own),
            Evidence(gap.case, RATIO, "times", heads[0] / heads[1], ">=", FAR, FAR_NAME, hidden),
        ]
        if hidden:
            texts.append(f"{architecture.title} {dense.parameters:,} to {gap.parameters:,}")
    ratios = [row.value for row in rows if row.quantity == RATIO and row.required]
    return rows, (
        f"Parameters with the dense head and with global averaging: {', '.join(texts)}. The averaging head has "
        f"{min(ratios):,.0f} to {max(ratios):,.0f} times fewer; where the dense one has no hidden layer, it saves less."
    )


RATIO = "parameters of the dense head over those of the averaging head"


@claim("C16")
def convolution_parameters_are_a_product(zoo: Zoo) -> Evidenced:
    """Every convolution of the zoo: channels from the tensors that went through it, the kernel from the layer."""
    rows: list[Evidence] = []
    products: list[bool] = []
    grouped = 0
    for trace in zoo.own():
        layers = trace.of(CONVOLUTION)
        if not layers:
            continue
        plain = [layer for layer in layers if trace.module(layer).groups == 1]
        equal = [layer.parameters == _product(trace, layer) for layer in plain]
        rows.append(all_of(trace.case, "parameters equal the product", "convolutions", equal))
        for layer in layers:
            if layer not in plain:
                rows += _grouped(trace, layer)
        products += equal
        grouped += len(layers) - len(plain)
    note = f"; {grouped} more are in groups, where a filter's input channels are those of its group" if grouped else ""
    return rows, (
        f"The parameters of {sum(products):,} of {len(products):,} convolutions are input channels × output channels × "
        f"kernel area (+ one bias for each output channel){note}. Classifiers that run in training alone are left out."
    )


def _product(trace: Trace, layer: LayerCost, groups: int = 1) -> int:
    module = trace.module(layer)
    inputs, outputs = layer.input_shape[0], layer.output_shape[0]
    return int(inputs // groups * outputs * prod(module.kernel_size) + outputs * (module.bias is not None))


def _grouped(trace: Trace, layer: LayerCost) -> list[Evidence]:
    row = partial(Evidence, f"{trace.case}, {layer.name}", *PARAMETERS, layer.parameters, "=")
    groups = trace.module(layer).groups
    return [
        row(_product(trace, layer, groups), f"the product with the channels of one of {groups} groups"),
        row(_product(trace, layer), "the product with all input channels", required=False),
    ]
