"""Whether first-layer filters become edge detectors: `selectivity_gain`, trained minus as initialized.

The response of a filter to a grating of some orientation is the largest over spatial frequencies and phases. Its
orientation selectivity is 1 minus the circular variance of these responses, |sum r exp(2 i angle)| / sum r: 0 for a
blob, 1 for a filter that answers one orientation only (Ringach, Shapley & Hawken 2002, "Orientation selectivity in
macaque V1").

The filters themselves are left as pictures, and what each returns for the first test image.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from cnnlab.training import diagnostics
from cnnlab.training.diagnostics import Findings, Point, Run, first_weight

DIAGNOSTIC = {
    "metrics": {
        "selectivity_gain": {
            "title": "orientation selectivity of first-layer filters, trained minus as initialized",
            "unit": "of 1",
            "signed": True,
        }
    },
    "profiles": {
        "selectivity": {
            "title": "orientation selectivity of first-layer filters, 0 to 1",
            "axis": "filters, from the least selective to the most",
            "kind": "ranks",
            "quantities": {"selectivity after": "trained", "selectivity before": "as initialized"},
        }
    },
    "pictures": ["filters as initialized", "filters trained", "image", "feature maps"],
}
ORIENTATIONS, PHASES = 16, 8
FREQUENCIES = (0.1, 0.15, 0.2, 0.25, 0.3)  # cycles a pixel


class Diagnostic(diagnostics.Diagnostic):
    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.require(first_weight(run.model).ndim == 4, "a convolution that sees the pixels")
        self.state = {"initial": first_weight(run.model).detach().clone()}

    def finish(self) -> Findings:
        weights = self.state["initial"], first_weight(self.run.model)
        before, after = map(_selectivity, weights)
        profile = [
            Point(f"selectivity {when}", place, float(value), f"filter {place}")
            for when, values in (("before", before), ("after", after))
            for place, value in enumerate(values, start=1)
        ]
        initialized, trained = (weight.detach().float().cpu().sum(1) for weight in weights)  # over input channels
        pictures = {"filters as initialized": initialized, "filters trained": trained, **self._seen()}
        return Findings({"selectivity_gain": float(after.mean() - before.mean())}, profile=profile, pictures=pictures)

    @torch.no_grad()
    def _seen(self) -> dict[str, Tensor]:
        """The first test image, a mean over its channels, and what the layer returns for it."""
        weight = first_weight(self.run.model)
        layer = next(layer for layer in self.run.layers.values() if layer.weight is weight)
        image = next(self.run.data.test.chunks(1))
        return {"image": image.mean(1).float().cpu(), "feature maps": layer(image)[0].float().cpu()}


@torch.no_grad()
def _selectivity(weight: Tensor) -> Tensor:
    """Of each filter ``(F, C, k, k)``, summed over its input channels: ``(F,)``."""
    filters = weight.detach().double().cpu().sum(1)
    filters = filters - filters.mean((1, 2), keepdim=True)
    side = filters.shape[-1]
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    angles = torch.arange(ORIENTATIONS, dtype=torch.float64) * math.pi / ORIENTATIONS
    responses = []
    for angle in angles:
        along = x * torch.cos(angle) + y * torch.sin(angle)
        waves = [
            torch.cos(2 * math.pi * (frequency * along) + 2 * math.pi * phase / PHASES)
            for frequency in FREQUENCIES
            for phase in range(PHASES)
        ]
        gratings = torch.stack([wave - wave.mean() for wave in waves])
        gratings = gratings / gratings.flatten(1).norm(dim=1)[:, None, None]
        responses.append(torch.einsum("fyx,gyx->fg", filters, gratings).amax(1).clamp(min=0))
    response = torch.stack(responses, 1)
    real, imaginary = (response * torch.cos(2 * angles)).sum(1), (response * torch.sin(2 * angles)).sum(1)
    return torch.hypot(real, imaginary) / response.sum(1)
