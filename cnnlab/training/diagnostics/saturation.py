"""Where activations are flat: `saturated_units`, the share of units that pass next to no gradient, mean over layers.

A unit is saturated for an image if the slope of its activation there is less than a twentieth of the largest slope that
this activation has: for the sigmoid, beyond 4.4 on either side of 0. Counted at the end, in evaluation mode, over all
units and images; with ReLU it is the share of zeros. Seen are modules of the kinds that the switch `activation` names.
Glorot & Bengio 2010, section 3, follow saturation in training.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from cnnlab.models.layers.hooks import observed
from cnnlab.models.layers.switches import ACTIVATIONS
from cnnlab.training import diagnostics
from cnnlab.training.diagnostics import Findings, Run, points

DIAGNOSTIC = {
    "metrics": {"saturated_units": {"title": "share of saturated units, mean over layers", "unit": "pp"}},
    "profiles": {"saturated_units": {"title": "saturated units, %", "axis": "activation, from the input"}},
    "cost_share": 0.02,
}
IMAGES, FLAT = 64, 0.05
KINDS: dict[str, Any] = {name: kind for name, kind in ACTIVATIONS.items() if name != "identity"}


class Diagnostic(diagnostics.Diagnostic):
    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.activations = diagnostics.layers_of(run.model, *KINDS.values())
        self.require(bool(self.activations), f"an activation module ({', '.join(KINDS)})")

    def finish(self) -> Findings:
        shares: dict[str, float] = {}

        def count(name: str, given: Tensor, _returned: Tensor) -> None:
            shares[name] = _flat(self.activations[name], given)

        with torch.no_grad(), observed(self.activations, count):
            self.run.model.eval()(diagnostics.some_images(self.run.data.train, IMAGES))
        profile = points("saturated_units", shares, factor=100)
        return Findings({"saturated_units": sum(shares.values()) / len(shares)}, profile=profile)


def _flat(activation: nn.Module, values: Tensor) -> float:
    """The share of `values` at which `activation` is flat."""
    steepest = _slopes(activation, torch.linspace(-10, 10, 2001).to(values)).max()
    return float((_slopes(activation, values).abs() < FLAT * steepest).double().mean())


def _slopes(activation: nn.Module, values: Tensor) -> Tensor:
    """By `forward`, as a call would run the hook that asks."""
    values = values.detach().requires_grad_()
    with torch.enable_grad():
        return torch.autograd.grad(activation.forward(values).sum(), values)[0]
