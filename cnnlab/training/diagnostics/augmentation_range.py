"""Error on test images that are shifted and turned: `warped_error`, and `far_warped_error` beyond that range.

Each test image is drawn `DRAWS` times, the same in every run: within the range that augmentation with ``shift:3`` and
``rotate:15`` simulates, and in the ring beyond it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from cnnlab.data.augment import translate, turn
from cnnlab.data.random_streams import generator
from cnnlab.training import diagnostics
from cnnlab.training.diagnostics import Findings, points
from cnnlab.training.diagnostics.predictions import mean_correct

DIAGNOSTIC = {
    "metrics": {
        "warped_error": {
            "title": "error on shifted and turned test images",
            "unit": "pp",
            "better": "lower",
            "per_image": "warped_error",
            "floor": "image",
            "positive": True,
        },
        "far_warped_error": {
            "title": "error on test images shifted and turned beyond the range simulated",
            "unit": "pp",
            "better": "lower",
            "per_image": "far_warped_error",
            "floor": "image",
            "positive": True,
        },
    },
    "profiles": {
        "warped_error": {
            "title": "error on shifted and turned test images, %",
            "axis": "the range that augmentation simulates",
            "kind": "points",
        }
    },
    "moves_pixels": True,
}
DRAWS = 4
# Least and greatest size of a shift in pixels, and of an angle in degrees; each with either sign.
NEAR, FAR = ((0, 3), (0.0, 15.0)), ((4, 5), (20.0, 30.0))


class Diagnostic(diagnostics.Diagnostic):
    def finish(self) -> Findings:
        by_range = {"warped_error": self._errors(*NEAR), "far_warped_error": self._errors(*FAR)}
        near, far = (float(errors.mean()) for errors in by_range.values())
        profile = points("warped_error", {"within": near, "beyond": far}, first=0, factor=100)
        return Findings({"warped_error": near, "far_warped_error": far}, by_range, profile)

    def _errors(self, shifts: tuple[int, int], angles: tuple[float, float]) -> Tensor:
        """The share of draws of each image whose class is predicted wrongly: float64 ``(N,)``."""
        black = self.run.data.test.scaling.black
        draws = generator("warps", *shifts, *map(str, angles))

        def warped(images: Tensor) -> Tensor:
            count = len(images)
            down, across = (
                _signed(torch.randint(shifts[0], shifts[1] + 1, (count,), generator=draws), draws) for _ in "yx"
            )
            degrees = _signed(angles[0] + (angles[1] - angles[0]) * torch.rand(count, generator=draws), draws)
            device = images.device
            turned = turn(images, degrees.to(device), black)
            return translate(turned, down.to(device), across.to(device), black)

        return 1 - mean_correct(self.run, [warped] * DRAWS)


def _signed(values: Tensor, draws: torch.Generator) -> Tensor:
    return torch.where(torch.rand(len(values), generator=draws) < 0.5, values, -values)
