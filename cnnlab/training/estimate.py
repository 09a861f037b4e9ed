"""About how long a run takes: for planning, from counts alone."""

from __future__ import annotations

from functools import lru_cache
from math import prod

import torch

from cnnlab import models
from cnnlab.models.cost import describe
from cnnlab.planning import datasets
from cnnlab.planning.diagnostics import diagnostics
from cnnlab.planning.specs import ArmSpec, ModelSpec

# Of a training step on one core of an ordinary machine: dispatch, arithmetic, and traffic of one activation.
# Fitted to 140 arms of both tiers: four of five within 15 % below and 45 % above what was measured.
SECONDS_PER_LAYER, SECONDS_PER_MAC, SECONDS_PER_ACTIVATION = 2.3e-5, 3.5e-11, 3.1e-9
# Of a tuned linear SVM on the features of a network. On HOG it takes ten times as long, but once for all seeds.
SECONDS_PER_SVM_IMAGE = 1e-3


def estimate_seconds(arm: ArmSpec) -> float:
    """About how long one run of `arm` takes on one core, its diagnostics included: for planning, from counts alone."""
    spec = arm.train
    batch = spec.batch_size
    layers, arithmetic, activations = _size(arm.model.model_dump_json(), datasets.shape(arm.data))
    per_image = arithmetic * SECONDS_PER_MAC + activations * SECONDS_PER_ACTIVATION
    step = layers * SECONDS_PER_LAYER + batch * per_image
    images, validation, test = datasets.split_sizes(arm.data)
    # A forward pass is about a third of a step; at the end the training and the test images are evaluated.
    evaluated = spec.epochs * spec.evaluations_per_epoch * validation + images + test
    diagnosed = 1 + sum(diagnostics()[name].cost_share for name in arm.diagnostics)
    svm = images * SECONDS_PER_SVM_IMAGE * (spec.classifier != "network")
    return step / batch * (spec.epochs * images + evaluated / 3) * diagnosed + svm


@lru_cache(maxsize=512)
def _size(model_json: str, shape: tuple[int, int, int, int]) -> tuple[int, int, int]:
    """Number of layers; MACs and activations of one image."""
    channels, height, width, classes = shape
    spec = ModelSpec.model_validate_json(model_json)
    with torch.device("meta"):
        layers = describe(models.build(spec, channels, (height, width), classes), (channels, height, width))
    return len(layers), sum(layer.macs for layer in layers), sum(prod(layer.output_shape) for layer in layers)
