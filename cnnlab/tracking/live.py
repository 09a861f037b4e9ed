"""Runs in MLflow while they train, for tiers whose runs take minutes; training never waits for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnlab.planning.plan import ArmMembership
from cnnlab.tracking import store
from cnnlab.tracking.mirror import mirror, warn
from cnnlab.training import records
from cnnlab.training.observer import Observer
from cnnlab.training.records import Record

if TYPE_CHECKING:
    from cnnlab.training.curves import Curves

CLOSE_SECONDS = 30.0


class _Watch(Observer):
    """Hands the growing record of a run to `put` after each evaluation."""

    def __init__(self, spec: dict[str, Any], git: dict[str, Any] | None, put: Callable[[Record], None]) -> None:
        self._spec, self._git, self._put = spec, git, put
        self._started = time.time_ns() // 1_000_000

    def evaluated(self, curves: Curves) -> None:
        times = list(curves.milliseconds)
        provenance = {"started_ms": min([self._started, *times]), "evaluation_ms": times, "git": self._git}
        contents = {
            records.SPEC: self._spec,
            records.RESULT: {"status": "running"},
            records.PROVENANCE: provenance,
            records.CURVES: curves.by_evaluation(),
        }
        self._put(Record(contents=contents))


class LiveMirror:
    """Takes curves and finished records from a training loop, and mirrors them from a thread of its own.

    Nothing here raises into the loop or makes it wait. When MLflow cannot be written, one warning line is printed and
    the rest is dropped: `cnnlab track` mirrors it later.

        with LiveMirror(Path.cwd(), plan.tier, membership) as live:
            train(..., observers=[live.watch(spec)])
            live.finished(record)
    """

    def __init__(self, root: Path, tier: str, membership: ArmMembership) -> None:
        self._root, self._tier, self._membership = root, tier, membership
        # At most the latest state of each run: a slow server makes the history come late, not the memory grow.
        self._waiting: dict[str, Record] = {}
        self._closed = False
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="mlflow", daemon=True)

    def __enter__(self) -> LiveMirror:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def watch(self, spec: dict[str, Any], git: dict[str, Any] | None = None) -> Observer:
        """An observer for the loop that trains the run which `spec` describes (as in its ``spec.json``)."""
        return _Watch(spec, git, self._put)

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

    def _put(self, record: Record) -> None:
        with self._news:
            self._waiting[record.run_id] = record
            self._news.notify()

    def _next(self) -> Record | None:
        """Wait for a record to mirror; None when all is mirrored and no more will come."""
        with self._news:
            self._news.wait_for(lambda: self._waiting or self._closed)
            return self._waiting.pop(next(iter(self._waiting))) if self._waiting else None

    def _work(self) -> None:
        session = None
        try:
            while (record := self._next()) is not None:
                session = session or store.connect(
                    self._root, self._tier
                )  # seconds of import, only if something trains
                with store.store_lock(self._root):
                    mirror(session, record, self._membership)
        except Exception as error:  # a mirror must not stop what it mirrors
            warn(self._root, error)
