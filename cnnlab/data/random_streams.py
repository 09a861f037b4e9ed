"""Random numbers that depend on what they are for, and on nothing else."""

from __future__ import annotations

import hashlib

import torch


def derive_seed(*parts: int | str) -> int:
    """A seed of its own for each purpose, the same on every machine."""
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:7], "big")


def generator(*parts: int | str) -> torch.Generator:
    """A random stream of its own for each purpose; on the CPU, so that every device draws the same."""
    return torch.Generator().manual_seed(derive_seed(*parts))
