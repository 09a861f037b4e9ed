"""What `import cnnlab` gives: networks, what was found, and the verdict on anybody's numbers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import cnnlab
from cnnlab.analysis.tables import io
from cnnlab.core.errors import UserError
from cnnlab.planning.plan import Plan
from cnnlab.planning.verdicts import Direction

STUDIES = ("normalization", "residual")
NUMBERS = st.lists(st.floats(-50, 50), min_size=5, max_size=12)


def test_a_network_is_built_as_a_study_would() -> None:
    model = cnnlab.build("lenet", normalization="batch", seed=0)
    assert model(torch.zeros(2, 1, 28, 28)).shape == (2, 10)
    again = cnnlab.build("lenet", normalization="batch", seed=0)
    assert all(torch.equal(one, other) for one, other in zip(model.parameters(), again.parameters(), strict=True))
    wide = cnnlab.build("resnet_cifar", channels=3, image_size=32, classes=7, depth=8)
    assert wide(torch.zeros(2, 3, 32, 32)).shape == (2, 7)
    with pytest.raises(UserError, match="did you mean 'normalization'"):
        cnnlab.build("lenet", normalisation="batch")


def test_what_was_found_comes_merged(plan: Plan, frames: dict[str, pd.DataFrame]) -> None:
    io.write_tables(plan.paths, frames)
    found = cnnlab.load(plan.paths.results)
    for study in plan.studies:
        runs = found.runs[found.runs["study"] == study.name]
        assert len(runs) == len(study.arms) * len(study.seeds)
        assert set(runs["label"]) == {arm.label for arm in study.arms.values()}
        for name, arm in study.arms.items():
            of_arm = runs[runs["arm"] == name]
            assert set(of_arm["seed"]) == set(study.seeds)
            assert set(of_arm["switch.normalization"]) == {arm.spec.model.switches["normalization"]}
    evaluations = found.curves.groupby(["study", "run_id"]).size()
    assert len(evaluations) == len(found.runs)
    assert {"study", "arm", "label", "validation_accuracy"} < set(found.curves.columns)
    assert len(found.claims) == len(frames["claims"])
    assert len(found.contrasts) == len(frames["contrasts"])


def test_without_tables_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="run it first"):
        cnnlab.load(tmp_path)


def test_the_verdict_is_that_of_a_study(plan: Plan, frames: dict[str, pd.DataFrame]) -> None:
    """Whose metric has neither images nor a grid: the first gradient, in octaves."""
    io.write_tables(plan.paths, frames)
    found = cnnlab.load(plan.paths.results)
    wanted = found.contrasts.query("metric == 'early_gradient_norm' and n == n_planned")
    assert len(wanted)
    for row in wanted.itertuples():
        runs = found.runs[found.runs["study"] == row.study]
        one, other = sorted(json.loads(row.contrast), key=json.loads(row.contrast).get, reverse=True)
        values = runs.pivot_table(index="seed", columns="arm", values="early_gradient_norm")
        mine = cnnlab.verdict(np.log2(values[one]), np.log2(values[other]), margin=1)
        assert [mine.effect, mine.low, mine.high] == pytest.approx([row.estimate, row.low, row.high])


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize("direction", [*Direction])
@settings(deadline=None)  # the first call imports
@given(numbers=NUMBERS, margin=st.floats(0.1, 20))
def test_verdict_interval_and_p_agree(paired: bool, direction: Direction, numbers: list[float], margin: float) -> None:
    assume(np.ptp(numbers) > 1e-3)
    base = [place * 0.37 % 1.0 for place in range(len(numbers))]
    found = cnnlab.verdict(numbers, base, margin=margin, direction=direction, paired=paired)
    tail = 0.05 if direction == Direction.EQUAL else 0.025
    assert found.low <= found.effect <= found.high
    assert found.p is not None
    if abs(found.p - tail) > 1e-9:
        assert (found.verdict == "supported") == (found.p < tail)
    turned = cnnlab.verdict(base, numbers, margin=margin, direction=direction, paired=paired)
    assert [turned.low, turned.high] == pytest.approx([-found.high, -found.low])


def test_unpaired_groups_are_welchs() -> None:
    a, b = [5.1, 4.9, 5.6, 5.2, 4.8, 5.0], [3.9, 4.2, 3.1, 4.4, 3.3]
    found = cnnlab.verdict(a, b, margin=0.5, paired=False)
    sizes = [np.var(values, ddof=1) / len(values) for values in (a, b)]
    df = sum(sizes) ** 2 / sum(size**2 / (len(values) - 1) for size, values in zip(sizes, (a, b), strict=True))
    half = np.sqrt(sum(sizes)) * _t(df)
    assert found.high - found.low == pytest.approx(2 * half, rel=1e-3)
    assert str(found).startswith("supported: 1.32 (")
    assert cnnlab.verdict(a[:4], b, margin=0.5, paired=False).verdict == "inconclusive"


def _t(df: float) -> float:
    """The 97.5 % quantile of Student's t, by its series (Abramowitz & Stegun 26.7.5)."""
    x = 1.959963984540054
    terms = [x, (x**3 + x) / 4, (5 * x**5 + 16 * x**3 + 3 * x) / 96, (3 * x**7 + 19 * x**5 + 17 * x**3 - 15 * x) / 384]
    return sum(term / df**power for power, term in enumerate(terms))


MISTAKES = {
    "no margin": ({"margin": 0}, "margin"),
    "an unknown direction": ({"direction": "grater"}, "greater"),
    "no pairs": ({"b": [1.0] * 5}, "paired=False"),
    "a number": ({"a": [1.0]}, "at least two"),
    "not finite": ({"b": [1.0] * 5 + [float("nan")]}, "finite"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line(mistake: str) -> None:
    given_, said = MISTAKES[mistake]
    with pytest.raises(UserError, match=said):
        cnnlab.verdict(**{"a": [1.0, 2, 3, 4, 5, 6], "b": [0.0] * 6, "margin": 1, **given_})  # type: ignore[arg-type]
