"""Which device a plan is for, found out without torch."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cnnlab.errors import UserError


def gpus() -> int:
    """NVIDIA GPUs that the driver lists; 0 where there is no driver."""
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


@contextmanager
def lease(asked: str, results: Path) -> Iterator[None]:
    """A GPU of one's own for as long as the job trains; nothing to do on a CPU, or with one GPU.

    Jobs choose among the GPUs that they may see; a lock file per GPU says which are taken.
    """
    visible = _visible() if asked == "cuda" else []
    if len(visible) < 2:
        yield
        return
    from filelock import FileLock, Timeout

    (results / "locks").mkdir(parents=True, exist_ok=True)
    while True:
        for index in visible:
            lock = FileLock(results / "locks" / f"gpu-{index}.lock")
            try:
                lock.acquire(timeout=0)
            except Timeout:
                continue
            os.environ["CUDA_VISIBLE_DEVICES"] = index
            try:
                yield
            finally:
                lock.release()
            return
        time.sleep(1)


def _visible() -> list[str]:
    stated = os.environ.get("CUDA_VISIBLE_DEVICES")
    return stated.split(",") if stated else [str(index) for index in range(gpus())]
