"""Sensitivity to downsampling: how much accuracy coarser test images take away: `downsampling_drop`.

Each image is averaged down to three quarters and to half of its side, and enlarged again, bilinear, to the size that
the network was trained on.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from cnnlab.training import diagnostics
from cnnlab.training.diagnostics import Findings, Point
from cnnlab.training.diagnostics.predictions import right

DIAGNOSTIC = {
    "metrics": {
        "downsampling_drop": {
            "title": "accuracy lost to images of 3/4 and 1/2 of the resolution",
            "unit": "pp",
            "factor": 100,
            "better": "lower",
            "per_image": "downsampling_drop",
        },
    },
    "profiles": {
        "downsampled_accuracy": {
            "title": "test accuracy on coarser images, %",
            "axis": "share of the pixels a side that is left",
        },
    },
    "moves_pixels": True,
}
SIDES = (3 / 4, 1 / 2)


class Diagnostic(diagnostics.Diagnostic):
    def finish(self) -> Findings:
        still, *coarse = (self._right(side) for side in (1.0, *SIDES))
        drop = still - torch.stack(coarse).mean(0)
        profile = [
            Point("downsampled_accuracy", side, 100 * float(found.mean()))
            for side, found in zip((1.0, *SIDES), (still, *coarse), strict=True)
        ]
        return Findings({"downsampling_drop": float(drop.mean())}, {"downsampling_drop": drop}, profile)

    def _right(self, side: float) -> Tensor:
        """Which test images are answered rightly at `side` of their own resolution."""
        return right(self.run.model, self.run.data.test, lambda images: coarsened(images, side))


def coarsened(images: Tensor, side: float) -> Tensor:
    """``(N, C, H, W)`` to the same, without the detail that is lost at `side` times as many pixels a side."""
    height, width = images.shape[2:]
    small = F.interpolate(images, size=(round(side * height), round(side * width)), mode="area")
    return F.interpolate(small, size=(height, width), mode="bilinear", align_corners=False)
