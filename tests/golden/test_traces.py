"""Golden traces: the numbers of short runs, so that an intended change of the numerics is told from an accident.

A change that is meant: `pytest tests/golden --accept-golden`, and commit the file with the reason.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from cnnlab.data.dataset import load
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
    threads = torch.get_num_threads()
    process.prepare_process("cpu")
    try:
        images = load(folder / "images.safetensors", folder / "images.json", data, 7)
        trained = loop.train(arm, images, 7, rate, 2)
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(False)
    curves = trained.curves
    return {
        "loss": curves.loss.tolist(),
        "gradient_norm": curves.gradient_norm.tolist(),
        "validation_loss": curves.validation_losses,
    }


@pytest.mark.parametrize("name", ARMS)
def test_a_short_run_gives_the_numbers_that_it_gave(name: str, folder: Path, accept_golden: bool) -> None:
    found = trace(name, folder)
    known = json.loads(TRACES.read_text()) if TRACES.exists() else {}
    if accept_golden:
        TRACES.write_text(json.dumps({**known, name: found}, indent=1, sort_keys=True) + "\n")
        return
    assert name in known, "no golden trace yet: pytest tests/golden --accept-golden"
    for key, values in known[name].items():
        # Kernels differ between processors: the same numbers to about four digits, bits only on one machine.
        assert found[key] == pytest.approx(values, rel=2e-3, abs=1e-5), f"{key}: if meant, --accept-golden"
