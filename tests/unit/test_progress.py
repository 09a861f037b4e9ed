"""The line that a person follows: how many runs are done, and how long the rest takes."""

from __future__ import annotations

import heapq
import json
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnlab.cli import progress
from cnnlab.cli.progress import count, seconds_left
from cnnlab.core.paths import Paths
from tests import fakes

RUNS = [("slow", 0), ("slow", 1), ("fast", 0), ("fast", 1)]


def goal(**changes: Any) -> dict[str, Any]:
    """Two arms without tuning, of which nothing is done."""
    untuned = {"slow": (0, 0.0), "fast": (0, 0.0)}
    found = {"runs": RUNS, "runs_done": [], "run_seconds": {"slow": 4.0, "fast": 1.0}, "trials": untuned}
    return {**found, "trials_done": {"slow": 0, "fast": 0}, "pace": None, **changes}


NONE = {"slow": 0, "fast": 0}


def test_nothing_is_said_before_the_first_run() -> None:
    assert seconds_left(goal(), [], NONE, 10.0) is None


def test_what_is_left_goes_on_at_the_pace_so_far() -> None:
    assert seconds_left(goal(), [("fast", 0)], NONE, 10.0) == pytest.approx(90)  # of ten parts nine are left
    assert seconds_left(goal(), [("slow", 0), ("fast", 0)], NONE, 10.0) == pytest.approx(10)


def test_the_usual_pace_counts_for_a_tenth_of_all_and_for_a_minute_at_most() -> None:
    # Of ten parts one is done in 10 s, and one more counts as done in 2 s.
    assert seconds_left(goal(pace=2.0), [("fast", 0)], NONE, 10.0) == pytest.approx(9 * (10 + 2) / (1 + 1))
    long = {"slow": 4e5, "fast": 1e5}
    told = seconds_left(goal(pace=2.0, run_seconds=long), [("fast", 0)], NONE, 1e5)
    assert told == pytest.approx(9e5, rel=2e-3)
    assert seconds_left(goal(pace=2.0), [], NONE, 10.0) is None
    assert seconds_left(goal(pace=2.0), RUNS, NONE, 10.0) == 0


def test_what_was_done_before_says_nothing_of_the_pace() -> None:
    before = goal(runs_done=[("slow", 0)])
    assert seconds_left(before, [("slow", 0)], NONE, 10.0) is None
    assert seconds_left(before, [("slow", 0), ("fast", 0)], NONE, 10.0) == pytest.approx(50)


def test_tuning_counts_trial_by_trial_until_a_run_is_done() -> None:
    tuned = goal(trials={"slow": (3, 0.5), "fast": (3, 0.5)})
    # One trial of slow took 10 s, two parts; left are 2 x 2 + 8 of slow, 3 x 0.5 + 2 of fast.
    assert seconds_left(tuned, [], {"slow": 1, "fast": 0}, 10.0) == pytest.approx(10 / 2 * 15.5)
    # The grid was extended; with a run done, no trial of the arm is left.
    assert seconds_left(tuned, [("fast", 0)], {"slow": 0, "fast": 4}, 9.0) == pytest.approx(9 / 3 * (1 + 14))


def test_seeds_without_a_run_are_still_to_be_tuned_however_far_the_grids_of_others_were_extended() -> None:
    apart = goal(
        runs_done=[("slow", 0)], trials={"slow": (3, 0.5), "fast": (0, 0.0)}, trials_done={"slow": 5, "fast": 0}
    )
    # One run of fast took 1 part in 10 s; left are another, three trials of slow, and its run.
    done = [("slow", 0), ("fast", 0)]
    assert seconds_left(apart, done, {"slow": 5, "fast": 0}, 10.0) == pytest.approx(10 * (1 + 3 * 2 + 4))
    assert seconds_left(apart, done, {"slow": 8, "fast": 0}, 70.0) == pytest.approx(10 * (1 + 4))


@pytest.mark.parametrize(("per_seed", "left"), [(True, 4), (False, 0)])
def test_a_call_counts_the_tuning_of_the_seeds_that_have_no_run(paths: Paths, per_seed: bool, left: int) -> None:
    class Tuned(Plan):
        def trials(self, arm_id: str, seeds: Collection[int]) -> tuple[int, float]:
            return 4 * (len(seeds) if per_seed else bool(seeds)), 0.5

    run = fakes.make_record(paths.results, seed=0)
    plan: Any = Tuned(paths, run.arm_id)
    manifest = paths.manifest(run.arm_id, "0-1")
    manifest.parent.mkdir(parents=True)
    manifest.write_text(json.dumps({"runs": [{"run_id": run.run_id, "seed": 0}]}))
    progress.start(plan)
    assert json.loads(paths.progress.read_text())["trials"] == {run.arm_id: [left, 0.5]}


def test_nothing_is_left_when_all_is_done() -> None:
    assert seconds_left(goal(), RUNS, NONE, 10.0) == 0
    assert count(RUNS, RUNS) == "4 of 4 runs, 2 of 2 arms"


def test_runs_of_other_studies_do_not_count_as_done() -> None:
    assert count(RUNS, [("other", 0)]) == "0 of 4 runs, 0 of 2 arms"


