"""What is read off a network while it trains and after, beside its loss: one module for each diagnostic.

A diagnostic reads and changes nothing: a run ends with the same bits with and without it. A study asks for one by a
metric that it measures. Its module has a literal ``DIAGNOSTIC``, which says what it measures, and what it leaves to be
drawn (`cnnlab.planning.diagnostics`), and a class `Diagnostic`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn

from cnnlab.core.errors import UserError
from cnnlab.data.batches import select
from cnnlab.data.dataset import Dataset, Split
from cnnlab.planning.diagnostics import diagnostics
from cnnlab.planning.specs import ArmSpec
from cnnlab.training.curves import Curves
from cnnlab.training.observer import Observer
from cnnlab.training.optimizers import Optimizer


@dataclass(frozen=True)
class Run:
    """What a diagnostic may look at."""

    arm: ArmSpec
    model: nn.Module
    data: Dataset
    seed: int
    learning_rate: float | None
    total_steps: int
    steps_per_epoch: int
    optimizer: Optimizer

    @cached_property
    def layers(self) -> dict[str, nn.Module]:
        """Convolutions and dense layers by name, from the input to the class scores."""
        return layers_of(self.model, nn.Conv2d, nn.Linear)


@dataclass(frozen=True)
class Point:
    """One number of a profile: the value of `quantity` at `position`, in the units of the title and the axis that the
    profile declares; `label` names the position, as that of a layer."""

    quantity: str
    position: float
    value: float | None
    label: str = ""

    def as_row(self) -> dict[str, Any]:
        """With a value that is not finite as a missing one."""
        finite = self.value is not None and math.isfinite(self.value)
        return {**asdict(self), "value": self.value if finite else None}


def points(quantity: str, values: Mapping[str, float], first: int = 1, factor: float = 1) -> list[Point]:
    """One for each of `values`, by label, times `factor`, at the positions `first`, `first` + 1, ..."""
    return [Point(quantity, place, factor * value, label) for place, (label, value) in enumerate(values.items(), first)]


@dataclass
class Findings:
    """What a diagnostic leaves behind.

    `values`: one for each of its metrics, in the metric's unit over its factor: a share, not pp; None where there is
    none. `per_image`: float64 ``(N,)``, test images in order, by the name that the metric's `per_image` gives.
    `profile`: points of the profiles that it declares. `pictures`: stacks ``(count, height, width)``, by the names that
    it declares.
    """

    values: dict[str, float | None]
    per_image: dict[str, Tensor] = field(default_factory=dict)
    profile: list[Point] = field(default_factory=list)
    pictures: dict[str, Tensor] = field(default_factory=dict)


class Diagnostic(Observer):
    """Base: an observer that leaves `Findings` of a run that finished. `state` goes into checkpoints.

    Raises:
        UserError: if the run has nothing that it could look at.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.state: dict[str, Any] = {}

    def require(self, fits: bool, what: str) -> None:
        """Refuse a run that does not fit, before it is trained."""
        if not fits:
            metrics = ", ".join(diagnostics()[type(self).__module__.rpartition(".")[2]].metrics)
            model = self.run.arm.model
            raise UserError(
                f"{model.architecture} ({model.preset}): {metrics} needs {what}; compare another metric, or other arms"
            )

    def finish(self) -> Findings:
        """After a run that finished."""
        raise NotImplementedError


FIRST_STEPS, EVERY = 100, 5


class InnerLayers(Diagnostic):
    """Base of what is read of the convolutions and dense layers but the first and the last, at every fifth of the first
    hundred steps."""

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.require(run.total_steps > 0, "training: epochs of 1 or more")
        self.names = list(run.layers)[1:-1]
        self.require(len(self.names) >= 2, "two convolutions or dense layers between the first and the last")

    def wants(self, step: int) -> bool:
        return step < FIRST_STEPS and step % EVERY == 0


