"""What a run found: the numbers of its record, and what its diagnostics saw."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from cnnlab.data.dataset import Dataset
from cnnlab.planning.specs import ArmSpec
from cnnlab.training.diagnostics import Findings, steps_to_target
from cnnlab.training.evaluate import Evaluation, calibration_error, evaluate
from cnnlab.training.loop import Trained

EARLY_STEPS = 10


@dataclass(frozen=True)
class Outcome:
    """What a run found: numbers, per-image test outcome, and what its diagnostics saw. No test outcome unless it
    finished."""

    values: dict[str, Any]
    test: Evaluation | None = None
    findings: Findings = field(default_factory=lambda: Findings({}))


def result(arm: ArmSpec, data: Dataset, trained: Trained, epochs: int) -> Outcome:
    """The deterministic outcome of a run. Test images are read here, after training.

    Missing values are None: a run that diverged has no final error, not an error of 1 or 0.
    """
    curves, early = trained.curves, trained.curves.gradient_norm[: min(EARLY_STEPS, trained.step)]
    accuracies = curves.validation_accuracies
    values: dict[str, Any] = {
        "status": trained.status,
        "epochs": epochs,
        "steps": trained.step,
        "steps_per_epoch": trained.steps_per_epoch,
        "evaluation_interval": trained.interval,
        "diverged_at_step": curves.diverged_at(),
        "target_accuracy": arm.train.target_accuracy,
        "steps_to_target": steps_to_target(curves.steps, accuracies, arm.train.target_accuracy),
        "curve_area": sum(accuracies) / len(accuracies) if accuracies and trained.status == "finished" else None,
        "first_gradient_norm": finite(early[:1].double().mean().item()),
        "early_gradient_norm": finite(early.double().log().mean().exp().item()),
        "test_images": len(data.test),
        "parameters": _parameters(arm, trained.model),
    }
    finals = ("train_error", "train_loss", "validation_error", "validation_loss", "test_error", "test_loss")
    if trained.status != "finished":
        return Outcome({**values, **dict.fromkeys((*finals, "calibration_error"))})
    outcomes = _outcomes(arm, data, trained.model)
    for name, outcome in outcomes.items():
        values[f"{name}_error"], values[f"{name}_loss"] = outcome.error, finite(outcome.mean_loss)
    test, findings = outcomes["test"], trained.diagnostics.finish()
    values["calibration_error"] = None if test.confidence is None else calibration_error(test.confidence, test.correct)
    diagnosed = {name: None if value is None else finite(value) for name, value in findings.values.items()}
    return Outcome({**values, **diagnosed}, test, findings)


def _parameters(arm: ArmSpec, model: nn.Module) -> int | None:
    """Trained numbers of the network; None where no network is used."""
    return sum(parameter.numel() for parameter in model.parameters()) if arm.train.classifier != "hog_svm" else None


def _outcomes(arm: ArmSpec, data: Dataset, model: nn.Module) -> dict[str, Evaluation]:
    splits = {"train": data.train, "validation": data.validation, "test": data.test}
    if arm.train.classifier == "network":
        return {name: evaluate(model, split) for name, split in splits.items()}
    from cnnlab.training.svm import classify

    return classify(arm.train.classifier, model, splits)


def finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
