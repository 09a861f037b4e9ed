"""Variants of a data set that studies ask for, made when a job reads it; each a function of its own random stream.

What varies with the seed of a run (labels, constants of pixels) is the same in every arm of that seed. What is part of
the images (noise, scale of a digit) is the same in every run, so that all arms see the same test images.
"""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from cnnlab.data.arrays import slices

PIXEL_DECADES = 2.0  # constants of pixels from 10^-2 to 10^2


def noisy_labels(labels: Tensor, classes: int, share: float, draws: Generator) -> tuple[Tensor, Tensor]:
    """Labels (N,) of which exactly round(`share` N) are replaced by another class, any with the same chance; and which.

    Zhang et al. 2017, "Understanding deep learning requires rethinking generalization", section 2.
    """
    wrong = torch.zeros(len(labels), dtype=torch.bool)
    wrong[torch.randperm(len(labels), generator=draws)[: round(share * len(labels))]] = True
    moved = torch.randint(1, classes, (len(labels),), generator=draws)
    return torch.where(wrong, (labels + moved) % classes, labels), wrong


def pixel_constants(shape: tuple[int, int, int], draws: Generator) -> Tensor:
    """A constant for each pixel (C, H, W), log-uniform from 0.01 to 100."""
    return 10.0 ** (PIXEL_DECADES * (2 * torch.rand(shape, generator=draws) - 1))


def with_noise_channels(images: Tensor, count: int, draws: Generator) -> Tensor:
    """uint8 ``(N, C, H, W)`` to ``(N, C + count, H, W)``: channels of uniform noise, which say nothing of the class."""
    height, width = images.shape[2:]
    noisy = images.new_empty(len(images), images.shape[1] + count, height, width)
    for rows in slices(len(images), count * height * width):
        target = noisy[rows]
        target[:, :-count] = images[rows]
        target[:, -count:] = torch.randint(
            0, 256, (len(target), count, height, width), generator=draws, dtype=torch.uint8
        )
    return noisy


def at_random_scale(images: Tensor, smallest: float, draws: Generator) -> Tensor:
    """uint8 ``(N, C, H, W)``: image i shrunk by a factor from `smallest` to 1, log-uniform, centred on black."""
    factors = torch.exp(math.log(smallest) * torch.rand(len(images), generator=draws))
    matrices = torch.zeros(len(images), 2, 3)
    matrices[:, 0, 0] = matrices[:, 1, 1] = 1 / factors
    shrunk = torch.empty_like(images)
    for rows in slices(len(images), images[0].numel(), most=512):
        part = images[rows]
        grid = F.affine_grid(matrices[rows], list(part.shape), align_corners=False)
        sampled = F.grid_sample(part.float(), grid, mode="bilinear", padding_mode="zeros", align_corners=False)
        shrunk[rows] = sampled.round_().clamp_(0, 255).to(torch.uint8)
    return shrunk
