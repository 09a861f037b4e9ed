"""Networks to look at, built on the ``meta`` device: shapes and counts as they are, no weights in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import torch
from torch import Tensor, nn

from cnnlab import models
from cnnlab.models import cost
from cnnlab.models.cost import LayerCost, Shape
from cnnlab.models.layers.hooks import evaluation, observed
from cnnlab.planning import model_registry
from cnnlab.planning.specs import ModelSpec, Switch

CONVOLUTION, DENSE = "Conv2d", "Linear"


@dataclass(frozen=True)
class Trace:
    """A network and its layers in the order in which they run, for images ``(channels, image_size, image_size)``."""

    architecture: str
    preset: str
    channels: int
    image_size: int
    classes: int
    model: nn.Module
    layers: tuple[LayerCost, ...]

    @property
    def case(self) -> str:
        return f"{self.architecture}, {self.preset}"

    @property
    def parameters(self) -> int:
        return cost.parameters(self.model)

    @property
    def macs(self) -> int:
        return sum(layer.macs for layer in self.layers)

    @property
    def depth(self) -> int:
        """Layers with weights, one after another or not: convolutions and dense layers."""
        return len(self.of(CONVOLUTION, DENSE))

    def of(self, *kinds: str) -> list[LayerCost]:
        return [layer for layer in self.layers if layer.kind in kinds]

    @property
    def pointwise(self) -> list[LayerCost]:
        """Its 1x1 convolutions."""
        return [layer for layer in self.of(CONVOLUTION) if self.module(layer).kernel_size == (1, 1)]

    def module(self, layer: LayerCost) -> Any:
        return self.model.get_submodule(layer.name)

    def blocks(self, kind: str) -> dict[str, nn.Module]:
        """The modules of a class of this name, by their own names."""
        return {name: module for name, module in self.model.named_modules() if type(module).__name__ == kind}

    def within(self, name: str) -> list[LayerCost]:
        """The layers of the module `name`."""
        return [layer for layer in self.layers if layer.name == name or layer.name.startswith(f"{name}.")]

    @property
    def stages(self) -> list[str]:
        """The parts of the network that have convolutions, in order."""
        return list(dict.fromkeys(layer.stage for layer in self.of(CONVOLUTION)))

    @cached_property
    def shapes(self) -> dict[str, tuple[Shape, Shape]]:
        """Shapes of what every module, large or small, is given and returns, without the batch."""
        shapes: dict[str, tuple[Shape, Shape]] = {}

        def record(name: str, given: Tensor, returned: Tensor) -> None:
            shapes[name] = tuple(given.shape[1:]), tuple(returned.shape[1:])

        with evaluation(self.model), observed(dict(self.model.named_modules()), record):
            self.model(torch.zeros(1, self.channels, self.image_size, self.image_size, device="meta"))
        return shapes


class Zoo:
    """Each network is built when it is first asked for."""

    def __init__(self) -> None:
        self._trace = cache(_trace)

    def trace(
        self,
        architecture: str,
        preset: str = "d2l",
        *,
        channels: int | None = None,
        image_size: int | None = None,
        classes: int | None = None,
        **switches: Switch,
    ) -> Trace:
        """The network at the size of `preset`, but for what is given beside it."""
        size = model_registry.get(architecture).preset(preset, architecture)
        shape = channels or size.channels, image_size or size.image_size, classes or size.classes
        return self._trace(architecture, preset, *shape, **switches)

    def every(self) -> Iterator[Trace]:
        """Every preset of every architecture on the search path."""
        for name, architecture in model_registry.architectures().items():
            yield from (self.trace(name, preset) for preset in architecture.presets)

    def own(self) -> list[Trace]:
        """Every preset of the architectures that come with cnnlab: what a user adds changes no verdict."""
        folder = model_registry.MODELS
        return [trace for trace in self.every() if model_registry.source_file(trace.architecture).parent == folder]


def build(architecture: str, preset: str = "small", *, seed: int = 0, **switches: Switch) -> nn.Module:
    """A network with weights, at the size of its preset."""
    size = model_registry.get(architecture).preset(preset, architecture)
    return models.build(_spec(architecture, preset, switches), size.channels, size.image_size, size.classes, seed)


def _trace(architecture: str, preset: str, channels: int, image_size: int, classes: int, **switches: Switch) -> Trace:
    with torch.device("meta"):
        model = models.build(_spec(architecture, preset, switches), channels, image_size, classes)
        layers = tuple(cost.describe(model, (channels, image_size, image_size)))
    return Trace(architecture, preset, channels, image_size, classes, model, layers)


def _spec(architecture: str, preset: str, switches: dict[str, Switch]) -> ModelSpec:
    complete = model_registry.resolve(architecture, preset, switches, architecture)
    return ModelSpec(architecture=architecture, preset=preset, switches=complete)
