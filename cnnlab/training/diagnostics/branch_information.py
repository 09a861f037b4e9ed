"""Whether a branch of an Inception block tells what the others do not: `branch_novelty`.

The share of the variance of a branch's channels, over test images and pixels, that no linear map of another branch's
channels predicts: 1 minus the R² of ridge regression, fitted on one half of the images and taken on the other; the mean
over ordered pairs of branches and over blocks. 0 if one branch gives the other, and 1 if it tells nothing of it.
"""

from __future__ import annotations

from itertools import permutations

import torch
from torch import Tensor

from cnnlab.models.layers.hooks import evaluation, observed
from cnnlab.models.layers.inception import InceptionBlock
from cnnlab.training import diagnostics
from cnnlab.training.diagnostics import Findings, Run, points

DIAGNOSTIC = {
    "metrics": {
        "branch_novelty": {
            "title": "share of a branch's variance that no linear map of another branch predicts",
            "plain": "{x} % of what a branch computes is no linear map of another branch",
            "unit": "of 1",
            "signed": True,
        }
    },
    "profiles": {
        "novelty": {
            "title": "share of a branch that another does not predict",
            "axis": "Inception block",
            "kind": "blocks",
            "quantities": {"novelty": "mean over pairs of branches"},
        }
    },
}
IMAGES, STRENGTH = 300, 1e-3


class Diagnostic(diagnostics.Diagnostic):
    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.blocks = {
            name: [branch for branch, _ in module.named_children()]
            for name, module in run.model.named_modules()
            if isinstance(module, InceptionBlock)
        }
        several = any(len(branches) > 1 for branches in self.blocks.values())
        self.require(several, "Inception blocks of several branches")

    def finish(self) -> Findings:
        model = self.run.model
        names = [f"{block}.{branch}" for block, branches in self.blocks.items() for branch in branches]
        images = diagnostics.some_images(self.run.data.test, IMAGES)
        returned: dict[str, Tensor] = {}
        branches = {name: model.get_submodule(name) for name in names}
        with evaluation(model), observed(branches, lambda name, _, output: returned.update({name: output})):
            model(images)
        novelty = {
            f"{block}: {one} from {other}": unpredicted(returned[f"{block}.{one}"], returned[f"{block}.{other}"])
            for block, branches in self.blocks.items()
            for one, other in permutations(branches, 2)
        }
        known = [value for value in novelty.values() if value is not None]
        shown = {pair: value for pair, value in novelty.items() if value is not None}
        return Findings(
            {"branch_novelty": sum(known) / len(known) if known else None}, profile=points("novelty", shown)
        )


@torch.no_grad()
def unpredicted(target: Tensor, given: Tensor) -> float | None:
    """The share of the variance of `target` ``(N, C, H, W)`` that `given` ``(N, D, H, W)`` does not predict, on every
    second image from the others; None where the target does not vary."""
    halves = [[_samples(maps[start::2]) for maps in (given, target)] for start in (0, 1)]
    (x, y), (other_x, other_y) = halves
    x_mean, y_mean = x.mean(0), y.mean(0)
    x, y = x - x_mean, y - y_mean
    square = x.T @ x
    ridge = STRENGTH * square.diagonal().mean().clamp(min=1e-12) * torch.eye(len(square)).to(square)
    left = other_y - y_mean - (other_x - x_mean) @ torch.linalg.solve(square + ridge, x.T @ y)
    whole = (other_y - other_y.mean(0)).square().sum()
    return float((left.square().sum() / whole).clamp(max=1)) if whole > 0 else None


def _samples(maps: Tensor) -> Tensor:
    """Every pixel of every image as a sample of its channels: ``(N·H·W, C)``."""
    return maps.double().permute(0, 2, 3, 1).flatten(0, 2)
