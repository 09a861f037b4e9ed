"""Sensitivity to position: how much accuracy a shift of the test images by 1 to 4 pixels takes away: `shift_drop`.

Each image is moved up, down, left and right; what comes into view is black. Zhang 2019, "Making convolutional networks
shift-invariant again", measures consistency under shifts; here it is accuracy, as the claim is about the answer.
"""

from __future__ import annotations

import torch
from torch import Tensor

from cnnlab.data.augment import translate
from cnnlab.training import diagnostics
from cnnlab.training.diagnostics import Findings, Point
from cnnlab.training.diagnostics.predictions import right

DIAGNOSTIC = {
    "metrics": {
        "shift_drop": {
            "title": "accuracy lost to shifts of 1 to 4 pixels",
            "unit": "pp",
            "factor": 100,
            "better": "lower",
            "per_image": "shift_drop",
        },
    },
    "profiles": {
        "shifted_accuracy": {"title": "test accuracy on shifted images, %", "axis": "shift, pixels"},
    },
    "moves_pixels": True,
}
PIXELS = (1, 2, 3, 4)
DIRECTIONS = ((-1, 0), (1, 0), (0, -1), (0, 1))


class Diagnostic(diagnostics.Diagnostic):
    def finish(self) -> Findings:
        by_shift = [
            torch.stack([self._right(pixels * down, pixels * across) for down, across in DIRECTIONS]).mean(0)
            for pixels in PIXELS
        ]
        still = self._right(0, 0)
        drop = still - torch.stack(by_shift).mean(0)
        profile = [
            Point("shifted_accuracy", pixels, 100 * float(found.mean()))
            for pixels, found in zip((0, *PIXELS), (still, *by_shift), strict=True)
        ]
        return Findings({"shift_drop": float(drop.mean())}, {"shift_drop": drop}, profile)

    def _right(self, down: int, across: int) -> Tensor:
        """Which test images are answered rightly when all of them are moved so far."""
        split = self.run.data.test

        def moved(images: Tensor) -> Tensor:
            size = torch.ones(len(images), dtype=torch.int64, device=images.device)
            return translate(images, down * size, across * size, split.scaling.black)

        return right(self.run.model, split, moved)
