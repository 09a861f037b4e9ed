"""Runs in MLflow while they train, for tiers whose runs take minutes; training never waits for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from cnnlab.planning.plan import ArmMembership
from cnnlab.training.records import Record

CLOSE_SECONDS = 30.0


class Curves(Protocol):
    """What is read of `cnnlab.training.loop.Curves`: one value for each evaluation so far."""

    steps: list[int]
    train_losses: list[float]
    validation_losses: list[float]
    validation_accuracies: list[float]
    learning_rates: list[float]
    milliseconds: list[int]


@dataclass(frozen=True)
class Growing:
    """A run that trains: a record without a directory, and without an end."""

    spec: dict[str, Any]
    provenance: dict[str, Any]
    values: dict[str, Sequence[float]]
    result: dict[str, Any] = field(default_factory=lambda: {"status": "running"})
    directory: None = None

    @property
    def run_id(self) -> str:
        return str(self.spec["run_id"])

    @property
    def arm_id(self) -> str:
        return str(self.spec["arm_id"])

    @property
    def seed(self) -> int:
        return int(self.spec["seed"])

    def curves(self) -> dict[str, Sequence[float]]:
        return self.values


class LiveMirror:
    """Takes curves and finished records from a training loop, and mirrors them from a thread of its own.

    Nothing here raises into the loop or makes it wait. When MLflow cannot be written, one warning line is printed and
    the rest is dropped: `cnnlab track` mirrors it later.

        with LiveMirror(Path.cwd(), plan.tier, membership) as live:
            train(..., evaluated=live.watch(spec))
            live.finished(record)
    """

    def __init__(self, root: Path, tier: str, membership: ArmMembership) -> None:
        self._root, self._tier, self._membership = root, tier, membership
        # At most the latest state of each run: a slow server makes the history come late, not the memory grow.
        self._waiting: dict[str, Growing | Record] = {}
        self._closed = False
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="mlflow", daemon=True)

    def __enter__(self) -> LiveMirror:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def watch(self, spec: dict[str, Any], git: dict[str, Any] | None = None) -> Callable[[Curves], None]:
        """What the loop calls after each evaluation of the run that `spec` describes (as in its ``spec.json``)."""
        started = time.time_ns() // 1_000_000

        def evaluated(curves: Curves) -> None:
            times = list(curves.milliseconds)
            provenance = {"started_ms": min([started, *times]), "evaluation_ms": times, "git": git}
            self._put(Growing(spec, provenance, _values(curves)))

        return evaluated

    def finished(self, record: Record) -> None:
        """Complete the run of `record`."""
        self._put(record)

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Wait until all is written, but no longer than `seconds`."""
        with self._news:
            self._closed = True
            self._news.notify()
        if self._thread.is_alive():
            self._thread.join(seconds)

    def _put(self, item: Growing | Record) -> None:
        with self._news:
            self._waiting[item.run_id] = item
            self._news.notify()

    def _next(self) -> Growing | Record | None:
        """Wait for something to mirror; None when all is mirrored and no more will come."""
        with self._news:
            self._news.wait_for(lambda: self._waiting or self._closed)
            return self._waiting.pop(next(iter(self._waiting))) if self._waiting else None

    def _work(self) -> None:
        from cnnlab.tracking.mirror import warn

        try:
            self._mirror_all()
        except Exception as error:  # a mirror must not stop what it mirrors
            warn(self._root, error)

    def _mirror_all(self) -> None:
        from cnnlab.tracking.mirror import mirror
        from cnnlab.tracking.store import connect, store_lock

        session = None
        while (item := self._next()) is not None:
            session = session or connect(self._root, self._tier)  # seconds of import, for nothing if nothing trains
            with store_lock(self._root):
                mirror(session, item, self._membership)


def _values(curves: Curves) -> dict[str, Sequence[float]]:
    return {
        "evaluation.step": list(curves.steps),
        "evaluation.train_loss": list(curves.train_losses),
        "evaluation.validation_loss": list(curves.validation_losses),
        "evaluation.validation_accuracy": list(curves.validation_accuracies),
        "evaluation.learning_rate": list(curves.learning_rates),
    }
