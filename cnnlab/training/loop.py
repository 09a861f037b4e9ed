"""Training, whole: one network, one seed, one learning rate; nothing between the reader and the loop.

SGD with momentum. Reproducible bit for bit on one type of machine: the order of the images and every random draw are
functions of (seed, epoch), so a run that is resumed from a checkpoint ends with the bits of one that never stopped.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from cnnlab import models
from cnnlab.data.batches import batch_sizes, batches
from cnnlab.data.dataset import Dataset
from cnnlab.data.random_streams import derive_seed
from cnnlab.models.layers.auxiliary import cross_entropy
from cnnlab.planning.specs import ArmSpec, TrainSpec
from cnnlab.training import optimizers
from cnnlab.training.checkpoint import read_checkpoint, save_checkpoint
from cnnlab.training.diagnostics import Diagnostics, Run, first_weight
from cnnlab.training.evaluate import evaluate

Status = Literal["finished", "diverged", "timed_out"]


@dataclass
class Curves:
    """One value per step, and one per evaluation."""

    loss: Tensor
    gradient_norm: Tensor
    steps: list[int] = field(default_factory=list)
    train_losses: list[float] = field(default_factory=list)
    validation_losses: list[float] = field(default_factory=list)
    validation_accuracies: list[float] = field(default_factory=list)
    learning_rates: list[float] = field(default_factory=list)
    milliseconds: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Trained:
    """What a run leaves behind: the network, its curves, how it ended, and what it cost."""

    model: nn.Module
    curves: Curves
    status: Status
    step: int
    steps_per_epoch: int
    interval: int
    diverged_at_step: int | None
    seconds: float
    cpu_seconds: float
    diagnostics: Diagnostics


def train(
    arm: ArmSpec,
    data: Dataset,
    seed: int,
    learning_rate: float | None,
    epochs: int,
    checkpoint: Path | None = None,
    checkpoint_seconds: float = 30.0,
    first_step: Callable[[], None] = lambda: None,
    evaluated: Callable[[Curves], None] = lambda curves: None,
    diagnostics: Sequence[str] = (),
) -> Trained:
    """Train for `epochs`, evaluating on the validation split; the test images are not touched.

    A loss that is no longer finite ends the run as *diverged*, a passed time limit as *timed_out*: both are results.
    With `checkpoint`, an epoch's end is saved there at most every `checkpoint_seconds`, and a run found there goes on.
    """
    spec, device = arm.train, torch.device(arm.device)
    model = models.build(arm.model, data.channels, data.image_size, data.classes, seed).to(device)
    optimizer = optimizers.optimizer(spec, model.parameters())
    watched = first_weight(model)

    steps_per_epoch = len(batch_sizes(len(data.train), spec.batch_size))
    total = epochs * steps_per_epoch
    interval = max(1, steps_per_epoch // spec.evaluations_per_epoch)
    curves = Curves(torch.zeros(total, device=device), torch.zeros(total, device=device))
    watchers = Diagnostics(diagnostics, Run(arm, model, data, seed, learning_rate, total, steps_per_epoch))
    status: Status = "finished"
    diverged_at: int | None = None
    step = start_epoch = 0
    seconds = cpu_seconds = 0.0
    if checkpoint is not None and (saved := read_checkpoint(checkpoint, device)) is not None:
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        watchers.load_state_dict(saved["diagnostics"])
        curves, step, start_epoch = saved["curves"], saved["step"], saved["epoch"]
        seconds, cpu_seconds = saved["seconds"], saved["cpu_seconds"]
    clock, cpu_clock, last_save = time.perf_counter(), time.process_time(), time.perf_counter()
    if step == 0:
        watchers.call("start")

    for epoch in range(start_epoch, epochs):
        torch.manual_seed(derive_seed(seed, "epoch", epoch))  # dropout; the order of the images has its own
        model.train()
        for images, labels in batches(data.train, seed, epoch, spec.batch_size, arm.data.augment):
            assert learning_rate is not None
            rate = learning_rate * schedule(spec, step, total)
            with torch.autocast(device.type, torch.bfloat16, enabled=arm.precision == "amp"):
                loss = cross_entropy(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            assert watched.grad is not None
            curves.loss[step] = loss.detach()
            curves.gradient_norm[step] = torch.linalg.vector_norm(watched.grad)
            watchers.call("before_update", step)
            optimizer.step(rate)
            step += 1
            if step == 1:
                first_step()

            if step % interval == 0 or step == total:
                done = curves.steps[-1] if curves.steps else 0
                evaluation = evaluate(model, data.validation)
                curves.steps.append(step)
                curves.train_losses.append(curves.loss[done:step].mean().item())
                curves.validation_losses.append(evaluation.mean_loss)
                curves.validation_accuracies.append(evaluation.accuracy)
                curves.learning_rates.append(rate)
                curves.milliseconds.append(time.time_ns() // 1_000_000)
                evaluated(curves)
                watchers.call("evaluated", step, curves.train_losses[-1])
                model.train()
                diverged_at = first_not_finite(curves.loss, done, step)
                spent = seconds + time.perf_counter() - clock
                if diverged_at is None and not math.isfinite(curves.validation_losses[-1]):
                    diverged_at = step
                if diverged_at is not None:
                    status = "diverged"
                elif spec.time_limit_seconds is not None and spent > spec.time_limit_seconds and step < total:
                    status = "timed_out"
                if status != "finished":
                    break
        if status != "finished":
            break
        if checkpoint is not None and time.perf_counter() - last_save > checkpoint_seconds and epoch + 1 < epochs:
            last_save = time.perf_counter()
            save_checkpoint(
                checkpoint,
                model=model.state_dict(),
                optimizer=optimizer.state_dict(),
                diagnostics=watchers.state_dict(),
                curves=curves,
                step=step,
                epoch=epoch + 1,
                seconds=seconds + last_save - clock,
                cpu_seconds=cpu_seconds + time.process_time() - cpu_clock,
            )
    return Trained(
        model=model,
        curves=curves,
        status=status,
        step=step,
        steps_per_epoch=steps_per_epoch,
        interval=interval,
        diverged_at_step=diverged_at,
        seconds=seconds + time.perf_counter() - clock,
        cpu_seconds=cpu_seconds + time.process_time() - cpu_clock,
        diagnostics=watchers,
    )


def schedule(spec: TrainSpec, step: int, total: int) -> float:
    """The factor of the learning rate at `step` (0-based) of `total`.

    Cosine decay without restarts (Loshchilov & Hutter 2017), a tenth after half and after three quarters of the steps
    (He et al. 2016), or constant; each after a linear warm-up.
    """
    if step < spec.warmup_steps:
        return (step + 1) / spec.warmup_steps
    if spec.schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * (step - spec.warmup_steps) / max(1, total - spec.warmup_steps)))
    if spec.schedule == "step":
        return 0.1 ** ((2 * step >= total) + (4 * step >= 3 * total))
    return 1.0


def first_not_finite(values: Tensor, start: int, stop: int) -> int | None:
    """The 1-based step of the first value in ``values[start:stop]`` that is NaN or infinite."""
    bad = (~torch.isfinite(values[start:stop])).nonzero()
    return start + int(bad[0]) + 1 if len(bad) else None
