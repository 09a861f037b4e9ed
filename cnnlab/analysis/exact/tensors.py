"""Tensors to try things on: drawn from generators of their own, and compared up to rounding."""

from __future__ import annotations

import torch
from torch import Tensor

from cnnlab.analysis.exact.evidence import Evidence

# float32 keeps 7 digits; sums of some thousand products lose one or two.
TOLERANCE = 1e-5
TOLERANCE_NAME = "tolerance of float32, relative to the largest value"


def normal(seed: int, *shape: int) -> Tensor:
    """Standard normal, float32, the same for the same seed and shape."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def difference(tensor: Tensor, expected: Tensor) -> float:
    """The largest one, relative to the largest expected value; not a number if the shapes differ."""
    if tensor.shape != expected.shape:
        return float("nan")
    largest = float(expected.detach().abs().max()) or 1.0
    return float((tensor.detach() - expected.detach()).abs().max()) / largest


def close(case: str, quantity: str, largest: float) -> Evidence:
    """A largest difference that rounding explains."""
    return Evidence(case, quantity, "relative", largest, "<=", TOLERANCE, TOLERANCE_NAME)


def short(value: float) -> str:
    """Two digits: ``0``, ``0.37``, ``1.2e-7``."""
    return f"{value:.2g}".replace("e-0", "e-")
