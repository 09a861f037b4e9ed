"""Batch normalization from scratch: Ioffe & Szegedy 2015, "Batch normalization", algorithms 1 and 2.

    training     y = scale * (x - mean) / sqrt(variance + epsilon) + shift, mean and biased variance of the batch
    evaluation   the same with running averages of mean and unbiased variance

A dense layer's ``(N, C)`` is normalized for each feature over N, a convolution's ``(N, C, H, W)`` for each channel
over N, H and W: its pixels are samples. Where the paper averages over training batches afterwards, the running average
moves by `momentum` of the way to each new batch (the convention of `torch.nn.BatchNorm2d`: its 0.1 is 0.9 where the old
average is what the momentum multiplies). Names in the ``state_dict`` are those of `torch.nn.BatchNorm2d`, so that
weights can be exchanged; one class serves both shapes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class BatchNorm(nn.Module):
    """``(N, C)`` or ``(N, C, H, W)`` to the same shape.

    With `unbiased` False the running variance is that of batches as they are, as in the code of "Dive into Deep
    Learning", section 7.5.

    Raises:
        ValueError: in training, for one value per channel: its variance would be 0, whatever the value.
    """

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(self, channels: int, epsilon: float = 1e-5, momentum: float = 0.1, *, unbiased: bool = True) -> None:
        super().__init__()
        self.channels, self.epsilon, self.momentum, self.unbiased = channels, epsilon, momentum, unbiased
        self.weight: nn.Parameter | None = nn.Parameter(torch.ones(channels))
        self.bias: nn.Parameter | None = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))
        self.register_buffer("num_batches_tracked", torch.tensor(0, dtype=torch.long))

    def extra_repr(self) -> str:
        return f"{self.channels}, epsilon={self.epsilon}, momentum={self.momentum}"

    def reset_running_stats(self) -> None:
        self.running_mean.zero_()
        self.running_var.fill_(1)
        self.num_batches_tracked.zero_()

    def forward(self, values: Tensor) -> Tensor:
        per_channel = (1, -1, *[1] * (values.ndim - 2))
        if self.training:
            mean, variance = self._of_batch(values)
        else:
            mean, variance = self.running_mean, self.running_var
        normalized = (values - mean.view(per_channel)) / (variance.view(per_channel) + self.epsilon).sqrt()
        if self.weight is not None:
            normalized = normalized * self.weight.view(per_channel)
        return normalized if self.bias is None else normalized + self.bias.view(per_channel)

    def _of_batch(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and biased variance of each channel; the running averages follow."""
        over = [0, *range(2, values.ndim)]
        count = values.numel() // self.channels
        if count == 1:
            raise ValueError(f"one value per channel in {tuple(values.shape)}: a batch needs at least two")
        mean = values.mean(over)
        variance = ((values - values.mean(over, keepdim=True)) ** 2).mean(over)
        with torch.no_grad():
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * count / (count - 1) if self.unbiased else variance, self.momentum)
            self.num_batches_tracked.add_(1)
        return mean, variance
