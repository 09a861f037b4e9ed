"""The predictions of a network for images that are changed on the way in, and the accuracy that such changes cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from cnnlab.data.dataset import Split
from cnnlab.training.diagnostics import Findings, Point, Run

BATCH = 500
Change = Callable[[Tensor], Tensor]  # of images (N, C, H, W)


def correct(model: nn.Module, split: Split, change: Change = lambda images: images) -> Tensor:
    """1 where the prediction for the changed image is correct, else 0: float64 ``(N,)``."""
    model.eval()
    with torch.inference_mode():
        predicted = torch.cat([model(change(chunk)).argmax(1) for chunk in split.chunks(BATCH)])
    return (predicted == split.labels).double()


def mean_correct(run: Run, changes: Sequence[Change]) -> Tensor:
    """The share of `changes` under which each test image is predicted correctly: float64 ``(N,)``."""
    return torch.stack([correct(run.model, run.data.test, change) for change in changes]).mean(0)


def accuracy_drop(run: Run, metric: str, quantity: str, changes: Mapping[float, Sequence[Change]]) -> Findings:
    """How much accuracy changes of the test images take away, as `metric`, and the accuracy in % along them.

    Args:
        changes: by position in the profile `quantity`; the first leave the images as they are, the drop is the mean
            over the other positions.
    """
    by_position = {position: mean_correct(run, each) for position, each in changes.items()}
    unchanged, *changed = by_position.values()
    drop = unchanged - torch.stack(changed).mean(0)
    profile = [Point(quantity, position, 100 * float(share.mean())) for position, share in by_position.items()]
    return Findings({metric: float(drop.mean())}, {metric: drop}, profile)
