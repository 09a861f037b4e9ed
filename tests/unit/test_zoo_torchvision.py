"""Sizes as published, and networks that compute what torchvision's compute from the same weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision import models as torchvision

from cnnlab.models import cost
from cnnlab.models.layers.auxiliary import Scores
from cnnlab.planning import model_registry
from tests.unit.test_zoo import build

CLASSES = 10
# Both sides run in double precision, where another order of summation moves no ReLU or maximum to the other side.
TOLERANCE = 1e-7


@pytest.mark.parametrize(
    ("architecture", "preset", "switches", "expected"),
    [
        ("alexnet", "d2l", {}, 46_764_746),
        ("vgg", "d2l", {}, 128_806_154),
        ("vgg", "d2l", {"width": 16}, 43_093_322),
        ("nin", "d2l", {}, 1_992_166),
        ("googlenet", "d2l", {}, 5_977_530),
        ("resnet", "d2l", {}, 11_178_378),
        ("alexnet", "paper", {}, 60_965_224),
        ("alexnet", "torchvision", {}, 61_100_840),
        ("vgg", "torchvision", {}, 132_863_336),
        ("vgg", "torchvision", {"normalization": "batch"}, 132_868_840),
        ("vgg", "torchvision", {"depth": 13}, 133_047_848),
        ("vgg", "torchvision", {"depth": 16}, 138_357_544),
        ("vgg", "torchvision", {"depth": 19}, 143_667_240),
        ("googlenet", "torchvision", {}, 13_004_888),
        ("resnet", "torchvision", {}, 11_689_512),
        ("resnet", "torchvision", {"depth": 34}, 21_797_672),
        ("resnet", "torchvision", {"depth": 50}, 25_557_032),
    ],
)
def test_zoo_published_parameter_counts(
    architecture: str, preset: str, switches: dict[str, Any], expected: int
) -> None:
    size = model_registry.get(architecture).presets[preset]
    with torch.device("meta"):
        model = build(
            architecture,
            preset,
            channels=size.channels,
            image_size=size.image_size,
            classes=size.classes,
            **switches,
        )
    assert cost.parameters(model) == expected


def shaken(model: nn.Module) -> nn.Module:
    """The module, made on meta, with weights, scales, shifts and running statistics that all matter."""
    model = model.double().to_empty(device="cpu").requires_grad_(False)
    generator = torch.Generator().manual_seed(0)
    for name, tensor in model.state_dict().items():
        if tensor.ndim > 1:
            bound = (6 / tensor[0].numel()) ** 0.5
            tensor.uniform_(-bound, bound, generator=generator)
        elif name.endswith("num_batches_tracked"):
            tensor.fill_(3)
        elif name.endswith(("running_var", "weight")):
            tensor.uniform_(0.5, 1.5, generator=generator)
        else:
            tensor.uniform_(-0.3, 0.3, generator=generator)
    return model


def in_our_order(model: nn.Module) -> list[Tensor]:
    """The tensors of torchvision's module; its auxiliary classifiers stand before the last layer, ours after it."""
    states = model.state_dict().items()
    return [tensor for _, tensor in sorted(states, key=lambda state: state[0].startswith("aux"))]


def share(theirs: nn.Module, ours: nn.Module) -> None:
    """Weights are the same tensors, which saves memory; running statistics are copies."""
    names = list(ours.state_dict())
    buffers = {name for name, _ in ours.named_buffers()}
    states = dict(zip(names, in_our_order(theirs), strict=True))
    ours.load_state_dict(
        {name: tensor.clone() if name in buffers else tensor for name, tensor in states.items()}, assign=True
    )
    ours.requires_grad_(False)


def scores_of(found: Any) -> list[Tensor]:
    """Of the last layer, then of the auxiliary classifiers, the one nearest the image first."""
    if isinstance(found, Tensor):
        return [found]
    if isinstance(found, Scores):
        return [found.main, *found.auxiliary]
    return [found.logits, found.aux_logits1, found.aux_logits2]


def scores_and_gradient(model: nn.Module, images: Tensor) -> list[Tensor]:
    images = images.clone().requires_grad_()
    scores = scores_of(model(images))
    generator = torch.Generator().manual_seed(2)
    loss = sum((each * torch.randn(each.shape, generator=generator, dtype=each.dtype)).sum() for each in scores)
    (gradient,) = torch.autograd.grad(loss, images)
    return [*(each.detach() for each in scores), gradient]


def assert_close(one: Tensor, two: Tensor) -> None:
    torch.testing.assert_close(one, two, rtol=TOLERANCE, atol=TOLERANCE * float(two.abs().max()))


@pytest.mark.parametrize(
    ("architecture", "switches", "side", "make"),
    [
        ("alexnet", {}, 224, lambda: torchvision.alexnet(num_classes=CLASSES, dropout=0.0)),
        ("vgg", {}, 64, lambda: torchvision.vgg11(num_classes=CLASSES, init_weights=False, dropout=0.0)),
        (
            "vgg",
            {"normalization": "batch"},
            64,
            lambda: torchvision.vgg11_bn(num_classes=CLASSES, init_weights=False, dropout=0.0),
        ),
        ("vgg", {"depth": 16}, 64, lambda: torchvision.vgg16(num_classes=CLASSES, init_weights=False, dropout=0.0)),
        (
            "googlenet",
            {},
            96,
            lambda: torchvision.googlenet(
                weights=None,
                num_classes=CLASSES,
                init_weights=False,
                aux_logits=True,
                transform_input=False,
                dropout=0.0,
                dropout_aux=0.0,
            ),
        ),
        ("resnet", {}, 64, lambda: torchvision.resnet18(num_classes=CLASSES)),
        ("resnet", {"depth": 34}, 64, lambda: torchvision.resnet34(num_classes=CLASSES)),
        ("resnet", {"depth": 50}, 96, lambda: torchvision.resnet50(num_classes=CLASSES)),
    ],
    ids=["alexnet", "vgg11", "vgg11_bn", "vgg16", "googlenet", "resnet18", "resnet34", "resnet50"],
)
def test_zoo_equals_torchvision(
    architecture: str, switches: dict[str, Any], side: int, make: Callable[[], nn.Module]
) -> None:
    """Class scores and gradients of the images, in evaluation and in training, where running statistics move too."""
    without_dropout = {} if architecture == "resnet" else {"dropout": 0.0}
    with torch.device("meta"):
        ours = build(
            architecture,
            "torchvision",
            channels=3,
            image_size=side,
            classes=CLASSES,
            **{**without_dropout, **switches},
        )
        theirs = make()
    theirs = shaken(theirs)
    share(theirs, ours)
    images = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    heads = {}
    for training in (False, True):
        one, two = (scores_and_gradient(model.train(training), images) for model in (ours, theirs))
        heads[training] = len(two) - 1
        for a, b in zip(one, two, strict=True):
            assert b.abs().max() > 0
            assert_close(a, b)
    assert heads == {False: 1, True: 3 if architecture == "googlenet" else 1}
    buffers = {name for name, _ in ours.named_buffers()}
    for (name, a), b in zip(ours.state_dict().items(), in_our_order(theirs), strict=True):
        if name in buffers:
            assert a.data_ptr() != b.data_ptr()
            assert_close(a.double(), b.double())
    assert all(int(count) == 4 for name, count in ours.named_buffers() if name.endswith("num_batches_tracked"))
