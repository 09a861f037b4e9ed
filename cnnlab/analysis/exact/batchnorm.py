"""Claims about batch normalization, in our own layer and in PyTorch's: C31, C32, C34, C46, C47."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from cnnlab.analysis.exact.evidence import Evidence, Evidenced, all_of, claim, shown
from cnnlab.analysis.exact.structure import ACTIVATION_KINDS
from cnnlab.analysis.exact.tensors import TOLERANCE, TOLERANCE_NAME, close, difference, normal, short
from cnnlab.analysis.exact.zoo import CONVOLUTION, DENSE, Trace, Zoo
from cnnlab.models.layers.batchnorm import BatchNorm

CHANNELS, EPSILON, MOMENTUM, BATCHES = 4, 1e-5, 0.1, 40
# What a dense layer and a convolution hand over, without the number of samples.
SHAPES = {"dense": (CHANNELS,), "convolution": (CHANNELS, 5, 3)}
TORCH = {"dense": nn.BatchNorm1d, "convolution": nn.BatchNorm2d}
Layer = Callable[[int, float], Any]  # channels, the small constant


def _layers(shape: str) -> dict[str, Layer]:
    return {"ours": BatchNorm, "PyTorch's": TORCH[shape]}


def _batch(seed: int, samples: int, shape: str) -> Tensor:
    """Channels with means from -2 to 4 and spreads from 0.1 to 100, moving with the seed."""
    per_channel = (-1, *[1] * (len(SHAPES[shape]) - 1))
    spread = torch.logspace(-1, 2, CHANNELS).view(per_channel)
    mean = (torch.linspace(-2, 4, CHANNELS) + 0.1 * seed).view(per_channel)
    return normal(seed, samples, *SHAPES[shape]) * spread + mean


@claim("C31")
def constant_prevents_division_by_zero(_zoo: Zoo) -> Evidenced:
    """A channel that is the same everywhere has variance 0: one that is switched off, or any other constant."""
    rows = []
    for shape in SHAPES:
        for value in (0.0, 3.0):
            values = _batch(0, 8, shape)
            values[:, 1] = value
            case = f"{shape}, a channel of {value:g}"
            layers = {name: make(CHANNELS, EPSILON) for name, make in _layers(shape).items()}
            rows += [_not_finite(f"{name}, {case}", layer, values, "=") for name, layer in layers.items()]
            rows.append(_not_finite(f"ours without it, {case}", BatchNorm(CHANNELS, 0.0), values, ">"))
        rows.append(shown(f"PyTorch's, {shape}", "refuses to train without it", "yes or no", _refuses(shape)))
    with_it, without = ([row.value for row in rows if row.relation == sign] for sign in "=>")
    refused = all(row.value for row in rows if not row.required)
    also = "; PyTorch refuses to train with a constant of 0" if refused else ""
    return rows, (
        f"A channel of variance 0 gives {max(with_it):.0f} outputs or gradients that are not finite with a constant of "
        f"{short(EPSILON)}, and {min(without):.0f} to {max(without):.0f} in our layer without it{also}."
    )


def _not_finite(case: str, layer: nn.Module, values: Tensor, relation: str) -> Evidence:
    inputs = values.clone().requires_grad_()
    outputs = layer(inputs)
    outputs.square().sum().backward()
    count = sum(int((~tensor.isfinite()).sum()) for tensor in (outputs, inputs.grad) if tensor is not None)
    return Evidence(case, "outputs and input gradients that are not finite", "values", count, relation, 0, "none")


def _refuses(shape: str) -> bool:
    try:
        TORCH[shape](CHANNELS, 0.0)(_batch(0, 8, shape))
    except ValueError:
        return True
    return False


@claim("C34", "equality")
def statistics_of_batch_and_of_data(_zoo: Zoo) -> Evidenced:
    """Both layers over the same batches, then in prediction; and a mean kept by hand in the other convention."""
    rows = []
    for shape in SHAPES:
        ours, theirs = BatchNorm(CHANNELS, EPSILON, MOMENTUM), TORCH[shape](CHANNELS, EPSILON, MOMENTUM)
        old = torch.zeros(CHANNELS)
        worst = 0.0
        for seed in range(BATCHES):
            values = _batch(seed, 16, shape)
            worst = max(worst, difference(ours(values), theirs(values)))
            old = (1 - MOMENTUM) * old + MOMENTUM * values.transpose(0, 1).flatten(1).mean(1)
        rows.append(close(shape, "outputs in training, against PyTorch's", worst))
        for name, buffer in (("mean", "running_mean"), ("variance", "running_var")):
            apart = difference(ours.get_buffer(buffer), theirs.get_buffer(buffer))
            rows.append(close(shape, f"running {name} after {BATCHES} batches, against PyTorch's", apart))
        convention = f"running mean, against {1 - MOMENTUM:g} old + {MOMENTUM:g} new"
        rows.append(close(shape, convention, difference(ours.running_mean, old)))
        rows += _modes(shape, ours, theirs)
    worst = max(row.value for row in rows if row.relation == "<=")
    return rows, (
        f"Our layer equals PyTorch's to {short(worst)} of the largest value: outputs in training and in prediction, "
        f"and running averages after {BATCHES} batches, for which a momentum of {MOMENTUM:g} is {1 - MOMENTUM:g} "
        "where it multiplies the old average. In training a sample's output depends on its batch, in prediction not."
    )


def _modes(shape: str, ours: nn.Module, theirs: nn.Module) -> list[Evidence]:
    """Training has used the batch: its outputs have mean 0, and differ with the company; prediction has not."""
    values, company = _batch(100, 8, shape), _batch(101, 8, shape)
    mixed = torch.cat([values[:4], company[:4]])
    trained = ours(values)
    apart = difference(ours(mixed)[:4], trained[:4])
    means = float(trained.detach().transpose(0, 1).flatten(1).mean(1).abs().max())
    theirs(values), theirs(mixed)  # so that both have seen the same
    ours.eval(), theirs.eval()
    predicted = ours(values)
    moved, change = difference(ours(mixed)[:4], predicted[:4]), "change of a sample's output with its batch"
    return [
        close(shape, "mean of the outputs of a batch in training", means),
        Evidence(shape, f"{change}, training", "relative", apart, ">", TOLERANCE, TOLERANCE_NAME),
        Evidence(shape, f"{change}, prediction", "relative", moved, "=", 0, "none"),
        close(shape, "outputs in prediction, against PyTorch's", difference(predicted, theirs(values))),
    ]


@claim("C47")
def it_can_undo_itself(_zoo: Zoo) -> Evidenced:
    """Scale and shift set to the batch's own spread and mean; the spread includes the small constant."""
    rows = []
    for shape in SHAPES:
        for name, make in _layers(shape).items():
            values = _batch(0, 64, shape)
            with_it, without = (_undone(make(CHANNELS, EPSILON), values, added) for added in (EPSILON, 0.0))
            rows.append(close(f"{name}, {shape}", "output against input", with_it))
            rows.append(shown(f"{name}, {shape}", "the same, σ without the small constant", "relative", without))
    worst = max(row.value for row in rows if row.required)
    return rows, (
        f"With the scale σ (the root of the variance plus {short(EPSILON)}) and the shift μ of the batch, the output "
        f"is the input to {short(worst)} of the largest value, for channels with σ from 0.1 to 100, dense and "
        "convolutional."
    )


