"""Stochastic gradient descent with momentum and weight decay: the update of `torch.optim.SGD`, to the bit.

Of our own because the first `torch.optim` optimizer of a process imports PyTorch's compiler: as long again as torch
itself, in every job.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn


class SGD:
    """v ← momentum · v + g + weight_decay · w, then w ← w − learning_rate · v (Sutskever et al. 2013)."""

    def __init__(self, parameters: Iterable[nn.Parameter], momentum: float, weight_decay: float) -> None:
        self.parameters: list[Tensor] = list(parameters)
        self.momentum, self.weight_decay = momentum, weight_decay
        self.velocities = [torch.zeros_like(parameter) for parameter in self.parameters]

    @property
    def gradients(self) -> list[Tensor]:
        """Those of the last backward pass; a parameter that it did not reach is a defect of the network."""
        return [parameter.grad for parameter in self.parameters]  # type: ignore[misc]

    @torch.no_grad()
    def step(self, learning_rate: float) -> None:
        """Update every parameter."""
        gradients = torch._foreach_add(self.gradients, self.parameters, alpha=self.weight_decay)
        torch._foreach_mul_(self.velocities, self.momentum)
        torch._foreach_add_(self.velocities, gradients)
        torch._foreach_add_(self.parameters, self.velocities, alpha=-learning_rate)

    def zero_grad(self) -> None:
        for parameter in self.parameters:
            parameter.grad = None

    def state_dict(self) -> dict[str, Any]:
        return {"velocities": self.velocities}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for velocity, saved in zip(self.velocities, state["velocities"], strict=True):
            velocity.copy_(saved)
