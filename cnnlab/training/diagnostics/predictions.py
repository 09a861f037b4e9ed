"""The predictions of a network for images that are changed on the way in, and the accuracy that such changes cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from cnnlab.training.diagnostics import Findings, Point, Run
from cnnlab.training.evaluate import Change, evaluate


def mean_correct(run: Run, changes: Sequence[Change]) -> Tensor:
    """The share of `changes` under which each test image is predicted correctly: float64 ``(N,)``."""
    return torch.stack([evaluate(run.model, run.data.test, change).correct.double() for change in changes]).mean(0)


def accuracy_drop(run: Run, metric: str, quantity: str, changes: Mapping[float, Sequence[Change]]) -> Findings:
    """How much accuracy changes of the test images take away, as `metric`, and the accuracy in % along them.

    Args:
        changes: by position in the profile `quantity`; the first leave the images as they are, the drop is the mean
            over the other positions.
    """
    by_position = {position: mean_correct(run, alike) for position, alike in changes.items()}
    unchanged, *changed = by_position.values()
    drop = unchanged - torch.stack(changed).mean(0)
    profile = [Point(quantity, position, 100 * float(share.mean())) for position, share in by_position.items()]
    return Findings({metric: float(drop.mean())}, {metric: drop}, profile)
