"""Training, whole: lanes, each of one network, one seed and one learning rate; nothing between the reader and the loop.

Reproducible bit for bit on one type of machine: the order of the images and every random draw are functions of (seed,
epoch), so a run that is resumed from a checkpoint ends with the bits of one that never stopped. Nor does it matter
which lanes train beside it, or how many: they take turns, or are branches of one CUDA graph (`cnnlab.training.cuda`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import nn

from cnnlab.models.layers.auxiliary import cross_entropy
from cnnlab.training.cuda import Graphs
from cnnlab.training.curves import Curves
from cnnlab.training.diagnostics import Diagnostics
from cnnlab.training.evaluate import Evaluation, evaluate
from cnnlab.training.lane import Clock, Lane, Status, ending

Together = Callable[[Callable[[Lane], Any], Sequence[Lane], int, int, bool], list[Any]]


@dataclass(frozen=True)
class Trained:
    """What a run leaves behind: the network, its curves, how it ended, and what it cost.

    `seconds` and `cpu_seconds` are what the run itself took; lanes that train together share theirs equally.
    """

    model: nn.Module
    curves: Curves
    status: Status
    step: int
    steps_per_epoch: int
    interval: int
    seconds: float
    cpu_seconds: float
    diagnostics: Diagnostics


def train(*run: Any, **options: Any) -> Trained:
    """Train one lane by itself; the arguments are those of `Lane`."""
    return train_lanes([Lane(*run, **options)])[0]


def train_lanes(lanes: Sequence[Lane]) -> list[Trained]:
    """Train lanes of one arm to their ends, evaluating on the validation split; the test images are not touched.

    A loss that is no longer finite ends a run as *diverged*, a passed time limit as *timed_out*: both are results, and
    the other lanes go on.
    """
    together: Together = Graphs(lanes) if lanes[0].device.type == "cuda" else _in_turn
    running, clock = [lane for lane in lanes if lane.status is None], Clock()
    for lane in lanes:
        if lane.step == 0:
            for observer in lane.observers:
                observer.start()
    clock.share(lanes)

    while running:
        for lane in running:
            lane.begin_step()
        any_lane, left = running[0], max(lane.total - lane.step for lane in running)
        uses = left if any_lane.size == any_lane.batches.batch_size else left // any_lane.steps_per_epoch + 1
        together(_step, running, any_lane.size, uses, any(lane.watching for lane in running))
        for lane in running:
            lane.step += 1

        due, epoch_ends = [lane for lane in running if lane.due], any_lane.step % any_lane.steps_per_epoch == 0
        if due:
            evaluations = together(_validate, due, 0, left // any_lane.interval + 1, len(due) < len(running))
            for lane, evaluation in zip(due, evaluations, strict=True):
                lane.evaluated(evaluation)
        if due or epoch_ends:
            clock.share(running)
        for lane in due:
            lane.status = ending(lane.curves, lane.arm.train, lane.total, lane.seconds)
        running = [lane for lane in running if lane.status is None]
        if epoch_ends:
            for lane in running:
                lane.save()
    return [Trained(**{field.name: getattr(lane, field.name) for field in fields(Trained)}) for lane in lanes]


def _in_turn(work: Callable[[Lane], Any], lanes: Sequence[Lane], *_: object) -> list[Any]:
    return [work(lane) for lane in lanes]


def _step(lane: Lane) -> None:
    """One step of training; captured, it is run by the GPU alone."""
    step, rate = lane.now()
    images, labels = lane.batches.at(step, lane.size)
    with torch.autocast(lane.device.type, torch.bfloat16, enabled=lane.arm.precision == "bf16", cache_enabled=False):
        loss = cross_entropy(lane.model(images), labels)
    lane.optimizer.zero_grad()
    loss.backward()
    assert lane.first_weight.grad is not None
    lane.curves.step(step, loss.detach(), lane.first_weight.grad)
    for observer in lane.watching:
        observer.before_update(lane.step)
    lane.optimizer.step(rate)
    for observer in lane.watching:
        observer.after_update(lane.step)
    lane.count()


def _validate(lane: Lane) -> Evaluation:
    return evaluate(lane.model, lane.data.validation)
