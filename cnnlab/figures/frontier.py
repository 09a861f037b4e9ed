"""What accuracy costs: test error against parameters and against multiply-accumulates, with the Pareto fronts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from cnnlab.analysis.pareto import front
from cnnlab.analysis.tables.frames import Row, Tables
from cnnlab.figures.drawing.arm_runs import ArmRuns, Mean, arms_of, share_interval
from cnnlab.figures.drawing.label_placement import place_labels
from cnnlab.figures.drawing.style import WIDTH, log_if_wide, nothing
from cnnlab.figures.drawing.theme import light, series
from cnnlab.planning.studies.study import Study
from cnnlab.wording.numbers import compact, listed, with_interval

FIGURE = {
    "title": "accuracy and cost",
    "caption": "Test error (mean, 95 % interval over seeds) against parameters and against multiply-accumulates. The "
    "line joins the networks that no other beats in both: the Pareto front.",
    "order": 80,
    "tables": ["arms", "runs", "curves", "measured/cost"],
}
COSTS = {"parameters": "parameters", "macs": "multiply-accumulates of one image"}
# Inches.
PANEL, AXIS, TITLE, LEFT, RIGHT, LINE = 2.35, 0.5, 0.28, 0.42, 0.1, 0.19
NOT_MEASURED = "What the networks cost is not measured yet."


@dataclass(frozen=True)
class Point:
    """An arm whose runs are all finished: its mean error in percent with the interval, and its costs."""

    label: str
    error: Mean
    cost: Row
    trained: bool


def draw(study: Study, tables: Mapping[str, pd.DataFrame]) -> tuple[Figure, str]:
    """The figure and its alt text."""
    figure, arms = Figure(), arms_of(study.name, tables)
    costs = Tables(tables).by("measured/cost", "arm_id")
    points = [point for arm in arms if (point := _point(arm, costs))]
    if not points:
        return nothing(figure, NOT_MEASURED if not costs else "No network has finished all its runs yet.")
    notes = _notes(arms, points)
    height = len(COSTS) * (PANEL + AXIS + TITLE) + LINE * len(notes)
    figure.set_size_inches(WIDTH, height)
    top = height
    for cost in COSTS:
        top -= TITLE + PANEL
        axes = figure.add_axes((LEFT / WIDTH, top / height, 1 - (LEFT + RIGHT) / WIDTH, PANEL / height))
        top -= AXIS
        _panel(axes, cost, points)
    for index, note in enumerate(notes):
        figure.text(0, (len(notes) - 0.5 - index) * LINE / height, note, va="center", fontsize=9, color=light("soft"))
    return figure, _alt(points, notes)


def _point(arm: ArmRuns, costs: Mapping[str, Row]) -> Point | None:
    if not arm.complete or not arm.errors or arm.arm_id not in costs:
        return None
    return Point(arm.label, share_interval(arm.errors), costs[arm.arm_id], arm.did_not_train is None)


def on_front(points: Sequence[Point], cost: str) -> list[bool]:
    return front(
        [point.cost[cost] for point in points], [point.error[0] if point.trained else None for point in points]
    )


def _notes(arms: Sequence[ArmRuns], points: Sequence[Point]) -> list[str]:
    """What is not shown, and why."""
    drawn = {point.label for point in points}
    notes = []
    for arm in arms:
        if arm.label in drawn:
            if arm.did_not_train:
                notes.append(f"{arm.label}: did not train (×), {arm.did_not_train}")
        elif not arm.complete:
            notes.append(f"Not shown: {arm.label}, {len(arm.runs)} of {arm.planned} runs finished")
        else:
            why = "its cost is not measured" if arm.errors else "every run diverged"
            notes.append(f"Not shown: {arm.label}, {why}")
    return notes


def _panel(axes: Axes, cost: str, points: Sequence[Point]) -> None:
    members = on_front(points, cost)
    axes.set_xscale("log")
    costs = [float(point.cost[cost]) for point in points]
    axes.set_xlim(min(costs) / 1.6, max(costs) * 1.6)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if max(costs) / min(costs) < 50 else (1,), numticks=20))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: compact(value).replace(".00", "").replace(".0", "")))
    axes.xaxis.set_minor_formatter(NullFormatter())
    log = _limit_errors(axes, points)
    marks = list(zip(costs, points, members, strict=True))
    line = _steps(axes, [(value, point.error[0]) for value, point, member in marks if member])
    for mark in marks:
        _mark(axes, *mark)
    axes.set_title("test error, %" + (" (logarithmic)" if log else ""))
    axes.set_xlabel(COSTS[cost], labelpad=2)
    place_labels(axes, {point.label: (value, point.error) for value, point, _ in marks}, line)


def _limit_errors(axes: Axes, points: Sequence[Point]) -> bool:
    """From 0, or logarithmic where that would squeeze most points against it."""
    means = [point.error[0] for point in points]
    ends = [end for point in points for end in point.error if end == end]
    if log_if_wide(axes.yaxis, means):
        axes.set_ylim(min(means) / 1.5, min(max(ends) * 1.25, 100.0))
        return True
    axes.set_ylim(0, min(max(ends) * 1.12, 100.0) or 1.0)
    return False


def _steps(axes: Axes, members: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The front: at each cost the least error that is to be had for it. Returns its corners."""
    ordered = sorted(dict.fromkeys(members))
    right, top = axes.get_xlim()[1], axes.get_ylim()[1]
    corners, height = [], top
    for cost, error in ordered:
        corners += [(cost, height), (cost, error)]
        height = error
    corners.append((right, height))
    line: Any = {"color": light("line"), "linewidth": 1, "linestyle": (0, (3, 2)), "zorder": 1}
    axes.plot(*zip(*corners, strict=True), **line)
    return corners


def _mark(axes: Axes, cost: float, point: Point, member: bool) -> None:
    """Filled and blue on the front, open and grey beside it; a cross if it did not train."""
    mean, low, high = point.error
    colour = series(0) if member else light("soft")
    bottom, top = axes.get_ylim()
    axes.plot([cost, cost], [max(low, bottom), min(high, top)], color=colour, linewidth=1.6, solid_capstyle="round")
    face: Any = {"markerfacecolor": colour if member else light("paper"), "markeredgewidth": 1.3}
    marker = "x" if not point.trained else "o" if member else "s"
    axes.plot(cost, mean, marker=marker, markersize=6.5, color=colour, **face)


def _alt(points: Sequence[Point], notes: Sequence[str]) -> str:
    arms = "; ".join(
        f"{point.label} {with_interval(point.error, unit=' %')}, {compact(point.cost['parameters'])} parameters, "
        f"{compact(point.cost['macs'])} multiply-accumulates"
        for point in sorted(points, key=lambda point: point.error[0])
    )
    fronts = [
        f"by {COSTS[cost].partition(' of')[0]}: "
        + (
            listed([point.label for point, member in zip(points, on_front(points, cost), strict=True) if member])
            or "none"
        )
        for cost in COSTS
    ]
    rest = "".join(f" {note}." for note in notes)
    return f"Test error against cost: {arms}. On the Pareto front {'; '.join(fronts)}.{rest}"
