"""Arms, images and runs that are small enough for a test: real training, a second at most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from cnnlab import registry, train
from cnnlab.data.load import Dataset, Scaling, Split, load
from cnnlab.data.prepare import prepare
from cnnlab.diagnostics import Run
from cnnlab.spec import ArmSpec, DataSpec, ModelSpec, TrainSpec, TuneSpec

DATA = DataSpec(name="mnist5k", limit=300, image_size=14)
TUNE = TuneSpec(rates=(0.03, 0.1), epochs_share=0.5, extensions=0)


def make_arm(
    architecture: str = "mlp",
    switches: Mapping[str, Any] | None = None,
    *,
    data: DataSpec = DATA,
    diagnostics: Sequence[str] = (),
    **changes: Any,
) -> ArmSpec:
    """An arm of ReLU and two epochs, but for `switches`, and for `changes` of its training."""
    given = {"activation": "relu", **(switches or {})}
    complete = registry.resolve(architecture, "small", given, "test")
    return ArmSpec(
        model=ModelSpec(architecture=architecture, switches=complete),
        data=data,
        train=TrainSpec(**{"epochs": 2, "tune": TUNE, **changes}),
        diagnostics=tuple(diagnostics),
        torch=torch.__version__,
        fingerprint="f",
    )


def prepared(folder: Path, spec: DataSpec = DATA) -> Path:
    """The folder with the prepared images of `spec` in it."""
    prepare(spec.prepared(), folder / f"{spec.data_id}.safetensors", folder / f"{spec.data_id}.json")
    return folder


def read(folder: Path, spec: DataSpec = DATA, seed: int = 0, **how: Any) -> Dataset:
    return load(folder / f"{spec.data_id}.safetensors", folder / f"{spec.data_id}.json", spec, seed, **how)


def split(images: Tensor, labels: Tensor, black: float = 0.0) -> Split:
    """Floats as they are, of which `black` is a black pixel."""
    one = torch.ones(1, 1, 1)
    return Split(images, labels, Scaling(0 * one, one, black * one, 0 * one))


def dataset(train: Split, test: Split | None = None, classes: int = 10, wrong: Tensor | None = None) -> Dataset:
    """Images made up in a test; the validation images are those of training."""
    channels, size = train.images.shape[1], train.images.shape[2]
    names = tuple(map(str, range(classes)))
    return Dataset(train, train, channels, size, names, "made up", lambda: test or train, wrong)


def noise(count: int = 64, channels: int = 1, size: int = 12, classes: int = 10, seed: int = 0) -> Split:
    """Images of nothing, with labels of nothing."""
    draws = torch.Generator().manual_seed(seed)
    images = torch.randn(count, channels, size, size, generator=draws)
    return split(images, torch.randint(classes, (count,), generator=draws))


def watch(model: nn.Module, data: Dataset, arm: ArmSpec | None = None, epochs: int = 1, rate: float = 0.1) -> Run:
    """What a diagnostic of `model` is given in a run with one step an epoch."""
    return Run(arm or make_arm(), model, data, 0, rate, epochs, 1)


def weights(trained: train.Trained) -> dict[str, Tensor]:
    """Weights and buffers as they are now."""
    return {name: value.clone() for name, value in trained.model.state_dict().items()}
