"""How far a call is, for the person who watches it: runs and arms done of all, the time left, and what was found."""

from __future__ import annotations

import csv
import json
import os
import sys
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from cnnlab.core.paths import Paths
from cnnlab.planning.plan import Plan
from cnnlab.training import records
from cnnlab.training.records import Record

Run = tuple[str, int]  # arm id, seed
EVERY = 5.0  # seconds between two lines on a terminal
# Before much is done, what starting takes and one slow arm weigh too much: then also counts what was done at this pace.
USUAL, WEIGHT, SHARE = (
    1.5,
    60.0,
    0.1,
)  # seconds of a core for one that was planned; planned seconds, at most so much of all
# Set for the jobs of Snakemake, whose output goes through a pipe: whether a person watches.
WATCHED = "CNNLAB_WATCHED"


def start(plan: Plan, jobs: int | None = None) -> str:
    """Write down what this call is to do, and what it finds done; return that as a line.

    `jobs` is how many train at once; None where that is not known, as on a cluster.
    """
    os.environ.setdefault(WATCHED, "1" if sys.stderr.isatty() else "")
    by_arm = records.so_far(plan.paths, plan.manifests())
    done = [_entry(record) for by_seed in by_arm.values() for record in by_seed.values()]
    goal = {
        "runs": plan.runs(),
        "runs_done": done,
        "run_seconds": {arm_id: plan.run_seconds(arm_id) for arm_id in plan.arms()},
        "trials": {
            arm_id: _to_tune(plan, arm_id, seeds, by_arm.get(arm_id, {})) for arm_id, seeds in plan.seeds().items()
        },
        "trials_done": _trials(plan.paths, plan.arms()),
        "pace": USUAL / jobs if jobs else None,
    }
    log = plan.paths.progress
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(_line(goal))
    return f"cnnlab: {plan.tier} tier, {len(plan.studies)} studies, {count(plan.runs(), _runs(done))} done"


def began(paths: Paths) -> None:
    """Note that a job begins to train: the clock runs from the first that does."""
    _append(paths, time.time())


def finished(paths: Paths, record: Record) -> str:
    """Note a finished run, and return the line that says so."""
    error = record.result["test_error"]
    outcome = record.result["status"] if error is None else f"test error {100 * error:.1f} %"
    _append(paths, _entry(record))
    status = "run finished"
    with suppress(OSError, ValueError, TypeError, KeyError):  # the log is only for show
        goal, *entries = map(json.loads, paths.progress.read_text().splitlines())
        status = _status(goal, entries, _trials(paths, goal["trials"]), time.time())
    return f"cnnlab: {status}  {record.arm_id} seed {record.seed}: {outcome}"


def due(paths: Paths) -> bool:
    """Whether someone watches, and none of the jobs has told them anything for some seconds."""
    watched = os.environ.get(WATCHED)
    if not (sys.stdout.isatty() if watched is None else watched):
        return False
    stamp = paths.progress.with_suffix(".shown")
    shown = stamp.stat().st_mtime if stamp.exists() else 0.0
    if time.time() - shown < EVERY:
        return False
    stamp.touch()
    return True


def _status(goal: Mapping[str, Any], entries: Sequence[Any], trials: Mapping[str, int], now: float) -> str:
    wanted, before = (_runs(goal[key]) for key in ("runs", "runs_done"))
    done = before | _runs(entry for entry in entries if isinstance(entry, list))
    clock = now - min(entry for entry in entries if isinstance(entry, float))
    seconds = seconds_left(goal, done, trials, clock)
    if seconds is None:
        return f"{count(wanted, done)} done "
    duration = f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
    return f"{count(wanted, done)} done, about {duration} left "


