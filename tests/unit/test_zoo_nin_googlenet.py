"""NiN and GoogLeNet beside their papers: tables, formulas, and what their own switches do to the layers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnnlab.models import cost
from cnnlab.models.layers.auxiliary import Scores
from cnnlab.models.layers.blocks import Layers, WindowAverage
from cnnlab.models.layers.inception import BRANCHES, InceptionBlock, Widths, nearest_factor
from cnnlab.models.layers.local_response_norm import LocalResponse
from cnnlab.models.layers.switches import NORMALIZATIONS, POOLINGS
from cnnlab.planning import model_registry
from tests.unit.test_zoo import build, main

SUBSETS = [kept for kept in model_registry.get("googlenet").switches["branches"].values if kept != "all"]
POOLS = (nn.MaxPool2d, nn.AvgPool2d)


def on_meta(architecture: str, preset: str = "small", **switches: Any) -> nn.Module:
    size = model_registry.get(architecture).presets[preset]
    with torch.device("meta"):
        return build(
            architecture, preset, channels=size.channels, image_size=size.image_size, classes=size.classes, **switches
        )


def shapes(model: nn.Module, preset: str) -> dict[str, tuple[int, ...]]:
    """After each module of GoogLeNet, in evaluation mode, at the preset's own size."""
    size = model_registry.get("googlenet").presets[preset]
    found: dict[str, tuple[int, ...]] = {}
    for name, module in model.named_modules():
        module.register_forward_hook(lambda module, inputs, out, name=name: found.update({name: tuple(out.shape[1:])}))
    model.eval()(torch.empty(2, size.channels, size.image_size, size.image_size, device="meta"))
    return found


@pytest.mark.parametrize(
    ("architecture", "switches", "expected"),
    [
        ("nin", {}, 966_986),
        ("googlenet", {}, 13_378_280),
        ("googlenet", {"auxiliary": False}, 6_998_552),
    ],
)
def test_zoo_counts_of_the_authors_configurations(architecture: str, switches: dict[str, Any], expected: int) -> None:
    assert cost.parameters(on_meta(architecture, "paper", **switches)) == expected


@pytest.mark.parametrize("preset", ["paper", "torchvision"])
@pytest.mark.parametrize("pooling", ["max", "average", "none"])
def test_zoo_googlenet_has_the_output_sizes_of_table_1(preset: str, pooling: str) -> None:
    found = shapes(on_meta("googlenet", preset, pooling=pooling), preset)
    after = {"stage1": 64, "stage2": 192, "stage3": 480, "stage4": 832, "stage5": 1024}
    sides = (56, 28, 14, 7, 7)
    assert [found[stage] for stage in after] == [
        (channels, side, side) for channels, side in zip(after.values(), sides, strict=True)
    ]
    blocks = [shape[0] for name, shape in found.items() if name.rpartition(".")[2].startswith("inception")]
    assert blocks == [256, 480, 512, 512, 512, 528, 832, 832, 1024]


def test_zoo_googlenet_width_scales_every_channel() -> None:
    full, half = (shapes(on_meta("googlenet", "d2l", width=width), "d2l") for width in (64, 32))
    convolutions = [name for name in full if name.endswith(".conv") and name != "stage1.conv"]
    assert len(convolutions) == 3 + 9 * 6
    assert all(2 * half[name][0] == full[name][0] for name in convolutions)


def test_zoo_googlenet_small_has_rows_of_the_table_an_eighth_as_wide() -> None:
    full, small = (shapes(on_meta("googlenet", preset), preset) for preset in ("d2l", "small"))
    convolutions = [name for name in small if name.endswith(".conv")]
    assert {name.split(".")[0] for name in convolutions} == {f"stage{number}" for number in range(1, 6)}
    assert all(8 * small[name][0] == full[name][0] for name in convolutions)


