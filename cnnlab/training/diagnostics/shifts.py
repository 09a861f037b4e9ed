"""Sensitivity to position: how much accuracy a shift of the test images by 1 to 4 pixels takes away: `shift_drop`.

Each image is moved up, down, left and right; what comes into view is black. Zhang 2019, "Making convolutional networks
shift-invariant again", measures consistency under shifts; here it is accuracy, as the claim is about the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from cnnlab.data.augment import translate
from cnnlab.training import diagnostics
from cnnlab.training.diagnostics import Findings
from cnnlab.training.diagnostics.predictions import accuracy_drop
from cnnlab.training.evaluate import Change

DIAGNOSTIC = {
    "metrics": {
        "shift_drop": {
            "title": "accuracy lost to shifts of 1 to 4 pixels",
            "unit": "pp",
            "better": "lower",
            "per_image": "shift_drop",
        }
    },
    "profiles": {"shifted_accuracy": {"title": "test accuracy on shifted images, %", "axis": "shift, pixels"}},
    "moves_pixels": True,
}
PIXELS = (1, 2, 3, 4)
DIRECTIONS = ((-1, 0), (1, 0), (0, -1), (0, 1))


class Diagnostic(diagnostics.Diagnostic):
    def finish(self) -> Findings:
        black = self.run.data.test.scaling.black
        changes: dict[float, Sequence[Change]] = {0: [lambda images: images]}
        for pixels in PIXELS:
            changes[pixels] = [partial(_moved, pixels * down, pixels * across, black) for down, across in DIRECTIONS]
        return accuracy_drop(self.run, "shift_drop", "shifted_accuracy", changes)


def _moved(down: int, across: int, black: Tensor, images: Tensor) -> Tensor:
    """All images by as many pixels."""
    size = torch.ones(len(images), dtype=torch.int64, device=images.device)
    return translate(images, down * size, across * size, black)
