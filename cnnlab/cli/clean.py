"""Freeing what no study needs, and training a run again to see that it gives the same bits."""

from __future__ import annotations

import filecmp
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from cnnlab.core.errors import UserError
from cnnlab.core.paths import Paths
from cnnlab.planning.plan import Plan
from cnnlab.training import records

ABANDONED_SECONDS = 3600


def unused(plan: Plan) -> tuple[list[Path], int]:
    """Runs, tuning, manifests, checkpoints and data that no arm of `plan` asks for, and their bytes.

    What a job may be writing at this moment is left alone.
    """
    where, wanted, arms = plan.paths, set(plan.runs()), set(plan.arms())
    runs = [
        record.directory
        for record in records.scan(where)
        if (record.arm_id, record.seed) not in wanted or not records.current(where, record)
    ]
    aside = [path for path in _entries(where.runs) if path.name.startswith(".") and _age(path) > ABANDONED_SECONDS]
    by_arm = [
        path
        for folder in ("tuning", "checkpoints", "manifests")
        for path in _entries(where.results / folder)
        if path.name not in arms
    ]
    asked = set(plan.manifest_files())
    manifests = [path for path in where.results.glob("manifests/*/*.json") if path.parent.name in arms]
    data = [path for path in _entries(where.results / "data") if path.stem not in plan.data()]
    found = [*runs, *aside, *by_arm, *(path for path in manifests if str(path) not in asked), *data]
    return found, sum(_size(path) for path in found)


def remove(found: Sequence[Path]) -> None:
    for path in found:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def verify(paths: Paths, run: str) -> str:
    """Train `run` (an id, or its beginning) again from its record; say that every bit agrees.

    Raises:
        UserError: if there is no such run, or a bit differs; then it names the file.
    """
    from cnnlab.training.job import retrain

    record = records.find(paths, run)
    with tempfile.TemporaryDirectory() as folder:
        aside = replace(paths, results=Path(folder))
        if not records.current(paths, record):
            raise UserError(f"{record.run_id}: its images are not there as they were; it cannot be trained again")
        data_id = _data_id(record)
        for source in (paths.data_file(data_id), paths.data_card(data_id)):
            target = Path(folder) / "data" / source.name
            target.parent.mkdir(exist_ok=True)
            target.symlink_to(source.resolve())
        again = retrain(record, aside)
        folders = record.directory, again.directory
        names = sorted({path.name for folder in folders for path in folder.iterdir()} - {records.PROVENANCE})
        differing = [name for name in names if not _equal(*(folder / name for folder in folders))]
    if differing:
        raise UserError(
            f"{record.run_id}: trained again, {', '.join(differing)} differ; another machine, torch or code than "
            f"{records.PROVENANCE} names does not promise the same bits"
        )
    return f"{record.run_id}: trained again, {', '.join(names)} are equal bit for bit"


def _equal(left: Path, right: Path) -> bool:
    return left.exists() and right.exists() and filecmp.cmp(left, right, shallow=False)


def _data_id(record: records.Record) -> str:
    from cnnlab.planning.specs import ArmSpec

    return ArmSpec.model_validate(record.spec["arm"]).data.data_id


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _age(path: Path) -> float:
    return time.time() - path.stat().st_mtime


def _size(path: Path) -> int:
    return (
        sum(file.stat().st_size for file in path.rglob("*") if file.is_file()) if path.is_dir() else path.stat().st_size
    )
