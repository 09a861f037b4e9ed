"""Auxiliary classifiers, which look at the middle of a network while it trains.

Szegedy et al. 2015, "Going deeper with convolutions", section 5: average, 1x1 convolution, hidden dense layer, class
scores. What their losses count is in `models/auxiliary.py`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping

from torch import Tensor, nn

from cnnlab.models.layers.auxiliary import Scores
from cnnlab.models.layers.blocks import WindowAverage, dense_block, named
from cnnlab.models.layers.switches import Activation, Normalization

SIDE = 4  # pixels of the averaged map


def classifier(
    inputs: int,
    reduced: int,
    hidden: int,
    classes: int,
    rate: float,
    conv: Callable[..., nn.Module],
    activation: Activation,
) -> nn.Sequential:
    """``(N, inputs, H, W)`` to ``(N, classes)``; `conv` makes its convolution, the dense layers aren't normalized."""
    return named(
        pooling=WindowAverage(SIDE),
        conv1x1=conv(inputs, reduced, 1),
        flatten=nn.Flatten(),
        dense=dense_block(reduced * SIDE**2, hidden, activation=activation, normalization=Normalization(), rate=rate),
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
