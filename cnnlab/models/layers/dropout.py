"""Dropout: Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov 2014, "Dropout: a simple way to prevent neural
networks from overfitting".

The masks of `torch.nn.Dropout` come from one stream of random numbers for all networks of the process; these come from
a generator that each network can have to itself, so that what it draws does not depend on who trains beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Generator, Tensor, nn


class Dropout(nn.Dropout):
    """Sets each value to 0 with probability `rate` in training, and scales the others by 1 / (1 - rate).

    On a CPU to the bit what `torch.nn.Dropout` does with the same stream of random numbers; that is PyTorch's own
    until `generator` is set.
    """

    generator: Generator | None = None

    def __init__(self, rate: float) -> None:
        super().__init__(rate)

    def forward(self, values: Tensor) -> Tensor:
        if not self.training:
            return values
        mask = torch.empty_like(values).bernoulli_(1 - self.p, generator=self.generator)
        return values * mask.div_(1 - self.p)


def dropouts(model: nn.Module) -> list[Dropout]:
    """The layers that draw from a generator."""
    return [layer for layer in model.modules() if isinstance(layer, Dropout)]


@contextmanager
def drawing_from(generator: Generator, model: nn.Module) -> Iterator[None]:
    """Inside, the masks of `model` come from `generator`."""
    before = {layer: layer.generator for layer in dropouts(model)}
    for layer in before:
        layer.generator = generator
    try:
        yield
    finally:
        for layer, own in before.items():
            layer.generator = own
