"""How far the running averages of batch normalization are from the statistics of all training images.

`statistics_distance`: the mean over channels and layers of |running mean - true mean| / true sd, the true ones from the
training images, layer by layer with the layers before already at theirs. `statistics_shift`: what using the true ones
instead of the running averages changes in the test error.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from cnnlab.data.dataset import Split
from cnnlab.models.layers.batchnorm import BatchNorm
from cnnlab.models.layers.hooks import observed
from cnnlab.training import diagnostics
from cnnlab.training.diagnostics import Findings, Run, points
from cnnlab.training.evaluate import EVALUATION_BATCH, evaluate

DIAGNOSTIC = {
    "metrics": {
        "statistics_distance": {
            "title": "distance of running means from training-set means in batch normalization",
            "unit": "sd",
            "signed": True,
        },
        "statistics_shift": {
            "title": "test error with running averages minus with training-set statistics",
            "unit": "pp",
            "per_image": "statistics_shift",
            "floor": "image",
            "signed": True,
        },
    },
    "profiles": {
        "statistics_distance": {
            "title": "distance of running means from training-set means, in sd",
            "axis": "normalization, from the input",
        }
    },
}
LAYERS = (nn.BatchNorm1d, nn.BatchNorm2d, BatchNorm)


class Diagnostic(diagnostics.Diagnostic):
    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.require(bool(diagnostics.layers_of(run.model, *LAYERS)), "batch normalization")

    def finish(self) -> Findings:
        data, exact = self.run.data, copy.deepcopy(self.run.model).eval()
        distances = {}
        for name, layer in diagnostics.layers_of(exact, *LAYERS).items():
            mean, variance = _whole_set(exact, layer, data.train)
            sd = (variance + (layer.epsilon if isinstance(layer, BatchNorm) else layer.eps)).sqrt()
            distances[name] = float(((layer.running_mean - mean).abs() / sd).mean())
            layer.running_mean.copy_(mean)
            layer.running_var.copy_(variance)
        running, true = (evaluate(model, data.test).correct.double() for model in (self.run.model, exact))
        shift = true - running  # of accuracy, so that of the error from true to running
        values = {
            "statistics_distance": sum(distances.values()) / len(distances),
            "statistics_shift": float(shift.mean()),
        }
        return Findings(dict(values), {"statistics_shift": shift}, points("statistics_distance", distances))


@torch.no_grad()
def _whole_set(model: nn.Module, layer: nn.Module, split: Split) -> tuple[Tensor, Tensor]:
    """Mean and variance of each channel of the inputs of `layer`, over every training image."""
    sums: list[tuple[int, Tensor, Tensor]] = []

    def keep(_name: str, given: Tensor, _returned: Tensor) -> None:
        values = given.double()
        over = [axis for axis in range(values.ndim) if axis != 1]
        sums.append((values.numel() // values.shape[1], values.sum(over), values.square().sum(over)))

    with observed({"": layer}, keep):
        for chunk in split.chunks(EVALUATION_BATCH):
            model(chunk)
    counts, totals, squares = zip(*sums, strict=True)
    mean, square = (sum(parts, start=torch.zeros_like(parts[0])) / sum(counts) for parts in (totals, squares))
    return mean.float(), (square - mean.square()).clamp(min=0).float()
