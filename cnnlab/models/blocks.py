"""Blocks that several architectures share. The names of their layers don't depend on the switches."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from cnnlab.models.switches import Activation, Normalization, Pooling


def named(**layers: nn.Module) -> nn.Sequential:
    """The layers one after another, under these names in the ``state_dict``."""
    return nn.Sequential(OrderedDict(layers))


def dropout(rate: float) -> nn.Module:
    """No layer at rate 0, so that nothing is drawn for it."""
    return nn.Dropout(rate) if rate else nn.Identity()


def conv_block(
    inputs: int,
    outputs: int,
    kernel: int,
    *,
    padding: int,
    activation: Activation,
    normalization: Normalization,
    pooling: Pooling,
) -> nn.Sequential:
    """Convolution, normalization, activation, 2x2 pooling: ``(N, inputs, H, W)`` to ``(N, outputs, H', W')``.

    H' = (H + 2 padding - kernel + 1) // 2. The convolution keeps its bias before a normalization, so that
    blocks with and without one differ in the normalization alone.
    """
    return named(
        conv=nn.Conv2d(inputs, outputs, kernel, padding=padding),
        normalization=normalization.images(outputs),
        activation=activation(),
        pooling=pooling(2),
    )


def dense_block(
    inputs: int, outputs: int, *, activation: Activation, normalization: Normalization, rate: float
) -> nn.Sequential:
    """Dense layer, normalization, activation, dropout: ``(N, inputs)`` to ``(N, outputs)``."""
    return named(
        dense=nn.Linear(inputs, outputs),
        normalization=normalization.features(outputs),
        activation=activation(),
        dropout=dropout(rate),
    )
