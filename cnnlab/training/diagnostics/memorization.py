"""What a network has learned by heart: `noise_fitted`, the share of the wrong training labels that it predicts; and
`weight_norm`, the Euclidean norm of all its weights (of two and more dimensions) at the end.

Zhang et al. 2017, "Understanding deep learning requires rethinking generalization".
"""

from __future__ import annotations

import torch

from cnnlab.training import diagnostics
from cnnlab.training.diagnostics import Findings
from cnnlab.training.evaluate import evaluate

DIAGNOSTIC = {
    "metrics": {
        "noise_fitted": {"title": "share of wrong training labels fitted", "unit": "pp"},
        "weight_norm": {"title": "Euclidean norm of the weights", "unit": "log2 ratio"},
    }
}


class Diagnostic(diagnostics.Diagnostic):
    def finish(self) -> Findings:
        wrong = self.run.data.wrong_labels
        weights = [weight.detach() for weight in self.run.model.parameters() if weight.ndim >= 2]
        fitted = None
        if wrong is not None:
            fitted = float(evaluate(self.run.model, self.run.data.train).correct[wrong].double().mean())
        norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(weight) for weight in weights]))
        return Findings({"noise_fitted": fitted, "weight_norm": float(norm)})
