"""Checkpoints, from which a stopped run goes on to the same bits."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch

from cnnlab.core.files import atomic


def save_checkpoint(path: Path, **state: Any) -> None:
    """A checkpoint is whole or absent."""
    with atomic(path) as aside:
        torch.save(state, aside)


def read_checkpoint(path: Path, device: torch.device) -> dict[str, Any] | None:
    """What was saved, or None if there is nothing, or nothing that can be read: then the run starts again."""
    if not path.exists():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location=device, weights_only=False)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError):
        path.unlink(missing_ok=True)
        return None
    return state