@pytest.mark.parametrize("seed", range(5))
def test_the_time_left_is_right_within_a_third_from_the_first_minute_on(seed: int) -> None:
    """Sixty batches of two arms on four jobs: runs of a second to a minute, planned up to a third wrong."""
    draws = np.random.default_rng(seed)
    arms = [f"arm{place}" for place in range(120)]
    planned = {arm: float(np.exp(draws.normal(1.2, 0.9))) for arm in arms}
    true = {arm: 1.7 * seconds * float(np.exp(draws.normal(0, 0.25))) for arm, seconds in planned.items()}
    runs = [(arm, place) for arm in arms for place in range(8)]
    whole = goal(
        runs=runs,
        run_seconds=planned,
        trials=dict.fromkeys(arms, (4, 1 / 3)),
        trials_done=dict.fromkeys(arms, 0),
        pace=progress.USUAL / 4,
    )
    free, events = [0.0] * 4, []
    for first in sorted(range(0, 120, 2), key=lambda place: -planned[arms[place]] - planned[arms[place + 1]]):
        clock = heapq.heappop(free) + 3  # a process starts
        for arm in arms[first : first + 2]:
            for _ in range(4):
                clock += true[arm] / 3
                events.append((clock, arm, None))
            for run in range(8):
                clock += true[arm]
                events.append((clock, arm, run))
        heapq.heappush(free, clock)
    end, done, trials, wrong = max(free), list[tuple[str, int]](), dict.fromkeys(arms, 0), []
    for clock, arm, run in sorted(events, key=lambda event: event[0]):
        if run is None:
            trials[arm] += 1
            continue
        done.append((arm, run))
        left = seconds_left(whole, done, trials, clock)
        assert left is not None
        if end - clock > 60:
            wrong.append(abs(left / (end - clock) - 1))
    assert np.quantile(wrong, 0.95) < 1 / 3


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path / "results", tmp_path / "reports")


class Plan:
    """Of one arm, two runs."""

    tier, studies = "tiny", (None,)

    def __init__(self, paths: Paths, arm_id: str) -> None:
        self.paths, self.arm_id = paths, arm_id

    def runs(self) -> list[tuple[str, int]]:
        return [(self.arm_id, 0), (self.arm_id, 1)]

    def manifests(self) -> list[tuple[str, tuple[int, ...]]]:
        return [(self.arm_id, (0, 1))]

    def arms(self) -> dict[str, None]:
        return {self.arm_id: None}

    def run_seconds(self, arm_id: str) -> float:
        return 2.0

    def seeds(self) -> dict[str, set[int]]:
        return {self.arm_id: {0, 1}}

    def trials(self, arm_id: str, seeds: set[int]) -> tuple[int, float]:
        return 0, 0.0


def test_a_call_says_what_is_to_be_done_and_each_run_what_is_left(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = iter([100.0, 110.0, 120.0])
    monkeypatch.setattr(progress.time, "time", lambda: next(now))
    record = fakes.record(spec={"arm_id": "lenet-1", "seed": 0}, result={"test_error": 0.031, "status": "finished"})
    plan: Any = Plan(paths, "lenet-1")
    assert progress.start(plan) == "cnnlab: tiny tier, 1 studies, 0 of 2 runs, 0 of 1 arms done"
    progress.began(paths)
    line = progress.finished(paths, record)
    assert line == "cnnlab: 1 of 2 runs, 0 of 1 arms done, about 10 s left   lenet-1 seed 0: test error 3.1 %"
    paths.progress.write_text("no JSON\n")
    assert progress.finished(paths, record) == "cnnlab: run finished  lenet-1 seed 0: test error 3.1 %"


def test_lines_are_for_those_who_watch_and_come_now_and_then(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    paths.results.mkdir()
    monkeypatch.setenv(progress.WATCHED, "")
    assert not progress.due(paths)
    monkeypatch.setenv(progress.WATCHED, "1")
    assert progress.due(paths)
    assert not progress.due(paths)
    monkeypatch.setattr(progress, "EVERY", 0.0)
    assert progress.due(paths)


def test_the_table_at_the_end_has_all_verdicts(paths: Paths) -> None:
    rows = [
        "id,part,kind,verdict,unit,effect,low,high,n,reason",
        "C05,main,empirical,supported,pp,2.34,1.9,2.8,8,",
        "C07,outputs,exact,holds,,,,,,It holds.",
        "C18,main,exact,fails,,,,,,It does not.",
        "C28,main,empirical,running,,,,,3,3 of 5 seeds",
        "mine,main,empirical,inconclusive,log2 ratio,-0.5,,0.1,5,",
    ]
    path = paths.table("claims").with_suffix(".csv")
    path.parent.mkdir(parents=True)
    path.write_text("\n".join(rows) + "\n")
    first, second, last = progress.summary(paths)
    assert re.fullmatch(r"C05 +supported +2\.3 \(1\.9 to 2\.8\) .*pp.*, n = 8", first)
    assert second.startswith("mine  inconclusive")
    assert last == "computed, not trained: 1 holds, 1 fails (C18)"
