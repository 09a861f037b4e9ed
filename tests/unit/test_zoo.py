"""Every network of the registry: sizes, switches, initialization, and what a run relies on."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from cnnlab import models
from cnnlab.core.errors import UserError
from cnnlab.core.validation import digest
from cnnlab.models import cost
from cnnlab.models.layers import initialization
from cnnlab.models.layers.auxiliary import Scores, cross_entropy
from cnnlab.models.layers.initialization import SCHEMES, draw, initialize
from cnnlab.models.layers.switches import ACTIVATIONS, AFFINE, MAPS, NORMALIZATIONS
from cnnlab.planning import model_registry
from cnnlab.planning.architecture import VOCABULARY, Architecture, SwitchSpec
from cnnlab.planning.specs import ModelSpec, Switch

SNAPSHOT = Path(__file__).parent / "snapshots/state_dict_names.json"
ARCHITECTURES = model_registry.architectures()
PRESETS = [(name, preset) for name, found in ARCHITECTURES.items() for preset in found.presets]
SWITCHES = [(name, switch) for name, found in ARCHITECTURES.items() for switch in found.switches]


def build(
    architecture: str,
    preset: str = "small",
    *,
    channels: int = 1,
    image_size: int | tuple[int, int] = 28,
    classes: int = 10,
    seed: int | None = None,
    **switches: Switch,
) -> nn.Module:
    complete = model_registry.resolve(architecture, preset, switches, "test")
    spec = ModelSpec(architecture=architecture, preset=preset, switches=complete)
    return models.build(spec, channels, image_size, classes, seed)


def main(scores: Tensor | Scores) -> Tensor:
    return scores if isinstance(scores, Tensor) else scores.main


def states(model: nn.Module) -> dict[str, Tensor]:
    return dict(model.state_dict())


@pytest.mark.parametrize(
    ("architecture", "preset", "channels", "size", "switches", "expected"),
    [
        ("lenet", "d2l", 1, 28, {}, 61_706),
        ("lenet", "small", 1, 28, {"normalization": "batch"}, 61_706 + 2 * (6 + 16 + 120 + 84)),
        ("mlp", "d2l", 1, 28, {}, 784 * 256 + 256 + 256 * 10 + 10),
        ("lenet", "paper", 1, 32, {}, 61_706),
        ("resnet_cifar", "paper", 3, 32, {"depth": 20}, 269_722),
        ("resnet_cifar", "paper", 3, 32, {"depth": 20, "residual": False}, 269_722),
        (
            "resnet_cifar",
            "paper",
            3,
            32,
            {"depth": 20, "shortcut": "projection"},
            269_722 + 32 * 16 + 64 * 32 + 2 * 96,
        ),
        ("resnet_cifar", "paper", 3, 32, {"depth": 32}, 464_154),
        ("resnet_cifar", "paper", 3, 32, {"depth": 44}, 658_586),
        ("resnet_cifar", "paper", 3, 32, {"depth": 56}, 853_018),
        ("resnet_cifar", "paper", 3, 32, {"depth": 110}, 1_727_962),
    ],
)
def test_parameter_counts(
    architecture: str, preset: str, channels: int, size: int, switches: dict[str, Any], expected: int
) -> None:
    with torch.device("meta"):
        model = build(architecture, preset, channels=channels, image_size=size, **switches)
    assert cost.parameters(model) == expected


def test_mlp_matches_lenet_within_two_percent() -> None:
    lenet, mlp = cost.parameters(build("lenet")), cost.parameters(build("mlp"))
    assert abs(mlp - lenet) / lenet < 0.02


def test_maps_and_vocabulary_name_the_same_values() -> None:
    maps = {**MAPS, "affine": AFFINE, "initialization": (*initialization.SCHEMES, "paper")}
    plain = {"normalization_order": ("before", "after"), "head": ("dense", "gap")}
    assert {name: set(values) for name, values in {**maps, **plain}.items()} == {
        name: set(values) for name, values in VOCABULARY.items()
    }


@pytest.mark.parametrize(("architecture", "preset"), PRESETS)
def test_nominal_size_of_every_preset(architecture: str, preset: str) -> None:
    size = ARCHITECTURES[architecture].presets[preset]
    with torch.device("meta"):
        model = build(architecture, preset, channels=size.channels, image_size=size.image_size, classes=size.classes)
        out = main(model(torch.empty(2, size.channels, size.image_size, size.image_size)))
    assert out.shape == (2, size.classes)


@pytest.mark.parametrize(("architecture", "preset"), PRESETS)
def test_macs_are_half_the_flops_that_torch_counts(architecture: str, preset: str) -> None:
    """Layer by layer, in evaluation mode: torch counts a product and its sum as two."""
    size = ARCHITECTURES[architecture].presets[preset]
    shape = (size.channels, size.image_size, size.image_size)
    with torch.device("meta"):
        model = build(architecture, preset, channels=size.channels, image_size=size.image_size, classes=size.classes)
        model.eval()
        layers = cost.describe(model, shape)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            model(torch.empty(1, *shape))
    counted = {name.partition(".")[2]: sum(flops.values()) for name, flops in counter.get_flop_counts().items()}
    assert {layer.name: 2 * layer.macs for layer in layers if layer.macs} == {
        layer.name: counted[layer.name] for layer in layers if counted.get(layer.name)
    }
    assert 2 * sum(layer.macs for layer in layers) == counter.get_total_flops()
    assert sum(layer.parameters for layer in layers) == cost.parameters(model) - auxiliary_parameters(model)


def auxiliary_parameters(model: nn.Module) -> int:
    """Of classifiers that run in training mode only."""
    return sum(weight.numel() for name, weight in model.named_parameters() if name.startswith("auxiliary"))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_memory_of_layers_is_that_of_their_tensors(architecture: str) -> None:
    size = ARCHITECTURES[architecture].presets["small"]
    model = build(architecture, image_size=size.image_size).eval()
    layers = {layer.name: layer for layer in cost.describe(model, (1, size.image_size, size.image_size))}
    bytes_of: dict[str, int] = {}

    def note(name: str) -> Any:
        return lambda module, inputs, output: bytes_of.update({name: output.nbytes})

    for name, module in model.named_modules():
        if name in layers:
            module.register_forward_hook(note(name))
    model(torch.zeros(1, 1, size.image_size, size.image_size))
    assert {name: layer.activation_bytes for name, layer in layers.items()} == bytes_of
    for name, layer in layers.items():
        assert layer.parameter_bytes == sum(weight.nbytes for weight in model.get_submodule(name).parameters())


@pytest.mark.parametrize(("architecture", "preset"), PRESETS)
def test_smallest_size_trains_and_one_below_raises(architecture: str, preset: str) -> None:
    found = ARCHITECTURES[architecture]
    smallest = found.presets[preset].smallest_image or found.smallest_image
    model = build(architecture, preset, image_size=smallest, seed=0)
    cross_entropy(model(torch.randn(4, 1, smallest, smallest)), torch.arange(4)).backward()
    if smallest > 1:
        for size in ((smallest - 1, 28), (28, smallest - 1)):
            with pytest.raises(UserError, match=f"set image_size to {smallest} or more"):
                build(architecture, preset, image_size=size)


def values(switch: SwitchSpec) -> st.SearchStrategy[Any]:
    """Legal values, numbers near the smallest, so that networks stay tiny."""
    if switch.values:
        return st.sampled_from(switch.values)
    if isinstance(switch.default, float):
        return st.sampled_from([0.0, 0.3])
    start = switch.start or 1
    return st.integers(0, 1 if switch.step > 1 else 5).map(lambda steps: start + steps * switch.step)


def reconcile(found: Architecture, preset: str, switches: dict[str, Switch]) -> dict[str, Switch]:
    """Switches that contradict others go back to what the preset says."""
    for _ in range(len(switches)):
        for rule in found.excluded:
            if all(switches[name] in values for name, values in rule.values().items()):
                usual = model_registry.resolve(found.name, preset, {}, "test")
                name = next(name for name in rule.when if usual[name] not in rule.values()[name])
                switches[name] = usual[name]
    return switches


@st.composite
def networks(draw_from: st.DrawFn, architecture: str, preset: str) -> dict[str, Any]:
    """Any legal combination of switches, channels, classes and image sizes."""
    found = ARCHITECTURES[architecture]
    drawn = {name: draw_from(values(switch)) for name, switch in found.switches.items()}
    switches = reconcile(found, preset, drawn)
    smallest = found.presets[preset].smallest_image or found.smallest_image
    sides = st.integers(smallest, smallest + 9)
    height = draw_from(sides)
    return {
        "architecture": architecture,
        "preset": preset,
        "channels": draw_from(st.integers(1, 4)),
        "image_size": (height, height if found.needs_square else draw_from(sides)),
        "classes": draw_from(st.integers(2, 12)),
        **switches,
    }


@pytest.mark.parametrize(("architecture", "preset"), PRESETS)
@given(data=st.data())
@settings(max_examples=12, deadline=None, derandomize=True)
def test_legal_combinations_have_the_right_shape_and_train_every_parameter(
    architecture: str, preset: str, data: st.DataObject
) -> None:
    network = data.draw(networks(architecture, preset))
    with torch.device("meta"):
        model = build(**network)
        scores = model(torch.empty(3, network["channels"], *network["image_size"]))
        cross_entropy(scores, torch.zeros(3, dtype=torch.long)).backward()
    assert main(scores).shape == (3, network["classes"])
    assert not [name for name, parameter in model.named_parameters() if parameter.grad is None]


# Those of the small preset, whose weights are few; the others have the same code and other tables.
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_scores_and_gradients_are_finite_with_every_value_of_every_switch(architecture: str) -> None:
    found = ARCHITECTURES[architecture]
    usual = model_registry.resolve(architecture, "small", {}, "test")
    size = found.presets["small"].smallest_image or found.smallest_image
    images = torch.randn(4, 1, size, size, generator=torch.Generator().manual_seed(0))
    for switch, spec in found.switches.items():
        for value in others(spec, usual[switch]):
            turned = {**settings_of(architecture, switch, value), switch: value}
            model = build(architecture, image_size=size, seed=1, **turned)
            scores = model(images)
            cross_entropy(scores, torch.arange(4)).backward()
            assert main(scores).isfinite().all(), turned
            for name, parameter in model.named_parameters():
                assert parameter.grad is not None, (turned, name)
                assert parameter.grad.isfinite().all(), (turned, name)


def others(switch: SwitchSpec, usual: Switch) -> list[Switch]:
    """Legal values but the usual one; of a number, one."""
    if switch.values:
        return [value for value in switch.values if value != usual]
    return [0.5 if isinstance(switch.default, float) else int(usual) + switch.step]


def look(model: nn.Module) -> tuple[str, list[tuple[str, tuple[int, ...]]]]:
    """What tells two modules apart, but for the values of their weights."""
    return repr(model), [(name, tuple(tensor.shape)) for name, tensor in states(model).items()]


def settings_of(architecture: str, switch: str, value: Switch) -> dict[str, Switch]:
    """Other switches that must be set so that this value contradicts none of them."""
    if switch in ("normalization_order", "affine") or (switch == "zero_init" and value):
        return {"normalization": "batch"}
    if switch == "widen":
        return {"branches": "3x3"}
    return {}


@pytest.mark.parametrize(("architecture", "switch"), SWITCHES)
def test_every_declared_switch_changes_the_module(architecture: str, switch: str) -> None:
    found = ARCHITECTURES[architecture].switches[switch]
    size = ARCHITECTURES[architecture].presets["small"].image_size
    usual = model_registry.resolve(architecture, "small", {}, "test")[switch]
    for value in others(found, usual):
        context = settings_of(architecture, switch, value)
        if switch in ("initialization", "zero_init"):
            one = build(architecture, seed=0, image_size=size, **context)
            two = build(architecture, seed=0, image_size=size, **context, **{switch: value})
            assert any(not torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
        else:
            with torch.device("meta"):
                one = build(architecture, image_size=size, **context)
                two = build(architecture, image_size=size, **{**context, switch: value})
            assert look(one) != look(two), value


@pytest.mark.parametrize(
    ("architecture", "switches"),
    [
        (name, switches)
        for name, found in ARCHITECTURES.items()
        if "normalization" in found.switches
        for switches in ({"normalization_order": "after"}, {"affine": "scale"}, {"affine": "shift"}, {"affine": "none"})
    ],
)
def test_order_and_affine_change_what_is_computed(architecture: str, switches: dict[str, Switch]) -> None:
    """Not only how the module is written down: outputs in training mode, the learned scales and shifts moved."""
    size = ARCHITECTURES[architecture].presets["small"].image_size
    outs = []
    for chosen in ({}, switches):
        model = build(architecture, seed=0, image_size=size, normalization="batch", **chosen)
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if "normalization" in name:
                    parameter.add_(0.5)
        images = torch.randn(8, 1, size, size, generator=torch.Generator().manual_seed(0))
        outs.append(main(model(images)).detach())
    assert not torch.allclose(*outs, rtol=1e-3, atol=1e-3)


def test_order_around_an_identity_is_refused_where_it_would_do_nothing() -> None:
    chosen: dict[str, Switch] = {"activation": "identity", "normalization": "batch", "normalization_order": "after"}
    with pytest.raises(UserError, match="the identity comes before and after at once"):
        build("lenet", **chosen)
    build("resnet_cifar", **chosen)


@pytest.mark.parametrize("channels", [4, 6, 16, 32, 64, 256])
def test_group_normalization_has_groups(channels: int) -> None:
    """With one group it would be layer normalization."""
    layer = NORMALIZATIONS["group"].images(channels)
    assert isinstance(layer, nn.GroupNorm)
    assert layer.num_groups >= 2


@pytest.mark.parametrize("kind", NORMALIZATIONS)
def test_a_bias_is_left_out_only_where_it_would_do_nothing(kind: str) -> None:
    normalization = NORMALIZATIONS[kind]
    layer, images = normalization.images(8), torch.randn(5, 8, 4, 4, generator=torch.Generator().manual_seed(0))
    bias = torch.randn(8, generator=torch.Generator().manual_seed(1)).view(1, 8, 1, 1)
    same = torch.allclose(layer(images), layer(images + bias), atol=1e-5)
    assert same == normalization.replaces_bias


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_refused_switch_raises_with_those_it_takes(architecture: str) -> None:
    taken = ARCHITECTURES[architecture].switches
    refused = {name for _, name in SWITCHES} - set(taken)
    assert refused
    for name in refused:
        with pytest.raises(UserError) as caught:
            build(architecture, **{name: "anything"})
        why = ARCHITECTURES[architecture].refuses.get(name)
        reason = f" ({why})" if why else ""
        assert f"{architecture} does not take '{name}'{reason}; it takes {', '.join(taken)}" in str(caught.value)


def test_plain_twin_has_the_same_names_and_the_same_weights() -> None:
    residual = states(build("resnet_cifar", image_size=14, seed=3))
    plain = states(build("resnet_cifar", image_size=14, seed=3, residual=False))
    assert list(residual) == list(plain)
    assert all(torch.equal(residual[name], plain[name]) for name in plain)


@pytest.mark.parametrize(
    ("architecture", "change"),
    [
        ("lenet", {"normalization": "batch"}),
        ("lenet", {"activation": "tanh"}),
        ("lenet", {"pooling": "max"}),
        ("lenet", {"dropout": 0.5}),
        ("lenet", {"normalization": "batch", "normalization_order": "after"}),
        ("mlp", {"depth": 3}),
        ("resnet_cifar", {"shortcut": "projection"}),
        ("resnet_cifar", {"depth": 26}),
    ],
)
def test_arms_with_a_seed_start_from_the_same_weights(architecture: str, change: dict[str, Any]) -> None:
    one = dict(build(architecture, seed=5).named_parameters())
    two = dict(build(architecture, seed=5, **change).named_parameters())
    shared = [name for name in one if name in two and one[name].shape == two[name].shape]
    assert len(shared) >= len(one) - 2
    assert all(torch.equal(one[name], two[name]) for name in shared)


def test_scaled_sigmoid_is_tanh_of_half_its_input_twice() -> None:
    values = torch.linspace(-6, 6, 101, dtype=torch.float64, requires_grad=True)
    activation = ACTIVATIONS["scaled_sigmoid"]()
    assert torch.allclose(activation(values), 2 * torch.tanh(values / 2), atol=1e-12)
    (slopes,) = torch.autograd.grad(activation(values).sum(), values)
    assert float(slopes[50]) == pytest.approx(1)  # at 0
    assert float(activation(torch.zeros(1))) == 0


def largest(weight: Tensor) -> float:
    return float(weight.detach().abs().max())


def test_schemes_scale_the_same_draw() -> None:
    xavier = dict(build("lenet", seed=0, initialization="xavier").named_parameters())
    kaiming = dict(build("lenet", seed=0, initialization="kaiming").named_parameters())
    weight = "dense1.dense.weight"
    assert largest(xavier[weight]) == pytest.approx((6 / (400 + 120)) ** 0.5, rel=1e-3)
    assert largest(kaiming[weight]) == pytest.approx((6 / 400) ** 0.5, rel=1e-3)
    assert torch.allclose(kaiming[weight] / xavier[weight], torch.tensor(((400 + 120) / 400) ** 0.5))
    kernel = "block2.conv.weight"
    assert largest(kaiming[kernel]) == pytest.approx((6 / 150) ** 0.5, rel=1e-3)
    assert largest(xavier[kernel]) == pytest.approx((6 / (150 + 400)) ** 0.5, rel=1e-3)


def test_the_notes_draw_biases_as_pytorch_does() -> None:
    notes, xavier = (dict(build("lenet", seed=0, initialization=name).named_parameters()) for name in ("d2l", "xavier"))
    for name, fan_in in (("block2.conv", 150), ("dense1.dense", 400), ("output", 84)):
        assert torch.equal(notes[f"{name}.weight"], xavier[f"{name}.weight"])
        assert 0.7 / fan_in**0.5 < largest(notes[f"{name}.bias"]) <= 1 / fan_in**0.5
        assert largest(xavier[f"{name}.bias"]) == 0
    normalized = dict(build("lenet", seed=0, initialization="d2l", normalization="batch").named_parameters())
    shifts = [value for name, value in normalized.items() if name.endswith("normalization.bias")]
    assert shifts
    assert all((value == 0).all() for value in shifts)


def test_draws_depend_on_seed_and_name_and_are_known() -> None:
    known = draw("block1.conv.weight", (3,), 0)
    assert known.tolist() == pytest.approx(KNOWN_DRAW)
    assert not torch.equal(known, draw("block1.conv.weight", (3,), 1))
    assert not torch.equal(known, draw("block2.conv.weight", (3,), 0))


def test_initialization_sets_what_is_not_drawn_and_leaves_the_global_generator_alone() -> None:
    model = build("resnet_cifar", image_size=14)
    with torch.no_grad():
        for tensor in states(model).values():
            tensor.fill_(7)
    before = torch.get_rng_state()
    initialize(model, 0, SCHEMES["kaiming"])
    assert torch.equal(before, torch.get_rng_state())
    fresh = {"weight": 1, "bias": 0, "running_mean": 0, "running_var": 1, "num_batches_tracked": 0}
    for name, tensor in states(model).items():
        if tensor.ndim < 2:
            assert (tensor == fresh[name.rsplit(".", 1)[1]]).all(), name
        else:
            assert tensor.abs().max() < 2


def test_initialization_refuses_a_parameter_it_does_not_know() -> None:
    model = nn.Module()
    model.gain = nn.Parameter(torch.ones(3))
    with pytest.raises(ValueError, match="gain: no rule"):
        initialize(model, 0, SCHEMES["xavier"])


def test_lenet_equals_the_same_network_of_plain_layers() -> None:
    layers = nn.Sequential(
        nn.Conv2d(3, 6, 5, padding=2), nn.Sigmoid(), nn.AvgPool2d(2),
        nn.Conv2d(6, 16, 5), nn.Sigmoid(), nn.AvgPool2d(2), nn.Flatten(),
        nn.Linear(16 * 6 * 6, 120), nn.Sigmoid(), nn.Linear(120, 84), nn.Sigmoid(), nn.Linear(84, 7),
    )  # fmt: skip
    model = build("lenet", channels=3, image_size=32, classes=7, seed=2)
    for own, reference in zip(model.parameters(), layers.parameters(), strict=True):
        reference.data.copy_(own)
    images = torch.rand(5, 3, 32, 32)
    assert torch.allclose(model(images), layers(images), atol=1e-6)


def test_lenet_normalizes_between_the_affine_map_and_the_activation() -> None:
    kinds = [type(module).__name__ for module in build("lenet", normalization="batch", dropout=0.5).modules()]
    layers = [kind for kind in kinds if kind not in ("Sequential", "Flatten")]
    conv = ["Conv2d", "BatchNorm2d", "Sigmoid", "AvgPool2d"]
    dense = ["Linear", "BatchNorm1d", "Sigmoid", "Dropout"]
    assert layers == [*conv, *conv, *dense, *dense, "Linear"]


def test_resnet_equals_its_equations() -> None:
    """A second forward pass, written with functions, on the first pass's own weights."""
    model = build("resnet_cifar", depth=14, width=4, channels=3, image_size=9, seed=4).eval()
    weights = states(model)

    def conv(x: Tensor, name: str, stride: int = 1) -> Tensor:
        return F.conv2d(x, weights[f"{name}.weight"], stride=stride, padding=1)

    images = out = torch.randn(2, 3, 9, 9)
    scale = 1 / (1 + 1e-5) ** 0.5  # fresh running statistics: mean 0, variance 1
    out = F.relu(scale * conv(out, "stem.conv"))
    for stage in (1, 2, 3):
        for block in (0, 1):
            name, stride = f"stage{stage}.{block}", 2 if stage > 1 and block == 0 else 1
            inner = scale * conv(F.relu(scale * conv(out, f"{name}.conv1", stride)), f"{name}.conv2")
            short = out[..., ::stride, ::stride]
            zeros = torch.zeros(2, inner.shape[1] - short.shape[1], *short.shape[2:])
            out = F.relu(inner + torch.cat([short, zeros], dim=1))
    expected = F.linear(out.mean((2, 3)), weights["output.weight"], weights["output.bias"])
    assert torch.allclose(model(images), expected, atol=1e-5)