def _undone(layer: nn.Module, values: Tensor, added: float) -> float:
    """The largest difference of a channel, relative to its largest value; `added` to the variance is in the scale."""
    columns = values.transpose(0, 1).flatten(1)
    with torch.no_grad():
        layer.get_parameter("weight").copy_((columns.var(1, unbiased=False) + added).sqrt())
        layer.get_parameter("bias").copy_(columns.mean(1))
        outputs = layer(values)
    return max(difference(outputs[:, channel], values[:, channel]) for channel in range(CHANNELS))


@claim("C32")
def normalization_acts_on_features_or_channels(zoo: Zoo) -> Evidenced:
    """How many means a layer keeps, and what stands before and behind it; in a residual block the sum comes between."""
    rows = []
    chosen = {"mlp": "small", "lenet": "d2l", "alexnet": "d2l", "vgg": "d2l", "googlenet": "d2l"}
    for name, preset in chosen.items():
        rows += _normalized(zoo.trace(name, preset, normalization="batch"))
    rows += [shown(row.case, row.quantity, row.unit, row.value) for row in _normalized(zoo.trace("resnet"))]
    decisive = [row for row in rows if row.required]
    dense, conv, between = (
        sum(row.value for row in decisive if word in row.quantity) for word in ("feature", "channel", "behind")
    )
    return rows, (
        f"In {len(chosen)} networks, {dense:.0f} normalizations of dense layers keep one mean per feature, {conv:.0f} "
        f"of convolutions one per channel; {between:.0f} stand between the affine map and the activation."
    )


