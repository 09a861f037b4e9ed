"""Costs: counts against PyTorch's own counter and by hand, measurements for their conventions."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cnnlab import models
from cnnlab.models import cost
from cnnlab.planning import model_registry
from cnnlab.planning.cost import run_seconds
from cnnlab.planning.datasets import split_sizes
from cnnlab.planning.specs import ArmSpec, DataSpec, ModelSpec, TrainSpec
from cnnlab.training import speed as measurement
from cnnlab.training.speed import Speed, measure

PRESETS = [(name, preset) for name, found in model_registry.architectures().items() for preset in found.presets]


def build(architecture: str, preset: str = "small", **switches: Any) -> tuple[nn.Module, tuple[int, int, int]]:
    size = model_registry.get(architecture).presets[preset]
    complete = model_registry.resolve(architecture, preset, switches, "test")
    spec = ModelSpec(architecture=architecture, preset=preset, switches=complete)
    model = models.build(spec, size.channels, size.image_size, size.classes)
    return model, (size.channels, size.image_size, size.image_size)


DEPTHS_AND_BLOCKS = [
    ("vgg", "d2l", {"depth": 13}),
    ("vgg", "d2l", {"depth": 19}),
    ("vgg", "small", {"kernel_plan": "single"}),
    ("resnet", "paper", {"depth": 34}),
    *(("resnet_cifar", "paper", {"depth": depth}) for depth in (32, 44, 56, 110)),
    *(("skeleton", "small", {"block": block}) for block in ("inception", "residual")),
    ("googlenet", "d2l", {"branches": "3x3+pool", "widen": True}),
    ("googlenet", "d2l", {"reductions": False}),
    ("alexnet", "d2l", {"grouping": True, "head": "gap"}),
]


@pytest.mark.parametrize(("architecture", "preset", "switches"), DEPTHS_AND_BLOCKS)
def test_zoo_macs_are_half_of_the_flop_counter(architecture: str, preset: str, switches: dict[str, Any]) -> None:
    with torch.device("meta"):
        model, shape = build(architecture, preset, **switches)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            model.eval()(torch.zeros(1, *shape))
        assert cost.macs(model, shape) * 2 == counter.get_total_flops() > 0


@pytest.mark.parametrize("kind", ["identity", "projection"])
def test_zoo_macs_of_shortcuts(kind: str) -> None:
    model, shape = build("resnet_cifar", shortcut=kind)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.eval()(torch.zeros(1, *shape))
    assert cost.macs(model, shape) * 2 == counter.get_total_flops()


@pytest.mark.parametrize(("architecture", "preset"), PRESETS)
def test_zoo_layers_hold_all_parameters(architecture: str, preset: str) -> None:
    with torch.device("meta"):
        model, shape = build(architecture, preset)
        layers = cost.describe(model, shape)
    unused = sum(each.numel() for name, each in model.named_parameters() if name.startswith("auxiliary"))
    assert sum(layer.parameters for layer in layers) == cost.parameters(model) - unused
    assert layers[-1].output_shape == (model_registry.get(architecture).presets[preset].classes,)


def test_zoo_trace_of_lenet() -> None:
    layers = cost.describe(*build("lenet", "d2l"))
    weighted = [(layer.name, layer.output_shape, layer.parameters, layer.macs) for layer in layers if layer.macs]
    assert weighted == [
        ("block1.conv", (6, 28, 28), 6 * 26, 28 * 28 * 6 * 25),
        ("block2.conv", (16, 10, 10), 16 * 151, 10 * 10 * 16 * 150),
        ("dense1.dense", (120,), 120 * 401, 120 * 400),
        ("dense2.dense", (84,), 84 * 121, 84 * 120),
        ("output", (10,), 10 * 85, 10 * 84),
    ]
    assert [layer.output_shape for layer in layers if layer.kind == "AvgPool2d"] == [(6, 14, 14), (16, 5, 5)]
    assert all(layer.kind != "Identity" for layer in layers)


def test_zoo_grouped_convolutions_count_their_own_weights() -> None:
    (layer,) = cost.describe(nn.Sequential(nn.Conv2d(4, 8, 3, groups=2)), (4, 5, 5))
    assert layer.macs == 8 * 3 * 3 * (4 // 2) * 9


def test_zoo_a_shared_layer_costs_twice_and_is_stored_once() -> None:
    dense = nn.Linear(3, 3)
    first, second = cost.describe(nn.Sequential(dense, dense), (3,))
    assert (first.parameters, second.parameters) == (12, 0)
    assert first.macs == second.macs == 9


def test_zoo_describing_leaves_the_model_alone() -> None:
    model, shape = build("lenet", normalization="batch")
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    cost.describe(model, shape)
    assert model.training
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert not any(module._forward_hooks for module in model.modules())


def test_zoo_largest_network_is_described_on_the_meta_device() -> None:
    with torch.device("meta"):
        model, shape = build("resnet_cifar", "paper", depth=110)
    assert cost.macs(model, shape) == 252_887_680


def test_zoo_measuring_states_its_conditions() -> None:
    before = torch.get_num_threads()
    model, shape = build("mlp")
    for more, threads in (({}, 1), ({"threads": before + 1}, before + 1)):
        speed = measure(model, shape, 10, TrainSpec(epochs=1, batch_size=16), repeats=1, **more)
        assert min(speed.images_per_second, speed.latency_ms) > 0
        assert (speed.threads, speed.batch_size, speed.device) == (threads, 16, "cpu")
        assert torch.get_num_threads() == before


@pytest.mark.parametrize(("optimizer", "copies"), [("sgd", 3), ("adamw", 4)])
def test_zoo_memory_is_weights_and_what_the_backward_pass_needs(optimizer: Any, copies: int) -> None:
    def held(batch_size: int) -> float:
        model = nn.Sequential(nn.Flatten(), nn.Linear(100, 50), nn.ReLU(), nn.Linear(50, 10))
        train = TrainSpec(epochs=1, batch_size=batch_size, optimizer=optimizer)
        return measure(model, (1, 10, 10), 10, train, repeats=1).memory_mb * 2**20

    weights = copies * 4 * (100 * 50 + 50 + 50 * 10 + 10)  # weights, gradients, and what the optimizer remembers
    # Per image: input, output of ReLU, log-probabilities in float32, label in int64; and one normalizer.
    per_image = 4 * (100 + 50 + 10) + 8
    assert held(32) == pytest.approx(weights + 32 * per_image, abs=64)
    assert held(64) - held(32) == pytest.approx(32 * per_image)


def arm(epochs: int = 7, **model: Any) -> ArmSpec:
    name = model.pop("architecture", "lenet")
    switches = model_registry.resolve(name, "small", model, "test")
    return ArmSpec(
        model=ModelSpec(architecture=name, switches=switches),
        data=DataSpec(name="mnist5k", image_size=14),
        train=TrainSpec(epochs=epochs),
        torch="1",
        fingerprint="f",
    )


def test_zoo_arms_of_one_network_share_a_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def fake(model: nn.Module, *arguments: Any, **options: Any) -> Speed:
        calls.append((arguments, options))
        return Speed(100.0, 1.0, 2.0, 1, 64, "cpu")

    monkeypatch.setattr(measurement, "measure", fake)
    arms = {"a": arm(), "b": arm(epochs=9), "c": arm(activation="relu")}
    rows = measurement.measure_arms(arms)
    assert [row["arm_id"] for row in rows] == ["a", "b", "c"]
    assert len(calls) == 2
    assert calls[0] == (((1, 14, 14), 10, arms["a"].train), {"device": "cpu"})
    assert rows[0]["parameters"] == 16 * 1 * 120 + 120 + 156 + 2416 + 10_164 + 850
    assert rows[0]["memory_mb"] == 2.0


def test_zoo_estimates_grow_with_the_work() -> None:
    short, long, deep = arm(), arm(epochs=70), arm(architecture="resnet_cifar")
    assert 0.1 < run_seconds(short) < 30
    assert 8 < run_seconds(long) / run_seconds(short) < 10
    assert run_seconds(deep) > run_seconds(short)


def test_estimates_count_a_separately_trained_classifier() -> None:
    network = arm()
    svm = network.model_copy(update={"train": network.train.model_copy(update={"classifier": "svm"})})
    assert 1 < run_seconds(svm) - run_seconds(network) < 10  # on 3,000 images


def test_estimates_count_the_networks_that_a_diagnostic_trains() -> None:
    plain = arm()
    cheap, dear = (
        plain.model_copy(update={"diagnostics": (name,)}) for name in ("update_ratios", "largest_learning_rate")
    )
    assert 1 < run_seconds(cheap) / run_seconds(plain) < 1.5
    assert run_seconds(dear) / run_seconds(plain) > 3


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, (3_000, 500, 1_500)),
        ({"limit": 500}, (300, 50, 150)),
        ({"test": 0.5, "validation": 100}, (2_400, 100, 2_500)),
        ({"train_size": 200}, (200, 500, 1_500)),
    ],
)
def test_zoo_split_sizes(options: dict[str, Any], expected: tuple[int, int, int]) -> None:
    assert split_sizes(DataSpec(name="mnist5k", **options)) == expected
