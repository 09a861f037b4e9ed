"""The quantities that a contrast may compare: those of every run's result, and what the diagnostics declare."""

from __future__ import annotations

from typing import Any

from cnnlab.core.errors import UserError
from cnnlab.planning.diagnostics import Metric, diagnostics

__all__ = ["LEAST_SEEDS", "METRICS", "Metric"]

# Of a study that claims something: in a sign test, which a lost run asks for, five pairs that agree prove nothing.
LEAST_SEEDS = 6
MISTAKES: dict[str, Any] = {"unit": "pp", "better": "lower", "positive": True}  # a share of images
TIME: dict[str, Any] = {"unit": "log2 ratio", "better": "lower", "censored": True}
# Of every run, by `cnnlab.training.outcome`.
OUTCOMES = (
    Metric(name="test_error", title="test error", per_image="error", floor="image", **MISTAKES),
    Metric(name="train_error", title="training error, evaluation mode", **MISTAKES),
    Metric(
        name="test_error_ratio",
        title="test error, as a ratio",
        unit="log2 ratio",
        column="test_error",
        per_image="error",
        better="lower",
    ),
    # Its training images are all there are of them: no sample, no spread.
    Metric(
        name="gap", title="test error minus training error", unit="pp", per_image="error", floor="image", better="lower"
    ),
    Metric(name="test_loss", title="test log-loss", unit="nats", per_image="loss", positive=True, better="lower"),
    Metric(name="train_loss", title="training log-loss, evaluation mode", unit="nats", positive=True, better="lower"),
    Metric(name="validation_error", title="validation error", **MISTAKES),
    Metric(name="steps_to_target", title="steps to the target validation accuracy", floor="evaluation", **TIME),
    Metric(name="seconds_to_target", title="seconds to the target validation accuracy", measured=True, **TIME),
    Metric(
        name="first_gradient_norm",
        title="norm of the first layer's gradient at step 1",
        unit="log2 ratio",
        initial=True,
    ),
    Metric(
        name="early_gradient_norm",
        title="norm of the first layer's gradient, geometric mean of steps 1-10",
        unit="log2 ratio",
    ),
    Metric(name="curve_area", title="mean validation accuracy over training", unit="pp", better="higher"),
    Metric(name="calibration_error", title="expected calibration error on test images", unit="pp", better="lower"),
)


def _all() -> dict[str, Metric]:
    metrics = {metric.name: metric for metric in OUTCOMES}
    for spec in diagnostics().values():
        for name, metric in spec.metrics.items():
            if name in metrics:
                raise UserError(f"{spec.name}.py: DIAGNOSTIC: metrics.{name}: every run has it already; rename it")
            metrics[name] = metric
    return metrics


METRICS = _all()
