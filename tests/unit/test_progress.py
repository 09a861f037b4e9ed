"""The line that a person follows: how many runs are done, and how long the rest takes."""

from __future__ import annotations

import pytest

from cnnlab.cli.progress import count, seconds_left

RUNS = [("slow", 0), ("slow", 1), ("fast", 0), ("fast", 1)]
WEIGHTS = {"slow": 4.0, "fast": 1.0}
NO_TUNING = {"slow": 0.0, "fast": 0.0}


def test_nothing_is_said_before_the_first_run() -> None:
    assert seconds_left(RUNS, WEIGHTS, NO_TUNING, {}, 2) is None


def test_an_unseen_arm_counts_by_its_weight_and_the_jobs_share_the_rest() -> None:
    done = {("fast", 0): 10.0}
    # fast: 10 s; slow: 2 runs of 40 s, one after another in one job.
    assert seconds_left(RUNS, WEIGHTS, NO_TUNING, done, 1) == pytest.approx(90)
    assert seconds_left(RUNS, WEIGHTS, NO_TUNING, done, 2) == pytest.approx(80)


def test_tuning_counts_for_arms_that_have_not_begun() -> None:
    done = {("fast", 0): 10.0}
    assert seconds_left(RUNS, WEIGHTS, {"slow": 1.5, "fast": 1.5}, done, 1) == pytest.approx(90 + 60)


def test_nothing_is_left_when_all_is_done() -> None:
    done = dict.fromkeys(RUNS, 1.0)
    assert seconds_left(RUNS, WEIGHTS, NO_TUNING, done, 2) == 0
    assert count(RUNS, done) == "4 of 4 runs, 2 of 2 arms"


def test_runs_of_other_studies_do_not_count_as_done() -> None:
    assert count(RUNS, [("other", 0)]) == "0 of 4 runs, 0 of 2 arms"
