"""Our optimizers against PyTorch's; every test goes through all that are in the map."""

from __future__ import annotations

import copy
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, get_args

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from cnnlab.planning.specs import OPTIMIZERS, SETTINGS, TrainSpec
from cnnlab.training import optimizers
from cnnlab.training.optimizers import Optimizer

# PyTorch's optimizer of each name, what it calls our settings, and settings to try beside the usual ones.
PEERS: dict[str, tuple[type[torch.optim.Optimizer], dict[str, str], list[dict[str, Any]]]] = {
    "sgd": (torch.optim.SGD, {}, [{"momentum": 0.0, "weight_decay": 0.0}, {"weight_decay": 0.0}]),
    "adamw": (
        torch.optim.AdamW,
        {"epsilon": "eps"},
        [{"weight_decay": 0.0}, {"betas": (0.0, 0.5), "epsilon": 1e-3}, {"weight_decay": 0.3, "betas": (0.5, 0.9)}],
    ),
}
CASES = [(name, settings) for name, (_, _, tried) in PEERS.items() for settings in ({}, *tried)]
every_optimizer = pytest.mark.parametrize("name", optimizers.OPTIMIZERS)


def network() -> nn.Sequential:
    torch.manual_seed(0)
    layers = nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(108, 4)
    return nn.Sequential(*layers)


def ours(name: str, model: nn.Module, **settings: Any) -> Optimizer:
    return optimizers.build_optimizer(TrainSpec(epochs=1, optimizer=name, **settings), model.parameters())  # type: ignore[arg-type]


def theirs(name: str, model: nn.Module, **settings: Any) -> torch.optim.Optimizer:
    peer, names, _ = PEERS[name]
    spec = TrainSpec(epochs=1, optimizer=name, **settings)  # type: ignore[arg-type]
    renamed = {names.get(key, key): value for key, value in spec.optimizer_settings.items()}
    return peer(model.parameters(), lr=0.1, foreach=False, **renamed)  # type: ignore[call-arg]


def losses(model: nn.Module, steps: int, seed: int = 1) -> Iterator[float]:
    """Gradients of one batch after another; yields the rate of each step."""
    draws = torch.Generator().manual_seed(seed)
    for step in range(steps):
        model.zero_grad()
        images, labels = torch.randn(8, 1, 8, 8, generator=draws), torch.randint(4, (8,), generator=draws)
        nn.functional.cross_entropy(model(images), labels).backward()
        yield 0.01 / (1 + step)


def equal(left: nn.Module, right: nn.Module) -> bool:
    return all(torch.equal(*pair) for pair in zip(left.parameters(), right.parameters(), strict=True))


def test_every_optimizer_of_a_spec_is_built_and_has_a_peer() -> None:
    names = set(get_args(TrainSpec.model_fields["optimizer"].annotation))
    assert set(optimizers.OPTIMIZERS) == set(OPTIMIZERS) == names == set(PEERS)
    assert set(SETTINGS) <= set(TrainSpec.model_fields)


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_the_update_is_that_of_pytorch_to_the_bit(name: str, settings: dict[str, Any]) -> None:
    left, right = network(), network()
    mine, peer = ours(name, left, **settings), theirs(name, right, **settings)
    for rate, _ in zip(losses(left, 60), losses(right, 60), strict=True):
        mine.step(rate)
        peer.param_groups[0]["lr"] = rate
        peer.step()
        assert equal(left, right)


@every_optimizer
def test_the_usual_settings_other_than_weight_decay_are_those_of_pytorch(name: str) -> None:
    if name == "sgd":
        pytest.skip("PyTorch's has no momentum unless one asks for it")
    given = theirs(name, network()).param_groups[0]
    usual = PEERS[name][0](network().parameters()).param_groups[0]
    assert {key: given[key] for key in usual if key not in ("lr", "params", "foreach")} == {
        key: value for key, value in usual.items() if key not in ("lr", "params", "foreach")
    }


@pytest.mark.parametrize(("name", "settings"), CASES)
def test_an_update_is_what_a_step_takes_from_the_weight(name: str, settings: dict[str, Any]) -> None:
    model = network().double()
    optimizer = ours(name, model, **settings)
    draws = torch.Generator().manual_seed(2)
    for step in range(5):
        for weight in model.parameters():
            weight.grad = torch.randn(weight.shape, generator=draws).double()
        before = [weight.detach().clone() for weight in model.parameters()]
        optimizer.step(0.1 / (1 + step))
        for was, weight in zip(before, model.parameters(), strict=True):
            torch.testing.assert_close(optimizer.update_of(weight), was - weight.detach(), rtol=1e-9, atol=1e-12)


@every_optimizer
def test_a_state_that_is_read_again_goes_on_with_the_same_bits(name: str) -> None:
    left, right = network(), network()
    first = ours(name, left)
    for rate in losses(left, 7):
        first.step(rate)
    right.load_state_dict(left.state_dict())
    second = ours(name, right)
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    for rate, _ in zip(losses(left, 7, seed=3), losses(right, 7, seed=3), strict=True):
        first.step(rate)
        second.step(rate)
    assert equal(left, right)


@every_optimizer
def test_a_step_imports_no_compiler(name: str) -> None:
    program = (
        "import sys, torch; from cnnlab.training import loop, optimizers; from cnnlab.planning.specs import TrainSpec;"
        f"spec, weight = TrainSpec(epochs=1, optimizer={name!r}), torch.nn.Parameter(torch.ones(3));"
        "weight.sum().backward(); optimizers.build_optimizer(spec, [weight]).step(0.1);"
        "print(*sorted({'torch._dynamo', 'torch._inductor', 'sympy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_a_setting_of_another_optimizer_is_refused_and_a_missing_one_has_its_usual_value() -> None:
    assert TrainSpec(epochs=1) == TrainSpec(epochs=1, momentum=0.9, weight_decay=5e-4)
    spec = TrainSpec(epochs=1, optimizer="adamw", weight_decay=0.3)
    assert (spec.momentum, spec.betas, spec.epsilon, spec.weight_decay) == (None, (0.9, 0.999), 1e-8, 0.3)
    assert TrainSpec.model_validate(spec.model_dump(mode="json")) == spec
    for wrong in ({"optimizer": "adamw", "momentum": 0.9}, {"betas": (0.9, 0.99)}, {"epsilon": 1e-8}):
        with pytest.raises(ValidationError, match=r"has no such setting, only .*; remove it"):
            TrainSpec(epochs=1, **wrong)  # type: ignore[arg-type]


def test_each_optimizer_has_a_grid_of_its_own_unless_the_study_gives_one() -> None:
    for name, (_, _, rates) in OPTIMIZERS.items():
        assert TrainSpec(epochs=1, optimizer=name).tune.rates == rates  # type: ignore[arg-type]
        given = TrainSpec.model_validate({"epochs": 1, "optimizer": name, "tune": {"rates": [0.5], "extensions": 0}})
        assert (given.tune.rates, given.tune.extensions) == ((0.5,), 0)
        partly = TrainSpec.model_validate({"epochs": 1, "optimizer": name, "tune": {"extensions": 1}})
        assert (partly.tune.rates, partly.tune.extensions) == (rates, 1)
        assert partly.tune.epochs_share == 1 / 3