def module(name: str) -> Any:
    """The module of the diagnostic `name`."""
    return import_module(f"cnnlab.training.diagnostics.{name}")


class Diagnostics(Observer):
    """All that an arm asks for, as one; keeps the time that they take."""

    def __init__(self, names: Sequence[str], run: Run) -> None:
        began = time.thread_time()
        self._members: list[Diagnostic] = [module(name).Diagnostic(run) for name in names]
        self.cpu_seconds = time.thread_time() - began if names else 0.0

    def call(self, members: Sequence[Diagnostic], method: str, *arguments: Any) -> None:
        if members:
            began = time.thread_time()
            for member in members:
                getattr(member, method)(*arguments)
            self.cpu_seconds += time.thread_time() - began

    def start(self) -> None:
        self.call(self._members, "start")

    def wants(self, step: int) -> bool:
        return bool(self._wanting(step))

    def before_update(self, step: int) -> None:
        self.call(self._wanting(step), "before_update", step)

    def after_update(self, step: int) -> None:
        self.call(self._wanting(step), "after_update", step)

    def evaluated(self, curves: Curves) -> None:
        self.call(self._members, "evaluated", curves)

    def _wanting(self, step: int) -> list[Diagnostic]:
        return [member for member in self._members if member.wants(step)]

    def finish(self) -> Findings:
        began = time.thread_time()
        whole = Findings({})
        for member in self._members:
            findings = member.finish()
            whole.values |= findings.values
            whole.per_image |= findings.per_image
            whole.profile += findings.profile
            whole.pictures |= findings.pictures
        self.cpu_seconds += time.thread_time() - began
        return whole

    def state_dict(self) -> dict[str, Any]:
        return {"cpu_seconds": self.cpu_seconds, "members": [member.state for member in self._members]}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        self.cpu_seconds = saved["cpu_seconds"]
        for member, state in zip(self._members, saved["members"], strict=True):
            member.state = state


def evenly_spaced(split: Split, count: int) -> Split:
    """`count` images at equal distances, or all if there are fewer: the first ones would be of one class."""
    rows = torch.linspace(0, len(split) - 1, min(count, len(split)), dtype=torch.float64).round().long()
    rows = rows.to(split.labels.device)
    return Split(select(split.images, rows), split.labels.index_select(0, rows), split.scaling)


def some_images(split: Split, count: int) -> Tensor:
    """`evenly_spaced` ones, as the network is given them: ``(count, C, H, W)``."""
    return next(evenly_spaced(split, count).chunks(count))


def layers_of(model: nn.Module, *kinds: type[nn.Module]) -> dict[str, Any]:
    """The layers of these kinds by name, without those of auxiliary classifiers, which run in training only."""
    beside = tuple(f"{name}." for name in getattr(model, "looked_at", {}).values())
    layers = ((name, layer) for name, layer in model.named_modules() if isinstance(layer, kinds))
    return {name: layer for name, layer in layers if not name.startswith(beside)}


def first_weight(model: nn.Module) -> Tensor:
    """The weight of the layer that sees the pixels: the first parameter with two or more dimensions.

    Raises:
        ValueError: if the network has no such parameter.
    """
    for parameter in model.parameters():
        if parameter.ndim >= 2:
            return parameter
    raise ValueError("the network has no weight matrix or kernel")


def steps_to_target(steps: list[int], accuracies: list[float], target: float) -> int | None:
    """The first evaluated step at which validation accuracy reaches `target`; None (censored) if it never does."""
    return next((step for step, accuracy in zip(steps, accuracies, strict=True) if accuracy >= target), None)


def slope(values: Sequence[float]) -> float:
    """Rise of the least-squares line from the first to the last of `values`, which stand at equal distances."""
    y = torch.tensor(values, dtype=torch.float64)
    x = torch.linspace(-0.5, 0.5, len(y), dtype=torch.float64)
    return float((x * y).sum() / (x * x).sum())
