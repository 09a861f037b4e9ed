"""AlexNet and VGG: sizes of the maps, the papers' initialization, odd widths in groups, linear stacks."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from cnnlab.core.errors import UserError
from cnnlab.models import cost
from cnnlab.planning import model_registry
from tests.unit.test_zoo import build


def sides(architecture: str, preset: str, **switches: Any) -> list[int]:
    """Pixels a side after each stage of convolutions, at the preset's own size."""
    size = model_registry.get(architecture).presets[preset]
    images = {"channels": size.channels, "image_size": size.image_size, "classes": size.classes}
    with torch.device("meta"):
        layers = cost.describe(
            build(architecture, preset, **images, **switches), (size.channels, size.image_size, size.image_size)
        )
    last = {layer.stage: layer.output_shape for layer in layers if layer.stage.startswith(("block", "stage"))}
    return [shape[-1] for shape in last.values()]


@pytest.mark.parametrize(
    ("architecture", "preset", "pooled", "strided"),
    [
        ("alexnet", "paper", [27, 13, 13, 13, 6], [28, 14, 14, 14, 7]),
        ("alexnet", "torchvision", [27, 13, 13, 13, 6], [28, 14, 14, 14, 7]),
        ("alexnet", "d2l", [26, 12, 12, 12, 5], [27, 14, 14, 14, 7]),
        ("alexnet", "small", [7, 3, 3, 3, 1], [7, 4, 4, 4, 2]),
        ("vgg", "d2l", [112, 56, 28, 14, 7], [112, 56, 28, 14, 7]),
        ("vgg", "small", [14, 7, 3, 3, 3], [14, 7, 4, 4, 4]),
    ],
)
def test_zoo_maps_shrink_by_pooling_or_by_strides(
    architecture: str, preset: str, pooled: list[int], strided: list[int]
) -> None:
    assert sides(architecture, preset) == pooled
    assert sides(architecture, preset, pooling="none") == strided


def test_zoo_alexnet_starts_as_its_paper_says() -> None:
    """Weights of standard deviation 0.01, biases 1 in convolutions 2, 4, 5 and the hidden dense layers, else 0."""
    model = build("alexnet", "paper", image_size=63, seed=0, width=8)
    biases = {name: value.detach().unique().item() for name, value in model.named_parameters() if value.ndim == 1}
    ones = ("block2.conv", "block4.conv", "block5.conv", "dense1.dense", "dense2.dense")
    zeros = ("block1.conv", "block3.conv", "output")
    assert biases == {f"{name}.bias": 1 for name in ones} | {f"{name}.bias": 0 for name in zeros}
    assert standard_deviations(model) == pytest.approx([0.01] * 8, rel=0.1)


def test_zoo_vgg_starts_as_its_paper_says() -> None:
    """Weights of variance 0.01, biases 0."""
    model = build("vgg", "paper", image_size=32, seed=0, width=8, depth=11)
    assert all((value == 0).all() for value in model.parameters() if value.ndim == 1)
    assert standard_deviations(model) == pytest.approx([0.1] * 11, rel=0.15)


def standard_deviations(model: nn.Module) -> list[float]:
    return [float(value.detach().std()) for value in model.parameters() if value.ndim > 1]


@pytest.mark.parametrize("width", [1, 3, 5, 12])
def test_zoo_alexnet_rounds_odd_maps_up_where_it_groups_them(width: int) -> None:
    free, grouped = (
        [conv.out_channels for conv in build("alexnet", width=width, grouping=grouping).modules() if is_conv(conv)]
        for grouping in (False, True)
    )
    assert free[0] == width
    assert grouped == [channels + channels % 2 for channels in free]


def is_conv(module: nn.Module) -> bool:
    return isinstance(module, nn.Conv2d)


@pytest.mark.parametrize("depth", [11, 13, 16, 19])
@pytest.mark.parametrize("normalization", ["none", "batch"])
def test_zoo_vgg_stack_without_inner_activations_is_affine(depth: int, normalization: str) -> None:
    """f(a + b) - f(a) - f(b) + f(0) = 0 up to the last activation of a stage, and not with activations between."""
    for inner in (False, True):
        model = build("vgg", seed=0, depth=depth, normalization=normalization, inner_activation=inner).double().eval()
        for stage in (model.get_submodule(f"stage{number}") for number in range(1, 6)):
            blocks = [layer for block in stage.children() for layer in block.named_children()]
            layers = [layer for name, layer in blocks if name != "pooling"][:-1]
            assert sum(isinstance(layer, nn.BatchNorm2d) for layer in layers) == (
                len(list(stage.children())) if normalization == "batch" else 0
            )
            affine = bends(nn.Sequential(*layers)) < 1e-9
            assert affine == (not inner or len(list(stage.children())) == 1)


def bends(function: nn.Module) -> float:
    """How far `function` is from an affine map, in units of its own values."""
    first = next(function.parameters())
    a, b = (
        torch.randn(1, first.shape[1], 9, 9, generator=torch.Generator().manual_seed(seed)).double() for seed in (0, 1)
    )
    with torch.no_grad():
        one, two, both, neither = (function(images) for images in (a, b, a + b, torch.zeros_like(a)))
    found: Tensor = (both - one - two + neither).abs().max() / both.abs().max()
    return float(found)


@pytest.mark.parametrize(
    ("switches", "because"),
    [
        ({"kernel_plan": "single", "inner_activation": False}, "no activation inside"),
        ({"activation": "identity", "inner_activation": False}, "no activation to leave out"),
    ],
)
def test_zoo_vgg_refuses_what_would_change_nothing(switches: dict[str, Any], because: str) -> None:
    with pytest.raises(UserError, match=because):
        build("vgg", **switches)


@pytest.mark.parametrize(("architecture", "last"), [("alexnet", (256, 6, 6)), ("vgg", (512, 7, 7))])
def test_zoo_average_of_windows_is_left_out_where_it_would_be_the_identity(
    architecture: str, last: tuple[int, int, int]
) -> None:
    """At the nominal size, so that the deterministic kernels of a GPU can train it; both sizes feed the same head."""
    kinds = {}
    for side in (224, 128):
        with torch.device("meta"):
            model = build(architecture, "torchvision", channels=3, image_size=side)
            layers = {layer.name: layer for layer in cost.describe(model, (3, side, side))}
        assert layers["flatten"].input_shape == last
        kinds[side] = "average" in layers
    assert kinds == {224: False, 128: True}
