"""The answers of a network to test images that are changed on the way in."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from cnnlab.data.dataset import Split

BATCH = 500


def right(model: nn.Module, split: Split, change: Callable[[Tensor], Tensor]) -> Tensor:
    """1 where the answer to the changed image is right, else 0: float64 ``(N,)``."""
    model.eval()
    with torch.inference_mode():
        answers = torch.cat([model(change(chunk)).argmax(1) for chunk in split.chunks(BATCH)])
    return (answers == split.labels).double()
