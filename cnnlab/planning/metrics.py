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
    difference that the metric can show: one image, one evaluation, or one octave. ``initial``: read before the first
    update, so that no run can be lost to it. ``diagnostic`` names the module of
    `cnnlab.training.diagnostics` that measures it.
    A ``signed`` metric is a difference by itself: of one arm it is an effect, and 0 is none. A ``positive`` one, an
    error or a loss, is never below 0, which may leave no room for a margin.
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
    initial: bool = False
    diagnostic: str | None = None
    signed: bool = False
    positive: bool = False

    @property
    def least_seeds(self) -> int:
        """The fewest seeds that can decide, by `cnnlab.analysis.intervals`."""
        return 5 if self.initial else 6


# Measured by the modules of `cnnlab.training.diagnostics`, which say how.
DIAGNOSED = (
    Metric(
        "update_slope",
        "rise of log₁₀ update over weight from the first to the last inner layer",
        "decades",
        diagnostic="update_ratios",
        signed=True,
    ),
    Metric(
        "update_tilt",
        "size of the rise of log₁₀ update over weight from the first to the last inner layer",
        "decades",
        diagnostic="update_ratios",
    ),
    Metric("update_spread", "sd over inner layers of log₁₀ update over weight", "decades", diagnostic="update_ratios"),
    Metric(
        "gradient_slope",
        "rise of the log₁₀ gradient norm from the first to the last inner layer",
        "decades",
        diagnostic="update_ratios",
        signed=True,
    ),
    Metric(
        "input_drift",
        "drift of the layers' inputs from one evaluation to the next",
        "log2 ratio",
        scale="log2",
        diagnostic="activation_drift",
    ),
    Metric(
        "input_drift_to_loss",
        "drift of the layers' inputs until the training loss is 0.5 nats",
        "log2 ratio",
        scale="log2",
        diagnostic="activation_drift",
    ),
    Metric(
        "preactivation_drift",
        "drift of what hidden layers return before any normalization",
        "log2 ratio",
        scale="log2",
        diagnostic="activation_drift",
    ),
    Metric(
        "preactivation_drift_to_loss",
        "drift of what hidden layers return before any normalization, until the training loss is 0.5 nats",
        "log2 ratio",
        scale="log2",
        diagnostic="activation_drift",
    ),
    Metric(
        "saturated_units",
        "share of units whose activation is flat, mean over layers",
        "pp",
        factor=100,
        diagnostic="saturation",
    ),
    Metric(
        "dead_units", "share of units that are the same for all images", "pp", factor=100, diagnostic="activation_drift"
    ),
    Metric(
        "settling_lag",
        "training time by which the upper half of the layers settles before the lower",
        "pp",
        factor=100,
        diagnostic="layer_convergence",
        signed=True,
    ),
    Metric(
        "change_lag",
        "training time by which the upper half of the layers is done with its own change before the lower",
        "pp",
        factor=100,
        diagnostic="layer_convergence",
        signed=True,
    ),
    Metric(
        "shift_drop",
        "accuracy lost to shifts of 1 to 4 pixels",
        "pp",
        factor=100,
        better="lower",
        per_image="shift_drop",
        diagnostic="shifts",
    ),
    Metric(
        "downsampling_drop",
        "accuracy lost to images of 3/4 and 1/2 of the resolution",
        "pp",
        factor=100,
        better="lower",
        per_image="downsampling_drop",
        diagnostic="downsampling",
    ),
    Metric(
        "warped_error",
        "error on shifted and turned test images",
        "pp",
        factor=100,
        better="lower",
        per_image="warped_error",
        floor="image",
        diagnostic="augmentation_range",
        positive=True,
    ),
    Metric(
        "far_warped_error",
        "error on test images shifted and turned beyond the range simulated",
        "pp",
        factor=100,
        better="lower",
        per_image="far_warped_error",
        floor="image",
        diagnostic="augmentation_range",
        positive=True,
    ),
    Metric(
        "selectivity_gain",
        "orientation selectivity of first-layer filters, trained minus as initialized",
        "of 1",
        diagnostic="orientation_selectivity",
        signed=True,
    ),
    Metric(
        "probe_rise",
        "accuracy of a linear probe on the last hidden layer minus on the first",
        "pp",
        factor=100,
        per_image="probe_rise",
        diagnostic="linear_probes",
        signed=True,
    ),
    Metric(
        "branch_similarity_gap",
        "similarity of a branch to itself across seeds minus to the others",
        "of 1",
        diagnostic="branch_similarity",
        signed=True,
    ),
    Metric(
        "largest_rate",
        "largest learning rate within 2 pp of the best",
        "log2 ratio",
        scale="log2",
        better="higher",
        floor="octave",
        diagnostic="largest_learning_rate",
    ),
    Metric(
        "identity_advantage",
        "log₂ of the loss that a random map leaves over that which the identity leaves",
        "octaves",
        diagnostic="identity_fit",
    ),
    Metric(
        "statistics_distance",
        "distance of running from whole-set means of batch normalization",
        "sd",
        diagnostic="batchnorm_statistics",
        signed=True,
    ),
    Metric(
        "statistics_shift",
        "test error with running averages minus with whole-set statistics",
        "pp",
        factor=100,
        per_image="statistics_shift",
        floor="image",
        diagnostic="batchnorm_statistics",
        signed=True,
    ),
    Metric("noise_fitted", "share of wrong training labels given back", "pp", factor=100, diagnostic="memorization"),
    Metric("weight_norm", "Euclidean norm of the weights", "log2 ratio", scale="log2", diagnostic="memorization"),
)
# Diagnostics that look at the network while it trains, and those that move the pixels of test images.
TRAINING = frozenset({"activation_drift", "update_ratios", "largest_learning_rate", "layer_convergence"})
MOVING = frozenset({"downsampling", "shifts", "augmentation_range"})
METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(
            "test_error",
            "test error",
            "pp",
            factor=100,
            better="lower",
            per_image="error",
            floor="image",
            positive=True,
        ),
        Metric("train_error", "training error, evaluation mode", "pp", factor=100, better="lower", positive=True),
        Metric(
            "gap",
            "test error minus training error",
            "pp",
            factor=100,
            better="lower",
            per_image="error",  # the training images are all there are of them: no sample, no spread
            floor="image",
        ),
        Metric("test_loss", "test log-loss", "nats", better="lower", per_image="loss", positive=True),
        Metric("train_loss", "training log-loss, evaluation mode", "nats", better="lower", positive=True),
        Metric("validation_error", "validation error", "pp", factor=100, better="lower", positive=True),
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
        Metric(
            "first_gradient_norm",
            "norm of the first layer's gradient at step 1",
            "log2 ratio",
            scale="log2",
            initial=True,
        ),
        Metric(
            "early_gradient_norm",
            "norm of the first layer's gradient, geometric mean of steps 1-10",
            "log2 ratio",
            scale="log2",
        ),
        Metric(
            "curve_area",
            "mean validation accuracy over training",
            "pp",
            factor=100,
            better="higher",
        ),
        Metric("calibration_error", "expected calibration error on test images", "pp", factor=100, better="lower"),
        *DIAGNOSED,
    )
}
