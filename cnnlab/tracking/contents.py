"""What of a record stands in MLflow: metrics, parameters and tags."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cnnlab.core.validation import digest
from cnnlab.planning.metrics import METRICS
from cnnlab.training.records import Record

FORMAT = 3  # count it up when what is mirrored changes: runs of an older format are then mirrored anew
CURVES = ("train_loss", "validation_loss", "validation_accuracy", "learning_rate")
WITNESS = "learning_rate"  # the curve that stays finite whatever becomes of the loss
MEASURED = ("seconds", "cpu_seconds", "seconds_to_target", "images_per_second", "peak_memory_mb")
MEANS = ("test_error", "test_loss", "train_error", "validation_error")


def mirrored_name(metric: str) -> str:
    """What a metric of `METRICS` is called in MLflow: the column of a run's result, unless a curve has that name."""
    column = METRICS[metric].column or metric
    return f"final_{column}" if column in CURVES else f"system/{column}" if METRICS[metric].measured else column


# By their names in MLflow, the columns of a run's result that are numbers of the trained network.
FINALS = {mirrored_name(name): metric.column or name for name, metric in METRICS.items() if not metric.measured}


class Point(NamedTuple):
    """A value of a metric; `timestamp` in milliseconds since 1970."""

    key: str
    value: float
    timestamp: int
    step: int


def points(record: Record) -> list[Point]:
    """Every finite value of a record, with its own time; what is missing or infinite stays away.

    A single value is of step 0, as MLflow draws a bar of that, and of any other step a curve of one point.
    """
    curves, times = record.curves(), record.provenance["evaluation_ms"]
    steps = [int(step) for step in curves["evaluation.step"]]
    values = [
        Point(name, float(value), int(time), step)
        for name in CURVES
        for value, time, step in zip(curves[f"evaluation.{name}"], times, steps, strict=True)
    ]
    if record.path is not None:
        ended = int(record.provenance["ended_ms"])
        finals = {name: record.result.get(key) for name, key in FINALS.items()}
        finals |= {f"system/{name}": record.provenance.get(name) for name in MEASURED}
        values += [Point(name, float(value), ended, 0) for name, value in finals.items() if value is not None]
    return [point for point in values if math.isfinite(point.value)]


def means(done: Sequence[Record], ended: int) -> list[Point]:
    """Means over the seeds of an arm, of each metric that every seed has; in six digits, as MLflow shows all."""
    values = {name: [record.result[name] for record in done] for name in MEANS}
    found = {name: float(f"{statistics.fmean(seeds):.6g}") for name, seeds in values.items() if None not in seeds}
    return [Point(name, mean, ended, 0) for name, mean in found.items()]


def parameters(record: Record) -> dict[str, str]:
    """The spec, flat, with the keys of a study file; what is not set is left out."""
    chosen = {key: record.spec[key] for key in ("seed", "learning_rate", "learning_rate_source")}
    return texts({**arm_parameters(record.spec["arm"]), **chosen})


def arm_parameters(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that all seeds share, as ``model.activation``, ``train.epochs``, from the dump of an `ArmSpec`."""
    arm = dict(spec)
    model = dict(arm.pop("model"))
    sections = {"model": {**model.pop("switches"), **model}, "data": arm.pop("data"), "train": dict(arm.pop("train"))}
    sections["train"] |= {f"tune.{key}": value for key, value in (sections["train"].pop("tune", None) or {}).items()}
    flat = {f"{section}.{key}": value for section, values in sections.items() for key, value in values.items()}
    return {**flat, **arm}


def texts(values: Mapping[str, Any]) -> dict[str, str]:
    """The values as MLflow stores them; a missing value stays missing."""
    present = {key: value for key, value in values.items() if value is not None}
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in present.items()}


def run_tags(record: Record) -> dict[str, str]:
    """What a run can be found by, besides the studies and claims of its arm."""
    git = record.provenance.get("git") or {}
    plans = record.provenance.get("plans") or {}
    values = {
        "arm_id": record.arm_id,
        "seed": record.seed,
        "status": record.result["status"],
        "diverged_at_step": record.result.get("diverged_at_step"),
        "git_commit": git.get("commit"),
        "git_dirty": git.get("dirty"),
        "mlflow.source.git.commit": git.get("commit"),
        **{f"plan.{study}": plan["hash"] for study, plan in plans.items()},
    }
    return texts(values)


def signature(record: Record) -> str | None:
    """What a complete mirror of this record bears; a growing record has none."""
    if record.path is None:
        return None
    return digest([FORMAT, record.result["status"], record.provenance["started_ms"], record.provenance["ended_ms"]])
