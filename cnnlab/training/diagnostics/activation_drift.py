"""How steady the inputs of each layer are while the network trains: `input_drift`, `preactivation_drift`, `dead_units`.

On the same training images at every evaluation, in training mode: mean and sd of each channel (feature). Drift from one
evaluation to the next is the change of the mean in units of the channel's own sd, plus the absolute change of the log
of that sd: its median over channels, as a channel that is almost dead has next to no sd, averaged over layers.
Ioffe & Szegedy 2015 call this internal covariate shift.

`input_drift` is of the inputs of each convolution or dense layer but the first. Batch normalization sets mean and sd of
its outputs, and an activation and pooling change little about that, so part of it is steady by construction.
`preactivation_drift` is not: it is of the outputs of each hidden layer but the first, before any normalization.

The profile has them by layer, and the mean and sd of each layer's inputs, means over channels, as training goes on.

Each is the mean of an interval between evaluations; `…_to_loss` is the sum up to the first evaluation at which the
training loss is at most 0.5 nats, or to the end: a network that never gets there has drifted at least that much. A unit
is dead if it is the same for all images at the end.
"""

from __future__ import annotations

import torch
from torch import Tensor

from cnnlab.data.random_streams import derive_seed
from cnnlab.models.layers.dropout import drawing_from
from cnnlab.models.layers.hooks import observed
from cnnlab.training import diagnostics
from cnnlab.training.curves import Curves
from cnnlab.training.diagnostics import Findings, Point, Run, points

DIAGNOSTIC = {
    "metrics": {
        "input_drift": {"title": "drift of layer inputs from one evaluation to the next", "unit": "log2 ratio"},
        "input_drift_to_loss": {
            "title": "drift of layer inputs until the training loss is 0.5 nats, or the end",
            "unit": "log2 ratio",
        },
        "preactivation_drift": {
            "title": "drift of pre-activations before normalization from one evaluation to the next",
            "unit": "log2 ratio",
        },
        "preactivation_drift_to_loss": {
            "title": "drift of pre-activations before normalization until the training loss is 0.5 nats, or the end",
            "unit": "log2 ratio",
        },
        "dead_units": {"title": "share of units that are the same for all images", "unit": "pp"},
    },
    "profiles": {
        "input_drift": {
            "title": "drift of layer inputs between evaluations, in sd",
            "axis": "layer, from the input",
            "geometric": True,
        },
        "preactivation_drift": {
            "title": "drift of pre-activations between evaluations, in sd",
            "axis": "layer, from the input",
            "geometric": True,
        },
        "input_sd": {
            "title": "sd of layer inputs, darker towards the class scores",
            "axis": "step",
            "kind": "depths",
            "layers": "input_drift",
            "geometric": True,
        },
        "input_mean": {
            "title": "mean of layer inputs, darker towards the class scores",
            "axis": "step",
            "kind": "depths",
            "layers": "input_drift",
        },
    },
    "while_training": True,
}
IMAGES, MATCHED_LOSS, TINY = 64, 0.5, 1e-6
Moments = dict[tuple[str, str], tuple[Tensor, Tensor]]  # by quantity and layer


class Diagnostic(diagnostics.Diagnostic):
    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.require(run.total_steps > 0, "training: epochs of 1 or more")
        self.require(len(run.layers) >= 3, "two convolutions or dense layers before the last")
        self.images = diagnostics.some_images(run.data.train, IMAGES)
        self.layers = dict(list(run.layers.items())[1:])
        *hidden, _ = self.layers
        self.names = {"input_drift": list(self.layers), "preactivation_drift": hidden}
        self.state = {"drift": [], "last": {}, "moments": [], "to_loss": {}, "reached": False}

    def start(self) -> None:
        self.state["last"] = self._moments()
        self._keep(0)

    def evaluated(self, curves: Curves) -> None:
        now, before = self._moments(), self.state["last"]
        self.state["drift"].append({place: _drift(before[place], now[place]) for place in now})
        self.state["last"] = now
        self._keep(curves.steps[-1])
        if not self.state["reached"]:
            intervals = len(self.state["drift"])
            self.state["reached"] = curves.train_losses[-1] <= MATCHED_LOSS
            self.state["to_loss"] = {
                quantity: intervals * sum(self._by_layer(quantity).values()) / len(names)
                for quantity, names in self.names.items()
            }

    def finish(self) -> Findings:
        given = [spread for (quantity, _), (_, spread) in self.state["last"].items() if quantity == "input_drift"]
        values: dict[str, float | None] = {"dead_units": float((torch.cat(given) <= TINY).double().mean())}
        profile: list[Point] = []
        for quantity in self.names:
            drift = self._by_layer(quantity)
            values[quantity] = sum(drift.values()) / len(drift)
            values[f"{quantity}_to_loss"] = self.state["to_loss"].get(quantity)
            profile += points(quantity, drift, first=2)
        for name, step, mean, sd in self.state["moments"]:
            profile += [Point(f"input_mean {name}", step, mean, name), Point(f"input_sd {name}", step, sd, name)]
        return Findings(values, profile=profile)

    def _keep(self, step: int) -> None:
        """Mean and sd of each layer's inputs, means over channels."""
        for name in self.layers:
            mean, spread = self.state["last"]["input_drift", name]
            self.state["moments"].append((name, step, float(mean.mean()), float(spread.mean())))

    def _by_layer(self, quantity: str) -> dict[str, float]:
        """The mean drift of an interval so far."""
        drift = self.state["drift"]
        return {name: sum(interval[quantity, name] for interval in drift) / len(drift) for name in self.names[quantity]}

    @torch.no_grad()
    def _moments(self) -> Moments:
        """Mean and sd of each channel of the layers' inputs and pre-activations; the network is left as it was.

        Dropout leaves out the same units each time, and in each process: what is left is drift alone.
        """
        model, moments = self.run.model, Moments()

        def keep(name: str, given: Tensor, returned: Tensor) -> None:
            moments["input_drift", name] = _channels(given)
            if name in self.names["preactivation_drift"]:
                moments["preactivation_drift", name] = _channels(returned)

        kept = {name: buffer.clone() for name, buffer in model.named_buffers()}
        draws = torch.Generator(self.images.device).manual_seed(derive_seed(self.run.seed, "inputs"))
        with drawing_from(draws, model), observed(self.layers, keep):
            model.train()(self.images)
        for name, buffer in model.named_buffers():
            buffer.copy_(kept[name])
        return moments


def _channels(values: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and sd of each channel: two means, as `std` would take ten times as long."""
    samples = values.movedim(1, -1).flatten(0, -2)
    mean = samples.mean(0)
    return mean, (samples - mean).square().mean(0).sqrt()


def _drift(before: tuple[Tensor, Tensor], now: tuple[Tensor, Tensor]) -> float:
    """The median over the channels that were alive; NaN if none was."""
    (mean, spread), (mean_now, spread_now) = before, now
    alive = (spread > TINY) & (spread_now > TINY)
    shift = (mean_now - mean).abs() / spread
    scale = (spread_now / spread).log().abs()
    return float((shift + scale)[alive].median())
