"""How gradients and updates are spread over the depth of a network: `update_*` and `gradient_slope`.

Of each convolution and dense layer but the first and the last, early in training: log10 of the norm of the gradient,
and of the norm of an update over that of the weight. Raw gradient norms depend on a layer's size; the ratio of update
and weight says how quickly a layer learns (a usual rule of thumb is 1/1000 a step).

The update is what the optimizer asks for. What is left of it in a weight of single precision can be nothing at all:
where gradients vanish, updates are below the last digit of the weight.
"""

from __future__ import annotations

import math

import torch

from cnnlab.training import diagnostics
from cnnlab.training.diagnostics import Findings, Run, points

DIAGNOSTIC = {
    "metrics": {
        "update_slope": {
            "title": "rise of log₁₀ update over weight from the first to the last inner layer",
            "plain": "in a step the last inner layer moves {x} times as far, for its weights, as the first",
            "unit": "decades",
            "signed": True,
        },
        "update_tilt": {
            "title": "size of the rise of log₁₀ update over weight from the first to the last inner layer",
            "plain": "in a step one end of the network moves {x} times as far, for its weights, as the other",
            "unit": "decades",
        },
        "update_spread": {
            "title": "sd over inner layers of log₁₀ update over weight",
            "plain": "the steps of the inner layers, for their weights, typically differ by a factor of {x}",
            "unit": "decades",
        },
        "gradient_slope": {
            "title": "rise of the log₁₀ gradient norm from the first to the last inner layer",
            "plain": "the gradient of the last inner layer is {x} times as large as that of the first",
            "unit": "decades",
            "signed": True,
        },
    },
    "profiles": {
        "update_ratio": {
            "title": "log₁₀ of update over weight, mean of the first steps",
            "axis": "layer, from the input",
        },
        "gradient_norm": {
            "title": "log₁₀ of the gradient’s norm, mean of the first steps",
            "axis": "layer, from the input",
        },
    },
    "while_training": True,
}


class Diagnostic(diagnostics.InnerLayers):
    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.weights = [run.layers[name].get_parameter("weight") for name in self.names]
        self.state = {"gradient": [], "update": []}

    @torch.no_grad()
    def before_update(self, step: int) -> None:
        self.sizes = [_norm(weight) for weight in self.weights]
        self.state["gradient"].append([_norm(weight.grad) for weight in self.weights])

    @torch.no_grad()
    def after_update(self, step: int) -> None:
        updates = [_norm(self.run.optimizer.update_of(weight)) for weight in self.weights]
        self.state["update"].append([update / size for update, size in zip(updates, self.sizes, strict=True)])

    def finish(self) -> Findings:
        update, gradient = (_mean_log10(self.state[name]) for name in ("update", "gradient"))
        if update is None or gradient is None:  # some norm was 0, and has no logarithm
            return Findings(dict.fromkeys(("update_slope", "update_tilt", "update_spread", "gradient_slope")))
        rise = diagnostics.slope(update)
        values: dict[str, float | None] = {
            "update_slope": rise,
            "update_tilt": abs(rise),
            "update_spread": float(torch.tensor(update).std()),
            "gradient_slope": diagnostics.slope(gradient),
        }
        update_ratio, gradient_norm = (dict(zip(self.names, values, strict=True)) for values in (update, gradient))
        profile = points("update_ratio", update_ratio, first=2) + points("gradient_norm", gradient_norm, first=2)
        return Findings(values, profile=profile)


def _norm(tensor: torch.Tensor | None) -> float:
    assert tensor is not None
    return float(torch.linalg.vector_norm(tensor))


def _mean_log10(samples: list[list[float]]) -> list[float] | None:
    """The mean over samples of the log10 of each layer's value."""
    by_layer = list(zip(*samples, strict=True))
    if not by_layer or any(value <= 0 or not math.isfinite(value) for values in by_layer for value in values):
        return None
    return [sum(map(math.log10, values)) / len(values) for values in by_layer]
