"""Roughly how long a run takes: what batches, the order of jobs and the time left are planned with."""

from __future__ import annotations

from collections.abc import Mapping

from cnnlab.planning import datasets, model_registry
from cnnlab.planning.diagnostics import diagnostics
from cnnlab.planning.specs import ArmSpec

UNTRAINED = 0.1  # seconds of a run without an epoch: it is built, and evaluated
FORWARD = 1 / 3  # of what an image costs in training, where it is only evaluated
SMALLER = 1.5  # power of the side: arithmetic goes with its square, what starts each operation takes as long
NORMALIZED = 1.3  # times as long as without, where the preset has none
GPU = 25  # times as fast as a core, over all studies of the quick tier: networks that small wait for the CPU
SVM = 1e-3  # seconds an image, of a tuned linear SVM on the features of a network


def run_seconds(arm: ArmSpec) -> float:
    """Seconds of one run on one core of an ordinary machine, or on a GPU, its diagnostics included, from what its
    architecture declares of one image."""
    model, train = arm.model, arm.train
    architecture = model_registry.get(model.architecture)
    preset = architecture.presets[model.preset]
    usual = {name: switch.default for name, switch in architecture.switches.items()} | preset.switches
    images, evaluated, _ = datasets.split_sizes(arm.data)
    side = arm.data.image_size or datasets.shape(arm.data)[1]
    slower = _times("depth", model.switches, usual) * _times("width", model.switches, usual)
    slower *= NORMALIZED ** (_normalized(model.switches) - _normalized(usual))
    an_image: float = 1e-6 * preset.microseconds * (side / preset.image_size) ** SMALLER * slower
    images_an_epoch = images + FORWARD * train.evaluations_per_epoch * evaluated
    watched = 1 + sum(diagnostics()[name].cost_share for name in arm.diagnostics)
    apart = UNTRAINED + sum(diagnostics()[name].cost_seconds for name in arm.diagnostics)
    svm = images * SVM * (train.classifier != "network")
    trained = train.epochs * images_an_epoch * an_image * watched
    return (apart + trained + svm) / (GPU if arm.device == "cuda" else 1)


def _times(name: str, switches: Mapping[str, object], usual: Mapping[str, object]) -> float:
    """How many times the usual number a switch is; 1 where it is none."""
    value, ordinary = switches.get(name), usual.get(name)
    numbers = isinstance(value, int | float) and isinstance(ordinary, int | float)
    return float(value) / float(ordinary) if numbers and ordinary else 1.0  # type: ignore[arg-type]


def _normalized(switches: Mapping[str, object]) -> bool:
    return switches.get("normalization", "none") != "none"