def seconds_left(
    goal: Mapping[str, Any], done: Collection[Run], trials: Mapping[str, int], clock: float
) -> float | None:
    """Wall clock to the last run: what is left, at the pace of what was done in `clock` seconds; None before that.

    So the speed of the cores and what starting takes need not be known, only which arm takes longer than which.

    Args:
        goal: planned seconds of a run of each arm; planned number of tuning runs of the seeds without a run, and their
            length as a share of a run; what was done before the clock began; the usual pace, in seconds of the clock
            for each that was planned, None if not known.
        trials: tuning runs of each arm that are on disk.
    """
    wanted, before = (_runs(goal[key]) for key in ("runs", "runs_done"))
    seconds = goal["run_seconds"]

    def cost(runs: Collection[Run], tuning: Mapping[str, float]) -> float:
        shares = [number * goal["trials"][arm_id][1] * seconds[arm_id] for arm_id, number in tuning.items()]
        return float(sum(seconds[arm_id] for arm_id, _ in runs) + sum(shares))

    new = {arm_id: float(number - goal["trials_done"][arm_id]) for arm_id, number in trials.items()}
    begun = {arm_id for arm_id, _ in before}  # whose tuning runs so far were those of seeds that have a run
    theirs = {arm_id: new[arm_id] if arm_id in begun else trials[arm_id] for arm_id in trials}
    missing = {arm_id: max(0.0, planned - theirs[arm_id]) for arm_id, (planned, _) in goal["trials"].items()}
    spent, left = cost((set(done) & wanted) - before, new), cost(wanted - set(done), missing)
    if spent <= 0:
        return None
    usual = min(WEIGHT, SHARE * (spent + left)) if goal["pace"] else 0.0
    return left * (clock + usual * (goal["pace"] or 0.0)) / (spent + usual)


def count(wanted: Collection[Run], done: Collection[Run]) -> str:
    """``3 of 8 runs, 1 of 2 arms``."""
    arms, unfinished = {arm_id for arm_id, _ in wanted}, {arm_id for arm_id, _ in set(wanted) - set(done)}
    runs = len(set(wanted) & set(done))
    return f"{runs} of {len(wanted)} runs, {len(arms - unfinished)} of {len(arms)} arms"


def verdicts(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """A line for each claim of a study that has all its runs."""
    from cnnlab.wording.terminal import claim_lines

    return [f"cnnlab: {line}" for line in claim_lines(map(dict, rows))]


def summary(paths: Paths) -> list[str]:
    """The verdicts of the table ``claims``."""
    from cnnlab.wording.terminal import summary

    return summary(_claims(paths))


def verdicts_of(paths: Paths, name: str) -> list[str]:
    """Those of a claim, or of a study, of that name, and where the page says more; empty if there are none."""
    from cnnlab.wording.terminal import UNTESTED, claim_lines

    rows = [row for row in _claims(paths) if name in (row["id"], row["study"]) and row["verdict"] not in UNTESTED]
    return [*claim_lines(rows), *([f"more: {paths.report}"] if rows and paths.report.exists() else [])]


def _claims(paths: Paths) -> list[dict[str, Any]]:
    """The table ``claims``, without the second that pandas takes; empty until it is made."""
    table = paths.table("claims").with_suffix(".csv")
    if not table.exists():
        return []
    with table.open(encoding="utf-8", newline="") as file:
        return [{key: _number(value) for key, value in row.items()} for row in csv.DictReader(file)]


def _number(text: str) -> Any:
    """A cell of a CSV file: None where it is empty, a number where it is one."""
    with suppress(ValueError):
        return int(text) if text.isdigit() else float(text)
    return text or None


def _to_tune(plan: Plan, arm_id: str, seeds: Collection[int], done: Collection[int]) -> tuple[int, float]:
    """Planned number of the tuning runs of `seeds` but for those of `done`, and their length as a share of a run."""
    number, share = plan.trials(arm_id, seeds)
    return number - plan.trials(arm_id, done)[0], share


def _trials(paths: Paths, arms: Collection[str]) -> dict[str, int]:
    """How many tuning runs of each arm are on disk."""
    return {arm_id: len(list(paths.tuning_dir(arm_id).glob("[!.]*.json"))) for arm_id in arms}


def _runs(entries: Iterable[Sequence[Any]]) -> set[Run]:
    return {(arm_id, seed) for arm_id, seed in entries}


def _entry(record: Record) -> list[Any]:
    return [record.arm_id, record.seed]


def _append(paths: Paths, value: Any) -> None:
    if paths.progress.exists():
        with paths.progress.open("a") as log:  # one short write per line: jobs may append at once
            log.write(_line(value))


def _line(value: Any) -> str:
    return json.dumps(value) + "\n"
