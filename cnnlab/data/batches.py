"""The order of the images of an epoch, and its batches.

No worker processes and no Python per image: a batch is one ``index_select``. The order of the images is a
function of (seed, epoch) alone, so arms that share a seed see the same images in the same order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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


def batches(
    split: Split, seed: int, epoch: int, batch_size: int, augment: Sequence[str] = ()
) -> Iterator[tuple[Tensor, Tensor]]:
    """Images float32 ``(B, C, H, W)`` and labels of one epoch; the last batch holds what is left over."""
    steps = augmentations(augment)
    draws = generator(seed, "augmentation", epoch)
    device = split.images.device
    sizes = batch_sizes(len(split), batch_size)
    for rows in order(len(split), seed, epoch).to(device).split(sizes):
        images = split.scaling(select(split.images, rows))
        for step in steps:
            images = step(images, draws, split.scaling.black, split.scaling.average)
        yield images, split.labels.index_select(0, rows)


def select(images: Tensor, rows: Tensor) -> Tensor:
    """``images[rows]`` in the memory format of `images`, which `index_select` alone would not keep."""
    if images.is_contiguous():
        return images.index_select(0, rows)
    return images.permute(0, 2, 3, 1).index_select(0, rows).permute(0, 3, 1, 2)
