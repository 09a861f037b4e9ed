"""Studies that compare networks of one size: the sizes are equal, to the share that their headers say."""

from __future__ import annotations

import pytest

from cnnlab import models
from cnnlab.models import cost
from cnnlab.planning import datasets
from cnnlab.planning.config import load_config
from cnnlab.planning.plan import Plan, make_plan

# study, arm and the arm that it is matched to, what is matched, and how nearly (a share)
MATCHES = [
    ("kernels", "single", "stacked", "parameters", 0.02),
    ("kernels", "linear", "stacked", "parameters", 0),
    ("kernels", "single-macs", "stacked", "macs", 0.02),
    ("kernels", "linear", "stacked", "macs", 0),
    *(("branches", branch, "all", "parameters", 0.02) for branch in ("1x1", "3x3", "5x5", "pool")),
    ("position", "max", "none", "parameters", 0),
    ("position", "average", "none", "parameters", 0),
]


@pytest.fixture(scope="module")
def plan() -> Plan:
    return make_plan(load_config(pairs=["device=cpu"]))


def sizes(plan: Plan, study: str, arm: str) -> dict[str, int]:
    spec = plan.study(study).arms[arm].spec
    channels, height, width, classes = datasets.shape(spec.data)
    model = models.build(spec.model, channels, (height, width), classes, seed=0)
    return {"parameters": cost.parameters(model), "macs": cost.macs(model, (channels, height, width))}


@pytest.mark.parametrize(("study", "arm", "other", "quantity", "within"), MATCHES)
def test_arms_of_a_study_have_the_size_that_it_says(
    plan: Plan, study: str, arm: str, other: str, quantity: str, within: float
) -> None:
    one, two = (sizes(plan, study, name)[quantity] for name in (arm, other))
    assert abs(one / two - 1) <= within
