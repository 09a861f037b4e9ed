"""How well a block fits the identity, and a map drawn at random: `identity_advantage`.

The network's first block that keeps the shape of its input, as initialized, is fitted by gradient descent to its own
input, and to what a convolution and ReLU, drawn at random, make of that input. Each loss is the squared error over its
own value before the first step, as blocks that begin nearer to their target would otherwise win by that alone. The
advantage is log2 of the random map's remaining loss over the identity's. He et al. 2016, section 3.1.
"""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor, nn

from cnnlab.data.random_streams import generator
from cnnlab.models.layers.residual import Block
from cnnlab.training import diagnostics
from cnnlab.training.diagnostics import Findings, Run, points
from cnnlab.training.optimizers import SGD

DIAGNOSTIC = {
    "cost_seconds": 1.2,
    "metrics": {
        "identity_advantage": {
            "title": "log₂ of the loss that a random map leaves over that which the identity leaves",
            "plain": "fitting leaves {x} times as much of the loss of a random map as of the identity",
            "unit": "octaves",
        }
    },
    "profiles": {
        "remaining_loss": {
            "title": "share of the loss that fitting leaves",
            "axis": "map that is fitted",
            "kind": "points",
            "geometric": True,
        }
    },
}
IMAGES, STEPS, RATES = 64, 100, (0.03, 0.1, 0.3, 1.0)


class Diagnostic(diagnostics.Diagnostic):
    def __init__(self, run: Run) -> None:
        super().__init__(run)
        blocks = [block for block in run.model.modules() if isinstance(block, Block) and _keeps_shape(block)]
        self.require(bool(blocks), "a residual block (or that of the plain network) that keeps the shape of its input")
        self.block = copy.deepcopy(blocks[0]).cpu()

    def finish(self) -> Findings:
        block, width = self.block, self.block.outputs
        draws = generator(self.run.seed, "identity")
        inputs = torch.randn(IMAGES, width, 7, 7, generator=draws).relu()
        teacher = nn.Sequential(nn.Conv2d(width, width, 3, padding=1, bias=False), nn.ReLU())
        with torch.no_grad():
            weight = torch.randn(width, width, 3, 3, generator=draws) * math.sqrt(2 / (9 * width))
            next(teacher.parameters()).copy_(weight)
            targets = {"identity": inputs, "random": teacher(inputs)}
        left = {name: min(_fit(block, inputs, target, rate) for rate in RATES) for name, target in targets.items()}
        ratio = left["random"] / left["identity"] if left["identity"] else math.nan
        advantage = math.log2(ratio) if 0 < ratio < math.inf else None
        return Findings({"identity_advantage": advantage}, profile=points("remaining_loss", left, first=0))


def _keeps_shape(block: Block) -> bool:
    first = next(module for module in block.modules() if isinstance(module, nn.Conv2d))
    return first.in_channels == block.outputs and first.stride == (1, 1)


def _fit(block: Block, inputs: Tensor, target: Tensor, rate: float) -> float:
    """The remaining share of the squared error after `STEPS` full-batch steps; infinite if it diverged, NaN if there
    was none."""
    fitted = copy.deepcopy(block).train()
    optimizer = SGD(fitted.parameters(), 0.9, 0.0)
    losses = []
    for step in range(STEPS + 1):
        loss = (fitted(inputs) - target).square().mean()
        losses.append(float(loss.detach()))
        if step < STEPS:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step(rate)
    if losses[0] == 0:
        return math.nan
    return losses[-1] / losses[0] if math.isfinite(losses[-1]) else math.inf
