"""A classifier on a split: right or wrong, loss and confidence, image by image."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cnnlab.data.dataset import Split

EVALUATION_BATCH = 500
Change = Callable[[Tensor], Tensor]  # of images (N, C, H, W)


@dataclass(frozen=True)
class Evaluation:
    """Per image, in the order of the split: whether the answer is right, and the answer; log-loss in nats and the
    probability that the network gives its answer, None for a classifier without probabilities."""

    correct: Tensor
    predicted: Tensor
    loss: Tensor | None = None
    confidence: Tensor | None = None

    @property
    def accuracy(self) -> float:
        """Share of images whose answer is right."""
        return self.correct.double().mean().item()

    @property
    def error(self) -> float:
        return 1 - self.accuracy

    @property
    def mean_loss(self) -> float:
        """Nats an image; NaN for a classifier without probabilities."""
        return math.nan if self.loss is None else self.loss.double().mean().item()


def evaluate(model: nn.Module, split: Split, change: Change = lambda images: images) -> Evaluation:
    """The network in evaluation mode on every image of `split`, changed, in batches of fixed size, in float32."""
    model.eval()
    with torch.inference_mode():
        logits = torch.cat([model(change(chunk)).float() for chunk in split.chunks(EVALUATION_BATCH)])
        predicted = logits.argmax(1)
        loss = F.cross_entropy(logits, split.labels, reduction="none")
        confidence = logits.softmax(1).amax(1)
    return Evaluation(predicted == split.labels, predicted, loss, confidence)


def calibration_error(confidence: Tensor, correct: Tensor, bins: int = 15) -> float:
    """Expected calibration error: |accuracy - mean confidence| over bins of equal width, weighted by their images.

    Guo, Pleiss, Sun & Weinberger 2017, "On calibration of modern neural networks", equation 3; a share of 1.
    """
    bin_of = (confidence.double() * bins).ceil().long().clamp(1, bins) - 1
    gap = torch.zeros(bins, dtype=torch.float64, device=bin_of.device)
    gap.index_put_((bin_of,), correct.double() - confidence.double(), accumulate=True)
    return float(gap.abs().sum() / len(confidence))