def test_resnet_block_with_zero_weights_is_the_identity_and_a_plain_one_is_not() -> None:
    images = torch.rand(2, 8, 6, 6)
    for residual, expected in ((True, images), (False, torch.zeros_like(images))):
        block = build("resnet_cifar", image_size=14, residual=residual).get_submodule("stage1.0")
        assert isinstance(block.conv2, nn.Conv2d)
        nn.init.zeros_(block.conv2.weight)
        assert torch.equal(block(images), expected)


def test_convolutions_are_kept_channels_last() -> None:
    for model in (build("lenet"), build("resnet_cifar")):
        for parameter in model.parameters():
            if parameter.ndim == 4:
                assert parameter.is_contiguous(memory_format=torch.channels_last)


def test_a_users_architecture_is_built_with_its_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(model_registry.SEARCH_PATH, str(tmp_path))
    path = tmp_path / "toy.py"
    path.write_text(TOY)
    switches = model_registry.resolve("toy", "tiny", {}, "test")
    spec = ModelSpec(architecture="toy", preset="tiny", switches=switches)
    model = models.build(spec, 2, 4, 3, seed=0)
    assert isinstance(model[2], nn.Tanh)
    assert model(torch.rand(5, 2, 4, 4)).shape == (5, 3)
    assert cost.parameters(model) == 2 * 16 * 9 + 9 + 9 * 3 + 3
    path.write_text(TOY.replace("hidden = table[0]", "hidden = table[0] + 1"))
    os.utime(path, ns=(1, 1))
    assert cost.parameters(models.build(spec, 2, 4, 3)) == 2 * 16 * 10 + 10 + 10 * 3 + 3


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("def build", "def create", "has ARCHITECTURE but no function build"),
        (
            "flat, table",
            "table",
            "unexpected keyword argument 'flat'; it must take every declared switch",
        ),
    ],
)
def test_a_users_wrong_builder_is_one_line(
    old: str, new: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(model_registry.SEARCH_PATH, str(tmp_path))
    (tmp_path / "toy.py").write_text(TOY.replace(old, new))
    with pytest.raises(UserError) as caught:
        models.build(ModelSpec(architecture="toy", preset="tiny"), 1, 4, 3)
    assert line in str(caught.value)


def names_of(model: nn.Module) -> str:
    return ", ".join(f"{name} {'x'.join(map(str, tensor.shape))}" for name, tensor in states(model).items())


def changes(architecture: str, preset: str) -> dict[str, dict[str, Switch]]:
    """Every value of every switch, with and without batch normalization: what is set, by its key in the snapshot."""
    found: dict[str, dict[str, Switch]] = {kind: {"normalization": kind} for kind in ("none", "batch")}
    usual = model_registry.resolve(architecture, preset, {}, "test")
    for switch, spec in ARCHITECTURES[architecture].switches.items():
        for value in others(spec, usual[switch]):
            turned = {**settings_of(architecture, switch, value), switch: value}
            found[" ".join(f"{name}={each}" for name, each in turned.items())] = turned
    return found


@pytest.mark.parametrize(("architecture", "preset"), PRESETS)
def test_every_value_of_every_switch_has_the_right_shape_and_stable_names(
    architecture: str, preset: str, accept_golden: bool
) -> None:
    """Weights saved today load tomorrow."""
    size = ARCHITECTURES[architecture].presets[preset].image_size
    found = {}
    for key, switches in changes(architecture, preset).items():
        with torch.device("meta"):
            model = build(architecture, preset, image_size=size, **switches)
            assert main(model(torch.empty(2, 1, size, size))).shape == (2, 10), key
        names = names_of(model)
        found[f"{architecture} {preset} {key}"] = names if key in ("none", "batch") else digest(names)
    known = json.loads(SNAPSHOT.read_text())
    before = {key: value for key, value in known.items() if key.startswith(f"{architecture} {preset} ")}
    if accept_golden:
        rest = {key: value for key, value in known.items() if key not in before}
        SNAPSHOT.write_text(json.dumps(rest | found, indent=1) + "\n")
        return
    assert found == before, "names or shapes of weights changed; if that is meant: pytest -k zoo --accept-golden"


def test_every_snapshot_is_of_a_preset_that_there_is() -> None:
    assert {tuple(key.split()[:2]) for key in json.loads(SNAPSHOT.read_text())} == set(PRESETS)


KNOWN_DRAW = [0.25362110137939453, 0.6499162912368774, -0.7065901756286621]
TOY = """
from torch import nn

ARCHITECTURE = {
    "title": "Toy",
    "paper": "none",
    "switches": {"activation": "tanh", "flat": True, "initialization": "auto"},
    "presets": {"tiny": {"input": [1, 4, 3], "table": [9]}},
    "smallest_image": 1,
}


def build(images, layers, *, flat, table):
    inputs = images.channels * images.height * images.width
    hidden = table[0]
    flatten = nn.Flatten() if flat else nn.Identity()
    return nn.Sequential(flatten, nn.Linear(inputs, hidden), layers.activation(), nn.Linear(hidden, images.classes))
"""
