"""Golden traces: the numbers of short runs, so that an intended change of the numerics is told from an accident.

A change that is meant: `pytest tests/golden --accept-golden`, and commit the file with the reason.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from cnnlab.data.dataset import Split, load
from cnnlab.data.prepare import prepare
from cnnlab.planning import model_registry
from cnnlab.planning.specs import ArmSpec, DataSpec, ModelSpec, TrainSpec
from cnnlab.training import loop, process

TRACES = Path(__file__).with_name("traces.json")
DATA = DataSpec(name="mnist5k", limit=400)
# Architecture, switches, and changes of the data.
ARMS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "lenet-sigmoid": ("lenet", {"activation": "sigmoid", "pooling": "average"}, {}),
    "lenet-relu-max": ("lenet", {"activation": "relu", "pooling": "max"}, {}),
    "lenet-batch": ("lenet", {"activation": "relu", "normalization": "batch", "dropout": 0.2}, {}),
    "mlp-shuffled": ("mlp", {"activation": "tanh"}, {"shuffle_pixels": True}),
    "resnet-8": ("resnet_cifar", {"depth": 8}, {"augment": ("shift:2",)}),
    "plain-8": ("resnet_cifar", {"depth": 8, "residual": False}, {}),
    "lenet-adamw": ("lenet", {"activation": "relu", "pooling": "max"}, {}),
}
# In float32 the rounding of one processor against another's grows to several percent within eight steps of networks
# that are deep or have batch normalization; in float64 it stays below the tenth digit: their traces hold everywhere.
DOUBLE = {"lenet-batch", "resnet-8", "plain-8"}
# Of those that are not trained by SGD at a rate of 0.05.
OPTIMIZERS: dict[str, tuple[str, float]] = {"lenet-adamw": ("adamw", 0.003)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("golden")
    prepare(DATA.prepared(), made / "images.safetensors", made / "images.json")
    return made


def trace(name: str, folder: Path) -> dict[str, list[float]]:
    architecture, switches, changes = ARMS[name]
    complete = model_registry.resolve(architecture, "small", switches, name)
    data = DATA.model_copy(update=changes)
    model = ModelSpec(architecture=architecture, switches=complete)
    optimizer, rate = OPTIMIZERS.get(name, ("sgd", 0.05))
    train = TrainSpec(epochs=2, optimizer=optimizer)  # type: ignore[arg-type]
    arm = ArmSpec(model=model, data=data, train=train, torch="", fingerprint="")
    process.prepare_process("cpu")
    torch.set_default_dtype(torch.float64 if name in DOUBLE else torch.float32)
    try:
        images = load(folder / "images.safetensors", folder / "images.json", data, 7)
        if name in DOUBLE:
            images = replace(images, train=doubled(images.train), validation=doubled(images.validation))
        trained = loop.train(arm, images, 7, rate, 2)
    finally:
        torch.set_default_dtype(torch.float32)
        torch.use_deterministic_algorithms(False)
    curves = trained.curves
    return {
        "loss": curves.loss.tolist(),
        "gradient_norm": curves.gradient_norm.tolist(),
        "validation_loss": curves.validation_losses,
    }


def doubled(split: Split) -> Split:
    return replace(split, images=split.images.double())


@pytest.mark.parametrize("name", ARMS)
def test_a_short_run_gives_the_numbers_that_it_gave(name: str, folder: Path, accept_golden: bool) -> None:
    found = trace(name, folder)
    known = json.loads(TRACES.read_text()) if TRACES.exists() else {}
    if accept_golden:
        TRACES.write_text(json.dumps({**known, name: found}, indent=1, sort_keys=True) + "\n")
        return
    assert name in known, "no golden trace yet: pytest tests/golden --accept-golden"
    # Kernels differ between processors: the same numbers to about four digits of float32, bits only on one machine.
    near = {"rel": 1e-6, "abs": 1e-9} if name in DOUBLE else {"rel": 2e-3, "abs": 1e-5}
    for key, values in known[name].items():
        assert found[key] == pytest.approx(values, **near), f"{key}: if meant, --accept-golden"
