"""How far a call is, for the person who watches it: runs and arms done of all, and the time left."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from cnnlab import records
from cnnlab.paths import Paths
from cnnlab.plan import Plan
from cnnlab.records import Record, write_json


@dataclass(frozen=True)
class Done:
    """A finished run, and how long it took."""

    arm_id: str
    seed: int
    seconds: float
    earlier: bool = False


def start(plan: Plan) -> str:
    """Write down what this call is to do, and what it finds done; return that as a line."""
    wanted = plan.runs()
    weights = {arm_id: plan.weight(arm_id) for arm_id in plan.arms()}
    write_json(_goal(plan.paths), {"started": time.time(), "runs": wanted, "weights": weights})
    found = records.of_manifests(plan.paths, plan.manifests())
    earlier = [
        Done(arm_id, seed, record.provenance["seconds"], earlier=True)
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
    status = _status(paths)
    return f"cnnlab: {status}  {record.arm_id} seed {record.seed}: {outcome}"


def _status(paths: Paths) -> str:
    if not _goal(paths).exists():
        return "run finished"
    goal = records.read_json(_goal(paths))
    wanted = [(arm_id, int(seed)) for arm_id, seed in goal["runs"]]
    done = [_parse(line) for line in _log(paths).read_text().splitlines()]
    left = seconds_left(wanted, goal["weights"], done, time.time() - goal["started"])
    return f"{_count(wanted, done)} done{'' if left is None else f', {_duration(left)} left'} "


def seconds_left(
    wanted: list[tuple[str, int]], weights: dict[str, float], done: list[Done], elapsed: float
) -> float | None:
    """From what this call has done so far; an arm not seen yet counts by its weight. None before the first run."""
    spent, count = defaultdict[str, float](float), defaultdict[str, int](int)
    for run in done:
        spent[run.arm_id] += run.seconds
        count[run.arm_id] += 1
    now = sum(run.seconds for run in done if not run.earlier)
    if not now or not elapsed:
        return None
    known = sum(weights[arm_id] * count[arm_id] for arm_id in count if arm_id in weights)
    scale = sum(spent[arm_id] for arm_id in count if arm_id in weights) / known if known else 0.0
    finished_runs = {(run.arm_id, run.seed) for run in done}
    left = sum(
        spent[arm_id] / count[arm_id] if count[arm_id] else weights[arm_id] * scale
        for arm_id, seed in wanted
        if (arm_id, seed) not in finished_runs
    )
    return left * elapsed / now


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
    return json.dumps([done.arm_id, done.seed, done.seconds, done.earlier]) + "\n"


def _parse(line: str) -> Done:
    return Done(*json.loads(line))
