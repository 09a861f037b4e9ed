"""What a run leaves as it trains: a value for each step, and one for each evaluation."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

import torch
from torch import Tensor

from cnnlab.training.evaluate import Evaluation


@dataclass
class Curves:
    """`loss` in nats and `gradient_norm` of the first weight have a place for every step ``(steps,)``; the lists have a
    value for each evaluation so far."""

    loss: Tensor
    gradient_norm: Tensor
    steps: list[int] = field(default_factory=list)
    train_losses: list[float] = field(default_factory=list)
    validation_losses: list[float] = field(default_factory=list)
    validation_accuracies: list[float] = field(default_factory=list)
    learning_rates: list[float] = field(default_factory=list)
    milliseconds: list[int] = field(default_factory=list)

    def step(self, step: int | Tensor, loss: Tensor, gradient: Tensor) -> None:
        """Note the loss of `step` (0-based, or a tensor ``(1,)`` of it), and the gradient of the first weight."""
        for curve, value in ((self.loss, loss), (self.gradient_norm, torch.linalg.vector_norm(gradient))):
            if isinstance(step, int):
                curve[step] = value
            else:  # with deterministic kernels alone, and without telling the CPU the step
                curve.copy_(torch.where(torch.arange(len(curve), device=curve.device) == step, value, curve))

    def evaluation(self, step: int, evaluation: Evaluation, learning_rate: float) -> None:
        """Note an evaluation after `step` updates, beside the mean loss of the steps since the last one."""
        self.train_losses.append(self.loss[self.steps[-1] if self.steps else 0 : step].mean().item())
        self.steps.append(step)
        self.validation_losses.append(evaluation.mean_loss)
        self.validation_accuracies.append(evaluation.accuracy)
        self.learning_rates.append(learning_rate)
        self.milliseconds.append(time.time_ns() // 1_000_000)

    def diverged_at(self) -> int | None:
        """The 1-based step of the first loss that is NaN or infinite, looking back from the last evaluation to the one
        before; that of the evaluation if only the validation loss is."""
        if not self.steps:
            return None
        start, stop = self.steps[-2] if len(self.steps) > 1 else 0, self.steps[-1]
        bad = (~torch.isfinite(self.loss[start:stop])).nonzero()
        if len(bad):
            return start + int(bad[0]) + 1
        return None if math.isfinite(self.validation_losses[-1]) else stop

    def by_evaluation(self) -> dict[str, list[float]]:
        """Copies of the lists, by their names in a record."""
        lists: dict[str, list[float]] = {
            "step": [*self.steps],
            "train_loss": self.train_losses,
            "validation_loss": self.validation_losses,
            "validation_accuracy": self.validation_accuracies,
            "learning_rate": self.learning_rates,
        }
        return {f"evaluation.{name}": [*values] for name, values in lists.items()}
