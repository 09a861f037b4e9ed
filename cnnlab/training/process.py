"""The process of a training job: deterministic, and on one thread."""

from __future__ import annotations

import ctypes
import os

import torch

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3


def prepare_process(device: str) -> None:
    """One thread per CPU job and deterministic kernels: part of the protocol, as either changes the numbers."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_deterministic_debug_mode("error")  # use_deterministic_algorithms would import the compiler
    torch.backends.cudnn.benchmark = False
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    if device == "cpu":
        torch.set_num_threads(1)
        keep_memory()


def keep_memory() -> None:
    """Let glibc keep what a step frees for the next step; the kernel would clear the pages anew each time.

    Elsewhere than on Linux with glibc nothing changes. `man 3 mallopt` explains the three limits.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for limit, value in ((M_MMAP_THRESHOLD, 32 << 20), (M_TRIM_THRESHOLD, 1 << 30), (M_TOP_PAD, 64 << 20)):
            mallopt(limit, value)
