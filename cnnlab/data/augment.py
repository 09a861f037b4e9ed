"""Augmentation of whole batches ``(N, C, H, W)``, reproducible from a generator; names are in `planning.datasets`.

The functions `translate`, `turn`, `mirror` and `erase` are told what to do to each image; `AUGMENTATIONS` draw it at
random. Drawing and doing are two steps, so that an epoch is drawn at once: on the CPU, whatever trains.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from cnnlab.planning.datasets import parse_augment

# The value that is asked for, how many images, and their height and width, to what is drawn: the last axis is images.
Draw = Callable[[float, int, tuple[int, int], Generator], Tensor]
# That value, the images, what was drawn for them, and what a black and a mean pixel are, to changed images.
Change = Callable[[float, Tensor, Tensor, Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Augmentation:
    """What is drawn, on the CPU, and what it does to images, on their device."""

    value: float
    drawing: Draw
    change: Change

    def draw(self, count: int, size: tuple[int, int], draws: Generator) -> Tensor:
        """For `count` images of `size` ``(height, width)``: ``(..., count)``."""
        return self.drawing(self.value, count, size, draws)

    def __call__(self, images: Tensor, drawn: Tensor, black: Tensor, average: Tensor) -> Tensor:
        """The images changed; `black` and `average` ``(C, 1, 1)`` or ``(C, H, W)`` come into view."""
        return self.change(self.value, images, drawn, black, average)


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


def augmentations(texts: Sequence[str]) -> tuple[Augmentation, ...]:
    """``("shift:2", "flip")`` → what they stand for, in that order.

    Raises:
        UserError: if a name or a value is not valid.
    """
    return tuple(Augmentation(value, *AUGMENTATIONS[name]) for name, value in map(parse_augment, texts))


def _offsets(value: float, count: int, _size: tuple[int, int], draws: Generator) -> Tensor:
    """Up to `value` pixels in each direction: down and right ``(2, count)``."""
    most = int(value)
    return torch.randint(-most, most + 1, (2, count), generator=draws)


def _shift(_value: float, images: Tensor, drawn: Tensor, black: Tensor, _average: Tensor) -> Tensor:
    """Black comes into view."""
    return translate(images, drawn[0], drawn[1], black)


def _crop(_value: float, images: Tensor, drawn: Tensor, _black: Tensor, average: Tensor) -> Tensor:
    """Pad with the mean pixel, cut out the original size at a random place (He et al. 2016, section 4.2)."""
    return translate(images, drawn[0], drawn[1], average)


def _angles(value: float, count: int, _size: tuple[int, int], draws: Generator) -> Tensor:
    """Between minus and plus `value` degrees ``(count,)``."""
    return (2 * torch.rand(count, generator=draws) - 1) * value


def _rotate(_value: float, images: Tensor, drawn: Tensor, black: Tensor, _average: Tensor) -> Tensor:
    """Black comes into view."""
    return turn(images, drawn, black)


def _coins(_value: float, count: int, _size: tuple[int, int], draws: Generator) -> Tensor:
    return torch.randint(0, 2, (count,), generator=draws)


def _flip(_value: float, images: Tensor, drawn: Tensor, _black: Tensor, _average: Tensor) -> Tensor:
    """Left and right swapped with probability 1/2."""
    return mirror(images, drawn.bool())


def _centres(_value: float, count: int, size: tuple[int, int], draws: Generator) -> Tensor:
    """Row and column of any pixel ``(2, count)``."""
    return torch.stack([torch.randint(0, side, (count,), generator=draws) for side in size])


def _cutout(value: float, images: Tensor, drawn: Tensor, _black: Tensor, average: Tensor) -> Tensor:
    """A square of the mean pixel, centred anywhere (DeVries & Taylor 2017)."""
    return erase(images, drawn[0], drawn[1], int(value), average)


AUGMENTATIONS: dict[str, tuple[Draw, Change]] = {
    "shift": (_offsets, _shift),
    "crop": (_offsets, _crop),
    "rotate": (_angles, _rotate),
    "flip": (_coins, _flip),
    "cutout": (_centres, _cutout),
}


def _within(index: Tensor, size: int) -> Tensor:
    return (index >= 0) & (index < size)


def _like(result: Tensor, images: Tensor) -> Tensor:
    """In the memory format of the batch that came in."""
    if images.is_contiguous():
        return result
    return result.contiguous(memory_format=torch.channels_last)
