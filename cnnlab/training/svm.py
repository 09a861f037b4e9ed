"""Classifiers that are not trained together with their features: a linear SVM on a frozen network, or on HOG.

Features are standardized; C is the best of a grid by validation error (the least of equals). Liblinear's squared-hinge
SVM, one against the rest, as in Chatfield et al. 2014, "Return of the devil in the details"; solved in its dual form on
HOG, in its primal form on the fewer features of a network, where each is several times quicker. HOG: Dalal & Triggs
2005, "Histograms of oriented gradients for human detection", tuned over cells of several sizes.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from cnnlab.core.errors import UserError
from cnnlab.data.dataset import Split
from cnnlab.models.layers.hooks import observed
from cnnlab.training.diagnostics import layers_of
from cnnlab.training.evaluate import EVALUATION_BATCH, Evaluation

GRID = tuple(10.0**power for power in range(-5, 1))
CELLS = (4, 5, 7)  # pixels a side
ORIENTATIONS, BLOCK = 9, 2
Features = NDArray[np.float32]


def classify(kind: str, model: nn.Module, splits: Mapping[str, Split]) -> dict[str, Evaluation]:
    """Fit on the training images, tune on the validation images, and predict all; `kind` is ``svm`` or ``hog_svm``.

    Raises:
        UserError: if the images are too small for HOG.
    """
    if kind == "hog_svm":
        return dict(_on_hog(tuple(splits.items())))
    return _best([{name: features(model, split) for name, split in splits.items()}], splits, dual=False)


@lru_cache(maxsize=1)
def _on_hog(splits: tuple[tuple[str, Split], ...]) -> dict[str, Evaluation]:
    """It depends on nothing but the images, so the seeds of an arm, which share theirs, share one fit."""
    cells = _cells(splits[0][1].images.shape[2])
    return _best([{name: hog(split, cell) for name, split in splits} for cell in cells], dict(splits), dual=True)


def _cells(side: int) -> list[int]:
    """The sizes of a cell of which a block fits into images of `side` pixels."""
    fitting = [cell for cell in CELLS if BLOCK * cell <= side]
    if not fitting:
        least = BLOCK * min(CELLS)
        raise UserError(
            f"classifier: hog_svm: images of {side} pixels are too small; set image_size to {least} or more"
        )
    return fitting


def _best(
    candidates: Sequence[Mapping[str, Features]], splits: Mapping[str, Split], dual: bool
) -> dict[str, Evaluation]:
    """The outcome of the SVM, of all features and strengths, with the least validation error."""
    labels = {name: split.labels.cpu().numpy() for name, split in splits.items()}
    _, best = min((_fit(candidate, labels, dual) for candidate in candidates), key=lambda pair: pair[0])
    answers = {name: torch.from_numpy(best[name]).to(split.labels.device) for name, split in splits.items()}
    return {name: Evaluation(answers[name] == split.labels, answers[name]) for name, split in splits.items()}


def features(model: nn.Module, split: Split) -> Features:
    """What the last dense layer of the network is given, or, without one, the class scores: ``(N, features)``."""
    dense = list(layers_of(model, nn.Linear).values())
    outputs: list[Tensor] = []

    def keep(_name: str, given: Tensor, returned: Tensor) -> None:
        outputs.append(given.flatten(1) if dense else returned)

    model.eval()
    with torch.inference_mode(), observed({"last": dense[-1] if dense else model}, keep):
        for chunk in split.chunks(EVALUATION_BATCH):
            model(chunk)
    return np.asarray(torch.cat(outputs).float().cpu().numpy())


def hog(split: Split, cell: int) -> Features:
    """Histograms of oriented gradients with cells of `cell` x `cell` pixels: ``(N, features)``."""
    from skimage.feature import hog as histogram

    shape = {"orientations": ORIENTATIONS, "pixels_per_cell": (cell, cell), "cells_per_block": (BLOCK, BLOCK)}
    images = torch.cat(list(split.chunks(EVALUATION_BATCH))).permute(0, 2, 3, 1).cpu().numpy()
    features = [histogram(image, channel_axis=-1, feature_vector=True, **shape) for image in images]
    return np.stack(features).astype(np.float32)


def _fit(inputs: Mapping[str, Features], labels: Mapping[str, Any], dual: bool) -> tuple[float, dict[str, Any]]:
    """The least validation error over the grid, and the answers of that SVM."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import LinearSVC

    tried = []
    for strength in GRID:
        classifier = make_pipeline(StandardScaler(), LinearSVC(C=strength, dual=dual, random_state=0))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            classifier.fit(inputs["train"], labels["train"])
        answers = {name: classifier.predict(values).astype(np.int64) for name, values in inputs.items()}
        tried.append((float((answers["validation"] != labels["validation"]).mean()), answers))
    return min(tried, key=lambda pair: pair[0])
