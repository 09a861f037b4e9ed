"""Augmentation of whole batches ``(N, C, H, W)``, reproducible from a generator; names are in `planning.datasets`.

The functions `translate`, `turn`, `mirror` and `erase` are told what to do to each image;
`AUGMENTATIONS` draw it at random.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from cnnlab.planning.datasets import parse_augment

Step = Callable[[Tensor, Generator, Tensor, Tensor], Tensor]


def translate(images: Tensor, down: Tensor, right: Tensor, fill: Tensor) -> Tensor:
    """Move image i by ``down[i]``, ``right[i]`` whole pixels; `fill` ``(C, 1, 1)`` comes into view."""
    height, width = images.shape[2:]
    rows = torch.arange(height, device=images.device) - down[:, None]
    columns = torch.arange(width, device=images.device) - right[:, None]
    inside = _within(rows, height)[:, :, None] & _within(columns, width)[:, None, :]
    source = rows.clamp(0, height - 1)[:, :, None] * width + columns.clamp(0, width - 1)[:, None, :]
    index = source.flatten(1)[:, None].expand(-1, images.shape[1], -1)
    moved = images.flatten(2).gather(2, index).view(images.shape)
    return _like(torch.where(inside[:, None], moved, fill), images)


def turn(images: Tensor, degrees: Tensor, fill: Tensor) -> Tensor:
    """Turn image i anticlockwise by ``degrees[i]`` about its centre, bilinear; corners become `fill`."""
    radians = degrees * (math.pi / 180)
    cosine, sine, zero = radians.cos(), radians.sin(), torch.zeros_like(radians)
    matrices = torch.stack([cosine, -sine, zero, sine, cosine, zero], 1).view(-1, 2, 3)
    grid = F.affine_grid(matrices, list(images.shape), align_corners=False)
    turned = F.grid_sample(images - fill, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return _like(turned + fill, images)


def mirror(images: Tensor, mirrored: Tensor) -> Tensor:
    """Swap left and right where the boolean ``mirrored[i]`` says so."""
    return torch.where(mirrored[:, None, None, None], images.flip(3), images)


def erase(images: Tensor, row: Tensor, column: Tensor, size: int, fill: Tensor) -> Tensor:
    """Overwrite with `fill` a square of `size` pixels about (row, column), cut off at the border."""
    rows = torch.arange(images.shape[2], device=images.device) - (row[:, None] - size // 2)
    columns = torch.arange(images.shape[3], device=images.device) - (column[:, None] - size // 2)
    inside = _within(rows, size)[:, :, None] & _within(columns, size)[:, None, :]
    return torch.where(inside[:, None], fill, images)


def augmentations(texts: Sequence[str]) -> tuple[Step, ...]:
    """``("shift:2", "flip")`` → functions of (images, generator, black, average) in that order.

    Raises:
        UserError: if a name or a value is not valid.
    """
    return tuple(partial(AUGMENTATIONS[name], value) for name, value in map(parse_augment, texts))


def _shift(value: float, images: Tensor, draws: Generator, black: Tensor, _average: Tensor) -> Tensor:
    """Up to `value` pixels in each direction, black coming into view."""
    most = int(value)
    down, right = _integers(-most, most + 1, (2, len(images)), draws, images)
    return translate(images, down, right, black)


def _crop(value: float, images: Tensor, draws: Generator, _black: Tensor, average: Tensor) -> Tensor:
    """Pad with the mean pixel, cut out the original size at a random place (He et al. 2016, section 4.2)."""
    return _shift(value, images, draws, average, average)


def _rotate(value: float, images: Tensor, draws: Generator, black: Tensor, _average: Tensor) -> Tensor:
    """By an angle between minus and plus `value` degrees, black coming into view."""
    degrees = (2 * torch.rand(len(images), generator=draws) - 1) * value
    return turn(images, degrees.to(images.device), black)


def _flip(_value: float, images: Tensor, draws: Generator, _black: Tensor, _average: Tensor) -> Tensor:
    """Left and right swapped with probability 1/2."""
    return mirror(images, _integers(0, 2, (len(images),), draws, images).bool())


def _cutout(value: float, images: Tensor, draws: Generator, _black: Tensor, average: Tensor) -> Tensor:
    """A square of the mean pixel, centred anywhere (DeVries & Taylor 2017)."""
    row, column = (_integers(0, side, (len(images),), draws, images) for side in images.shape[2:])
    return erase(images, row, column, int(value), average)


AUGMENTATIONS: dict[str, Callable[[float, Tensor, Generator, Tensor, Tensor], Tensor]] = {
    "shift": _shift,
    "crop": _crop,
    "rotate": _rotate,
    "flip": _flip,
    "cutout": _cutout,
}


def _integers(low: int, high: int, shape: tuple[int, ...], draws: Generator, images: Tensor) -> Tensor:
    """Drawn on the CPU, so that every device does the same to the same image."""
    return torch.randint(low, high, shape, generator=draws).to(images.device)


def _within(index: Tensor, size: int) -> Tensor:
    return (index >= 0) & (index < size)


def _like(result: Tensor, images: Tensor) -> Tensor:
    """In the memory format of the batch that came in."""
    if images.is_contiguous():
        return result
    return result.contiguous(memory_format=torch.channels_last)
