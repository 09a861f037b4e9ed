"""What a linear probe reads off each layer: `probe_rise`, test accuracy at the last hidden layer minus at the first.

Alain & Bengio 2017, "Understanding intermediate layers using linear classifier probes". A probe is a ridge classifier
on standardized features of the training images; maps of more than `SIDE` pixels a side are averaged down to it, so that
depth and not the number of features tells probes apart.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from cnnlab import diagnostics
from cnnlab.data.load import Split
from cnnlab.diagnostics import Findings, Point, Run

SIDE, IMAGES, STRENGTH, BATCH = 4, 1000, 100.0, 500


class Diagnostic(diagnostics.Diagnostic):
    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.require(len(run.layers) >= 3, "two convolutions or dense layers before the last")

    def finish(self) -> Findings:
        data, hidden = self.run.data, dict(list(self.run.layers.items())[:-1])
        train = Split(data.train.images[:IMAGES], data.train.labels[:IMAGES], data.train.scaling)
        fitted, tested = (_features(self.run.model, hidden, split) for split in (train, data.test))
        right = {
            name: _probe(fitted[name], train.labels.cpu().numpy(), tested[name]) == data.test.labels.cpu().numpy()
            for name in hidden
        }
        first, *_, last = right
        rise = right[last].astype(float) - right[first].astype(float)
        points = [
            Point("probe_accuracy", depth, 100 * float(found.mean()), name)
            for depth, (name, found) in enumerate(right.items(), start=1)
        ]
        return Findings({"probe_rise": float(rise.mean())}, {"probe_rise": torch.from_numpy(rise)}, points)


@torch.no_grad()
def _features(model: nn.Module, layers: dict[str, nn.Module], split: Split) -> dict[str, NDArray[np.float64]]:
    """What follows each layer up to its activation is left out: a linear probe sees the affine map itself rectified."""
    found: dict[str, list[Tensor]] = {name: [] for name in layers}

    def keep(name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        return lambda _module, _inputs, output: found[name].append(_small(output.relu()))

    hooks = [layer.register_forward_hook(keep(name)) for name, layer in layers.items()]
    model.eval()
    for chunk in split.chunks(BATCH):
        model(chunk)
    for hook in hooks:
        hook.remove()
    return {name: torch.cat(values).double().cpu().numpy() for name, values in found.items()}


def _small(output: Tensor) -> Tensor:
    if output.ndim == 4 and output.shape[-1] > SIDE:
        output = F.adaptive_avg_pool2d(output, SIDE)
    return output.flatten(1)


def _probe(inputs: NDArray[np.float64], labels: NDArray[np.int64], tested: NDArray[np.float64]) -> NDArray[np.int64]:
    from sklearn.linear_model import RidgeClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    probe = make_pipeline(StandardScaler(), RidgeClassifier(alpha=STRENGTH)).fit(inputs, labels)
    return np.asarray(probe.predict(tested))
