"""Roughly how long a run takes: what batches, the order of jobs and the time left are planned with."""

from __future__ import annotations

from cnnlab.planning import datasets, model_registry
from cnnlab.planning.diagnostics import diagnostics
from cnnlab.planning.specs import ArmSpec

UNTRAINED = 0.1  # seconds of a run without an epoch: it is built, and evaluated
GPU = 25  # times as fast as a core, over all studies of the quick tier: networks that small wait for the CPU
SVM = 1e-3  # seconds an image, of a tuned linear SVM on the features of a network


def run_seconds(arm: ArmSpec) -> float:
    """Seconds of one run on one core of an ordinary machine, or on a GPU, its diagnostics included, from what its
    architecture declares of one image."""
    model, train = arm.model, arm.train
    architecture = model_registry.get(model.architecture)
    preset = architecture.presets[model.preset]
    images = datasets.split_sizes(arm.data)[0]
    side = arm.data.image_size or datasets.shape(arm.data)[1]
    deeper = _number(model.switches.get("depth")) / _number(
        preset.switches.get("depth", architecture.switches["depth"].default if "depth" in architecture.switches else 1)
    )
    an_image = 1e-6 * preset.microseconds * (side / preset.image_size) ** 2 * deeper
    watched = 1 + sum(diagnostics()[name].cost_share for name in arm.diagnostics)
    svm = images * SVM * (train.classifier != "network")
    return (UNTRAINED + images * train.epochs * an_image * watched + svm) / (GPU if arm.device == "cuda" else 1)


def _number(depth: object) -> float:
    return float(depth) if isinstance(depth, int | float) else 1.0
