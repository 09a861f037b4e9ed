"""`cnnlab doctor`: what is missing, in plain words, and how to get it."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from cnnlab.core import paths
from cnnlab.core.errors import UserError
from cnnlab.planning import device
from cnnlab.planning.plan import Plan

GIB = 2**30


def examine(load: Callable[[], Plan]) -> tuple[list[str], bool]:
    """One line for each thing looked at, ``ok`` or ``MISSING`` first, and whether all of them are well."""
    checks = [_python(), _project(), _packages(), _device(), _disk(), _store()]
    try:
        plan = load()
        checks.append((True, f"{len(plan.studies)} studies, {len(plan.arms())} arms, {len(plan.runs())} runs planned"))
        checks += _data(plan)
    except UserError as error:
        checks.append((False, str(error)))
    lines = [f"{'ok     ' if well else 'MISSING'}  {text}" for well, text in checks]
    return lines, all(well for well, _ in checks)


def _python() -> tuple[bool, str]:
    version = ".".join(map(str, sys.version_info[:3]))
    return sys.version_info >= (3, 11), f"Python {version} (3.11 or later is needed)"


def _project() -> tuple[bool, str]:
    here = Path("Snakefile").exists() and paths.STUDIES.is_dir()
    missing = "Snakefile: not in this folder; change to the project's folder"
    return here, "Snakefile and studies here" if here else missing


def _packages() -> tuple[bool, str]:
    required = [text for text in metadata.requires("cnnlab") or [] if "extra ==" not in text]
    installed, missing = [], []
    for name in (re.split(r"[^\w.-]", text)[0] for text in required):
        try:
            installed.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        return False, f"packages {', '.join(missing)}: run `make report`, or pip install -r requirements.lock"
    named = [text for text in installed if text.split()[0] in {"torch", "torchvision", "snakemake", "mlflow"}]
    return True, f"{len(installed)} packages, among them {', '.join(named)}"


def _device() -> tuple[bool, str]:
    count = len(device.gpus())
    if not count:
        return True, f"no NVIDIA GPU: training on {os.cpu_count()} CPU cores, one thread a job"
    import torch

    if torch.cuda.is_available():
        return True, f"{count} GPU(s), first: {torch.cuda.get_device_name()}"
    return (
        False,
        "a GPU is listed by nvidia-smi, but torch cannot use it; update the driver, or use --config device=cpu",
    )


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