@pytest.mark.parametrize("pooling", ["max", "average"])
def test_zoo_inception_block_is_four_branches_side_by_side(pooling: str) -> None:
    block = InceptionBlock(5, Widths(2, 3, 4, 2, 3, 2), Layers(nn.Tanh, pooling=POOLINGS[pooling]))
    weights = block.state_dict()
    images = torch.randn(2, 5, 6, 7)

    def conv(maps: Tensor, branch: int, kernel: int) -> Tensor:
        name = f"branch{branch}.conv{kernel}x{kernel}.conv"
        return F.conv2d(maps, weights[f"{name}.weight"], weights[f"{name}.bias"], padding=kernel // 2).tanh()

    def pool(maps: Tensor) -> Tensor:
        if pooling == "max":
            return F.max_pool2d(maps, 3, 1, 1)
        return F.avg_pool2d(maps, 3, 1, 1, count_include_pad=False)

    branches = [
        conv(images, 1, 1),
        conv(conv(images, 2, 1), 2, 3),
        conv(conv(images, 3, 1), 3, 5),
        conv(pool(images), 4, 1),
    ]
    torch.testing.assert_close(block(images), torch.cat(branches, dim=1))


@pytest.mark.parametrize("normalization", ["none", "batch"])
@pytest.mark.parametrize("large_kernel", [3, 5])
@pytest.mark.parametrize(
    "widths",
    [Widths(2, 3, 4, 5, 6, 7), Widths(2, 0, 4, 0, 6, 7), Widths(0, 3, 4, 0, 0, 0), Widths(0, 0, 0, 0, 0, 7)],
)
def test_zoo_inception_widths_count_the_parameters_of_the_block(
    widths: Widths, large_kernel: int, normalization: str
) -> None:
    layers = Layers(nn.ReLU, NORMALIZATIONS[normalization])
    block = InceptionBlock(9, widths, layers, large_kernel=large_kernel)
    per_channel = 3 if normalization == "batch" else 1
    assert widths.parameters(9, large_kernel=large_kernel, per_channel=per_channel) == cost.parameters(block)
    assert block(torch.randn(2, 9, 4, 4)).shape[1] == widths.outputs


@pytest.mark.parametrize(("wanted", "count"), [(10, 10), (11, 10), (14, 15), (1000, 1000), (1, 5)])
def test_zoo_nearest_factor_reaches_the_nearest_step(wanted: int, count: int) -> None:
    def steps(factor: float) -> int:
        return 5 * int(factor)

    assert steps(nearest_factor(steps, wanted)) == count


@pytest.mark.parametrize("preset", ["small", "d2l"])
@pytest.mark.parametrize("kept", SUBSETS)
def test_zoo_googlenet_widened_networks_are_as_large_as_the_full_one(kept: str, preset: str) -> None:
    full, wide = (on_meta("googlenet", preset, **each) for each in ({}, {"branches": kept, "widen": True}))
    assert cost.parameters(wide) == pytest.approx(cost.parameters(full), rel=0.02)


@pytest.mark.parametrize("switches", [{"reductions": False}, {"normalization": "batch", "head": "dense"}])
@pytest.mark.parametrize("preset", ["d2l", "torchvision"])
def test_zoo_googlenet_widening_reckons_with_other_switches(preset: str, switches: dict[str, Any]) -> None:
    full, wide = (
        on_meta("googlenet", preset, **switches, **each) for each in ({}, {"branches": "3x3+pool", "widen": True})
    )
    assert cost.parameters(wide) == pytest.approx(cost.parameters(full), rel=0.005)


@pytest.mark.parametrize("kept", SUBSETS)
def test_zoo_googlenet_widening_has_one_factor(kept: str) -> None:
    """Every width of the kept branches grows alike, but for rounding."""
    full, wide = on_meta("googlenet", "d2l"), on_meta("googlenet", "d2l", branches=kept, widen=True)
    theirs, ours = (dict(model.named_parameters()) for model in (full, wide))
    blocks = [name for name in ours if "inception" in name and name.endswith("conv.bias")]
    assert len(blocks) == 9 * sum(2 if branch in ("3x3", "5x5") else 1 for branch in kept.split("+"))
    lowest = max((len(ours[name]) - 0.5) / len(theirs[name]) for name in blocks)
    highest = min((len(ours[name]) + 0.5) / len(theirs[name]) for name in blocks)
    assert 1 < lowest <= highest
    stem = [name for name in ours if name.startswith(("stage1", "stage2"))]
    assert all(ours[name].shape == theirs[name].shape for name in stem)


@pytest.mark.parametrize(("number", "branch"), list(enumerate(BRANCHES, start=1)))
def test_zoo_googlenet_single_branch_is_that_of_the_full_block(number: int, branch: str) -> None:
    full, single = (build("googlenet", seed=4, branches=kept) for kept in ("all", branch))
    ours, theirs = (model.get_submodule("stage3.inception3a") for model in (single, full))
    images = torch.randn(2, 24, 7, 7)
    assert torch.equal(ours(images), theirs.get_submodule(f"branch{number}")(images))


def test_zoo_googlenet_without_pooling_gives_its_strides_to_convolutions() -> None:
    usual, strided = on_meta("googlenet"), on_meta("googlenet", pooling="none")
    assert [module for module in usual.modules() if isinstance(module, POOLS)]
    assert not [module for module in strided.modules() if isinstance(module, POOLS)]
    found = {name for name, module in strided.named_modules() if isinstance(module, nn.Conv2d) and module.stride[0] > 1}
    last = ("branch1.conv1x1", "branch2.conv3x3", "branch3.conv5x5", "branch4.conv1x1")
    ends = ("stage3.inception3a", "stage4.inception4d")
    blocks = {f"{block}.{layer}.conv" for block in ends for layer in last}
    assert found == {"stage1.conv.conv", "stage2.conv3x3.conv", *blocks}


def test_zoo_googlenet_local_response_stands_where_figure_3_has_it() -> None:
    model = on_meta("googlenet", "paper")
    for stage, layers in (
        ("stage1", ["conv", "pooling", "response"]),
        ("stage2", ["conv1x1", "conv3x3", "response", "pooling"]),
    ):
        assert [name for name, _ in model.get_submodule(stage).named_children()] == layers
    assert sum(isinstance(module, LocalResponse) for module in model.modules()) == 2


@pytest.mark.parametrize(("number", "block"), [(0, "4a"), (1, "4d")])
def test_zoo_googlenet_auxiliary_classifiers_look_at_their_block(number: int, block: str) -> None:
    """What their loss reaches is the network up to that block, and their own weights."""
    table = model_registry.get("googlenet").presets["d2l"].table["blocks"]
    model = build("googlenet", "d2l", image_size=32, seed=0, width=8, auxiliary=True)
    scores = model(torch.randn(4, 1, 32, 32))
    assert isinstance(scores, Scores)
    scores.auxiliary[number].sum().backward()
    reached = {".".join(name.split(".")[:2]) for name, weight in model.named_parameters() if weight.grad is not None}
    blocks = {f"stage{name[0]}.inception{name}" for name in table[: table.index(block) + 1]}
    parts = ("conv1x1", "dense", "output")
    own = {f"auxiliary{number + 1}.{part}" for part in parts}
    assert reached == {"stage1.conv", "stage2.conv1x1", "stage2.conv3x3"} | blocks | own


def test_zoo_googlenet_auxiliary_classifiers_cost_nothing_in_evaluation() -> None:
    size = model_registry.get("googlenet").presets["d2l"]
    shape = (size.channels, size.image_size, size.image_size)
    plain, supervised = (on_meta("googlenet", "d2l", auxiliary=each) for each in (False, True))
    assert cost.describe(plain, shape) == cost.describe(supervised, shape)
    assert cost.parameters(supervised) > cost.parameters(plain)


def test_zoo_googlenet_dropout_is_everywhere_or_nowhere() -> None:
    def rates(**switches: Any) -> list[float]:
        model = on_meta("googlenet", "paper", **switches)
        return [module.p for module in model.modules() if isinstance(module, nn.Dropout)]

    assert rates() == [0.4, 0.7, 0.7]
    assert rates(auxiliary=False) == [0.4]
    assert rates(dropout=0.0) == []


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (4, 4), (5, 9), (14, 14), (7, 15)])
def test_zoo_window_average_is_adaptive_average_pooling(size: tuple[int, int]) -> None:
    images = torch.randn(2, 3, *size, dtype=torch.float64, requires_grad=True)
    weights = torch.randn(2, 3, 4, 4, dtype=torch.float64)
    outs = [layer(images) for layer in (WindowAverage(4), nn.AdaptiveAvgPool2d(4))]
    torch.testing.assert_close(*outs)
    torch.testing.assert_close(*(torch.autograd.grad((out * weights).sum(), images)[0] for out in outs))


