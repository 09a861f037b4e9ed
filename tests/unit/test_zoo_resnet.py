"""Residual networks: depth, cost and shortcuts as in the paper, order of the layers of a block, and the skeleton."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnnlab.core.errors import UserError
from cnnlab.models import cost
from cnnlab.models.layers.blocks import Layers
from cnnlab.models.layers.residual import Block, ZeroPadShortcut, basic, zero_pad
from cnnlab.models.layers.switches import look_up
from cnnlab.planning import model_registry
from tests.unit.test_zoo import build

RESNETS = [("resnet", preset) for preset in ("small", "d2l", "paper", "torchvision")]
RESNETS += [("resnet_cifar", preset) for preset in ("small", "paper")]
DEPTHS = [("resnet", depth) for depth in (18, 34, 50)] + [("resnet_cifar", depth) for depth in (8, 20, 56)]


def on_meta(architecture: str, preset: str = "small", **switches: Any) -> nn.Module:
    size = model_registry.get(architecture).presets[preset]
    with torch.device("meta"):
        return build(
            architecture, preset, channels=size.channels, image_size=size.image_size, classes=size.classes, **switches
        )


def convolutions(model: nn.Module) -> dict[str, nn.Conv2d]:
    return {name: module for name, module in model.named_modules() if isinstance(module, nn.Conv2d)}


def shapes_of_stages(model: nn.Module, images: Tensor) -> dict[str, tuple[int, ...]]:
    """The shape, without the batch, after the stem and each stage."""
    shapes = {}
    out = images
    for name, stage in model.named_children():
        if name.startswith("st"):
            out = stage(out)
            shapes[name] = tuple(out.shape[1:])
    return shapes


@pytest.mark.parametrize("residual", [True, False])
@pytest.mark.parametrize(("architecture", "depth"), DEPTHS)
def test_zoo_resnet_depth_counts_the_layers_with_weights(architecture: str, depth: int, residual: bool) -> None:
    """The paper does not count projections."""
    names = list(convolutions(on_meta(architecture, depth=depth, residual=residual)))
    assert len([name for name in names if ".shortcut." not in name]) + 1 == depth


@pytest.mark.parametrize(
    ("preset", "depth", "macs", "published"),
    [
        ("paper", 18, 1_814_073_344, 1.8),
        ("paper", 34, 3_663_761_408, 3.6),
        ("paper", 50, 3_857_973_248, 3.8),
        # the stride in the 3x3 of a bottleneck, where the 1x1 before it still sees the larger map
        ("torchvision", 50, 4_089_184_256, 4.0),
    ],
)
def test_zoo_resnet_costs_what_table_1_says(preset: str, depth: int, macs: int, published: float) -> None:
    """In 10^9 multiply-adds, cut off after the first digit."""
    with torch.device("meta"):
        counted = cost.macs(on_meta("resnet", preset, depth=depth), (3, 224, 224))
    assert counted == macs
    assert macs // 10**8 / 10 == published


@pytest.mark.parametrize(("preset", "strided"), [("paper", "conv1"), ("torchvision", "conv2"), ("small", "conv1")])
def test_zoo_resnet_bottleneck_takes_the_stride_where_the_preset_says(preset: str, strided: str) -> None:
    found = convolutions(on_meta("resnet", preset, depth=50))
    strides = {name for name, conv in found.items() if conv.stride == (2, 2) and name.startswith("stage")}
    stages = ("stage2", "stage3", "stage4")
    assert strides == {f"{stage}.0.{layer}" for stage in stages for layer in (strided, "shortcut.conv")}
    assert [found[f"stage1.0.conv{number}"].kernel_size[0] for number in (1, 2, 3)] == [1, 3, 1]
    assert found["stage1.0.conv3"].out_channels == 4 * found["stage1.0.conv2"].out_channels


@pytest.mark.parametrize("depth", [18, 34, 50])
def test_zoo_resnet_projections_stand_where_the_shape_changes(depth: int) -> None:
    shortcuts = {
        name: module
        for name, module in on_meta("resnet", "torchvision", depth=depth).named_modules()
        if name.endswith(".shortcut")
    }
    projections = {name for name, module in shortcuts.items() if not isinstance(module, nn.Identity)}
    changing = {"stage2", "stage3", "stage4"} | ({"stage1"} if depth == 50 else set())
    assert projections == {f"{stage}.0.shortcut" for stage in changing}
    assert all(".0." in name or isinstance(module, nn.Identity) for name, module in shortcuts.items())


@pytest.mark.parametrize("depth", [18, 50])
def test_zoo_resnet_option_a_has_no_weights_and_option_b_a_normalized_1x1(depth: int) -> None:
    option_a, option_b = (on_meta("resnet", depth=depth, shortcut=kind) for kind in ("identity", "projection"))
    extra = {name: tuple(each.shape) for name, each in option_b.named_parameters() if ".shortcut." in name}
    pairs = [(8, 32)] if depth == 50 else []
    pairs += [(32, 64), (64, 128), (128, 256)] if depth == 50 else [(8, 16), (16, 32), (32, 64)]
    assert cost.parameters(option_b) - cost.parameters(option_a) == sum(a * b + 2 * b for a, b in pairs)
    assert {shape for shape in extra.values() if len(shape) == 4} == {(b, a, 1, 1) for a, b in pairs}
    assert not [name for name, _ in option_a.named_parameters() if ".shortcut." in name]
    assert len([each for each in option_a.modules() if isinstance(each, ZeroPadShortcut)]) == len(pairs)


@pytest.mark.parametrize("stride", [1, 2])
def test_zoo_resnet_option_a_takes_every_second_pixel_and_adds_zeros(stride: int) -> None:
    images = torch.randn(2, 3, 5, 6)
    out = ZeroPadShortcut(2, stride)(images)
    assert out.shape == (2, 5, -(-5 // stride), -(-6 // stride))
    assert all(torch.equal(out[:, :3, i, j], images[:, :, i * stride, j * stride]) for i in (0, 1) for j in (0, 2))
    assert not out[:, 3:].any()


def test_zoo_resnet_of_the_notes_has_biases_and_bare_projections() -> None:
    model = on_meta("resnet", "d2l")
    assert all(conv.bias is not None for conv in convolutions(model).values())
    projections = [module for name, module in model.named_modules() if name.endswith("0.shortcut")][1:]
    assert len(projections) == 3
    for projection in projections:
        assert isinstance(projection.get_submodule("normalization"), nn.Identity)


@pytest.mark.parametrize(
    ("switches", "biased"),
    [
        ({}, False),
        ({"affine": "shift"}, False),
        ({"affine": "scale"}, True),
        ({"normalization": "none"}, True),
        ({"normalization_order": "after"}, True),
    ],
)
@pytest.mark.parametrize("architecture", ["resnet", "resnet_cifar"])
def test_zoo_resnet_convolutions_have_a_bias_where_no_shift_follows(
    architecture: str, switches: dict[str, Any], biased: bool
) -> None:
    found = convolutions(on_meta(architecture, shortcut="projection", **switches))
    for name, conv in found.items():
        # A projection is normalized right behind its convolution in either order.
        expected = biased and not (".shortcut." in name and switches.get("normalization_order") == "after")
        assert (conv.bias is not None) == expected, name


def block(order: str, normalization: str) -> Block:
    given = {"activation": "relu", "normalization": normalization, "normalization_order": order, "affine": "both"}
    layers = Layers(**look_up(given), keeps_bias=False)
    made = Block(4, 4, 1, layers, convolutions=basic, shortcut=None)
    for seed, parameter in enumerate(made.parameters()):
        generator = torch.Generator().manual_seed(seed)
        parameter.data.copy_(torch.randn(parameter.shape, generator=generator))
    return made


def with_shortcut(made: Block) -> Block:
    made.shortcut = nn.Identity()
    return made


@pytest.mark.parametrize("residual", [True, False])
@pytest.mark.parametrize("normalization", ["batch", "group"])
def test_zoo_resnet_blocks_equal_their_equations_in_either_order(normalization: str, residual: bool) -> None:
    images = torch.randn(5, 4, 6, 6, generator=torch.Generator().manual_seed(1))
    before, after = (block(order, normalization) for order in ("before", "after"))
    if residual:
        before, after = with_shortcut(before), with_shortcut(after)
    beside = images if residual else torch.zeros_like(images)

    def part(made: Block, name: str) -> nn.Module:
        return made.get_submodule(name)

    inner = F.relu(part(before, "normalization1")(part(before, "conv1")(images)))
    expected = F.relu(part(before, "normalization2")(part(before, "conv2")(inner)) + beside)
    torch.testing.assert_close(before(images), expected)
    inner = part(after, "normalization1")(F.relu(part(after, "conv1")(images)))
    expected = part(after, "normalization2")(F.relu(part(after, "conv2")(inner) + beside))
    torch.testing.assert_close(after(images), expected)
    assert not torch.allclose(before(images), after(images), atol=0.1)


@pytest.mark.parametrize("order", ["before", "after"])
@pytest.mark.parametrize("name", ["stage1.1", "stage2.0"])
@pytest.mark.parametrize(("depth", "count"), [(18, 2), (50, 3)])
def test_zoo_resnet_layers_of_a_block_run_in_the_order_asked_for(depth: int, count: int, name: str, order: str) -> None:
    model = build("resnet", depth=depth, normalization_order=order)
    called: list[str] = []
    for child, layer in model.get_submodule(name).named_children():
        layer.register_forward_hook(lambda module, inputs, output, child=child: called.append(child))
    model(torch.randn(2, 1, 9, 9))
    pair = ["normalization", "activation"] if order == "before" else ["activation", "normalization"]
    expected = [f"{kind}{number}" for number in range(1, count + 1) for kind in ("conv", *pair)]
    assert [child for child in called if child != "shortcut"] == expected
    assert called[called.index("shortcut") + 1] == f"activation{count}"


@pytest.mark.parametrize("order", ["before", "after"])
def test_zoo_resnet_projection_is_normalized_behind_its_convolution(order: str) -> None:
    shortcut = build("resnet", normalization_order=order, seed=0).get_submodule("stage2.0.shortcut")
    assert [name for name, _ in shortcut.named_children()] == ["conv", "normalization"]
    out = shortcut(torch.randn(8, 8, 6, 6))
    torch.testing.assert_close(out.mean((0, 2, 3)), torch.zeros(16), atol=1e-5, rtol=0)
    torch.testing.assert_close(out.var((0, 2, 3), unbiased=False), torch.ones(16), atol=1e-2, rtol=0)


@pytest.mark.parametrize("seed", [0, None])
@pytest.mark.parametrize("normalization", ["batch", "batch_scratch", "layer", "group"])
@pytest.mark.parametrize("depth", [18, 50])
def test_zoo_resnet_zero_init_sets_the_last_scale_of_each_block(
    depth: int, normalization: str, seed: int | None
) -> None:
    model = build("resnet", seed=seed, depth=depth, zero_init=True, normalization=normalization)
    scales = {name: each for name, each in model.named_parameters() if name.endswith("weight") and each.ndim == 1}
    zero = {name for name, each in scales.items() if not each.any()}
    last = "normalization2" if depth == 18 else "normalization3"
    assert zero == {name for name in scales if f".{last}." in name}
    assert len(zero) == (8 if depth == 18 else 16)
    assert all((each == 1).all() for name, each in scales.items() if name not in zero)


@pytest.mark.parametrize(("architecture", "preset"), RESNETS)
def test_zoo_resnet_plain_is_one_switch_away_from_every_preset(architecture: str, preset: str) -> None:
    plain = on_meta(architecture, preset, residual=False)
    assert not [name for name, _ in plain.named_modules() if name.endswith("shortcut")]


@pytest.mark.parametrize("architecture", ["resnet", "resnet_cifar"])
@pytest.mark.parametrize(
    "switches",
    [
        {"zero_init": True, "residual": False},
        {"zero_init": True, "normalization": "none"},
        {"zero_init": True, "affine": "shift"},
        {"zero_init": True, "affine": "none"},
        {"zero_init": True, "normalization_order": "after"},
    ],
)
def test_zoo_resnet_refuses_zero_init_where_no_scale_could_start_at_zero(
    architecture: str, switches: dict[str, Any]
) -> None:
    with pytest.raises(UserError, match=r"zero_init: true with .* is contradictory"):
        model_registry.resolve(architecture, "small", switches, "test")
    assert model_registry.resolve(architecture, "small", {**switches, "zero_init": False}, "test")


@pytest.mark.parametrize("preset", ["small", "d2l"])
@pytest.mark.parametrize("side", [17, 28, 33])
def test_zoo_resnet_stages_have_the_same_maps_whatever_halves_them(preset: str, side: int) -> None:
    """A pooling layer of either kind, or the stride of the stem's convolution."""
    images = torch.empty(2, 1, side, side, device="meta")
    maps = []
    for pooling in ("max", "average", "none"):
        with torch.device("meta"):
            maps.append(shapes_of_stages(build("resnet", preset, image_size=side, pooling=pooling), images))
    assert maps[0] == maps[1] == maps[2]


