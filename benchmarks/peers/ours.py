"""cnnlab's own loop, as a job runs it: one lane, with its curves and the evaluation that ends an epoch."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial

from task import BATCH, RATE, Task

from cnnlab.data.dataset import Split, load
from cnnlab.training import loop
from cnnlab.training.curves import Curves
from cnnlab.training.observer import Observer
from cnnlab.training.process import prepare_process


class Reached(Exception):
    """The accuracy that was asked for."""


class Goal(Observer):
    """Ends a run as soon as an evaluation is so accurate."""

    def __init__(self, accuracy: float) -> None:
        self.accuracy = accuracy
        self.evaluations = 0

    def evaluated(self, curves: Curves) -> None:
        self.evaluations += 1
        if curves.validation_accuracies[-1] >= self.accuracy:
            raise Reached


def first(split: Split, images: int) -> Split:
    return replace(split, images=split.images[:images], labels=split.labels[:images])


class Loop:
    def __init__(self, task: Task, workers: int = 0) -> None:
        prepare_process(task.device)
        self.arm, self.data = task.arm, load(*task.files, task.data, 0).to(task.device)
        self.train = partial(loop.train, self.arm, learning_rate=RATE)

    def epoch(self, images: int) -> float:
        """The clock includes the evaluation, here of one batch."""
        few = replace(self.data, train=first(self.data.train, images), validation=first(self.data.validation, BATCH))
        return self.train(data=few, seed=0, epochs=1).seconds

    def reach(self, accuracy: float, epochs: int, seed: int) -> tuple[float, int] | None:
        goal, start = Goal(accuracy), time.perf_counter()
        try:
            self.train(data=self.data, seed=seed, epochs=epochs, observers=(goal,))
        except Reached:
            return time.perf_counter() - start, goal.evaluations
        return None
