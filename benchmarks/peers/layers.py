"""The limit: the convolutions and dense layers of a network alone, forward and backward, in the format it trains in."""

from __future__ import annotations

import time
from typing import Any

import torch
from task import BATCH, Task
from torch import Tensor, nn

from cnnlab.models.layers.hooks import observed
from cnnlab.training.process import prepare_process


class Loop:
    def __init__(self, task: Task, workers: int = 0) -> None:
        prepare_process(task.device)
        self.device = task.device
        model = task.build().to(task.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        layers = {name: layer for name, layer in model.named_modules() if isinstance(layer, nn.Conv2d | nn.Linear)}
        self.calls: list[tuple[nn.Module, Tensor, Tensor]] = []

        def record(name: str, given: Tensor, returned: Tensor) -> None:
            # The gradient to the images themselves is not needed.
            inner = bool(self.calls)
            self.calls.append((layers[name], like(given).requires_grad_(inner), like(returned)))

        side = task.data.image_size or 28
        images = torch.randn(BATCH, 1, side, side, device=task.device).contiguous(memory_format=torch.channels_last)
        with observed(layers, record):
            model(images)

    def epoch(self, images: int) -> float:
        self.wait()
        start = time.perf_counter()
        for _ in range(-(-images // BATCH)):
            for layer, given, gradient in self.calls:
                needed: list[Any] = [*layer.parameters(), *([given] if given.requires_grad else [])]
                torch.autograd.grad(layer(given), needed, gradient)
        self.wait()
        return (time.perf_counter() - start) * images / (-(-images // BATCH) * BATCH)

    def wait(self) -> None:
        if self.device == "cuda":
            torch.cuda.synchronize()


def like(values: Tensor) -> Tensor:
    """Random numbers in the shape and memory format of `values`."""
    return torch.randn_like(values.detach())
