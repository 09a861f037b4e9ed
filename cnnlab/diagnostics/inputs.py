"""How steady the inputs of each layer are while the network trains: `input_drift`, `input_drift_to_loss`, `dead_units`.

On the same training images at every evaluation, in training mode, dropout leaving out the same units each time: mean
and sd of each channel (feature) that a convolution or dense layer, but for the first, is given. Drift from one
evaluation to the next is the change of the mean in units of the channel's own sd, plus the absolute change of the log
of that sd, averaged over channels and layers. Ioffe & Szegedy 2015 call this internal covariate shift; measuring the
output of a normalization itself would be circular.

`input_drift` is the mean of an interval between evaluations, `input_drift_to_loss` the sum up to the first evaluation
at which the training loss is at most 0.5 nats. A unit is dead if it is the same for all images at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from cnnlab import diagnostics
from cnnlab.data.load import derive_seed
from cnnlab.diagnostics import Findings, Point, Run

IMAGES, MATCHED_LOSS, TINY = 128, 0.5, 1e-6


class Diagnostic(diagnostics.Diagnostic):
    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.require(run.total_steps > 0, "training: epochs of 1 or more")
        self.images = run.data.train.scaling(run.data.train.images[:IMAGES])
        self.layers = dict(list(run.layers.items())[1:])
        self.state = {"drift": [], "last": {}, "reached": None}

    def start(self) -> None:
        self.state["last"] = self._moments()

    def evaluated(self, step: int, train_loss: float) -> None:
        now, before = self._moments(), self.state["last"]
        drifts = {name: _drift(before[name], now[name]) for name in self.layers}
        self.state["drift"].append(drifts)
        self.state["last"] = now
        if self.state["reached"] is None and train_loss <= MATCHED_LOSS:
            self.state["reached"] = sum(_mean(each) for each in self.state["drift"])

    def finish(self) -> Findings:
        drift, moments = self.state["drift"], self.state["last"]
        dead = torch.cat([spread <= TINY for _, spread in moments.values()])
        by_layer = {name: sum(each[name] for each in drift) / len(drift) for name in self.layers}
        values: dict[str, float | None] = {
            "input_drift": _mean(by_layer),
            "input_drift_to_loss": self.state["reached"],
            "dead_units": float(dead.double().mean()),
        }
        points = enumerate(by_layer.items(), start=2)
        return Findings(values, profile=[Point("input_drift", depth, value, name) for depth, (name, value) in points])

    @torch.no_grad()
    def _moments(self) -> dict[str, tuple[Tensor, Tensor]]:
        """Mean and sd of each channel of the inputs of each layer; weights, buffers and random draws are left alone."""
        model, found = self.run.model, dict[str, tuple[Tensor, Tensor]]()

        def keep(name: str) -> Callable[[nn.Module, Any], None]:
            return lambda _module, given: found.update({name: _channels(given[0])})

        hooks = [layer.register_forward_pre_hook(keep(name)) for name, layer in self.layers.items()]
        kept = {name: buffer.clone() for name, buffer in model.named_buffers()}
        device = self.images.device
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(derive_seed(self.run.seed, "input drift"))
            model.train()
            model(self.images)
        for name, buffer in model.named_buffers():
            buffer.copy_(kept[name])
        for hook in hooks:
            hook.remove()
        return found


def _channels(values: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and sd of each channel: two means, as `std` would take ten times as long."""
    samples = values.movedim(1, -1).flatten(0, -2)
    mean = samples.mean(0)
    return mean, (samples - mean).square().mean(0).sqrt()


def _drift(before: tuple[Tensor, Tensor], now: tuple[Tensor, Tensor]) -> float:
    """Over the channels that were alive; NaN if none was."""
    (mean, spread), (mean_now, spread_now) = before, now
    alive = (spread > TINY) & (spread_now > TINY)
    shift = (mean_now - mean).abs() / spread
    scale = (spread_now / spread).log().abs()
    return float((shift + scale)[alive].mean())


def _mean(values: dict[str, float]) -> float:
    return sum(values.values()) / len(values)
