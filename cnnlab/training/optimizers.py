"""How the weights change, by name: each update is that of `torch.optim`, to the bit.

Of our own because the first `torch.optim` optimizer of a process imports PyTorch's compiler: as long again as torch
itself, in every job. And because a step that is captured in a CUDA graph must find its rate and its number in the GPU's
memory: there both are tensors of shape ``()``, on a CPU they are numbers of Python.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from cnnlab.planning.specs import TrainSpec

Number = float | Tensor  # a tensor has shape ()


class Optimizer(ABC):
    """Parameters, and for each of them what is remembered of earlier gradients: tensors of its shape, by name."""

    def __init__(self, parameters: Iterable[nn.Parameter], *remembered: str) -> None:
        self.parameters: list[Tensor] = list(parameters)
        self.state = {name: [torch.zeros_like(parameter) for parameter in self.parameters] for name in remembered}
        gpu = next((parameter.device for parameter in self.parameters if parameter.is_cuda), None)
        self.steps: Any = 0 if gpu is None else torch.zeros((), dtype=torch.float64, device=gpu)
        self.learning_rate: Number = 0.0  # of the last step

    @property
    def gradients(self) -> list[Tensor]:
        """Those of the last backward pass; a parameter that it did not reach is a defect of the network."""
        return [parameter.grad for parameter in self.parameters]  # type: ignore[misc]

    @torch.no_grad()
    def step(self, learning_rate: Number) -> None:
        """Update every parameter."""
        self.steps += 1
        self.learning_rate = learning_rate
        self._update()

    @torch.no_grad()
    def update_of(self, parameter: Tensor) -> Tensor:
        """What the last step subtracted from `parameter`, weight decay included, before the weight rounded it."""
        return self._change(next(place for place, other in enumerate(self.parameters) if other is parameter))

    def zero_grad(self) -> None:
        for parameter in self.parameters:
            parameter.grad = None

    def state_dict(self) -> dict[str, Any]:
        return {"steps": int(self.steps), **self.state}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        self.steps += saved["steps"] - int(self.steps)
        for name, tensors in self.state.items():
            for tensor, other in zip(tensors, saved[name], strict=True):
                tensor.copy_(other)

    @abstractmethod
    def _update(self) -> None:
        """Change `state` and `parameters`."""

    @abstractmethod
    def _change(self, place: int) -> Tensor:
        """See `update_of`, of the parameter at `place`."""


class SGD(Optimizer):
    """v ← momentum · v + g + weight_decay · w, then w ← w − learning_rate · v (Sutskever et al. 2013)."""

    def __init__(self, parameters: Iterable[nn.Parameter], momentum: float, weight_decay: float) -> None:
        super().__init__(parameters, "velocities")
        self.momentum, self.weight_decay = momentum, weight_decay

    def _update(self) -> None:
        velocities = self.state["velocities"]
        gradients = torch._foreach_add(self.gradients, self.parameters, alpha=self.weight_decay)
        torch._foreach_mul_(velocities, self.momentum)
        torch._foreach_add_(velocities, gradients)
        _subtract(self.parameters, self.learning_rate, velocities)

    def _change(self, place: int) -> Tensor:
        return self.learning_rate * self.state["velocities"][place]


class AdamW(Optimizer):
    """Adam whose weight decay is no part of the gradient (Loshchilov & Hutter 2019, algorithm 2).

    m ← β₁ m + (1 − β₁) g and v ← β₂ v + (1 − β₂) g², both without their bias towards 0 as m̂ and v̂, then
    w ← w − learning_rate · (m̂ / (√v̂ + epsilon) + weight_decay · w).
    """

    def __init__(
        self, parameters: Iterable[nn.Parameter], betas: tuple[float, float], epsilon: float, weight_decay: float
    ) -> None:
        super().__init__(parameters, "means", "squares")
        self.betas, self.epsilon, self.weight_decay = betas, epsilon, weight_decay

    def _update(self) -> None:
        (first, second), gradients = self.betas, self.gradients
        torch._foreach_mul_(self.parameters, _like(self.parameters, self._kept))
        torch._foreach_lerp_(self.state["means"], gradients, 1 - first)
        torch._foreach_mul_(self.state["squares"], second)
        torch._foreach_addcmul_(self.state["squares"], gradients, gradients, 1 - second)
        roots = self._roots(self.state["squares"])
        _subtract(self.parameters, self._step_size, self.state["means"], roots)

    def _change(self, place: int) -> Tensor:
        (root,) = self._roots([self.state["squares"][place]])
        moved = self._step_size * self.state["means"][place] / root
        before = (self.parameters[place] + moved) / self._kept
        return moved + (1 - self._kept) * before

    @property
    def _kept(self) -> Number:
        """What weight decay leaves of a weight."""
        return 1 - self.learning_rate * self.weight_decay

    @property
    def _step_size(self) -> Number:
        return self.learning_rate / self._unbiased(self.betas[0])

    def _unbiased(self, beta: float) -> Number:
        """What an average of so many steps has taken up, of 1."""
        share: Number = 1 - beta**self.steps
        return share

    def _roots(self, squares: list[Tensor]) -> list[Tensor]:
        """√v̂ + epsilon."""
        roots = list(torch._foreach_sqrt(squares))
        torch._foreach_div_(roots, _like(roots, self._unbiased(self.betas[1]) ** 0.5))
        torch._foreach_add_(roots, self.epsilon)
        return roots


def _like(tensors: list[Tensor], number: Number) -> Number:
    """`number` as one call for many tensors wants it: a tensor of their type, or of Python."""
    return number.to(tensors[0].dtype) if isinstance(number, Tensor) else number


def _subtract(weights: list[Tensor], scale: Number, moves: list[Tensor], over: list[Tensor] | None = None) -> None:
    """w ← w − scale · move / over, in one pass where `scale` is a number of Python."""
    if isinstance(scale, Tensor):
        moves = list(torch._foreach_mul(moves, _like(moves, scale)))
        torch._foreach_sub_(weights, moves if over is None else torch._foreach_div(moves, over))
    elif over is None:
        torch._foreach_add_(weights, moves, alpha=-scale)
    else:
        torch._foreach_addcdiv_(weights, moves, over, -scale)


OPTIMIZERS: dict[str, type[Optimizer]] = {"sgd": SGD, "adamw": AdamW}


def build_optimizer(spec: TrainSpec, parameters: Iterable[nn.Parameter]) -> Optimizer:
    """The one that `spec` asks for, with its settings."""
    return OPTIMIZERS[spec.optimizer](parameters, **spec.optimizer_settings)
