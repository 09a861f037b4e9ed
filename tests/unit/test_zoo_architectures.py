"""What is particular to each architecture: formulas of its paper, and what its own switches promise."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from cnnlab.models import cost
from cnnlab.models.layers.auxiliary import Scores
from cnnlab.models.layers.local_response_norm import LocalResponse
from cnnlab.models.vgg import STAGES
from cnnlab.planning import model_registry
from tests.unit.test_zoo import build

BRANCHES = {"1x1": "branch1", "3x3": "branch2", "5x5": "branch3", "pool": "branch4"}
SUBSETS = [kept for kept in model_registry.get("googlenet").switches["branches"].values if kept != "all"]


def on_meta(architecture: str, preset: str = "small", **switches: Any) -> nn.Module:
    size = model_registry.get(architecture).presets[preset]
    with torch.device("meta"):
        return build(
            architecture, preset, channels=size.channels, image_size=size.image_size, classes=size.classes, **switches
        )


def layer_of(model: nn.Module, kind: type[nn.Module]) -> list[nn.Module]:
    return [module for module in model.modules() if isinstance(module, kind)]


@pytest.mark.parametrize("channels", [1, 3, 5, 12])
def test_zoo_alexnet_local_response_is_the_formula_of_the_paper(channels: int) -> None:
    """b_i = a_i / (k + alpha * sum of a_j^2 over the five channels j around i)^beta"""
    images = 20 * torch.randn(2, channels, 3, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    expected = torch.empty_like(images)
    for i in range(channels):
        squares = images[:, max(0, i - 2) : min(channels - 1, i + 2) + 1].square().sum(1)
        expected[:, i] = images[:, i] / (2 + 1e-4 * squares) ** 0.75
    torch.testing.assert_close(LocalResponse()(images), expected, rtol=1e-12, atol=1e-12)


def test_zoo_alexnet_local_response_follows_the_first_two_activations() -> None:
    for preset in ("small", "paper"):
        model = on_meta("alexnet", preset, local_response=True)
        assert len(layer_of(model, LocalResponse)) == 2
        for block in ("block1", "block2"):
            assert [name for name, _ in model.get_submodule(block).named_children()][-3:] == [
                "activation",
                "response",
                "pooling",
            ]
    assert not layer_of(on_meta("alexnet"), LocalResponse)


@pytest.mark.parametrize("grouping", [True, False])
@pytest.mark.parametrize("block", ["block2", "block3", "block4", "block5"])
def test_zoo_alexnet_groups_see_half_of_the_channels(block: str, grouping: bool) -> None:
    """The paper's two GPUs exchange maps in the third convolution only."""
    conv = build("alexnet", seed=0, grouping=grouping).get_submodule(f"{block}.conv")
    assert isinstance(conv, nn.Conv2d)
    half = conv.in_channels // 2
    for channel, unseen in ((0, slice(half, None)), (conv.out_channels - 1, slice(0, half))):
        maps = torch.randn(1, conv.in_channels, 7, 7, requires_grad=True)
        (gradient,) = torch.autograd.grad(conv(maps)[0, channel].sum(), maps)
        seen = gradient.abs().amax((0, 2, 3)) > 0
        separate = grouping and block != "block3"
        assert int(seen.sum()) == (half if separate else 2 * half)
        assert bool(seen[unseen].any()) != separate


def receptive_field(stage: nn.Module) -> tuple[int, int]:
    """Height and width of what one pixel in front of the pooling sees."""
    layers = [layer for block in stage.children() for name, layer in block.named_children() if name != "pooling"]
    first = layers[0]
    assert isinstance(first, nn.Conv2d)
    images = torch.randn(1, first.in_channels, 21, 21, requires_grad=True)
    out = nn.Sequential(*layers)(images)
    assert out.shape[2:] == images.shape[2:]
    (gradient,) = torch.autograd.grad(out[0, :, 10, 10].sum(), images)
    rows, columns = torch.nonzero(gradient.abs().amax((0, 1)), as_tuple=True)
    assert (int(rows.min() + rows.max()), int(columns.min() + columns.max())) == (20, 20)
    return int(rows.max() - rows.min()) + 1, int(columns.max() - columns.min()) + 1


