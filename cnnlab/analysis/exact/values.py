"""Claims about what networks with weights compute: C07 (outputs), C41 (identity)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from cnnlab.analysis.exact.evidence import Evidence, Evidenced, all_of, claim, shown
from cnnlab.analysis.exact.tensors import normal
from cnnlab.analysis.exact.zoo import Zoo, build
from cnnlab.models.layers.hooks import observed

IMAGES = 200


@claim("C07", "outputs")
def maximum_is_no_less_than_mean(_zoo: Zoo) -> Evidenced:
    """Each pooling of LeNet, by the maximum and by the mean of the same windows: real images, the same weights."""
    images = _digits()
    rows, factors = [], []
    for activation in ("sigmoid", "relu"):
        mean, maximum = (build("lenet", "d2l", pooling=kind, activation=activation) for kind in ("average", "max"))
        same = [torch.equal(one, other) for one, other in zip(mean.parameters(), maximum.parameters(), strict=True)]
        rows.append(all_of(f"lenet, {activation}", "equal in both networks", "weight tensors", same))
        for name, (values, means) in _pooled(mean, images).items():
            largest = maximum.get_submodule(name)(values)
            rows += _compare(f"lenet, {activation}, {name}", largest, means)
            factors.append(float(largest.mean() / means.mean()))
    noise = normal(0, 8, 16, 12, 12)
    rows += _compare("values of either sign, 3x3 windows", nn.MaxPool2d(3)(noise), nn.AvgPool2d(3)(noise))
    windows, below = (sum(row.value for row in rows if row.quantity == quantity) for quantity in (WINDOWS, BELOW))
    return rows, (
        f"In {below:.0f} of {windows:,.0f} windows the maximum is below the mean. On {IMAGES} digits through LeNet "
        f"with the same weights, max pooling gives {min(factors):.2f} to {max(factors):.2f} times the average output."
    )


WINDOWS, BELOW = "windows compared", "windows whose maximum is below their mean, beyond rounding"


def _compare(case: str, largest: Tensor, means: Tensor) -> list[Evidence]:
    """The mean of nine equal values may be rounded up, by less than a millionth of the largest."""
    below = int((largest < means - 1e-6 * float(means.abs().max())).sum())
    averages = float(largest.mean()), float(means.mean())
    return [
        shown(case, WINDOWS, "windows", means.numel()),
        Evidence(case, BELOW, "windows", below, "=", 0, "none"),
        Evidence(case, "average output of max pooling", "activation", averages[0], ">", averages[1], "average pooling"),
    ]


def _digits() -> Tensor:
    """Embedded MNIST images, the same number of each class, standardized."""
    from cnnlab.data.sources import read
    from cnnlab.planning.specs import DataSpec

    pixels = torch.from_numpy(read(DataSpec(name="mnist5k", limit=IMAGES).prepared()).images).float()
    return (pixels - pixels.mean()) / pixels.std()


@torch.no_grad()
def _pooled(model: nn.Module, images: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
    """What each average pooling is given and returns."""
    pooled: dict[str, tuple[Tensor, Tensor]] = {}
    layers = {name: module for name, module in model.named_modules() if isinstance(module, nn.AvgPool2d)}
    with observed(layers, lambda name, given, returned: pooled.update({name: (given, returned)})):
        model.eval()(images)
    return pooled


@claim("C41", "identity")
def zero_weights_are_the_identity(_zoo: Zoo) -> Evidenced:
    """Blocks that keep the shape, all weights at zero, on inputs as an activation leaves them; and a plain twin."""
    rows = []
    networks = {name: build(name) for name in ("resnet", "resnet_cifar")}
    networks["skeleton"] = build("skeleton", block="residual")
    blocks = {
        f"{name}, {key}": block
        for name, model in networks.items()
        for key, block in model.named_modules()
        if isinstance(getattr(block, "shortcut", None), nn.Identity)  # as only those that keep the shape have
    }
    for case, block in blocks.items():
        _zero(block)
        values = normal(0, 4, _channels(block), 7, 7)
        for mode, training in (("training", True), ("prediction", False)):
            apart = _apart(block.train(training), values.relu())
            rows.append(Evidence(f"{case}, {mode}", LARGEST, "activation", apart, "=", 0, "none"))
        rows.append(shown(f"{case}, inputs of either sign", LARGEST, "activation", _apart(block, values)))
    plain = build("resnet", residual=False).get_submodule("stage1.0")
    _zero(plain)
    left = _apart(plain, normal(0, 4, _channels(plain), 7, 7).relu())
    rows.append(shown("resnet, stage1.0 without its shortcut", LARGEST, "activation", left))
    worst = max(row.value for row in rows if row.required)
    close = "exactly" if worst == 0 else f"to within {worst:g}"
    return rows, (
        f"With zero weights, the {len(blocks)} residual blocks that keep the shape return an activation's output "
        f"{close}, in training and in prediction; a block without its shortcut is off by {left:.1f}."
    )


LARGEST = "largest difference between output and input"


def _channels(block: nn.Module) -> int:
    return next(module.in_channels for module in block.modules() if isinstance(module, nn.Conv2d))


@torch.no_grad()
def _zero(block: nn.Module) -> None:
    for parameter in block.parameters():
        parameter.zero_()


@torch.no_grad()
def _apart(block: nn.Module, values: Tensor) -> float:
    return float((block(values) - values).abs().max())
