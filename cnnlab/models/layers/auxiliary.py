"""Class scores from the middle of a network: Szegedy et al. 2015, "Going deeper with convolutions", section 5."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor
from torch.nn import functional as F

# How much each of their losses counts beside that of the last layer.
WEIGHT = 0.3


class Scores(NamedTuple):
    """What a network with auxiliary classifiers returns in training mode: ``(N, classes)`` from each."""

    main: Tensor
    auxiliary: tuple[Tensor, ...]


def cross_entropy(scores: Tensor | Scores, labels: Tensor) -> Tensor:
    """Mean log-loss in nats; those of auxiliary classifiers are added with their weight."""
    if isinstance(scores, Tensor):
        return F.cross_entropy(scores, labels)
    main = F.cross_entropy(scores.main, labels)
    return main + WEIGHT * sum((F.cross_entropy(each, labels) for each in scores.auxiliary), start=main.new_zeros(()))
