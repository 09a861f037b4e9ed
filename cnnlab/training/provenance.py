"""Where and with what a run was made: process, machine, versions."""

from __future__ import annotations

import platform
import sys
from contextlib import suppress
from functools import lru_cache
from importlib import metadata
from pathlib import Path


def process_start() -> float:
    """When this process began, in seconds since 1970."""
    import psutil

    return float(psutil.Process().create_time())


def forget_peak_memory() -> None:
    """Let the peak count from now on, as far as the system can: a process trains one arm after another."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory_mb() -> float:
    """MiB that the process has had at once, on Linux since `forget_peak_memory`."""
    import resource

    with suppress(OSError, StopIteration):
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) / 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


@lru_cache
def versions() -> dict[str, str]:
    packages = {name: metadata.version(name) for name in ("torch", "numpy")}
    return {"python": platform.python_version(), **packages}


@lru_cache
def cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