@pytest.mark.parametrize("depth", STAGES)
def test_zoo_vgg_single_kernels_see_what_the_stack_sees(depth: int) -> None:
    stacked, single = (
        build("vgg", seed=0, depth=depth, activation="gelu", kernel_plan=plan) for plan in ("stacked", "single")
    )
    for number, count in enumerate(STAGES[depth], start=1):
        stack, one = (model.get_submodule(f"stage{number}") for model in (stacked, single))
        assert len(layer_of(stack, nn.Conv2d)) == count
        (conv,) = layer_of(one, nn.Conv2d)
        field = receptive_field(stack)
        assert receptive_field(one) == field == conv.kernel_size == (2 * count + 1,) * 2


@pytest.mark.parametrize("preset", ["small", "d2l", "paper"])
@pytest.mark.parametrize("classes", [2, 7, 10])
def test_zoo_nin_head_is_a_map_for_each_class_or_dense(preset: str, classes: int) -> None:
    size = model_registry.get("nin").presets[preset]
    images = {"channels": size.channels, "image_size": size.image_size, "classes": classes}
    with torch.device("meta"):
        model, dense = (build("nin", preset, head=head, **images) for head in ("gap", "dense"))
        assert not layer_of(model, nn.Linear)
        maps: list[Tensor] = []
        model.get_submodule("scores").register_forward_hook(lambda module, inputs, output: maps.append(output))
        out = model(torch.empty(3, size.channels, size.image_size, size.image_size))
    assert maps[0].shape[:2] == out.shape == (3, classes)
    assert min(maps[0].shape[2:]) > 1
    assert layer_of(dense, nn.Linear)
    assert layer_of(dense, nn.Linear)[-1].out_features == classes


def test_zoo_nin_scores_are_the_averages_of_the_last_map() -> None:
    model = build("nin", seed=0, classes=7)
    maps: list[Tensor] = []
    model.get_submodule("scores").register_forward_hook(lambda module, inputs, output: maps.append(output))
    scores = model(torch.randn(3, 1, 28, 28))
    torch.testing.assert_close(scores, maps[0].mean((2, 3)))


def assert_only(model: nn.Module, kept: str) -> None:
    blocks = {name: module for name, module in model.named_modules() if name.rpartition(".")[2][:-2] == "inception"}
    assert blocks
    for block in blocks.values():
        assert [name for name, _ in block.named_children()] == [BRANCHES[branch] for branch in kept.split("+")]


@pytest.mark.parametrize("kept", SUBSETS)
def test_zoo_googlenet_widened_branches_keep_the_size_of_the_network(kept: str) -> None:
    assert len(SUBSETS) == 14
    full = cost.parameters(on_meta("googlenet"))
    narrow, wide = on_meta("googlenet", branches=kept), on_meta("googlenet", branches=kept, widen=True)
    assert_only(narrow, kept)
    assert_only(wide, kept)
    assert cost.parameters(narrow) < full
    assert cost.parameters(wide) == pytest.approx(full, rel=0.03)


@pytest.mark.parametrize("kept", ["1x1", "3x3+pool", "1x1+3x3+5x5"])
def test_zoo_googlenet_widened_branches_keep_the_size_of_the_notes_network(kept: str) -> None:
    wide = on_meta("googlenet", "d2l", branches=kept, widen=True)
    assert_only(wide, kept)
    assert cost.parameters(wide) == pytest.approx(5_977_530, rel=0.03)


@pytest.mark.parametrize("switches", [{"normalization": "batch"}, {"auxiliary": True}, {"head": "dense"}])
@pytest.mark.parametrize("kept", ["5x5", "1x1+pool", "1x1+3x3+pool"])
def test_zoo_googlenet_widened_branches_count_other_switches(kept: str, switches: dict[str, Any]) -> None:
    full = cost.parameters(on_meta("googlenet", **switches))
    assert cost.parameters(on_meta("googlenet", branches=kept, widen=True, **switches)) == pytest.approx(full, rel=0.03)


