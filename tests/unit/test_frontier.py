"""Accuracy against cost: what is on the front, what is not shown, and labels that can be read."""

from __future__ import annotations

import re
from itertools import combinations
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from cnnlab import figures
from cnnlab.analysis.pareto import front
from cnnlab.figures import frontier
from cnnlab.figures.drawing.arm_runs import mean_interval
from cnnlab.figures.drawing.style import style
from cnnlab.planning.plan import Plan
from cnnlab.wording.numbers import compact, with_interval
from tests import report_samples

Frames = dict[str, pd.DataFrame]
STUDIES = ("benchmark",)


def test_the_alt_text_holds_errors_and_costs(plan: Plan, frames: Frames) -> None:
    alt = figures.draw(plan.studies[0], frames)["frontier"].alt
    runs = frames["runs"]
    for family, (label, parameters, macs, _) in report_samples.FAMILIES.items():
        errors = 100 * runs[runs["architecture"] == family]["test_error"].astype(float)
        error = with_interval(mean_interval(errors), unit=" %")
        told = f"{label} {error}, {compact(parameters)} parameters, {compact(macs)} multiply"
        assert (told in alt) == (family != "googlenet")  # which is not finished
    assert re.search(r"Not shown: GoogLeNet\b[^.]*4 of 5 runs", alt)


def test_the_alt_text_names_the_front(plan: Plan, frames: Frames) -> None:
    alt = figures.draw(plan.studies[0], frames)["frontier"].alt
    runs, families = frames["runs"], report_samples.FAMILIES
    finished = [family for family in families if family != "googlenet"]
    means = [float(runs[runs["architecture"] == family]["test_error"].mean()) for family in finished]
    for place, name in ((1, "parameters"), (2, "multiply-accumulates")):
        members = front([float(str(families[family][place])) for family in finished], means)
        labels = [families[family][0] for family, member in zip(finished, members, strict=True) if member]
        assert f"by {name}: {', '.join(labels[:-1])} and {labels[-1]}" in alt


@pytest.mark.parametrize(
    ("costs", "errors", "expected"),
    [
        ([1, 2, 3], [3, 2, 1], [True, True, True]),
        ([1, 2, 3], [1, 2, 3], [True, False, False]),
        ([1, 1, 2], [2, 2, 1], [True, True, True]),  # equal in both: neither beats the other
        ([1, 1], [2, 1], [False, True]),
        ([None, 1], [0, 1], [False, True]),
        ([1, 2], [None, 1], [False, True]),
        ([], [], []),
    ],
)
def test_the_front_by_hand(costs: list[Any], errors: list[Any], expected: list[bool]) -> None:
    assert front(costs, errors) == expected


def runs_of(label: str, mean: float, diverged: int = 0) -> pd.DataFrame:
    errors = [mean - 0.002, mean, mean, mean, mean + 0.002]
    status = ["diverged"] * diverged + ["finished"] * (5 - diverged)
    known = [np.nan if how == "diverged" else error for how, error in zip(status, errors, strict=True)]
    found = {"arm_id": label, "seed": range(5), "test_error": known, "status": status, "failed": False}
    return pd.DataFrame(found)


def draw(runs: list[pd.DataFrame], costs: dict[str, dict[str, int]]) -> tuple[Figure, str]:
    """The figure of arms whose names are their labels."""
    study: Any = SimpleNamespace(name="crowd")
    names = [each["arm_id"].iloc[0] for each in runs]
    arms = pd.DataFrame({"study": "crowd", "arm_id": names, "label": names, "n_seeds": 5, "seeds": "0-4"})
    lost = [int((each["status"] == "diverged").sum()) for each in runs]
    arms["did_not_train"] = [f"{number} of 5 runs diverged or failed" if number else None for number in lost]
    cost = pd.DataFrame([{"arm_id": name} | row for name, row in costs.items()])
    curves = pd.DataFrame(columns=["arm_id", "seed"])
    with style():
        return frontier.draw(study, {"arms": arms, "runs": pd.concat(runs), "curves": curves, "measured/cost": cost})


# Shares of error, and costs: spread out, in a cluster, in a row of equal costs, over two powers of ten.
CROWDS = {
    "spread": ([0.06, 0.03, 0.025, 0.02, 0.018], [1e5, 6e4, 1e5, 2e5, 4e5]),
    "cluster": ([0.020, 0.021, 0.019, 0.0195, 0.022, 0.0205, 0.06], [2e5, 2.1e5, 2.2e5, 2.6e5, 2.4e5, 3e5, 6e4]),
    "equal costs": ([0.02, 0.025, 0.03, 0.035, 0.5], [1e5] * 5),
    "wide": ([0.9, 0.3, 0.05, 0.02], [1e4, 1e5, 1e6, 1e7]),
    "one": ([0.03], [6e4]),
}


@pytest.mark.parametrize("crowd", CROWDS)
def test_labels_cover_neither_each_other_nor_the_edge(crowd: str) -> None:
    errors, costs = CROWDS[crowd]
    names = ["LeNet-5", "VGG", "ResNet-20 (CIFAR)", "LeNet with batch normalization", "NiN", "GoogLeNet", "MLP"]
    arms = [runs_of(name, error) for name, error in zip(names, errors, strict=False)]
    rows = {name: {"parameters": int(cost), "macs": int(8 * cost)} for name, cost in zip(names, costs, strict=False)}
    figure, _ = draw(arms, rows)
    renderer = FigureCanvasAgg(figure).get_renderer()
    for axes in figure.axes:
        boxes = [text.get_window_extent(renderer) for text in axes.texts if text.get_text()]
        assert len(boxes) == len(arms)
        assert not [pair for pair in combinations(boxes, 2) if pair[0].overlaps(pair[1])]
        frame = axes.get_window_extent(renderer).padded(1)
        assert all(frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 for box in boxes)


def test_runs_that_diverged_and_costs_that_are_not_measured_are_told() -> None:
    arms = [runs_of("A", 0.02), runs_of("B", 0.03, diverged=2), runs_of("C", 0.04, diverged=5), runs_of("D", 0.02)]
    _, alt = draw(arms, {name: {"parameters": 10, "macs": 20} for name in "ABC"})
    _, _, b, c, d, *_ = alt.split(". ")
    for note, *parts in ((b, "B:", "2 of 5", "diverged"), (c, "Not shown: C", "diverged"), (d, "Not shown: D", "cost")):
        assert all(part in note for part in parts), note


def test_a_network_that_did_not_train_is_on_no_front() -> None:
    """Those of its runs that did not diverge have the least error of all, at the least cost."""
    arms = [runs_of("A", 0.02), runs_of("B", 0.01, diverged=2)]
    _, alt = draw(arms, {name: {"parameters": cost, "macs": cost} for name, cost in (("A", 2000), ("B", 1000))})
    assert "On the Pareto front by parameters: A; by multiply-accumulates: A. B: did not train" in alt
    _, alone = draw(arms[1:], {"B": {"parameters": 1000, "macs": 1000}})
    assert "On the Pareto front by parameters: none; by multiply-accumulates: none." in alone


def test_nothing_measured_and_nothing_finished_are_different_news(plan: Plan, frames: Frames) -> None:
    study = plan.studies[0]
    unmeasured = {name: frame for name, frame in frames.items() if name != "measured/cost"}
    assert "not measured yet" in figures.draw(study, unmeasured)["frontier"].alt
    assert "No network has finished" in figures.draw(study, {**frames, "runs": frames["runs"].iloc[:0]})["frontier"].alt
