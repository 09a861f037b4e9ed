"""What the names of the switches mean. Each is looked up here once; blocks are given classes, never names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from torch import nn

from cnnlab.spec import Switch

Activation = Callable[[], nn.Module]
Pooling = Callable[[int], nn.Module]


class Normalization(NamedTuple):
    """Layers for ``(N, C, H, W)`` and for ``(N, C)``, made from C; `shifts` says if they add a bias."""

    images: Callable[[int], nn.Module]
    features: Callable[[int], nn.Module]
    shifts: bool


ACTIVATIONS: dict[str, Activation] = {
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "identity": nn.Identity,
}
NORMALIZATIONS: dict[str, Normalization] = {
    "none": Normalization(nn.Identity, nn.Identity, shifts=False),
    "batch": Normalization(nn.BatchNorm2d, nn.BatchNorm1d, shifts=True),
}
# Where values of a window tie for the maximum, max pooling gives the whole gradient to the first of them.
POOLINGS: dict[str, Pooling] = {"average": nn.AvgPool2d, "max": nn.MaxPool2d}
MAPS: dict[str, Mapping[str, Any]] = {
    "activation": ACTIVATIONS,
    "normalization": NORMALIZATIONS,
    "pooling": POOLINGS,
}


def look_up(switches: Mapping[str, Switch]) -> dict[str, Any]:
    """The arguments of an architecture's ``build``: classes for names, numbers and flags as they are.

    ``initialization`` is left out: it draws the weights of the finished module.
    """
    return {
        name: MAPS[name][str(value)] if name in MAPS else value
        for name, value in switches.items()
        if name != "initialization"
    }
