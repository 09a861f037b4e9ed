"""Where folded batch normalization gains: forward and backward of one layer, PyTorch's and ours, on one thread.

    python benchmarks/batchnorm.py

Rounds alternate; each shape has three maps that take turns, so that none is in the cache when its turn comes, as in a
network. Seconds are those of the CPU. The rule `pays` in `cnnlab/models/layers/folded_batchnorm.py` follows from it.
"""

from __future__ import annotations

import time
from statistics import median

import click
import torch
from torch import nn

from cnnlab.models.layers.folded_batchnorm import Folded, pays
from cnnlab.training.process import prepare_process

IMAGES, ROUNDS, PASSES = 64, 11, 4
# Channels and pixels a side of the normalized maps: those of the networks' small presets, and others about the rule.
MAPS = [(6, 28), (8, 28), (12, 28), (16, 28), (20, 28), (28, 28), (6, 20), (12, 20), (6, 14), (12, 14), (16, 14),
        (24, 14), (16, 10), (4, 7), (16, 7), (24, 7), (8, 4), (26, 4), (48, 3), (32, 2)]  # fmt: skip


def compare(channels: int, side: int) -> tuple[float, float]:
    """Microseconds of PyTorch's layer and of the folded one: medians."""
    shape = (IMAGES, channels, side, side)
    maps = [torch.randn(shape).contiguous(memory_format=torch.channels_last).requires_grad_() for _ in range(3)]
    gradient = torch.randn(shape).contiguous(memory_format=torch.channels_last)
    layer, statistics = nn.BatchNorm2d(channels), (torch.zeros(channels), torch.ones(channels), 0.1, 1e-5)
    parameters = layer.weight, layer.bias
    layers = (layer, lambda images: Folded.apply(images, *parameters, *statistics))
    seconds: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for apply, times in zip(layers, seconds, strict=True):
            start = time.process_time()
            for _ in range(PASSES):
                for images in maps:
                    torch.autograd.grad(apply(images), [images, *parameters], gradient)
            times.append((time.process_time() - start) / (PASSES * len(maps)))
    return median(seconds[0]) * 1e6, median(seconds[1]) * 1e6


@click.command(help=__doc__)
def main() -> None:
    prepare_process("cpu")
    click.echo(f"{'map':>12} {'PyTorch µs':>11} {'folded µs':>10} {'ratio':>6}  rule")
    for channels, side in MAPS:
        theirs, ours = compare(channels, side)
        images = torch.empty(IMAGES, channels, side, side).contiguous(memory_format=torch.channels_last)
        rule = "folded" if pays(images) else ""
        click.echo(f"{channels:>6} {side}x{side:<3} {theirs:>10.0f} {ours:>10.0f} {theirs / ours:>6.2f}  {rule}")


if __name__ == "__main__":
    main()
