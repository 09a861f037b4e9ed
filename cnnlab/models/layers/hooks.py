"""Running a network without training it, and watching its layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


@contextmanager
def evaluation(model: nn.Module) -> Iterator[None]:
    """Inside, `model` is in evaluation mode and no gradients are kept."""
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(training)


@contextmanager
def observed(layers: Mapping[str, nn.Module], record: Callable[[str, Tensor, Tensor], Any]) -> Iterator[None]:
    """Inside, each of `layers`, after it ran, calls `record` with its name, its first input, and what it returns."""

    def hook(name: str) -> Callable[[nn.Module, tuple[Any, ...], Any], None]:
        def call(_layer: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
            record(name, inputs[0], output)

        return call

    handles = [layer.register_forward_hook(hook(name)) for name, layer in layers.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
