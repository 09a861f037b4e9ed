"""Which device a plan is for, found out without torch."""

from __future__ import annotations

import itertools
import os
import subprocess

from cnnlab.core.errors import UserError


def gpus() -> list[str]:
    """NVIDIA GPUs that CUDA_VISIBLE_DEVICES leaves, as it names them; none where there is no driver."""
    listed = _listed_gpus()
    stated = os.environ.get("CUDA_VISIBLE_DEVICES")
    if stated is None or not listed:
        return [str(index) for index in range(listed)]
    # CUDA reads up to the first -1.
    return list(itertools.takewhile(lambda name: name not in {"", "-1"}, map(str.strip, stated.split(","))))


def _listed_gpus() -> int:
    try:
        listing = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    return sum(line.startswith("GPU ") for line in listing.stdout.splitlines()) if listing.returncode == 0 else 0


def resolve(asked: str) -> str:
    """``auto`` becomes cuda where there is a GPU and cpu elsewhere; ``cpu`` and ``cuda`` are taken at their word.

    A cluster's login node has no GPU: there the profile states the device, and the job itself checks it.
    """
    if asked == "auto":
        return "cuda" if gpus() else "cpu"
    return asked


def check(asked: str, available: bool) -> None:
    """Refuse to train on another device than the arm names.

    Raises:
        UserError: if CUDA is asked for and torch finds none.
    """
    if asked == "cuda" and not available:
        raise UserError(
            "device: cuda is asked for, but torch finds no CUDA device; use --config device=cpu or a GPU node"
        )
