"""Saved weights: into the network that they come from, and into no other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from cnnlab import models
from cnnlab.core.errors import UserError
from cnnlab.core.paths import Paths
from cnnlab.models.weights import load_weights
from cnnlab.planning import model_registry
from cnnlab.planning.specs import ArmSpec, ModelSpec, TrainSpec
from cnnlab.training import job, records
from cnnlab.training.records import Record
from cnnlab.training.replay import evaluate_run
from tests.fakes import DIGITS as DATA


def network(architecture: str, **switches: bool | int | float | str) -> ModelSpec:
    complete = model_registry.resolve(architecture, "small", switches, "test")
    return ModelSpec(architecture=architecture, switches=complete)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, prepared: Path) -> Iterator[tuple[Paths, Record]]:
    folder = tmp_path_factory.mktemp("weights")
    paths = Paths(folder / "results", folder / "reports")
    paths.results.mkdir()
    (paths.results / "data").symlink_to(prepared)
    train = TrainSpec(epochs=2, learning_rate=0.1)
    model = network("lenet", normalization="batch")
    arm = ArmSpec(model=model, data=DATA, train=train, torch=torch.__version__, fingerprint="f")
    job.run_job(arm, paths, (0,), 30)
    yield paths, next(records.scan(paths))
    torch.use_deterministic_algorithms(False)


def test_zoo_weights_of_a_run_give_its_test_error_again(run: tuple[Paths, Record]) -> None:
    paths, record = run
    told = evaluate_run(paths, record, None)
    assert f"test error {100 * record.result['test_error']:.2f} %" in told
    assert f"log-loss {record.result['test_loss']:.4f} nats" in told


def test_zoo_weights_that_are_other_values_give_another_answer(run: tuple[Paths, Record], tmp_path: Path) -> None:
    paths, record = run
    model = models.build(network("lenet", normalization="batch"), 1, 14, 10, seed=5)
    save_file({name: value.contiguous() for name, value in model.state_dict().items()}, tmp_path / "other.safetensors")
    assert evaluate_run(paths, record, tmp_path / "other.safetensors") != evaluate_run(paths, record, None)


@pytest.mark.parametrize(
    ("spec", "line"),
    [
        (network("mlp"), "weights of another network than mlp (small): dense1.dense.weight is 120x16, not 78x196"),
        (network("lenet", normalization="batch", width=4), "block1.conv.weight is 6x1x5x5, not 4x1x5x5"),
        (network("resnet_cifar"), "there is no stem.conv.weight in it"),
        (network("lenet"), "it has block1.normalization.bias beside what is needed"),
    ],
)
def test_zoo_weights_of_another_network_are_one_line(run: tuple[Paths, Record], spec: ModelSpec, line: str) -> None:
    path = run[1].weights_path
    with pytest.raises(UserError, match=re.escape(line)) as caught:
        load_weights(models.build(spec, 1, 14, 10), path, f"{spec.architecture} ({spec.preset})")
    assert str(caught.value).startswith(f"{path}: ")


def test_zoo_a_file_that_holds_no_weights_is_one_line(tmp_path: Path) -> None:
    model = models.build(network("mlp"), 1, 14, 10)
    with pytest.raises(UserError, match="no such file"):
        load_weights(model, tmp_path / "none.safetensors", "mlp")
    (tmp_path / "text.safetensors").write_text("not weights")
    with pytest.raises(UserError, match="not a file of weights"):
        load_weights(model, tmp_path / "text.safetensors", "mlp")
