"""The quick tier must fit its time: a study that is added pays for itself or is refused here."""

from __future__ import annotations

import pytest

from cnnlab.cli.listing import costs
from cnnlab.planning.batches import selected
from cnnlab.planning.config import load_config
from cnnlab.planning.plan import Plan, make_plan

CORES, STEPS_SECONDS, START_SECONDS = 2, 90, 4
MINUTES = {"core": 12, "all": 40}


def core_seconds(plan: Plan) -> float:
    """Runs, tuning, and the start of a process per batch; two core-seconds a second."""
    seeds: dict[str, set[int]] = {}
    for arm_id, seed in plan.runs():
        seeds.setdefault(arm_id, set()).add(seed)
    trained = sum(
        plan.run_seconds(arm_id) * (len(runs) + plan.tuning_runs(arm_id, runs)) for arm_id, runs in seeds.items()
    )
    return trained + START_SECONDS * processes(plan)


def processes(plan: Plan) -> int:
    return len(selected(plan.batches, plan.manifests()))


@pytest.mark.parametrize("studies", MINUTES)
def test_the_quick_tier_fits_its_minutes_on_two_cores(studies: str) -> None:
    plan = make_plan(load_config(pairs=["device=cpu", f"studies={studies}"]))
    assert core_seconds(plan) / CORES + STEPS_SECONDS <= 60 * MINUTES[studies]


def test_the_printed_estimate_is_that_of_the_budget() -> None:
    plan = make_plan(load_config(pairs=["device=cpu"]))
    starts = START_SECONDS * processes(plan)
    assert f"about {core_seconds(plan) - starts:.0f} core-seconds" in costs(plan)


def test_the_smoke_tier_has_at_most_ten_arms() -> None:
    plan = make_plan(load_config(["workflow/config/smoke.yaml"], ["device=cpu"]))
    assert len(plan.arms()) <= 10
