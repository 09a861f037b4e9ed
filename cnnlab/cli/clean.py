"""Freeing what no study needs."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from cnnlab.core.errors import UserError
from cnnlab.planning.plan import Plan
from cnnlab.training import records

ABANDONED_SECONDS = 3600


def unused(plan: Plan) -> tuple[list[Path], int]:
    """Runs, tuning, manifests, checkpoints and data that no arm of `plan` asks for, and their bytes.

    What a job may be writing at this moment is left alone.

    Raises:
        UserError: if a study cannot be read, as nobody knows then what it needs.
    """
    if plan.broken:
        files = ", ".join(str(study.path) for study in plan.broken)
        raise UserError(
            f"clean: {files}: cannot be read, so that what is needed is not known; correct or remove it first"
        )
    where, wanted, arms = plan.paths, set(plan.runs()), set(plan.arms())
    runs = [
        record.directory
        for record in records.scan(where)
        if (record.arm_id, record.seed) not in wanted or not records.current(where, record)
    ]
    abandoned = time.time() - ABANDONED_SECONDS
    aside = [path for path in _entries(where.runs) if path.name.startswith(".") and path.stat().st_mtime < abandoned]
    by_arm = [
        path
        for folder in ("tuning", "checkpoints", "manifests")
        for path in _entries(where.results / folder)
        if path.name not in arms
    ]
    asked = set(plan.manifest_files())
    manifests = [path for path in where.results.glob("manifests/*/*.json") if path.parent.name in arms]
    data = [path for path in _entries(where.results / "data") if path.stem not in plan.data()]
    unasked = [*runs, *aside, *by_arm, *(path for path in manifests if str(path) not in asked), *data]
    return unasked, sum(_size(path) for path in unasked)


def remove(paths: Sequence[Path]) -> None:
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _size(path: Path) -> int:
    return sum(file.stat().st_size for file in (path, *path.rglob("*")) if file.is_file())
