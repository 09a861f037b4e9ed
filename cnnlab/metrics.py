"""The quantities that a contrast may compare: unit, scale, direction and smallest step of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Metric:
    """One column of a run's result.

    ``factor`` turns the stored value into ``unit``; a ``log2`` metric is compared as a log2 ratio. ``better`` says on
    which side a run that diverged counts. ``per_image`` names the per-image column whose spread over test images is
    part of the interval: ``error``, ``loss``, or an array that its diagnostic left. ``floor`` is the smallest
    difference that the metric can show: one image, one evaluation, or one octave. ``diagnostic`` names the module of
    `cnnlab.diagnostics` that measures it. A ``signed`` metric is a difference by itself: of one arm it is an effect, and
    0 is none.
    """

    name: str
    title: str
    unit: str
    scale: Literal["linear", "log2"] = "linear"
    factor: float = 1.0
    better: Literal["lower", "higher"] | None = None
    per_image: str | None = None
    floor: Literal["image", "evaluation", "octave"] | None = None
    censored: bool = False
    measured: bool = False
    diagnostic: str | None = None
    signed: bool = False


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("test_error", "test error", "pp", factor=100, better="lower", per_image="error", floor="image"),
        Metric("train_error", "training error, evaluation mode", "pp", factor=100, better="lower"),
        Metric(
            "gap",
            "test error minus training error",
            "pp",
            factor=100,
            better="lower",
            per_image="error",  # the training images are all there are of them: no sample, no spread
            floor="image",
        ),
        Metric("test_loss", "test log-loss", "nats", better="lower", per_image="loss"),
        Metric("train_loss", "training log-loss, evaluation mode", "nats", better="lower"),
        Metric("validation_error", "validation error", "pp", factor=100, better="lower"),
        Metric(
            "steps_to_target",
            "steps to the target validation accuracy",
            "log2 ratio",
            scale="log2",
            better="lower",
            floor="evaluation",
            censored=True,
        ),
        Metric(
            "seconds_to_target",
            "seconds to the target validation accuracy",
            "log2 ratio",
            scale="log2",
            better="lower",
            censored=True,
            measured=True,
        ),
        Metric("first_gradient_norm", "norm of the first layer's gradient at step 1", "log2 ratio", scale="log2"),
        Metric(
            "early_gradient_norm",
            "norm of the first layer's gradient, geometric mean of steps 1-10",
            "log2 ratio",
            scale="log2",
        ),
        Metric(
            "update_slope",
            "rise over depth of log10 of update over weight, first to last inner layer, steps 1-100",
            "decades",
            diagnostic="layers",
            signed=True,
        ),
        Metric(
            "update_tilt",
            "absolute rise over depth of log10 of update over weight, first to last inner layer, steps 1-100",
            "decades",
            diagnostic="layers",
        ),
        Metric(
            "update_spread",
            "sd over inner layers of log10 of update over weight, steps 1-100",
            "decades",
            diagnostic="layers",
        ),
        Metric(
            "gradient_slope",
            "rise over depth of log10 of the gradient's norm, first to last inner layer, steps 1-100",
            "decades",
            diagnostic="layers",
            signed=True,
        ),
    )
}
