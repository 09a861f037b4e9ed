"""The quick tier must fit its time: a study that is added pays for itself or is refused here."""

from __future__ import annotations

from cnnlab.config import load_config
from cnnlab.cost import estimate_seconds
from cnnlab.plan import Plan, make_plan

CORES, STEPS_SECONDS, START_SECONDS = 2, 90, 4


def core_seconds(plan: Plan) -> float:
    """Runs, tuning, and the start of a process per arm; two core-seconds a second."""
    seeds: dict[str, set[int]] = {}
    for arm_id, seed in plan.runs():
        seeds.setdefault(arm_id, set()).add(seed)
    return sum(
        START_SECONDS + estimate_seconds(plan.arm(arm_id)) * (len(runs) + plan.tuning_runs(arm_id))
        for arm_id, runs in seeds.items()
    )


def test_the_quick_tier_takes_at_most_ten_minutes_on_two_cores() -> None:
    plan = make_plan(load_config(pairs=["device=cpu"]))
    assert core_seconds(plan) / CORES + STEPS_SECONDS <= 600


def test_the_smoke_tier_has_at_most_ten_arms() -> None:
    plan = make_plan(load_config(["workflow/config/smoke.yaml"], ["device=cpu"]))
    assert len(plan.arms()) <= 10
