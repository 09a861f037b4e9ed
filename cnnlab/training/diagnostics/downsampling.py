"""Sensitivity to downsampling: how much accuracy coarser test images take away: `downsampling_drop`.

Each image is averaged down to three quarters and to half of its side, and enlarged again, bilinear, to the size that
the network was trained on.
"""

from __future__ import annotations

from functools import partial

from torch import Tensor
from torch.nn import functional as F

from cnnlab.training import diagnostics
from cnnlab.training.diagnostics import Findings
from cnnlab.training.diagnostics.predictions import accuracy_drop

DIAGNOSTIC = {
    "metrics": {
        "downsampling_drop": {
            "title": "accuracy lost to images of 3/4 and 1/2 of the resolution",
            "unit": "pp",
            "better": "lower",
            "per_image": "downsampling_drop",
        }
    },
    "profiles": {
        "downsampled_accuracy": {
            "title": "test accuracy on coarser images, %",
            "axis": "share of the pixels a side that is left",
        }
    },
    "moves_pixels": True,
}
SIDES = (3 / 4, 1 / 2)


class Diagnostic(diagnostics.Diagnostic):
    def finish(self) -> Findings:
        changes = {side: [partial(coarsened, side=side)] for side in (1.0, *SIDES)}
        return accuracy_drop(self.run, "downsampling_drop", "downsampled_accuracy", changes)


def coarsened(images: Tensor, side: float) -> Tensor:
    """``(N, C, H, W)`` to the same, without the detail that is lost at `side` times as many pixels a side."""
    height, width = images.shape[2:]
    small = F.interpolate(images, size=(round(side * height), round(side * width)), mode="area")
    return F.interpolate(small, size=(height, width), mode="bilinear", align_corners=False)
