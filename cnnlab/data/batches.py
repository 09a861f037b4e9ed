"""The order of the images of an epoch, and its batches.

No worker processes and no Python per image: a batch is one ``index_select``. The order of the images is a
function of (seed, epoch) alone, so arms that share a seed see the same images in the same order.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from cnnlab.data.augment import augmentations
from cnnlab.data.dataset import Split
from cnnlab.data.random_streams import generator


def order(count: int, seed: int, epoch: int) -> Tensor:
    """The permutation of `count` images in one epoch: the same for every arm, on every device."""
    return torch.randperm(count, generator=generator(seed, "order", epoch))


def batch_sizes(count: int, batch_size: int) -> list[int]:
    """How many images each batch of an epoch holds; the last one what is left over.

    A single image joins the batch before it: batch normalization cannot train on one.
    """
    sizes = [batch_size] * (count // batch_size)
    left = count % batch_size
    if left == 1 and sizes:
        sizes[-1] += 1
    elif left:
        sizes.append(left)
    return sizes


class Batches:
    """The batches of `split`, step after step; `sizes` are those of an epoch.

    What chance decides of an epoch is drawn at once, on the CPU, and lies where the images are, at the same addresses
    in every epoch: a captured step finds it there.
    """

    def __init__(self, split: Split, seed: int, batch_size: int, augment: Sequence[str] = ()) -> None:
        self.split, self.seed, self.batch_size = split, seed, batch_size
        self.augmentations = augmentations(augment)
        self.sizes = batch_sizes(len(split), batch_size)
        self._drawn: list[
            Tensor
        ] = []  # the order of the images, and each augmentation's draws; the last axis is images

    def draw(self, epoch: int) -> None:
        """Everything at random in `epoch`."""
        drawn = [order(len(self.split), self.seed, epoch), *self._draws(epoch)]
        if self._drawn:
            for kept, new in zip(self._drawn, drawn, strict=True):
                kept.copy_(new)
        else:
            self._drawn = [new.to(self.split.images.device) for new in drawn]

    def _draws(self, epoch: int) -> list[Tensor]:
        draws = generator(self.seed, "augmentation", epoch)
        height, width = self.split.images.shape[2:]
        by_batch = [[step.draw(size, (height, width), draws) for step in self.augmentations] for size in self.sizes]
        return [torch.cat(drawn, -1) for drawn in zip(*by_batch, strict=True)]

    def at(self, step: int | Tensor, size: int) -> tuple[Tensor, Tensor]:
        """Images float32 ``(size, C, H, W)`` and labels of a step of the run (0-based, or a tensor ``(1,)`` of it)."""
        first = step % len(self.sizes) * self.batch_size
        if isinstance(first, int):
            rows, *drawn = (each.narrow(-1, first, size) for each in self._drawn)
        else:
            places = first + torch.arange(size, device=first.device)
            rows, *drawn = (each.index_select(-1, places) for each in self._drawn)
        split = self.split
        images = split.scaling(select(split.images, rows))
        for augmentation, draws in zip(self.augmentations, drawn, strict=True):
            images = augmentation(images, draws, split.scaling.black, split.scaling.average)
        return images, split.labels.index_select(0, rows)


def select(images: Tensor, rows: Tensor) -> Tensor:
    """``images[rows]`` in the memory format of `images`, which `index_select` alone would not keep."""
    if images.is_contiguous():
        return images.index_select(0, rows)
    return images.permute(0, 2, 3, 1).index_select(0, rows).permute(0, 3, 1, 2)
