"""Training, whole: one network, one seed, one learning rate; nothing between the reader and the loop.

Reproducible bit for bit on one type of machine: the order of the images and every random draw are functions of (seed,
epoch), so a run that is resumed from a checkpoint ends with the bits of one that never stopped.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import nn

from cnnlab import models
from cnnlab.data.batches import batch_sizes, batches
from cnnlab.data.dataset import Dataset
from cnnlab.data.random_streams import derive_seed
from cnnlab.models.layers.auxiliary import cross_entropy
from cnnlab.planning.specs import ArmSpec, TrainSpec
from cnnlab.training.checkpoint import read_checkpoint, save_checkpoint
from cnnlab.training.curves import Curves
from cnnlab.training.diagnostics import Diagnostics, Run, first_weight
from cnnlab.training.evaluate import evaluate
from cnnlab.training.lane import Lane
from cnnlab.training.learning_rate import schedule
from cnnlab.training.observer import Observer
from cnnlab.training.optimizers import build_optimizer

Status = Literal["finished", "diverged", "timed_out"]


@dataclass(frozen=True)
class Trained:
    """What a run leaves behind: the network, its curves, how it ended, and what it cost."""

    model: nn.Module
    curves: Curves
    status: Status
    step: int
    steps_per_epoch: int
    interval: int
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
    diagnostics: Sequence[str] = (),
    observers: Sequence[Observer] = (),
) -> Trained:
    """Train for `epochs`, evaluating on the validation split; the test images are not touched.

    A loss that is no longer finite ends the run as *diverged*, a passed time limit as *timed_out*: both are results.
    With `checkpoint`, an epoch's end is saved there at most every `checkpoint_seconds`, and a run found there goes on.
    `learning_rate` is None where there are no epochs.
    """
    spec, device = arm.train, torch.device(arm.device)
    model = models.build(arm.model, data.channels, data.image_size, data.classes, seed).to(device)
    optimizer = build_optimizer(spec, model.parameters())
    steps_per_epoch = len(batch_sizes(len(data.train), spec.batch_size))
    total = epochs * steps_per_epoch
    interval = max(1, steps_per_epoch // spec.evaluations_per_epoch)
    run = Run(arm, model, data, seed, learning_rate, total, steps_per_epoch, optimizer)
    curves = Curves(torch.zeros(total, device=device), torch.zeros(total, device=device))
    lane = Lane(model, optimizer, curves, Diagnostics(diagnostics, run))
    saved = read_checkpoint(checkpoint, device) if checkpoint is not None else None
    if saved is not None:
        lane.load_state_dict(saved)
    status = _train(lane, run, interval, checkpoint, checkpoint_seconds, (lane.diagnostics, *observers))
    return Trained(
        model=model,
        curves=lane.curves,
        status=status,
        step=lane.step,
        steps_per_epoch=steps_per_epoch,
        interval=interval,
        seconds=lane.watch.seconds,
        cpu_seconds=lane.watch.cpu_seconds,
        diagnostics=lane.diagnostics,
    )


def _train(
    lane: Lane,
    run: Run,
    interval: int,
    checkpoint: Path | None,
    checkpoint_seconds: float,
    observers: Sequence[Observer],
) -> Status:
    """Train `lane` to its end, and say how it ended."""
    arm, spec, data, total = run.arm, run.arm.train, run.data, run.total_steps
    model, optimizer, curves = lane.model, lane.optimizer, lane.curves
    device, watched, last_save = torch.device(arm.device), first_weight(model), time.perf_counter()
    peak = math.nan if run.learning_rate is None else run.learning_rate  # where nothing is trained
    if lane.step == 0:
        for observer in observers:
            observer.start()

    for epoch in range(lane.epoch, total // run.steps_per_epoch):
        torch.manual_seed(derive_seed(run.seed, "epoch", epoch))  # dropout; the order of the images has its own
        model.train()
        for images, labels in batches(data.train, run.seed, epoch, spec.batch_size, arm.data.augment):
            rate = peak * schedule(spec, lane.step, total)
            with torch.autocast(device.type, torch.bfloat16, enabled=arm.precision == "bf16"):
                loss = cross_entropy(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            assert watched.grad is not None
            curves.step(lane.step, loss.detach(), watched.grad)
            for observer in observers:
                observer.before_update(lane.step)
            optimizer.step(rate)
            for observer in observers:
                observer.after_update(lane.step)
            lane.step += 1

            if lane.step % interval == 0 or lane.step == total:
                curves.evaluation(lane.step, evaluate(model, data.validation), rate)
                for observer in observers:
                    observer.evaluated(curves)
                model.train()
                status = ending(curves, spec, total, lane.watch.seconds)
                if status is not None:
                    return status
        lane.epoch = epoch + 1
        if checkpoint is not None and time.perf_counter() - last_save > checkpoint_seconds and lane.step < total:
            last_save = time.perf_counter()
            save_checkpoint(checkpoint, **lane.state_dict())
    return "finished"


def ending(curves: Curves, spec: TrainSpec, total: int, seconds: float) -> Status | None:
    """How a run of `total` steps ends after its last evaluation, having taken `seconds`; None if it goes on."""
    if curves.diverged_at() is not None:
        return "diverged"
    if curves.steps[-1] == total:
        return "finished"
    return "timed_out" if spec.time_limit_seconds is not None and seconds > spec.time_limit_seconds else None
