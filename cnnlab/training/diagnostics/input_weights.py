"""Whether a dense first layer gives all inputs weights of one magnitude: `input_weight_spread`.

The sd over inputs of log2 of the norm of an input's weights after training, without inputs that never vary.
"""

from __future__ import annotations

import torch

from cnnlab.training import diagnostics
from cnnlab.training.diagnostics import Findings, Run, first_weight

DIAGNOSTIC = {
    "metrics": {
        "input_weight_spread": {
            "title": "sd over inputs of the log₂ norm of their weights",
            "plain": "the weights of the inputs typically differ by a factor of {x}",
            "unit": "octaves",
            "positive": True,
        }
    },
}


class Diagnostic(diagnostics.Diagnostic):
    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self.require(first_weight(run.model).ndim == 2, "a dense layer that sees the pixels")

    @torch.no_grad()
    def finish(self) -> Findings:
        images = torch.cat(list(self.run.data.train.chunks(1000))).flatten(1)
        norms = torch.linalg.vector_norm(first_weight(self.run.model), dim=0)[images.amax(0) > images.amin(0)]
        return Findings({"input_weight_spread": float(norms.log2().std())})
