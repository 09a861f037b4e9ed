"""How far a call is, for the person who watches it: runs and arms done of all, and the time left."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from cnnlab.core import files
from cnnlab.core.files import write_json
from cnnlab.core.paths import Paths
from cnnlab.planning.plan import Plan
from cnnlab.training import records
from cnnlab.training.records import Record


@dataclass(frozen=True)
class Done:
    """A finished run, and how long it took."""

    arm_id: str
    seed: int
    seconds: float


def start(plan: Plan, jobs: int) -> str:
    """Write down what this call is to do with so many jobs at once, and what it finds done; return that as a line."""
    wanted = plan.runs()
    weights = {arm_id: plan.weight(arm_id) for arm_id in plan.arms()}
    tuning = {arm_id: plan.tuning_runs(arm_id) for arm_id in plan.arms()}
    write_json(_goal(plan.paths), {"jobs": jobs, "runs": wanted, "weights": weights, "tuning": tuning})
    found = records.so_far(plan.paths, plan.manifests())
    earlier = [
        Done(arm_id, seed, record.provenance["seconds"])
        for arm_id, by_seed in found.items()
        for seed, record in by_seed.items()
    ]
    _log(plan.paths).write_text("".join(_line(done) for done in earlier))
    return f"cnnlab: {plan.tier} tier, {len(plan.studies)} studies, {_count(wanted, earlier)} done"


def finished(paths: Paths, record: Record) -> str:
    """Note a finished run, and return the line to print."""
    done = Done(record.arm_id, record.seed, float(record.provenance["seconds"]))
    if _log(paths).exists():
        with _log(paths).open("a") as log:  # one short write per line: jobs may append at once
            log.write(_line(done))
    error = record.result["test_error"]
    outcome = record.result["status"] if error is None else f"test error {100 * error:.1f} %"
    try:
        status = _status(paths)
    except (TypeError, ValueError, KeyError):  # written by another version of cnnlab; it is only for show
        status = "run finished"
    return f"cnnlab: {status}  {record.arm_id} seed {record.seed}: {outcome}"


def _status(paths: Paths) -> str:
    if not _goal(paths).exists():
        return "run finished"
    goal = files.read_json(_goal(paths))
    wanted = [(arm_id, int(seed)) for arm_id, seed in goal["runs"]]
    done = [_parse(line) for line in _log(paths).read_text().splitlines()]
    left = seconds_left(wanted, goal["weights"], goal["tuning"], done, goal["jobs"])
    return f"{_count(wanted, done)} done{'' if left is None else f', {_duration(left)} left'} "


def seconds_left(
    wanted: list[tuple[str, int]],
    weights: dict[str, float],
    tuning: dict[str, float],
    done: list[Done],
    jobs: int,
) -> float | None:
    """Wall clock to the last run, from the runs that are done; None before the first.

    An arm not seen yet counts by its weight, its tuning included. The jobs share what is left, but the seeds of an arm
    are trained one after another.
    """
    spent, count = defaultdict[str, float](float), defaultdict[str, int](int)
    for run in done:
        spent[run.arm_id] += run.seconds
        count[run.arm_id] += 1
    known = sum(weights[arm_id] * count[arm_id] for arm_id in count if arm_id in weights)
    if not known:
        return None
    scale = sum(spent[arm_id] for arm_id in count if arm_id in weights) / known
    left = defaultdict[str, float](float)
    for arm_id, _ in set(wanted) - {(run.arm_id, run.seed) for run in done}:
        left[arm_id] += spent[arm_id] / count[arm_id] if count[arm_id] else weights[arm_id] * scale
    for arm_id in left:
        left[arm_id] += 0 if count[arm_id] else tuning[arm_id] * weights[arm_id] * scale
    return max([sum(left.values()) / jobs, *left.values()])


def _count(wanted: list[tuple[str, int]], done: list[Done]) -> str:
    finished_runs = {(run.arm_id, run.seed) for run in done} & set(wanted)
    unfinished = {arm_id for arm_id, seed in wanted if (arm_id, seed) not in finished_runs}
    arms = {arm_id for arm_id, _ in wanted}
    return f"{len(finished_runs)} of {len(wanted)} runs, {len(arms - unfinished)} of {len(arms)} arms"


def _duration(seconds: float) -> str:
    return f"about {seconds / 60:.0f} min" if seconds >= 90 else f"about {seconds:.0f} s"


def _goal(paths: Paths) -> Path:
    return paths.results / "progress.json"


def _log(paths: Paths) -> Path:
    return paths.results / "progress.jsonl"


def _line(done: Done) -> str:
    return json.dumps([done.arm_id, done.seed, done.seconds]) + "\n"


def _parse(line: str) -> Done:
    return Done(*json.loads(line))
