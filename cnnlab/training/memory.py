"""How many lanes a GPU's memory holds together, from counts alone."""

from __future__ import annotations

import torch

from cnnlab import models
from cnnlab.models.cost import describe
from cnnlab.planning import datasets
from cnnlab.planning.specs import ArmSpec
from cnnlab.training.evaluate import EVALUATION_BATCH

MOST_LANES = 8  # from there on, more lanes are no faster together
SPARE = 0.2


def lanes_that_fit(arm: ArmSpec, free: int) -> int:
    """How many lanes of `arm` train together in `free` bytes: 1 to `MOST_LANES`.

    A lane is counted as its weights five times over (gradients, optimizer, copies), and for each image of a batch its
    activations three times (kept for the backward pass, their gradients, workspaces). Evaluation keeps less of each.
    """
    channels, height, width, classes = datasets.shape(arm.data)
    with torch.device("meta"):
        model = models.build(arm.model, channels, (height, width), classes)
        layers = describe(model, (channels, height, width))
    images = max(arm.train.batch_size, EVALUATION_BATCH // 3)
    needed = sum(5 * layer.parameter_bytes + 3 * images * layer.activation_bytes for layer in layers)
    return max(1, min(MOST_LANES, int((1 - SPARE) * free / needed)))


def free_memory() -> int:
    """Bytes of the GPU that no tensor holds."""
    unused = torch.cuda.memory_reserved() - torch.cuda.memory_allocated()
    return int(torch.cuda.mem_get_info()[0]) + unused