@pytest.mark.parametrize(
    ("preset", "switches", "biases"),
    [
        ("d2l", {"normalization": "batch"}, True),
        ("torchvision", {}, False),
        ("torchvision", {"normalization": "none"}, True),
        ("torchvision", {"affine": "scale"}, True),
        ("torchvision", {"normalization_order": "after"}, True),
    ],
)
def test_zoo_googlenet_convolutions_have_biases_unless_a_normalization_has(
    preset: str, switches: dict[str, Any], biases: bool
) -> None:
    modules = list(on_meta("googlenet", preset, **switches).modules())
    assert {module.bias is not None for module in modules if isinstance(module, nn.Conv2d)} == {biases}
    epsilons = {module.eps for module in modules if isinstance(module, nn.BatchNorm2d)}
    assert epsilons <= {1e-5 if preset == "d2l" else 1e-3}


def mlpconv(inputs: int, first: int, second: int, third: int, *window: int) -> list[nn.Module]:
    kernel, stride, padding = window
    convolutions = (
        nn.Conv2d(inputs, first, kernel, stride, padding),
        nn.Conv2d(first, second, 1),
        nn.Conv2d(second, third, 1),
    )
    return [layer for conv in convolutions for layer in (conv, nn.ReLU())]


def halve(*, ceil: bool = True) -> nn.Module:
    return nn.MaxPool2d(3, 2, ceil_mode=ceil)


