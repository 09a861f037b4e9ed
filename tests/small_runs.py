"""Runs of a few steps on a few images drawn at random: for tests of what happens while a network trains."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from cnnlab import models
from cnnlab.data.batches import Batches
from cnnlab.data.dataset import Dataset, Scaling, Split
from cnnlab.planning import model_registry
from cnnlab.planning.specs import ArmSpec, DataSpec, ModelSpec, TrainSpec
from cnnlab.training.diagnostics import Run
from cnnlab.training.optimizers import build_optimizer

CLASSES = ("zero", "one", "two", "three")
SIZE = 14


def dataset(train: int = 40, others: int = 24, size: int = SIZE, channels: int = 1, wrong: int = 5) -> Dataset:
    """Images (N, channels, size, size) with a stripe whose row tells the class; `wrong` training labels are noise."""
    draws, one = torch.Generator().manual_seed(1), torch.ones(1, 1, 1)
    scaling = Scaling(0 * one, one, 0 * one, one)

    def split(count: int) -> Split:
        labels = torch.arange(count) % len(CLASSES)
        images = 0.3 * torch.randn(count, channels, size, size, generator=draws)
        for image, label in zip(images, labels.tolist(), strict=True):
            image[:, 2 + 3 * label] += 2
        return Split(images, labels, scaling)

    test = split(others)
    noise = torch.arange(train) < wrong
    return Dataset(split(train), split(others), channels, size, CLASSES, "checksum", lambda: test, noise)


def arm(architecture: str = "lenet", train: dict[str, Any] | None = None, **switches: Any) -> ArmSpec:
    complete = model_registry.resolve(architecture, "small", switches, "test")
    return ArmSpec(
        model=ModelSpec(architecture=architecture, switches=complete),
        data=DataSpec(name="mnist5k"),
        train=TrainSpec(**{"epochs": 4, "batch_size": 16, **(train or {})}),
        torch=torch.__version__,
        fingerprint="f",
    )


def batches(
    split: Split, seed: int, epoch: int, batch_size: int, augment: Sequence[str] = ()
) -> Iterator[tuple[Tensor, Tensor]]:
    """Images and labels of each batch of an epoch."""
    made = Batches(split, seed, batch_size, augment)
    made.draw(epoch)
    for step, size in enumerate(made.sizes):
        yield made.at(step, size)


def run(spec: ArmSpec | None = None, data: Dataset | None = None, **changes: Any) -> Run:
    """What a diagnostic is given: of a network as initialized unless there is a `model` among `changes`."""
    spec, data = spec or arm(), data or dataset()
    model = changes.pop("model", None) or models.build(
        spec.model, data.channels, data.image_size, len(data.class_names), seed=0
    )
    given = {"seed": 0, "learning_rate": 0.1, "total_steps": 12, "steps_per_epoch": 3, **changes}
    return Run(spec, model, data, optimizer=build_optimizer(spec.train, model.parameters()), **given)
