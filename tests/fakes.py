"""Runs that nothing trained, made in milliseconds: records in memory or on disk, with plausible curves; no torch."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from cnnlab.analysis.tables import contrasts
from cnnlab.core.paths import Paths
from cnnlab.core.validation import digest
from cnnlab.planning import model_registry
from cnnlab.planning.specs import ArmSpec, DataSpec, ModelSpec, TrainSpec, run_id, seeds_slug
from cnnlab.planning.studies.claims import ClaimRegistry
from cnnlab.planning.studies.study import Study
from cnnlab.training import records
from cnnlab.training.records import Record

DIGITS = DataSpec(name="mnist5k", limit=300, image_size=14)
STARTED_MS = 1_700_000_000_000
CHECKSUM = digest("images", 64)
COMMIT = "0123456789abcdef0123456789abcdef01234567"
STEPS_PER_EPOCH, TEST_IMAGES, CLASSES = 47, 1500, 10


FILES = {
    "spec": records.SPEC,
    "result": records.RESULT,
    "provenance": records.PROVENANCE,
    "curves": records.CURVES,
    "test": records.TEST,
    "profile": records.PROFILE,
    "pictures": records.PICTURES,
    "weights": records.WEIGHTS,
}


def record(**contents: Any) -> Record:
    """A run with these contents, by the names that `Record` gives them, and without files."""
    return Record(contents={FILES[name]: value for name, value in contents.items()})


def changed(run: Record, **contents: Any) -> Record:
    """The same run, but for these contents."""
    return Record(run.path, {**run.contents, **record(**contents).contents})


def write(run: Record, folder: Path) -> Record:
    """The same run on disk."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in run.contents.items():
        if name.endswith(".json"):
            (folder / name).write_text(json.dumps(value, indent=1, allow_nan=False) + "\n")
        elif value is not None:
            save_file(value, folder / name)
    return Record(folder)


def make_arm(
    architecture: str = "lenet", epochs: int = 7, train: dict[str, Any] | None = None, **switches: Any
) -> ArmSpec:
    """An arm of the quick tier; `switches` as in a study file, ``make_arm(activation="relu")``."""
    complete = model_registry.resolve(architecture, "small", switches, "factory")
    return ArmSpec(
        model=ModelSpec(architecture=architecture, switches=complete),
        data=DataSpec(name="mnist5k"),
        train=TrainSpec(epochs=epochs, **(train or {})),
        torch="2.14.1",
        fingerprint=digest(architecture),
    )


def make_record(
    results: Path,
    arm_spec_dict: dict[str, Any] | None = None,
    seed: int = 0,
    *,
    arm: ArmSpec | None = None,
    status: str = "finished",
    learning_rate: float = 0.1,
    error: float = 0.03,
    reaches_target: bool = True,
    started_ms: int | None = None,
    evaluation_ms: Sequence[int] | None = None,
    weights: int = 1000,
) -> Record:
    """Write a whole record below ``<results>/runs`` and return it; the same arguments give the same bytes.

    Args:
        arm_spec_dict: the dump of an `ArmSpec`; or give `arm`; by default LeNet with its own defaults.
        status: a "diverged" run stops half-way with an infinite loss and has no finals; "timed_out" has none either.
        error: test error as a share, to which each seed adds its own noise.
        reaches_target: False gives a run whose ``steps_to_target`` is censored (null).
        started_ms: another one makes another attempt at the same run.
        weights: how many float32 numbers the weights hold.
    """
    arm = arm or (ArmSpec.model_validate(arm_spec_dict) if arm_spec_dict else make_arm())
    rng = np.random.default_rng([seed, int(digest(arm.arm_id), 16)])
    identity = run_id(arm.arm_id, CHECKSUM, learning_rate, seed)
    curves = _curves(rng, arm.train.epochs, learning_rate, error, status, reaches_target)
    started = STARTED_MS + 10_000 * seed if started_ms is None else started_ms
    times = list(evaluation_ms or (started + 500 * (1 + np.arange(len(curves["evaluation.step"])))).tolist())
    test = _test(rng, error)
    result = _result(arm, curves, test, status)
    spec = {
        "run_id": identity,
        "arm_id": arm.arm_id,
        "seed": seed,
        "learning_rate": learning_rate,
        "learning_rate_source": "tuned" if arm.train.learning_rate is None else "fixed",
        "tuning": _tuning(arm, learning_rate),
        "tuning_edge": False,
        "data_checksum": CHECKSUM,
        "arm": arm.model_dump(mode="json"),
    }
    made = record(
        spec=spec,
        result=result,
        provenance=_provenance(started, times, curves, result),
        curves=curves,
        weights={"output.weight": rng.normal(size=weights).astype(np.float32)},
        test=test if status == "finished" else None,
    )
    return write(made, Paths(results, results).run_dir(identity))


