"""Which layers are done first by their weights, and what it costs that lower ones move: `weight_lag`, `stale_cost`.

What a layer returns depends on all layers below it, so it cannot settle before they do; its weights can. A layer is
half-way at the first evaluation from which on its weights are nearer to their final values than half of the distance at
the start. The lag is the share of training by which the upper half of the layers is half-way before the lower half,
means over layers.

`stale_cost` is the validation accuracy that the network of an epoch ago loses where its lower half is replaced by that
of now: what the upper layers must learn anew because the lower ones have moved, and not what they had yet to learn.
Means over the epochs but the first. `stale_cost_below` is the same with its upper half replaced.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from cnnlab.training import diagnostics
from cnnlab.training.curves import Curves
from cnnlab.training.diagnostics import Findings, Point, Run, points
from cnnlab.training.evaluate import evaluate

DIAGNOSTIC = {
    "metrics": {
        "weight_lag": {
            "title": "training time by which the weights of the upper half of the layers are half-way before the lower",
            "plain": "upper layers are half-way to their end {x} % of the training before lower ones (below 0: after)",
            "unit": "pp",
            "signed": True,
            "floor": "training",
        },
        "stale_cost": {
            "title": "accuracy that the network of an epoch ago loses on lower layers of now",
            "unit": "pp",
            "signed": True,
        },
        "stale_cost_below": {
            "title": "accuracy that the network of an epoch ago loses under upper layers of now",
            "unit": "pp",
            "signed": True,
        },
    },
    "profiles": {
        "half_way_at": {"title": "weights half-way at, % of training", "axis": "layer, from the input"},
        "way_left": {
            "title": "way left to the final weights",
            "axis": "step",
            "kind": "halves",
            "layers": "half_way_at",
        },
    },
    "while_training": True,
}
IMAGES = 256


class Diagnostic(diagnostics.Diagnostic):
    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.require(run.total_steps > run.steps_per_epoch, "training: epochs of 2 or more")
        self.require(len(run.layers) >= 2, "two convolutions or dense layers")
        self.images = diagnostics.evenly_spaced(run.data.validation, IMAGES)
        self.names = list(run.layers)
        # Everything from the first upper layer on, its normalization and their statistics included.
        keys = list(run.model.state_dict())
        border = keys.index(f"{self.names[(len(self.names) + 1) // 2]}.weight")
        self.lower, self.upper = keys[:border], keys[border:]
        self.state = {"steps": [], "weights": [], "epochs": 0, "epoch_ago": None, "accuracy": 0.0, "costs": []}

    def start(self) -> None:
        self._keep(0)

    def evaluated(self, curves: Curves) -> None:
        self._keep(curves.steps[-1])
        epochs = curves.steps[-1] // self.run.steps_per_epoch
        if epochs > self.state["epochs"]:  # at the first evaluation since one ended: few of them fall on its end
            self.state["epochs"] = epochs
            now = _copied(self.run.model.state_dict())
            before = self.state["epoch_ago"]
            if before is not None:
                mixed = (now | {key: before[key] for key in stale} for stale in (self.upper, self.lower))
                self.state["costs"].append([self.state["accuracy"] - self._accuracy(weights) for weights in mixed])
            self.state["accuracy"] = self._accuracy(now)
            self.state["epoch_ago"] = now

    def _accuracy(self, weights: Mapping[str, Tensor]) -> float:
        self.run.model.load_state_dict(weights)
        return evaluate(self.run.model, self.images).accuracy

    def _keep(self, step: int) -> None:
        self.state["steps"].append(step)
        self.state["weights"].append(
            _copied({name: self.run.layers[name].get_parameter("weight") for name in self.names})
        )

    def finish(self) -> Findings:
        steps, history = self.state["steps"], self.state["weights"]
        left = {name: _left([then[name] for then in history]) for name in self.names}
        half_way = {name: _half_way(steps, curve) / self.run.total_steps for name, curve in left.items()}
        half, ordered = len(self.names) // 2, list(half_way.values())
        costs = [sum(side) / len(side) for side in zip(*self.state["costs"], strict=True)] or [None, None]
        profile = points("half_way_at", half_way, factor=100)
        profile += [
            Point(f"way_left {name}", step, value, name)
            for name, curve in left.items()
            for step, value in zip(steps, curve, strict=True)
        ]
        values: dict[str, float | None] = {
            "weight_lag": sum(ordered[:half]) / half - sum(ordered[-half:]) / half,
            "stale_cost": costs[0],
            "stale_cost_below": costs[1],
        }
        return Findings(values, profile=profile)


def _copied(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in weights.items()}


def _left(history: list[Tensor]) -> list[float]:
    """The distance of each from the last, as a share of that of the first; 0 where nothing moved at all."""
    distances = [float(torch.linalg.vector_norm(weight - history[-1])) for weight in history]
    return [distance / (distances[0] or 1.0) for distance in distances]


def _half_way(steps: list[int], left: list[float]) -> int:
    """The first of `steps` from which on half of the way or less is left; the last has none."""
    beyond = [place for place, share in enumerate(left[:-1]) if not share <= 0.5]
    return steps[beyond[-1] + 1] if beyond else steps[0]
