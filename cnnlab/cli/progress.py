"""How far a call is, for the person who watches it: runs and arms done of all, and the time left."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from statistics import fmean
from typing import Any

from cnnlab.core.paths import Paths
from cnnlab.planning.plan import Plan
from cnnlab.training import records
from cnnlab.training.records import Record

Run = tuple[str, int]  # arm id, seed


def start(plan: Plan, jobs: int) -> str:
    """Write down what this call is to do with so many jobs at once, and what it finds done; return that as a line."""
    arms = plan.arms()
    goal = {
        "jobs": jobs,
        "runs": plan.runs(),
        "weights": {arm_id: plan.weight(arm_id) for arm_id in arms},
        "tuning": {arm_id: plan.tuning_runs(arm_id) for arm_id in arms},
    }
    by_arm = records.so_far(plan.paths, plan.manifests()).values()
    done = [_entry(record) for by_seed in by_arm for record in by_seed.values()]
    _log(plan.paths).parent.mkdir(parents=True, exist_ok=True)
    _log(plan.paths).write_text("".join(map(_line, (goal, *done))))
    return f"cnnlab: {plan.tier} tier, {len(plan.studies)} studies, {count(plan.runs(), _seconds(done))} done"


def finished(paths: Paths, record: Record) -> str:
    """Note a finished run, and return the line to print."""
    error = record.result["test_error"]
    outcome = record.result["status"] if error is None else f"test error {100 * error:.1f} %"
    status = "run finished"
    if _log(paths).exists():
        with _log(paths).open("a") as log:  # one short write per line: jobs may append at once
            log.write(_line(_entry(record)))
        # Another version of cnnlab may have written it; it is only for show.
        with suppress(TypeError, ValueError, KeyError):
            status = _status(*map(json.loads, _log(paths).read_text().splitlines()))
    return f"cnnlab: {status}  {record.arm_id} seed {record.seed}: {outcome}"


def _status(goal: dict[str, Any], *entries: list[Any]) -> str:
    wanted, done = [(arm_id, seed) for arm_id, seed in goal["runs"]], _seconds(entries)
    left = seconds_left(wanted, goal["weights"], goal["tuning"], done, goal["jobs"])
    if left is None:
        return f"{count(wanted, done)} done "
    duration = f"{left / 60:.0f} min" if left >= 90 else f"{left:.0f} s"
    return f"{count(wanted, done)} done, about {duration} left "


def count(wanted: Collection[Run], done: Collection[Run]) -> str:
    """``3 of 8 runs, 1 of 2 arms``."""
    arms, unfinished = {arm_id for arm_id, _ in wanted}, {arm_id for arm_id, _ in set(wanted) - set(done)}
    runs = len(set(wanted) & set(done))
    return f"{runs} of {len(wanted)} runs, {len(arms - unfinished)} of {len(arms)} arms"


def seconds_left(
    wanted: Iterable[Run],
    weights: Mapping[str, float],
    tuning: Mapping[str, float],
    done: Mapping[Run, float],
    jobs: int,
) -> float | None:
    """Wall clock to the last run, from the seconds of those that are done; None before the first.

    An arm not seen yet counts by its weight, its tuning included. The jobs share what is left, but the seeds of an arm
    are trained one after another.
    """
    by_arm = defaultdict[str, list[float]](list)
    for (arm_id, _), seconds in done.items():
        by_arm[arm_id].append(seconds)
    # An untrained arm has no weight: what it took says nothing of the others.
    weighed = [arm_id for arm_id in by_arm if weights.get(arm_id)]
    if not weighed:
        return None
    scale = sum(sum(by_arm[arm]) for arm in weighed) / sum(weights[arm] * len(by_arm[arm]) for arm in weighed)
    left = defaultdict[str, float](float)
    for arm_id, _ in set(wanted) - set(done):
        left[arm_id] += fmean(by_arm[arm_id]) if arm_id in by_arm else weights[arm_id] * scale
    for arm_id in left.keys() - by_arm.keys():
        left[arm_id] += tuning[arm_id] * weights[arm_id] * scale
    return max([sum(left.values()) / jobs, *left.values()])


def _log(paths: Paths) -> Path:
    """The goal of the call that runs, and a line for each finished run."""
    return paths.results / "progress.jsonl"


def _entry(record: Record) -> list[Any]:
    return [record.arm_id, record.seed, float(record.provenance["seconds"])]


def _seconds(entries: Iterable[list[Any]]) -> dict[Run, float]:
    return {(arm_id, seed): seconds for arm_id, seed, seconds in entries}


def _line(value: Any) -> str:
    return json.dumps(value) + "\n"
