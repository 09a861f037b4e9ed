"""PyTorch's batch normalization, where it is slow or fails.

**Few channels on large maps, on a CPU.** PyTorch's kernels take the channels of one pixel at a time, eight at once
(float32 in AVX2) and the rest one by one: that rest costs more than everything else. Here a row of the map is one
pixel: ``(N, C, H, W)`` in ``channels_last`` lies in memory like ``(N, W·C, H, 1)``, and is seen so without a copy. A
channel has W means and variances then, each of as many values, so that its mean is their mean, and its variance the
mean of the variances plus the variance of the means (Chan, Golub & LeVeque 1979). Its gradients (Ioffe & Szegedy 2015,
section 3) need two sums, taken over the same rows. Nothing but rounding changes, and there is less of it: W short sums
lose less than a long one.

**A scale without a shift, or a shift without a scale, on a GPU.** PyTorch's backward fails; a constant takes the place
of what is missing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

Array = np.ndarray[Any, Any]


def pays(images: Tensor) -> bool:
    """Whether folding `images` ``(N, C, H, W)`` gains, by measurement: `python benchmarks/batchnorm.py`.

    The work on its short vectors is worth 10,000 pixels; networks gained nothing on fewer than twice as many. From 24
    channels on, PyTorch is as fast.
    """
    return (
        images.device.type == "cpu"
        and images.ndim == 4
        and images.shape[1] < 24
        and images.shape[1] % 8 > 0
        and images.numel() >= 20_000 * images.shape[1]
        and images.dtype in (torch.float32, torch.float64)
        and images.is_contiguous(memory_format=torch.channels_last)
    )


class Folded(torch.autograd.Function):
    """Images ``(N, C, H, W)`` in ``channels_last``, normalized; scale, shift, running mean and variance are ``(C,)``.

    The running averages follow. Vectors are numpy's, whose calls cost a quarter of PyTorch's.
    """

    @staticmethod
    def forward(
        ctx: Any,
        images: Tensor,
        weight: Tensor,
        bias: Tensor,
        running_mean: Tensor,
        running_var: Tensor,
        momentum: float,
        epsilon: float,
    ) -> Tensor:
        count, (channels, width) = images.numel() // images.shape[1], images.shape[1::2]
        rows = _folded(images)
        of_rows = torch.batch_norm_update_stats(rows, None, None, 0.0)
        means, variances = (each.numpy().reshape(width, channels) for each in of_rows)
        mean = means.mean(0)
        variance = variances.mean(0) + np.square(means - mean).mean(0)
        for running, new in ((running_mean, mean), (running_var, variance * (count / (count - 1)))):
            average = running.numpy()
            average += momentum * (new - average)
        precision = 1 / np.sqrt(variance + epsilon)  # one over the sd
        scale = precision * weight.detach().numpy()
        shift = bias.detach().numpy() - mean * scale
        shifts, scales, *moments = _repeated(width, shift, scale, mean, precision)
        ctx.save_for_backward(images, scales, *moments)
        ctx.vectors = mean, precision, scale
        out = torch.empty_like(images)
        torch.addcmul(shifts, rows, scales, out=_folded(out))
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """To images: scale · (gradient - (to bias + normalized · to weight) / count)."""
        images, scales, means, precisions = ctx.saved_tensors
        mean, precision, scale = ctx.vectors
        count, (channels, width) = images.numel() // images.shape[1], images.shape[1::2]
        rows, gradients = _folded(images), _folded(gradient.contiguous(memory_format=torch.channels_last))
        _, *of_rows = torch.ops.aten.native_batch_norm_backward.default(
            gradients, rows, None, None, None, means.view(-1), precisions.view(-1), True, 0.0, [False, True, True]
        )
        to_weight, to_bias = (each.numpy().reshape(width, channels).sum(0) for each in of_rows)
        slope = to_weight * precision
        constant, share = to_bias - slope * mean, scale * (-1 / count)
        constants, slopes = _repeated(width, constant * share, slope * share)
        to_images = torch.empty_like(images)
        torch.addcmul(constants, rows, slopes, out=_folded(to_images)).addcmul_(gradients, scales)
        return to_images, torch.from_numpy(to_weight), torch.from_numpy(to_bias), None, None, None, None


def _folded(images: Tensor) -> Tensor:
    """``(N, C, H, W)`` in ``channels_last`` seen as ``(N, W·C, H, 1)``."""
    count, channels, height, width = images.shape
    row = width * channels
    return images.as_strided((count, row, height, 1), (height * row, 1, row, row))


def _repeated(width: int, *vectors: Array) -> tuple[Tensor, ...]:
    """Each of the vectors ``(C,)``, once for every pixel of a row: ``(W·C, 1, 1)``."""
    repeated = np.empty((len(vectors), width, vectors[0].size), vectors[0].dtype)
    for place, vector in enumerate(vectors):
        repeated[place] = vector
    return torch.from_numpy(repeated.reshape(len(vectors), -1, 1, 1)).unbind()


class BatchNorm2d(nn.BatchNorm2d):
    """`torch.nn.BatchNorm2d`, but for what is said above."""

    def forward(self, images: Tensor) -> Tensor:
        normalized = _normalized(self, images)
        return super().forward(images) if normalized is None else normalized


class BatchNorm1d(nn.BatchNorm1d):
    """`torch.nn.BatchNorm1d`, but for what is said above."""

    def forward(self, features: Tensor) -> Tensor:
        normalized = _normalized(self, features)
        return super().forward(features) if normalized is None else normalized


def _normalized(layer: nn.BatchNorm1d | nn.BatchNorm2d, values: Tensor) -> Tensor | None:
    """What `layer` makes of `values`; None where PyTorch does it well."""
    mean, variance, momentum = layer.running_mean, layer.running_var, layer.momentum
    folds = layer.training and pays(values)
    fails = values.is_cuda and (layer.weight is None) != (layer.bias is None)
    if not (folds or fails) or mean is None or variance is None or momentum is None:
        return None
    weight = torch.ones_like(mean) if layer.weight is None else layer.weight
    bias = torch.zeros_like(mean) if layer.bias is None else layer.bias
    if layer.training and layer.num_batches_tracked is not None:
        layer.num_batches_tracked.add_(1)
    if fails:
        return F.batch_norm(values, mean, variance, weight, bias, layer.training, momentum, layer.eps)
    folded: Tensor = Folded.apply(values, weight, bias, mean, variance, momentum, layer.eps)
    return folded