def _normalized(trace: Trace) -> list[Evidence]:
    rows = []
    for kind, norm, per in ((DENSE, "BatchNorm1d", "feature"), (CONVOLUTION, "BatchNorm2d", "channel")):
        layers = trace.of(norm)
        means = [trace.module(layer).running_mean.numel() == layer.input_shape[0] for layer in layers]
        between = [
            before.kind == kind and behind.kind in ACTIVATION_KINDS
            for before, layer, behind in zip(trace.layers, trace.layers[1:], trace.layers[2:], strict=False)
            if layer.kind == norm
        ]
        if layers:
            rows.append(all_of(trace.case, f"one mean per {per}", "normalizations", means))
            rows.append(all_of(trace.case, f"{kind} before, activation behind", "normalizations", between))
    return rows


@claim("C46")
def pixels_are_samples(_zoo: Zoo) -> Evidenced:
    """``(N, C, H, W)`` normalized as such, and as ``(N H W, C)``."""
    rows = []
    for name in ("PyTorch's", "ours"):
        image_layer, dense_layer = (_layers(shape)[name] for shape in ("convolution", "dense"))
        for shape in ((8, CHANNELS, 5, 3), (2, CHANNELS, 28, 28), (16, CHANNELS, 1, 1)):
            values, weights = normal(1, *shape) * 3 + 2, normal(2, *shape)
            of_maps = _through(image_layer(CHANNELS, EPSILON), values, weights)
            of_maps |= {key: _as_samples(of_maps[key]) for key in ("outputs", "input gradients")}
            expected = _through(dense_layer(CHANNELS, EPSILON), _as_samples(values), _as_samples(weights))
            case = f"{name}, {'x'.join(map(str, shape))}"
            rows += [close(case, key, difference(of_maps[key], expected[key])) for key in of_maps]
    worst = max(row.value for row in rows)
    return rows, (
        "Normalizing a map and normalizing its pixels as samples give the same outputs, gradients and running averages "
        f"to {short(worst)} of the largest value, in PyTorch's layers and in ours."
    )


def _as_samples(images: Tensor) -> Tensor:
    return images.movedim(1, -1).reshape(-1, images.shape[1])


def _through(layer: nn.Module, values: Tensor, weights: Tensor) -> dict[str, Tensor]:
    """Outputs in training, and gradients of their sum weighted by `weights`."""
    inputs = values.clone().requires_grad_()
    outputs = layer(inputs)
    (outputs * weights).sum().backward()
    names = {"scale gradients": "weight", "shift gradients": "bias"}
    gradients = {key: layer.get_parameter(name).grad for key, name in names.items()}
    running = {f"running {key}": layer.get_buffer(f"running_{key}") for key in ("mean", "var")}
    return {"outputs": outputs, "input gradients": inputs.grad, **gradients, **running}  # type: ignore[dict-item]