@pytest.mark.parametrize("preset", ["small", "d2l", "paper", "torchvision"])
def test_zoo_googlenet_reductions_save_parameters(preset: str) -> None:
    reduced, direct = on_meta("googlenet", preset), on_meta("googlenet", preset, reductions=False)
    assert cost.parameters(direct) > 1.5 * cost.parameters(reduced)
    names = [name for name, _ in direct.named_modules()]
    assert not [name for name in names if name.endswith(("branch2.conv1x1", "branch3.conv1x1"))]


@pytest.mark.parametrize("preset", ["small", "torchvision"])
def test_zoo_googlenet_auxiliary_scores_are_for_training_only(preset: str) -> None:
    """What the last layer returns does not depend on whether the others look."""
    size = model_registry.get("googlenet").presets[preset].channels
    model = build("googlenet", preset, channels=size, image_size=64, seed=0, auxiliary=True, dropout=0.0)
    twin = build("googlenet", preset, channels=size, image_size=64, seed=0, auxiliary=False, dropout=0.0)
    images = torch.randn(2, size, 64, 64, generator=torch.Generator().manual_seed(0))
    scores = model(images)
    assert isinstance(scores, Scores)
    assert [tuple(each.shape) for each in scores.auxiliary] == [(2, 10)] * 2
    torch.testing.assert_close(scores.main, twin(images))
    evaluated = model.eval()(images)
    assert type(evaluated) is Tensor
    torch.testing.assert_close(evaluated, twin.eval()(images))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    ("architecture", "depth"), [("resnet", 18), ("resnet", 34), ("resnet", 50), ("resnet_cifar", 20)]
)
def test_zoo_resnet_zero_init_starts_from_the_identity(architecture: str, depth: int, training: bool) -> None:
    model, usual = (
        build(architecture, image_size=28, seed=0, depth=depth, zero_init=zero).train(training)
        for zero in (True, False)
    )
    kept = [name for name, module in model.named_modules() if name.endswith(".shortcut") and is_identity(module)]
    assert kept
    for shortcut in kept:
        name = shortcut.removesuffix(".shortcut")
        block = model.get_submodule(name)
        convs = layer_of(block, nn.Conv2d)
        images = torch.rand(4, convs[0].in_channels, 6, 6)
        assert torch.equal(block(images), images)
        assert not torch.allclose(usual.get_submodule(name)(images), images)


def is_identity(module: nn.Module) -> bool:
    return isinstance(module, nn.Identity)


@pytest.mark.parametrize("depth", [18, 34, 50])
def test_zoo_resnet_plain_twin_has_the_same_weights(depth: int) -> None:
    residual, plain = (
        build("resnet", seed=3, depth=depth, residual=residual).state_dict() for residual in (True, False)
    )
    assert list(plain) == [name for name in residual if ".shortcut." not in name]
    assert len(plain) < len(residual)
    assert all(torch.equal(plain[name], residual[name]) for name in plain)


def test_zoo_skeleton_blocks_have_the_same_maps_and_cost() -> None:
    maps: dict[str, dict[str, tuple[int, ...]]] = {}
    macs = {}
    for block in model_registry.get("skeleton").switches["block"].values:
        model = on_meta("skeleton", block=block).eval()
        macs[block] = cost.macs(model, (1, 28, 28))
        shapes = maps[block] = {}
        for name, stage in model.named_children():
            stage.register_forward_hook(
                lambda module, inputs, output, shapes=shapes, name=name: shapes.update({name: tuple(output.shape)})
            )
        with torch.device("meta"):
            model(torch.empty(2, 1, 28, 28))
    assert set(maps) == {"vgg", "inception", "residual"}
    assert maps["vgg"] == maps["inception"] == maps["residual"]
    stages = [maps["vgg"][name] for name in ("stem", "stage1", "stage2", "stage3")]
    assert stages == [(2, 16, 28, 28), (2, 16, 14, 14), (2, 32, 7, 7), (2, 64, 4, 4)]
    assert all(before[2] > after[2] for before, after in pairwise(stages))
    assert max(macs.values()) < 1.03 * min(macs.values())
