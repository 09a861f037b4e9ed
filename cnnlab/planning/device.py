"""Which device and precision a plan is for, found out without torch."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

from cnnlab.core.errors import UserError

Device = Literal["cpu", "cuda"]
Precision = Literal["float32", "bf16"]

# From Ampere on: https://docs.nvidia.com/cuda/cuda-programming-guide/05-appendices/compute-capabilities.html
BF16_CAPABILITY = (8, 0)
PLANNING_SECONDS = 30.0
FIELDS = ("uuid", "name", "memory.total")
REPAIR = "repair the driver, or state --config device=cpu"


@dataclass(frozen=True)
class Gpu:
    """What `nvidia-smi` tells of a GPU; what it does not tell is None. Memory in MiB."""

    uuid: str
    name: str
    memory: int | None
    capability: tuple[int, int] | None


def resolve(device: str, precision: str) -> tuple[Device, Precision]:
    """What ``auto`` stands for on this machine. What is stated is taken at its word, and nothing is asked.

    A cluster's login node has no GPU: there the profile states both, and the job itself checks the device.

    Raises:
        UserError: for bf16 on a CPU, or where ``auto`` has no GPU to look at.
    """
    if device == "auto":
        device = "cuda" if gpus() else "cpu"
    if device == "cpu":
        if precision == "bf16":
            raise UserError("precision: bf16 is for a GPU, and training is on the CPU; write auto or float32")
        return "cpu", "float32"
    if precision != "auto":
        return "cuda", "bf16" if precision == "bf16" else "float32"
    if not gpus():
        raise UserError(
            "precision: auto looks at the GPU, and nvidia-smi shows none here; state --config precision=bf16 "
            "(compute capability 8.0 or later) or precision=float32"
        )
    return "cuda", usual_precision(gpus())[0]


def usual_precision(found: tuple[Gpu, ...]) -> tuple[Precision, str]:
    """The precision for GPUs of which any may get a job, so the oldest decides; and why."""
    silent = [gpu.name for gpu in found if gpu.capability is None]
    if silent:
        return "float32", f"the driver does not tell the compute capability of {silent[0]}"
    capability, name = min((gpu.capability or (0, 0), gpu.name) for gpu in found)
    told = f"{name} has compute capability {text(capability)}"
    if capability < BF16_CAPABILITY:
        return "float32", f"{told}, and bf16 is for {text(BF16_CAPABILITY)} or later"
    return "bf16", told


def text(capability: tuple[int, int]) -> str:
    return ".".join(map(str, capability))


@cache
def gpus() -> tuple[Gpu, ...]:
    """The NVIDIA GPUs that this process may use; none, and a warning, where `nvidia-smi` fails."""
    try:
        return visible(PLANNING_SECONDS)
    except UserError as error:
        print(f"warning: {error}", file=sys.stderr, flush=True)
        return ()


def visible(seconds: float) -> tuple[Gpu, ...]:
    """The GPUs that CUDA_VISIBLE_DEVICES leaves, in its order; `nvidia-smi` may take so many seconds.

    An index counts as in `nvidia-smi`, by the place on the bus.

    Raises:
        UserError: if there is an `nvidia-smi`, but it gives no list.
    """
    listed, stated = _listed(seconds), os.environ.get("CUDA_VISIBLE_DEVICES")
    if stated is None or not listed:
        return listed
    chosen: list[Gpu] = []
    for name in map(str.strip, stated.split(",")):
        gpu = _named(name, listed)
        if gpu is None:  # CUDA reads up to the first that is none
            break
        chosen.append(gpu)
    return tuple(dict.fromkeys(chosen))


def _named(name: str, listed: tuple[Gpu, ...]) -> Gpu | None:
    """The GPU with this index or beginning of a UUID; a part of one (MIG) counts as the oldest card."""
    if name.isdecimal():
        return listed[int(name)] if int(name) < len(listed) else None
    if name.startswith("MIG-"):
        return replace(min(listed, key=lambda gpu: gpu.capability or (0, 0)), uuid=name, memory=None)
    return next((gpu for gpu in listed if name and gpu.uuid.startswith(name)), None)


def _listed(seconds: float) -> tuple[Gpu, ...]:
    known = FIELDS
    answer = _ask(*known, "compute_cap", seconds=seconds)
    if answer is not None and "not a valid field" in answer.stdout + answer.stderr:  # a driver before 510
        answer = _ask(*known, seconds=seconds)
    if answer is None or "no devices" in (answer.stdout + answer.stderr).lower():
        return ()
    if answer.returncode:
        said = " ".join((answer.stdout + answer.stderr).split()) or f"exit status {answer.returncode}"
        raise UserError(f"device: nvidia-smi fails ({said}); {REPAIR}")
    try:
        return tuple(_gpu(*map(str.strip, line.split(","))) for line in answer.stdout.splitlines() if line.strip())
    except TypeError:
        raise UserError(f"device: nvidia-smi answers {answer.stdout.strip()!r}; {REPAIR}") from None


def _ask(*fields: str, seconds: float) -> subprocess.CompletedProcess[str] | None:
    """What `nvidia-smi` says of `fields`; None where there is no `nvidia-smi`."""
    command = ["nvidia-smi", f"--query-gpu={','.join(fields)}", "--format=csv,noheader,nounits"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    except FileNotFoundError:
        return None
    except subprocess.TimeoutExpired:
        raise UserError(f"device: nvidia-smi does not answer within {seconds:.0f} s; {REPAIR}") from None
    except OSError as error:
        raise UserError(f"device: nvidia-smi cannot be run ({error.strerror}); {REPAIR}") from None


def _gpu(uuid: str, name: str, memory: str, capability: str = "") -> Gpu:
    major, _, minor = capability.partition(".")
    known = major.isdecimal() and minor.isdecimal()
    return Gpu(uuid, name, int(memory) if memory.isdecimal() else None, (int(major), int(minor)) if known else None)


def check(asked: str, available: bool) -> None:
    """Refuse to train on another device than the arm names.

    Raises:
        UserError: if CUDA is asked for and torch finds none.
    """
    if asked == "cuda" and not available:
        raise UserError(
            "device: cuda is asked for, but torch finds no CUDA device; use --config device=cpu or a GPU node"
        )