@pytest.mark.parametrize(
    ("architecture", "preset", "expected"),
    [
        ("resnet", "small", [5, 5, 3, 2, 1]),
        ("resnet", "d2l", [5, 5, 3, 2, 1]),
        ("resnet_cifar", "small", [4, 4, 2, 1]),
        ("skeleton", "small", [9, 5, 3, 2]),
    ],
)
def test_zoo_resnet_smallest_image_leaves_each_stage_something_to_halve(
    architecture: str, preset: str, expected: list[int]
) -> None:
    found = model_registry.get(architecture)
    side = found.presets[preset].smallest_image or found.smallest_image
    model = build(architecture, preset, image_size=side)
    shapes = shapes_of_stages(model, torch.randn(2, 1, side, side))
    assert [shape[1] for shape in shapes.values()] == expected


@pytest.mark.parametrize("architecture", ["resnet", "resnet_cifar"])
def test_zoo_resnet_dense_head_sees_every_pixel(architecture: str) -> None:
    gap, dense = (build(architecture, image_size=28, head=head, seed=0).eval() for head in ("gap", "dense"))
    images = torch.randn(2, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    channels, height, width = list(shapes_of_stages(dense, images).values())[-1]
    assert dense.get_submodule("output").weight.shape == (10, channels * height * width)
    # Each pixel with the weight that its channel's average has: the same scores.
    dense.get_submodule("output").weight.data = gap.get_submodule("output").weight.data.repeat_interleave(
        height * width, dim=1
    ) / (height * width)
    torch.testing.assert_close(dense(images), gap(images))


@pytest.mark.parametrize("pooling", ["max", "average", "none"])
@pytest.mark.parametrize("width", [3, 8, 16, 24])
def test_zoo_skeleton_exchanges_blocks_without_a_change_of_shape(width: int, pooling: str) -> None:
    images = torch.empty(2, 3, 30, 21, device="meta")
    shapes = []
    for kind in ("vgg", "inception", "residual"):
        with torch.device("meta"):
            model = build("skeleton", channels=3, image_size=(30, 21), block=kind, width=width, pooling=pooling)
            shapes.append(shapes_of_stages(model, images))
    assert shapes[0] == shapes[1] == shapes[2]
    assert [shape[1:] for shape in shapes[0].values()] == [(30, 21), (15, 11), (8, 6), (4, 3)]


def test_zoo_skeleton_stages_cost_the_same_whatever_the_block() -> None:
    costs: dict[str, dict[str, int]] = {}
    for kind in ("vgg", "inception", "residual"):
        with torch.device("meta"):
            layers = cost.describe(on_meta("skeleton", block=kind), (1, 28, 28))
        costs[kind] = {}
        for layer in layers:
            costs[kind][layer.stage] = costs[kind].get(layer.stage, 0) + layer.macs
    for stage in ("stem", "stage1", "stage2", "stage3", "output"):
        one, two, three = (each[stage] for each in costs.values())
        assert max(one, two, three) < 1.03 * min(one, two, three)


def test_zoo_skeleton_residual_block_is_the_vgg_block_with_a_shortcut() -> None:
    vgg, residual = (build("skeleton", block=kind) for kind in ("vgg", "residual"))
    for stage in ("stage1", "stage2", "stage3"):
        convs = [list(convolutions(model.get_submodule(stage)).values()) for model in (vgg, residual)]
        assert [repr(conv) for conv in convs[0]] == [repr(conv) for conv in convs[1]]
    made = residual.get_submodule("stage2.block1")
    beside = made.get_submodule("shortcut")
    assert repr(beside) == repr(zero_pad(16, 32, 1, Layers()))
    shapes = [sorted(tuple(each.shape) for each in model.parameters()) for model in (vgg, residual)]
    assert shapes[0] == shapes[1]
