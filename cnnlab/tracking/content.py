"""What MLflow is told of a record: its values with their times, its parameters and its tags. Nothing here writes."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from cnnlab.planning.specs import digest
from cnnlab.training.records import Record

FORMAT = 1  # count it up when what is mirrored changes: runs of an older format are then mirrored anew
CURVES = ("train_loss", "validation_loss", "validation_accuracy", "learning_rate")
WITNESS = "learning_rate"  # the curve that stays finite whatever becomes of the loss
FINALS = {
    **{name: name for name in ("test_error", "test_loss", "train_error", "validation_error")},
    "final_train_loss": "train_loss",  # of the trained network on all its images; the curve is not that
    **{name: name for name in ("steps_to_target", "first_gradient_norm", "early_gradient_norm")},
}
MEASURED = ("seconds", "cpu_seconds", "seconds_to_target", "images_per_second", "peak_memory_mb")
MEANS = ("test_error", "test_loss", "train_error", "validation_error")


class Mirrorable(Protocol):
    """What is read of a `Record`, or of a run that still grows: that one has no directory yet."""

    @property
    def directory(self) -> Path | None: ...
    @property
    def spec(self) -> dict[str, Any]: ...
    @property
    def result(self) -> dict[str, Any]: ...
    @property
    def provenance(self) -> dict[str, Any]: ...
    @property
    def run_id(self) -> str: ...
    @property
    def arm_id(self) -> str: ...
    @property
    def seed(self) -> int: ...
    def curves(self) -> Mapping[str, Any]: ...


class Point(NamedTuple):
    """A value of a metric; `timestamp` in milliseconds since 1970."""

    key: str
    value: float
    timestamp: int
    step: int


def points(record: Mirrorable) -> list[Point]:
    """Every finite value of a record, with its own time; what is missing or infinite stays away."""
    curves, times = record.curves(), record.provenance["evaluation_ms"]
    steps = [int(step) for step in curves["evaluation.step"]]
    found = [
        Point(name, float(value), int(time), step)
        for name in CURVES
        for value, time, step in zip(curves[f"evaluation.{name}"], times, steps, strict=True)
    ]
    if record.directory is not None:
        ended, last = int(record.provenance["ended_ms"]), int(record.result["steps"])
        finals = {name: record.result.get(key) for name, key in FINALS.items()}
        finals |= {f"system/{name}": record.provenance.get(name) for name in MEASURED}
        found += [Point(name, float(value), ended, last) for name, value in finals.items() if value is not None]
    return [point for point in found if math.isfinite(point.value)]


def parameters(record: Mirrorable) -> dict[str, str]:
    """The spec, flat, with the keys of a study file; what is not set is left out."""
    chosen = {key: record.spec[key] for key in ("seed", "learning_rate", "learning_rate_source")}
    return texts({**arm_parameters(record), **chosen})


def arm_parameters(record: Mirrorable) -> dict[str, Any]:
    """Those that all seeds share, as ``model.activation``, ``train.epochs``."""
    arm = dict(record.spec["arm"])
    model = dict(arm.pop("model"))
    sections = {"model": {**model.pop("switches"), **model}, "data": arm.pop("data"), "train": dict(arm.pop("train"))}
    sections["train"] |= {f"tune.{key}": value for key, value in (sections["train"].pop("tune", None) or {}).items()}
    flat = {f"{section}.{key}": value for section, values in sections.items() for key, value in values.items()}
    return {**flat, **arm}


def texts(values: Mapping[str, Any]) -> dict[str, str]:
    """As MLflow stores them; a missing value stays missing."""
    return {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in values.items()
        if value is not None
    }


def run_tags(record: Mirrorable) -> dict[str, str]:
    """What a run can be found by, besides the studies and claims of its arm."""
    git = record.provenance.get("git") or {}
    values = {
        "arm_id": record.arm_id,
        "seed": record.seed,
        "status": record.result["status"],
        "diverged_at_step": record.result.get("diverged_at_step"),
        "git_commit": git.get("commit"),
        "git_dirty": git.get("dirty"),
        "mlflow.source.git.commit": git.get("commit"),
    }
    return texts(values)


def signature(record: Mirrorable) -> str | None:
    """What a complete mirror of this record bears; a growing record has none."""
    if record.directory is None:
        return None
    return digest([FORMAT, record.result["status"], record.provenance["started_ms"], record.provenance["ended_ms"]])


def means(done: Sequence[Record], ended: int) -> list[Point]:
    """Over the seeds of an arm, of each metric that every seed has. MLflow draws bars of what has step 0 only."""
    values = {name: [record.result[name] for record in done] for name in MEANS}
    return [Point(name, statistics.fmean(each), ended, 0) for name, each in values.items() if None not in each]
