"""Which device a plan is for, found out without torch."""

from __future__ import annotations

import itertools
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cnnlab.core.errors import UserError


def gpus() -> int:
    """NVIDIA GPUs that the driver lists and CUDA_VISIBLE_DEVICES leaves; 0 where there is no driver."""
    if (stated := _stated()) is not None:
        return len(stated) if _listed() else 0
    return _listed()


def _stated() -> list[str] | None:
    """What CUDA_VISIBLE_DEVICES names; None where it is not set. CUDA reads up to the first -1."""
    value = os.environ.get("CUDA_VISIBLE_DEVICES")
    if value is None:
        return None
    names = [name.strip() for name in value.split(",")]
    return list(itertools.takewhile(lambda name: name not in {"", "-1"}, names))


def _listed() -> int:
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
def lease(asked: str) -> Iterator[None]:
    """A GPU of one's own for as long as the job trains; nothing to do on a CPU, or with one GPU.

    Jobs choose among the GPUs that they may see; a lock file per GPU says which are taken.
    """
    visible = _visible() if asked == "cuda" else []
    if len(visible) < 2:
        yield
        return
    from filelock import FileLock, Timeout

    locks = Path(tempfile.gettempdir()) / "cnnlab-gpus"  # of the machine: other projects and tiers lease from it too
    locks.mkdir(exist_ok=True)
    while True:
        for index in visible:
            lock = FileLock(locks / f"{index}.lock")
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
    stated = _stated()
    return [str(index) for index in range(_listed())] if stated is None else stated
