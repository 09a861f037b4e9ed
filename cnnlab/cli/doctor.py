"""`cnnlab doctor`: what is missing, in plain words, and how to get it."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from cnnlab.cli.extras import INSTALL
from cnnlab.cli.project import MISSING, REMEDY
from cnnlab.core import paths
from cnnlab.core.errors import UserError
from cnnlab.planning import device
from cnnlab.planning.plan import Plan

GIB = 2**30


def examine(load: Callable[[], Plan]) -> tuple[list[str], bool]:
    """One line for each thing looked at, ``ok`` or ``MISSING`` first, and whether all of them are well."""
    root = paths.project(Path.cwd())
    asked, planned = ("auto", "auto"), [(True, f"project {root}")]
    try:
        plan = load()
        asked = plan.config.device, plan.config.precision
        planned.append((True, f"{len(plan.studies)} studies, {len(plan.arms())} arms, {len(plan.runs())} runs planned"))
        planned += [_store(), *_data(plan)]
        planned += [(False, line.removeprefix("warning: ")) for line in plan.warnings]
    except UserError as error:
        planned += [(False, line) for line in error.lines]
    checks = [_python(), _packages(), *_device(*asked), _disk(), *(planned if root else [_no_project()])]
    lines = [f"{'ok     ' if well else 'MISSING'}  {text}" for well, text in checks]
    return lines, all(well for well, _ in checks)


def _python() -> tuple[bool, str]:
    version = ".".join(map(str, sys.version_info[:3]))
    return sys.version_info >= (3, 11), f"Python {version} (3.11 or later is needed)"


def _no_project() -> tuple[bool, str]:
    """Which is no fault of the machine."""
    return True, f"{MISSING}; {REMEDY}"


def _packages() -> tuple[bool, str]:
    installed, missing = [], []
    for name in _required():
        try:
            installed.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        return False, f"packages {', '.join(missing)}: run `make install` in a clone, or {INSTALL}"
    named = [text for text in installed if text.split()[0] in {"torch", "torchvision", "snakemake", "mlflow"}]
    return True, f"{len(installed)} packages, among them {', '.join(named)}"


def _required() -> list[str]:
    """The packages that the networks and the pipeline need."""
    stated = (text.partition(";") for text in metadata.requires("cnnlab") or [])
    needed = [what for what, _, when in stated if not when or re.search(r"extra == .run", when)]
    return [re.split(r"[^\w.-]", what)[0] for what in needed]


def _device(asked: str, asked_precision: str) -> list[tuple[bool, str]]:
    """Which device trains, what it is, whether torch can use it, and the precision."""
    on, precision = device.resolve(asked, asked_precision)
    if on == "cpu":
        seen = "left alone by --config device=cpu" if asked == "cpu" else "no NVIDIA GPU"
        return [
            (True, f"device cpu ({seen}): {os.cpu_count()} cores, one thread a job"),
            (True, "precision float32: bf16 is for GPUs"),
        ]
    why = "stated" if asked_precision != "auto" else device.usual_precision(device.gpus())[1]
    cards = [(True, f"device cuda: {_card(gpu)}") for gpu in device.gpus()]
    return [*cards, *_torch_on_gpu(), (True, f"precision {precision}: {why}")]


def _card(gpu: device.Gpu) -> str:
    capability = "unknown" if gpu.capability is None else device.text(gpu.capability)
    memory = "unknown memory" if gpu.memory is None else f"{gpu.memory / 1024:.1f} GiB"
    return f"{gpu.name}, compute capability {capability}, {memory}"


def _torch_on_gpu() -> list[tuple[bool, str]]:
    import torch

    if torch.cuda.is_available():
        return []
    remedy = "update the driver, or use --config device=cpu"
    if not device.gpus():
        return [(False, f"device cuda is stated, but neither nvidia-smi nor torch finds a GPU here; {remedy}")]
    return [(False, f"a GPU is listed by nvidia-smi, but torch cannot use it; {remedy}")]


def _disk() -> tuple[bool, str]:
    free = shutil.disk_usage(".").free / GIB
    return free > 1, f"{free:.1f} GiB of disk free (results of the quick tier need less than 1)"


def _store() -> tuple[bool, str]:
    uri = os.environ.get("MLFLOW_TRACKING_URI")
    if not uri:
        return True, f"MLflow store: {paths.MLFLOW} (made by the first run)"
    return True, f"MLflow store: {uri} (MLFLOW_TRACKING_URI); if it can't be reached, runs go on and ids stay missing"


def _data(plan: Plan) -> list[tuple[bool, str]]:
    statuses = {
        data_id: (True, "prepared") if plan.paths.data_card(data_id).exists() else spec.source.status
        for data_id, spec in plan.data().items()
    }
    return [(there, f"data {data_id}: {text}") for data_id, (there, text) in statuses.items()]