def plain_layers(preset: str) -> list[nn.Module]:
    """Up to the map of scores; the scores of `small` have no ReLU."""
    if preset == "small":
        first, second = mlpconv(1, 8, 8, 8, 5, 1, 2), mlpconv(8, 16, 16, 16, 5, 1, 2)
        third, scores = mlpconv(16, 32, 32, 32, 3, 1, 1), mlpconv(32, 32, 32, 10, 3, 1, 1)[:-1]
        return [*first, halve(), *second, halve(), *third, halve(), *scores]
    if preset == "d2l":
        first, second = mlpconv(1, 96, 96, 96, 11, 4, 0), mlpconv(96, 256, 256, 256, 5, 1, 2)
        third, scores = mlpconv(256, 384, 384, 384, 3, 1, 1), mlpconv(384, 10, 10, 10, 3, 1, 1)
        return [*first, halve(ceil=False), *second, halve(ceil=False), *third, halve(ceil=False), *scores]
    first, second = mlpconv(1, 192, 160, 96, 5, 1, 2), mlpconv(96, 192, 192, 192, 5, 1, 2)
    return [*first, halve(), *second, halve(), *mlpconv(192, 192, 192, 10, 3, 1, 1)]


@pytest.mark.parametrize(("preset", "side"), [("small", 28), ("d2l", 99), ("paper", 32)])
def test_zoo_nin_equals_the_same_network_of_plain_layers(preset: str, side: int) -> None:
    model = build("nin", preset, image_size=side, seed=6).eval()
    reference = nn.Sequential(*plain_layers(preset))
    for own, theirs in zip(model.parameters(), reference.parameters(), strict=True):
        theirs.data.copy_(own)
    images = torch.randn(3, 1, side, side)
    with torch.no_grad():
        expected = reference(images).mean((2, 3))
        assert expected.abs().max() > 0
        torch.testing.assert_close(main(model(images)), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("preset", "dropped"), [("small", "block1 block2 block3"), ("d2l", "block3"), ("paper", "block1 block2")]
)
def test_zoo_nin_dropout_follows_the_poolings_that_its_table_names(preset: str, dropped: str) -> None:
    model = on_meta("nin", preset, dropout=0.5)
    found = [name for name, module in model.named_modules() if isinstance(module, nn.Dropout)]
    assert found == [f"{block}.dropout" for block in dropped.split()]


@pytest.mark.parametrize("preset", ["small", "d2l", "paper"])
def test_zoo_nin_normalizes_every_convolution_but_the_scores(preset: str) -> None:
    modules = dict(on_meta("nin", preset, normalization="batch").named_modules())
    blocks = [name.removesuffix(".conv") for name, module in modules.items() if isinstance(module, nn.Conv2d)]
    normalized = [block for block in blocks if isinstance(modules[f"{block}.normalization"], nn.BatchNorm2d)]
    assert normalized == blocks[:-1]
    assert blocks[-1] == "scores.pointwise2"
