"""What a linear probe reads off each layer: `probe_rise`, test accuracy at the last hidden layer minus at the first.

Alain & Bengio 2017, "Understanding intermediate layers using linear classifier probes". A layer is probed where the
next one reads it: behind its normalization, activation and pooling. The probe is a ridge regression on the classes, of
standardized features of the training images; the validation images choose its strength, for each layer anew, so that
layers with more numbers are not at a loss. Maps of more than `SIDE` pixels a side are averaged down to it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnnlab.data.dataset import Split
from cnnlab.models.layers.hooks import observed
from cnnlab.training import diagnostics
from cnnlab.training.diagnostics import Findings, Run, points
from cnnlab.training.evaluate import EVALUATION_BATCH

DIAGNOSTIC = {
    "metrics": {
        "probe_rise": {
            "title": "accuracy of a linear probe on the last hidden layer minus on the first",
            "unit": "pp",
            "per_image": "probe_rise",
            "signed": True,
        }
    },
    "profiles": {
        "probe_accuracy": {
            "title": "test accuracy of a linear probe, %",
            "axis": "layer, from the input; 0 is the image",
        }
    },
}
SIDE, IMAGES, STRENGTHS = 14, 3000, (10.0, 100.0, 1000.0)


class Diagnostic(diagnostics.Diagnostic):
    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.require(len(run.layers) >= 3, "two convolutions or dense layers before the last")

    def finish(self) -> Findings:
        data, layers = self.run.data, self.run.layers
        splits = (diagnostics.evenly_spaced(data.train, IMAGES), data.validation, data.test)
        features = [_features(self.run.model, layers, split) for split in splits]
        labels = [split.labels for split in splits]
        correct = [_probe([inputs[name] for inputs in features], labels, data.classes) for name in layers]
        # A layer reads the layer before it.
        accuracies = {name: float(right.mean()) for name, right in zip(("images", *layers), correct, strict=False)}
        _images, first, *_, last = correct
        rise = last - first
        profile = points("probe_accuracy", accuracies, first=0, factor=100)
        return Findings({"probe_rise": float(rise.mean())}, {"probe_rise": rise}, profile)


@torch.no_grad()
def _features(model: nn.Module, layers: dict[str, nn.Module], split: Split) -> dict[str, Tensor]:
    """The inputs of each layer, float64 ``(N, features)``; those of the first one are the images."""
    inputs: dict[str, list[Tensor]] = {name: [] for name in layers}
    model.eval()
    with observed(layers, lambda name, given, _: inputs[name].append(_small(given))):
        for chunk in split.chunks(EVALUATION_BATCH):
            model(chunk)
    return {name: torch.cat(values).double() for name, values in inputs.items()}


def _small(given: Tensor) -> Tensor:
    if given.ndim == 4 and given.shape[-1] > SIDE:
        given = F.adaptive_avg_pool2d(given, SIDE)
    return given.flatten(1)


def _probe(features: list[Tensor], labels: list[Tensor], classes: int) -> Tensor:
    """1 for each test image whose class the probe predicts correctly, else 0: float64 ``(N,)``.

    `features` and `labels` are those of the training, validation and test images.
    """
    mean, spread = features[0].mean(0), features[0].std(0)
    x, validation, test = ((inputs - mean) / torch.where(spread > 0, spread, torch.inf) for inputs in features)
    targets = F.one_hot(labels[0], classes).double()
    average = targets.mean(0)
    square, product = x.T @ x, x.T @ (targets - average)
    tried: list[list[Tensor]] = []
    for strength in STRENGTHS:
        weights = torch.linalg.solve(square + strength * torch.eye(len(square)).to(square), product)
        answers = ((images @ weights + average).argmax(1) for images in (validation, test))
        tried.append([(answer == truth).double() for answer, truth in zip(answers, labels[1:], strict=True)])
    _, correct = max(tried, key=lambda of_splits: float(of_splits[0].mean()))
    return correct
