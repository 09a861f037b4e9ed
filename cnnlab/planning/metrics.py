"""The quantities that a contrast may compare: those of every run's result, and what the diagnostics declare."""

from __future__ import annotations

from cnnlab.core.errors import UserError
from cnnlab.planning.diagnostics import Metric, diagnostics

__all__ = ["METRICS", "Metric"]

# Of every run, by `cnnlab.training.outcome`.
OUTCOMES = (
    Metric(
        name="test_error",
        title="test error",
        unit="pp",
        factor=100,
        better="lower",
        per_image="error",
        floor="image",
        positive=True,
    ),
    Metric(
        name="train_error",
        title="training error, evaluation mode",
        unit="pp",
        factor=100,
        better="lower",
        positive=True,
    ),
    Metric(
        name="gap",
        title="test error minus training error",
        unit="pp",
        factor=100,
        better="lower",
        per_image="error",  # the training images are all there are of them: no sample, no spread
        floor="image",
    ),
    Metric(name="test_loss", title="test log-loss", unit="nats", better="lower", per_image="loss", positive=True),
    Metric(name="train_loss", title="training log-loss, evaluation mode", unit="nats", better="lower", positive=True),
    Metric(name="validation_error", title="validation error", unit="pp", factor=100, better="lower", positive=True),
    Metric(
        name="steps_to_target",
        title="steps to the target validation accuracy",
        unit="log2 ratio",
        scale="log2",
        better="lower",
        floor="evaluation",
        censored=True,
    ),
    Metric(
        name="seconds_to_target",
        title="seconds to the target validation accuracy",
        unit="log2 ratio",
        scale="log2",
        better="lower",
        censored=True,
        measured=True,
    ),
    Metric(
        name="first_gradient_norm",
        title="norm of the first layer's gradient at step 1",
        unit="log2 ratio",
        scale="log2",
        initial=True,
    ),
    Metric(
        name="early_gradient_norm",
        title="norm of the first layer's gradient, geometric mean of steps 1-10",
        unit="log2 ratio",
        scale="log2",
    ),
    Metric(name="curve_area", title="mean validation accuracy over training", unit="pp", factor=100, better="higher"),
    Metric(
        name="calibration_error",
        title="expected calibration error on test images",
        unit="pp",
        factor=100,
        better="lower",
    ),
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
