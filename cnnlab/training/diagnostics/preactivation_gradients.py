"""How gradients with respect to pre-activations are spread over the depth of a network: `preactivation_*`.

Of each convolution and dense layer but the first and the last, early in training: log10 of the norm of the loss's
gradient with respect to what its activation is given, behind a normalization where there is one. That is the signal
which goes down the network (Glorot & Bengio 2010, section 4.2.2), whatever the weights are. The gradient of a weight is
not: in a network of ReLU without biases the product of weight and gradient is the same in every layer (Euler's theorem
for homogeneous functions), and so its profile is flat where the signal rises by decades.
"""

from __future__ import annotations

import math
from functools import partial

import torch
from torch import Tensor, nn

from cnnlab.training import diagnostics
from cnnlab.training.diagnostics import Findings, Run, points

DIAGNOSTIC = {
    "metrics": {
        "preactivation_slope": {
            "title": "rise of the log₁₀ gradient of pre-activations from the first to the last inner layer",
            "plain": "the gradient at the last inner layer is {x} times as large as at the first",
            "unit": "decades",
            "signed": True,
        },
        "preactivation_tilt": {
            "title": "size of the rise of the log₁₀ gradient of pre-activations from the first to the last inner layer",
            "plain": "the gradient at one end of the network is {x} times as large as at the other",
            "unit": "decades",
            "positive": True,
        },
        "preactivation_spread": {
            "title": "sd over inner layers of the log₁₀ gradient of pre-activations",
            "plain": "the gradients at the inner layers typically differ by a factor of {x}",
            "unit": "decades",
            "positive": True,
        },
    },
    "profiles": {
        "preactivation_gradient": {
            "title": "log₁₀ of the gradient of pre-activations, mean of the first steps",
            "axis": "layer, from the input",
        },
    },
    "while_training": True,
}


class Diagnostic(diagnostics.InnerLayers):
    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.state = {"samples": []}
        self.listening, self.norms = False, dict[str, Tensor]()
        for name, module in _given_to_activations(run.model, run.layers).items():
            if name in self.names:
                module.register_forward_hook(partial(self._listen, name))

    def wants(self, step: int) -> bool:
        self.listening = super().wants(step)
        return self.listening

    def _listen(self, name: str, _module: nn.Module, _inputs: object, output: Tensor) -> None:
        if self.listening and output.requires_grad:
            output.register_hook(partial(self._keep, name))

    def _keep(self, name: str, gradient: Tensor) -> None:
        self.norms[name] = torch.linalg.vector_norm(gradient.detach().double())

    def before_update(self, step: int) -> None:
        self.state["samples"].append([float(self.norms[name]) for name in self.names])

    def finish(self) -> Findings:
        samples = self.state["samples"]
        if any(not 0 < norm < math.inf for sample in samples for norm in sample):  # it has no logarithm
            return Findings(dict.fromkeys(("preactivation_slope", "preactivation_tilt", "preactivation_spread")))
        profile = [sum(map(math.log10, norms)) / len(norms) for norms in zip(*samples, strict=True)]
        rise = diagnostics.slope(profile)
        values: dict[str, float | None] = {
            "preactivation_slope": rise,
            "preactivation_tilt": abs(rise),
            "preactivation_spread": float(torch.tensor(profile).std()),
        }
        by_layer = dict(zip(self.names, profile, strict=True))
        return Findings(values, profile=points("preactivation_gradient", by_layer, first=2))


def _given_to_activations(model: nn.Module, layers: dict[str, nn.Module]) -> dict[str, nn.Module]:
    """By the name of each layer, the module that returns its pre-activations: itself, or a normalization behind it."""
    leaves = [(name, module) for name, module in model.named_modules() if next(module.children(), None) is None]
    followers = dict(zip([name for name, _ in leaves], [module for _, module in leaves[1:]], strict=False))
    behind = {name: followers.get(name, layer) for name, layer in layers.items()}
    return {name: behind[name] if _normalizes(behind[name]) else layer for name, layer in layers.items()}


def _normalizes(module: nn.Module) -> bool:
    return hasattr(module, "running_mean") or isinstance(module, nn.LayerNorm | nn.GroupNorm)
