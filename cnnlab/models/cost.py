"""What a network costs: parameters and multiply-accumulates, counted layer by layer.

Convention: one multiply-accumulate (MAC) is one product added to a sum, half of what FLOP counters report.
Counted per image, forward, for convolutions and dense layers, without biases; everything else counts 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor, nn

from cnnlab.models.layers.hooks import evaluation, observed

Shape = tuple[int, ...]


@dataclass(frozen=True)
class LayerCost:
    """One layer, for one image: shapes without the batch, the layer's own parameters counted once."""

    name: str
    kind: str
    input_shape: Shape
    output_shape: Shape
    parameters: int
    macs: int

    @property
    def stage(self) -> str:
        """The part of the network that it belongs to: the beginning of its name."""
        return self.name.partition(".")[0]

    @property
    def parameter_bytes(self) -> int:
        """In float32."""
        return 4 * self.parameters

    @property
    def activation_bytes(self) -> int:
        """Of its output for one image, in float32."""
        return 4 * prod(self.output_shape)


def parameters(model: nn.Module) -> int:
    """Trained numbers; shared ones count once, buffers such as running statistics not at all."""
    return sum(parameter.numel() for parameter in model.parameters())


def macs(model: nn.Module, input_shape: Shape) -> int:
    """Multiply-accumulates per image of shape ``(channels, height, width)``, forward."""
    return sum(layer.macs for layer in describe(model, input_shape))


def describe(model: nn.Module, input_shape: Shape) -> list[LayerCost]:
    """The layers in the order in which they run, but for identities.

    One image is sent through the network where its weights are. Built on the ``meta`` device, the largest
    take milliseconds and no memory, but the first operation there imports for 2 s.

    Args:
        input_shape: ``(channels, height, width)``.
    """
    layers: list[LayerCost] = []
    seen: set[str] = set()

    leaves = {
        name: module
        for name, module in model.named_modules()
        if next(module.children(), None) is None and not isinstance(module, nn.Identity)
    }

    def record(name: str, given: Tensor, returned: Tensor) -> None:
        module = leaves[name]
        own = 0 if name in seen else parameters(module)
        seen.add(name)
        shapes, macs = (tuple(given.shape[1:]), tuple(returned.shape[1:])), 0
        if isinstance(module, nn.Conv2d | nn.Linear):  # each number is a sum of as many products as it has weights
            macs = returned[0].numel() * module.weight[0].numel()
        layers.append(LayerCost(name, type(module).__name__, *shapes, own, macs))

    with evaluation(model), observed(leaves, record):
        model(torch.zeros(1, *input_shape, device=next(model.parameters()).device))
    return layers
