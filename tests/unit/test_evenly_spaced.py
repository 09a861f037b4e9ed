"""The images that a diagnostic looks at."""

from __future__ import annotations

import torch

from cnnlab.data.dataset import Scaling, Split
from cnnlab.training.diagnostics import evenly_spaced

NOTHING = Scaling(*(torch.zeros(1, 1, 1) for _ in range(4)))


def split(count: int) -> Split:
    """Sorted by class, as prepared splits are; each pixel is the number of its image."""
    labels = torch.arange(count) * 10 // count
    return Split(torch.arange(count, dtype=torch.float32).view(-1, 1, 1, 1), labels, NOTHING)


def test_a_few_images_of_a_sorted_split_are_of_every_class() -> None:
    chosen = evenly_spaced(split(500), 64)
    assert len(chosen) == 64
    assert chosen.labels.bincount().min() >= 6
    assert torch.equal(chosen.labels, split(500).labels[chosen.images.flatten().long()])


def test_no_image_is_chosen_twice() -> None:
    assert evenly_spaced(split(7), 64).images.flatten().tolist() == list(range(7))
