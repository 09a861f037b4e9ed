"""Checkpoints, from which a stopped run goes on to the same bits."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import torch

from cnnlab.core.files import disk_space, flush


def save_checkpoint(path: Path, **state: Any) -> None:
    """Written aside, flushed to disk, then renamed: a checkpoint is whole or absent."""
    with disk_space(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_suffix(f".{os.getpid()}")
        try:
            torch.save(state, aside)
            flush(aside)
            os.replace(aside, path)
        finally:
            aside.unlink(missing_ok=True)


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
