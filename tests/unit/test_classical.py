"""Classifiers that are trained apart from their features."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cnnlab import classical
from cnnlab.data.load import Scaling, Split


def splits() -> dict[str, Split]:
    """Bars that stand or lie, two classes."""
    draws, one = torch.Generator().manual_seed(0), torch.ones(1, 1, 1)
    found = {}
    for name, count in (("train", 40), ("validation", 20), ("test", 20)):
        labels = torch.arange(count) % 2
        images = 0.1 * torch.rand(count, 1, 28, 28, generator=draws)
        images[labels == 0, :, 12:16] = 1
        images[labels == 1, :, :, 12:16] = 1
        found[name] = Split(images, labels, Scaling(0 * one, one, 0 * one, one))
    return found


def test_hog_is_fitted_once_for_the_same_images_and_again_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def counted(split: Split, cell: int) -> classical.Features:
        calls.append(cell)
        return original(split, cell)

    original = classical.hog
    monkeypatch.setattr(classical, "hog", counted)
    same = splits()
    first, again = (classical.classify("hog_svm", nn.Identity(), same) for _ in range(2))
    assert len(calls) == 3 * len(classical.CELLS)
    assert first["test"].error == again["test"].error == 0
    assert first["test"].loss is None
    classical.classify("hog_svm", nn.Identity(), splits())
    assert len(calls) == 6 * len(classical.CELLS)
