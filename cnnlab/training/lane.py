"""A lane: one run in training. Lanes train side by side and share nothing: not a random number, and no address."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Generator, Tensor

from cnnlab import models
from cnnlab.data.batches import Batches
from cnnlab.data.dataset import Dataset
from cnnlab.data.random_streams import derive_seed
from cnnlab.models.layers.dropout import dropouts
from cnnlab.planning.specs import ArmSpec, TrainSpec
from cnnlab.training.checkpoint import read_checkpoint, save_checkpoint
from cnnlab.training.curves import Curves
from cnnlab.training.diagnostics import Diagnostics, Run, first_weight
from cnnlab.training.evaluate import Evaluation
from cnnlab.training.learning_rate import schedule
from cnnlab.training.observer import Observer
from cnnlab.training.optimizers import build_optimizer

Status = Literal["finished", "diverged", "timed_out"]


class Lane:
    """One run as it stands: network, optimizer, curves, what diagnostics remember, how many steps are done, and what
    they took; and what each step needs: its batch, its rate, and a generator for dropout.

    With `checkpoint`, an epoch's end is saved there at most every `checkpoint_seconds`, and a run found there goes on.
    `learning_rate` is None where there are no epochs.
    """

    def __init__(
        self,
        arm: ArmSpec,
        data: Dataset,
        seed: int,
        learning_rate: float | None,
        epochs: int,
        checkpoint: Path | None = None,
        checkpoint_seconds: float = 30.0,
        diagnostics: Sequence[str] = (),
        observers: Sequence[Observer] = (),
    ) -> None:
        spec, device = arm.train, torch.device(arm.device)
        self.arm, self.data, self.seed, self.device = arm, data, seed, device
        self.model = models.build(arm.model, data.channels, data.image_size, data.classes, seed).to(device)
        self.first_weight = first_weight(self.model)
        self.optimizer = build_optimizer(spec, self.model.parameters())
        self.batches = Batches(data.train, seed, spec.batch_size, arm.data.augment)
        self.steps_per_epoch = len(self.batches.sizes)
        self.total = epochs * self.steps_per_epoch
        self.interval = max(1, self.steps_per_epoch // spec.evaluations_per_epoch)
        self.rates = [(learning_rate or 0.0) * schedule(spec, step, self.total) for step in range(self.total)]
        self.curves = Curves(torch.zeros(self.total, device=device), torch.zeros(self.total, device=device))
        run = Run(arm, self.model, data, seed, learning_rate, self.total, self.steps_per_epoch, self.optimizer)
        self.diagnostics = Diagnostics(diagnostics, run)
        self.observers = (self.diagnostics, *observers)
        self.watching: list[Observer] = []  # those that are told of the middle of this step
        self.checkpoint, self.checkpoint_seconds, self._saved = checkpoint, checkpoint_seconds, time.perf_counter()
        self.step, self.seconds, self.cpu_seconds = 0, 0.0, 0.0
        self.status: Status | None = None if self.total else "finished"
        saved = read_checkpoint(checkpoint, device) if checkpoint is not None else None
        if saved is not None:
            self.load_state_dict(saved)
        self.generator = self._own_generator()
        # In the memory of a GPU, for steps that are captured in a CUDA graph: how many are done, and the rate of each.
        self._done: Tensor | None = None
        if device.type == "cuda":
            self._done = torch.tensor([self.step], device=device)
            self._rates = torch.tensor(self.rates, dtype=torch.float64, device=device)

    def _own_generator(self) -> Generator | None:
        """From which dropout draws; None without dropout."""
        layers = dropouts(self.model)
        generator = Generator(self.device) if layers else None
        for layer in layers:
            layer.generator = generator
        return generator

    @property
    def size(self) -> int:
        """Images of the next batch."""
        return self.batches.sizes[self.step % self.steps_per_epoch]

    @property
    def due(self) -> bool:
        """Whether an evaluation follows the last step."""
        return self.step % self.interval == 0 or self.step == self.total

    def begin_step(self) -> None:
        """What the CPU does before a step: an epoch that begins is drawn, as a function of seed and epoch alone."""
        epoch, step = divmod(self.step, self.steps_per_epoch)
        if step == 0:
            self.batches.draw(epoch)
            if self.generator is not None:
                self.generator.manual_seed(derive_seed(self.seed, "epoch", epoch))
            self.model.train()
        self.watching = [observer for observer in self.observers if observer.wants(self.step)]

    def now(self) -> tuple[int | Tensor, float | Tensor]:
        """The step (0-based) and its rate: numbers, or on a GPU tensors ``(1,)`` and ``()``."""
        if self._done is None:
            return self.step, self.rates[self.step]
        return self._done, self._rates.index_select(0, self._done).view(())

    def count(self) -> None:
        """One step more in the memory of a GPU; `step` is counted by the loop, also where a step is replayed."""
        if self._done is not None:
            self._done += 1

    def evaluated(self, evaluation: Evaluation) -> None:
        """Note an evaluation and tell observers."""
        self.curves.evaluation(self.step, evaluation, self.rates[self.step - 1])
        for observer in self.observers:
            observer.evaluated(self.curves)
        self.model.train()

    def save(self) -> None:
        """Write a checkpoint if it is time for one; for the end of an epoch."""
        if self.checkpoint is not None and time.perf_counter() - self._saved > self.checkpoint_seconds:
            self._saved = time.perf_counter()
            save_checkpoint(self.checkpoint, **self.state_dict())

    def state_dict(self) -> dict[str, Any]:
        members = {name: getattr(self, name).state_dict() for name in ("model", "optimizer", "diagnostics")}
        return {**members, **{name: getattr(self, name) for name in ("curves", "step", "seconds", "cpu_seconds")}}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        for name in ("model", "optimizer", "diagnostics"):
            getattr(self, name).load_state_dict(saved[name])
        for name in ("curves", "step", "seconds", "cpu_seconds"):
            setattr(self, name, saved[name])


class Clock:
    """Seconds of the wall clock and of the CPU, for the lanes that trained meanwhile."""

    def __init__(self) -> None:
        self._last = time.perf_counter(), time.process_time()

    def share(self, lanes: Sequence[Lane]) -> None:
        """Give each of `lanes` its equal part of the time since the last call."""
        now = time.perf_counter(), time.process_time()
        for lane in lanes:
            lane.seconds += (now[0] - self._last[0]) / len(lanes)
            lane.cpu_seconds += (now[1] - self._last[1]) / len(lanes)
        self._last = now


def ending(curves: Curves, spec: TrainSpec, total: int, seconds: float) -> Status | None:
    """How a run of `total` steps ends after its last evaluation, having taken `seconds`; None if it goes on."""
    if curves.diverged_at() is not None:
        return "diverged"
    if curves.steps[-1] == total:
        return "finished"
    return "timed_out" if spec.time_limit_seconds is not None and seconds > spec.time_limit_seconds else None
