"""What is read off a network while it trains, beside its loss."""

from __future__ import annotations

from torch import Tensor, nn


def first_weight(model: nn.Module) -> Tensor:
    """The weight of the layer that sees the pixels: the first parameter with two or more dimensions.

    Raises:
        ValueError: if the network has no such parameter.
    """
    for parameter in model.parameters():
        if parameter.ndim >= 2:
            return parameter
    raise ValueError("the network has no weight matrix or kernel")


def steps_to_target(steps: list[int], accuracies: list[float], target: float) -> int | None:
    """The first evaluated step at which validation accuracy reaches `target`; None (censored) if it never does."""
    return next((step for step, accuracy in zip(steps, accuracies, strict=True) if accuracy >= target), None)