def make_manifest(results: Path, made: Sequence[Record]) -> Path:
    """The manifest of one arm's records."""
    by_seed = sorted(made, key=lambda record: record.seed)
    arm_id, seeds = by_seed[0].arm_id, [record.seed for record in by_seed]
    runs = [{"run_id": each.run_id, "seed": each.seed, "status": each.result["status"]} for each in by_seed]
    path = Paths(results, results).manifest(arm_id, seeds_slug(tuple(seeds)))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"arm_id": arm_id, "seeds": seeds, "runs": runs}, indent=1) + "\n")
    return path


def _curves(
    rng: np.random.Generator, epochs: int, rate: float, error: float, status: str, reaches_target: bool
) -> dict[str, np.ndarray]:
    total = epochs * STEPS_PER_EPOCH
    ran = total if status == "finished" else max(1, epochs // 2) * STEPS_PER_EPOCH
    step = np.arange(1, ran + 1)
    share, pace = step / total, rng.uniform(4, 6)
    loss = 2.3 * np.exp(-pace * share) + error + 0.05 * rng.random(ran)
    if status == "diverged":
        loss[ran - STEPS_PER_EPOCH // 2 :] = np.inf
    at = step[STEPS_PER_EPOCH - 1 :: STEPS_PER_EPOCH]
    accuracy = 1 - error - 0.6 * np.exp(-pace * share[at - 1]) + 0.004 * rng.standard_normal(len(at))
    if not reaches_target:
        accuracy = np.minimum(accuracy, 0.85)
    train_loss = loss.reshape(-1, STEPS_PER_EPOCH).mean(axis=1)
    curves = {
        "step.loss": loss,
        "step.gradient_norm": 0.3 + 0.7 * np.exp(-3 * share) * (1 + 0.2 * rng.random(ran)),
        "evaluation.step": at.astype(np.int64),
        "evaluation.epoch": at / STEPS_PER_EPOCH,
        "evaluation.train_loss": train_loss,
        "evaluation.validation_loss": np.where(np.isfinite(train_loss), train_loss * 1.05, np.nan),
        "evaluation.validation_accuracy": np.clip(accuracy, 0, 1),
        "evaluation.learning_rate": rate * 0.5 * (1 + np.cos(np.pi * share[at - 1])),
    }
    return {name: value if name == "evaluation.step" else value.astype(np.float32) for name, value in curves.items()}


def _test(rng: np.random.Generator, error: float) -> dict[str, np.ndarray]:
    correct = (rng.random(TEST_IMAGES) >= error).astype(np.uint8)
    loss = np.where(correct, 0.02, 2.0) * (0.5 + rng.random(TEST_IMAGES))
    predicted = rng.integers(0, CLASSES, TEST_IMAGES)
    return {"correct": correct, "loss": loss.astype(np.float32), "predicted": predicted}


def _result(arm: ArmSpec, curves: dict[str, np.ndarray], test: dict[str, np.ndarray], status: str) -> dict[str, Any]:
    steps = len(curves["step.loss"])
    accuracy = curves["evaluation.validation_accuracy"]
    reached = curves["evaluation.step"][accuracy >= arm.train.target_accuracy]
    infinite = np.flatnonzero(~np.isfinite(curves["step.loss"]))
    test_error = 1 - float(test["correct"].mean())
    finals: dict[str, float | None] = {
        "test_error": test_error,
        "test_loss": float(test["loss"].mean()),
        "train_error": test_error / 2,
        "train_loss": float(curves["evaluation.train_loss"][-1]) / 2,
        "validation_error": 1 - float(accuracy[-1]),
        "validation_loss": float(curves["evaluation.validation_loss"][-1]),
    }
    return {
        "status": status,
        "epochs": arm.train.epochs,
        "steps": steps,
        "steps_per_epoch": STEPS_PER_EPOCH,
        "diverged_at_step": int(infinite[0]) + 1 if len(infinite) else None,
        **(finals if status == "finished" else dict.fromkeys(finals)),
        "steps_to_target": int(reached[0]) if len(reached) else None,
        "target_accuracy": arm.train.target_accuracy,
        "evaluation_interval": STEPS_PER_EPOCH,
        "first_gradient_norm": float(curves["step.gradient_norm"][0]),
        "early_gradient_norm": float(np.exp(np.log(curves["step.gradient_norm"][:10]).mean())),
        "test_images": TEST_IMAGES,
        "parameters": 44_426,
    }


def _tuning(arm: ArmSpec, chosen: float) -> list[dict[str, Any]]:
    if arm.train.learning_rate is not None:
        return []
    rates = sorted({*arm.train.tune.rates, chosen})
    distances = [abs(np.log(rate / chosen)) for rate in rates]
    return [
        {
            "learning_rate": rate,
            "validation_loss": 0.2 + float(distance),
            "validation_error": 0.04 + 0.1 * float(distance),
            "status": "finished",
        }
        for rate, distance in zip(rates, distances, strict=True)
    ]


def _provenance(
    started: int, times: Sequence[int], curves: dict[str, np.ndarray], result: dict[str, Any]
) -> dict[str, Any]:
    seconds, target = (times[-1] - started) / 1000, result["steps_to_target"]
    at = None if target is None else curves["evaluation.step"].tolist().index(target)
    return {
        "started_ms": started,
        "ended_ms": times[-1] + 100,
        "seconds": seconds,
        "cpu_seconds": 0.98 * seconds,
        "tuning_cpu_seconds": 1.3 * seconds,
        "seconds_to_first_step": 3.2,
        "images_per_second": 64 * len(curves["step.loss"]) / seconds,
        "peak_memory_mb": 412.5,
        "seconds_to_target": None if at is None else (times[at] - started) / 1000,
        "evaluation_ms": list(times),
        "threads": 1,
        "device": "cpu",
        "hardware": {"cpu": "a processor", "cores": 2, "gpu": None},
        "versions": {"python": "3.11.9", "torch": "2.14.1", "numpy": "2.4.6", "cnnlab": "1.0.0"},
        "git": {"commit": COMMIT, "dirty": False},
        "platform": "Linux",
    }


def judge_studies(
    studies: Sequence[Study],
    registry: ClaimRegistry,
    runs: Any,
    looks: Path | None,
    computed: Sequence[dict[str, Any]] = (),
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows of `contrasts`, and of `claims` as in the ledger."""
    rows, tested = contrasts.judge_studies(studies, registry, runs, None if looks is None else lambda name: looks)
    return rows, contrasts.ledger(registry, tested, computed)


class Cards:
    """A `nvidia-smi` in a folder to be put on the PATH, that shows what the test puts in; absent until then."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        (folder / "calls").touch()
        for name in ("echo", "git", "grep", "sh", "sleep"):
            found = shutil.which(name)
            if found:
                (folder / name).symlink_to(found)

    @property
    def path(self) -> str:
        """A PATH on which the machine's own `nvidia-smi` is not."""
        return str(self.folder)

    @property
    def calls(self) -> int:
        return len((self.folder / "calls").read_text().splitlines())

    def answer(self, shell: str) -> None:
        """Run these lines at each call."""
        script = self.folder / "nvidia-smi"
        script.write_text(f'#!/bin/sh\necho "$*" >> {self.folder}/calls\n{shell}\n')
        script.chmod(0o755)

    def put_in(self, rows: Sequence[tuple[str, ...]]) -> None:
        """Cards as (UUID, name, MiB, compute capability), without the last from a driver that does not know it."""
        listing = "\n".join(f"echo '{', '.join(row)}'" for row in rows)
        refusal = 'Field "compute_cap" is not a valid field to query.'
        old = f"case \"$*\" in *compute_cap*) echo '{refusal}'; exit 2;; esac\n" if len(rows[0]) == 3 else ""
        self.answer(old + listing)
