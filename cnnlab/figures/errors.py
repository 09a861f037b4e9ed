"""Final test error by arm: a point for each run, and above them mean and 95 % interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cnnlab.figures.drawing.arm_runs import ArmRuns, arms_of, mean_interval
from cnnlab.figures.drawing.style import WIDTH, log_if_wide, nothing
from cnnlab.figures.drawing.theme import MARKERS, light
from cnnlab.planning.studies.study import Study
from cnnlab.wording.numbers import common_places

FIGURE = {
    "title": "test error by arm",
    "caption": "Test error of each run (below) and mean with 95 % interval over seeds (above).",
    "order": 60,
    "tables": ["arms", "runs", "curves"],
    "default_for": "all",
}
ROW, AXIS, EDGE = 0.48, 0.46, 0.04  # inches


def draw(study: Study, tables: Mapping[str, pd.DataFrame]) -> tuple[Figure, str]:
    """The figure and its alt text."""
    arms = arms_of(study.name, tables)
    height = ROW * len(arms) + AXIS
    figure = Figure(figsize=(WIDTH, height))
    errors = [[100 * float(error) for error in arm.runs["test_error"].dropna()] for arm in arms]
    if not any(errors):
        return nothing(figure, "No run has finished with a test error yet.")
    axes = figure.add_axes((EDGE / WIDTH, AXIS / height, 1 - 2 * EDGE / WIDTH, 1 - AXIS / height))
    log = log_if_wide(axes.xaxis, [error for values in errors for error in values])
    places = _places(arms, errors)
    for top, (arm, values) in enumerate(zip(arms, errors, strict=True)):
        _row(axes, top, arm, values, places)
    axes.set_ylim(len(arms), 0)
    axes.set_yticks([])
    axes.grid(False)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("test error, %" + (" (logarithmic)" if log else ""), labelpad=2)
    told = "; ".join(f"{arm.label} {arm.told(values, places)}" for arm, values in zip(arms, errors, strict=True))
    return figure, f"Test error of every run, with mean and 95 % interval over seeds: {told}."


def _places(arms: Sequence[ArmRuns], errors: Sequence[list[float]]) -> int:
    shown = [values for arm, values in zip(arms, errors, strict=True) if arm.complete and len(values) > 1]
    means = [mean_interval(values) for values in shown]
    return common_places((high - low) / 2 for _, low, high in means)


def _row(axes: Axes, top: int, arm: ArmRuns, values: list[float], places: int) -> None:
    line, points = top + 0.56, top + 0.76
    marker: Any = MARKERS[arm.index % len(MARKERS)]
    dots = {"color": arm.colour, "alpha": 0.5, "s": 15, "linewidth": 0, "legend": False, "marker": marker}
    sns.scatterplot(x=values, y=[points] * len(values), ax=axes, **dots)
    if arm.complete and len(values) > 1:
        mean, low, high = mean_interval(values)
        axes.plot([low, high], [line, line], color=arm.colour, linewidth=1.8, solid_capstyle="round")
        axes.plot(mean, line, marker=marker, markersize=6.5, color=arm.colour)
    place = axes.get_yaxis_transform()
    axes.text(0, top + 0.2, arm.label, transform=place, va="center")
    told = arm.told(values, places)
    axes.text(1, top + 0.2, told, transform=place, va="center", ha="right", color=light("soft"))
