"""Class scores from the middle of a network: Szegedy et al. 2015, "Going deeper with convolutions", section 5."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F

from cnnlab.models.layers.blocks import NO_NORMALIZATION, Layers, WindowAverage, named

# How much each of their losses counts beside that of the last layer.
WEIGHT = 0.3
# Pixels a side of the averaged map that they look at.
SIDE = 4


class Scores(NamedTuple):
    """What a network with auxiliary classifiers returns in training mode: ``(N, classes)`` from each."""

    main: Tensor
    auxiliary: tuple[Tensor, ...]


def cross_entropy(scores: Tensor | Scores, labels: Tensor) -> Tensor:
    """Mean log-loss in nats; those of auxiliary classifiers are added with their weight."""
    if isinstance(scores, Tensor):
        return F.cross_entropy(scores, labels)
    main = F.cross_entropy(scores.main, labels)
    return main + WEIGHT * sum((F.cross_entropy(extra, labels) for extra in scores.auxiliary), start=main.new_zeros(()))


def classifier(inputs: int, reduced: int, hidden: int, classes: int, rate: float, layers: Layers) -> nn.Sequential:
    """``(N, inputs, H, W)`` to ``(N, classes)``; its dense layers aren't normalized, and end in dropout of `rate`."""
    dense = replace(layers, normalization=NO_NORMALIZATION)
    return named(
        pooling=WindowAverage(SIDE),
        conv1x1=layers.conv(inputs, reduced, 1),
        flatten=nn.Flatten(),
        dense=dense.dense(reduced * SIDE**2, hidden, rate),
        output=nn.Linear(hidden, classes),
    )


class Supervised(nn.Sequential):
    """`stages` one after the other, and `classifiers` that look at some of the blocks within them.

    Args:
        looks_at: the block of each classifier, as ``stage.block``. In training mode the layers of those stages are
            called one by one, so a hook on the whole stage is called in evaluation mode only.
    """

    def __init__(
        self, stages: nn.Sequential, classifiers: Mapping[str, nn.Module], looks_at: Mapping[str, str]
    ) -> None:
        super().__init__(OrderedDict([*stages.named_children(), *classifiers.items()]))
        self.looked_at = {block: name for name, block in looks_at.items()}

    def forward(self, images: Tensor) -> Tensor | Scores:
        """``(N, channels, H, W)`` to ``(N, classes)``; in training mode to those of every classifier."""
        out, auxiliary = images, []
        for name, layer in self._path():
            out = layer(out)
            if name in self.looked_at:
                auxiliary.append(self.get_submodule(self.looked_at[name])(out))
        return Scores(out, tuple(auxiliary)) if self.training else out

    def _path(self) -> Iterator[tuple[str, nn.Module]]:
        """From image to scores: whole stages, but those that are looked at layer by layer in training mode."""
        opened = {block.partition(".")[0] for block in self.looked_at} if self.training else set()
        for name, stage in self.named_children():
            if name in opened:
                yield from ((f"{name}.{layer_name}", layer) for layer_name, layer in stage.named_children())
            elif name not in self.looked_at.values():
                yield name, stage
