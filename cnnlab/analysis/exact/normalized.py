"""Claims about what batch normalization averages over, and where it stands: C32, C46."""

from __future__ import annotations

from torch import Tensor, nn

from cnnlab.analysis.exact.evidence import Evidence, Evidenced, all_of, claim, shown
from cnnlab.analysis.exact.structure import ACTIVATION_KINDS
from cnnlab.analysis.exact.tensors import close, difference, normal, short
from cnnlab.analysis.exact.zoo import CONVOLUTION, DENSE, Trace, Zoo
from cnnlab.models.cost import LayerCost
from cnnlab.models.layers.batchnorm import BatchNorm

CHANNELS = 4


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
        if not layers:
            continue
        means = [trace.module(layer).running_mean.numel() == layer.input_shape[0] for layer in layers]
        between = [_between(trace, layer, kind) for layer in layers]
        rows += [
            all_of(trace.case, f"one mean per {per}", "normalizations", means),
            all_of(trace.case, f"{kind} before, activation behind", "normalizations", between),
        ]
    return rows


def _between(trace: Trace, layer: LayerCost, affine: str) -> bool:
    """Whether it runs right behind an affine map of this kind and right in front of an activation."""
    index = trace.layers.index(layer)
    return trace.layers[index - 1].kind == affine and trace.layers[index + 1].kind in ACTIVATION_KINDS


@claim("C46")
def pixels_are_samples(_zoo: Zoo) -> Evidenced:
    """``(N, C, H, W)`` normalized as such, and as ``(N H W, C)``."""
    rows = []
    for name, image_layer, dense_layer in (
        ("PyTorch's", nn.BatchNorm2d, nn.BatchNorm1d),
        ("ours", BatchNorm, BatchNorm),
    ):
        for shape in ((8, CHANNELS, 5, 3), (2, CHANNELS, 28, 28), (16, CHANNELS, 1, 1)):
            values, weights = normal(1, *shape) * 3 + 2, normal(2, *shape)
            found = _through(image_layer(CHANNELS), values, weights)
            flat = (_as_samples(values), _as_samples(weights))
            expected = _through(dense_layer(CHANNELS), *flat)
            found["outputs"], found["input gradients"] = (
                _as_samples(found[key]) for key in ("outputs", "input gradients")
            )
            case = f"{name}, {'x'.join(map(str, shape))}"
            rows += [close(case, key, difference(found[key], expected[key])) for key in found]
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
