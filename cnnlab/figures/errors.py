"""Final test error by arm: a point for each run, and above them mean and 95 % interval."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cnnlab.figures.drawing.arm_runs import ArmRuns, arms_of, share_interval
from cnnlab.figures.drawing.style import WIDTH, log_if_wide, nothing, numbers_inside, rows_only, share_limits, write
from cnnlab.figures.drawing.theme import marker
from cnnlab.planning.studies.study import Study
from cnnlab.wording.numbers import common_places

FIGURE = {
    "title": "test error by arm",
    "caption": "Test error of each run (below) and mean with 95 % interval over seeds (above).",
    "order": 60,
    "tables": ["arms", "runs", "curves"],
    "default_for": "all",
}
# Inches: a line of text, what is drawn beneath it, the axis, and what is free on either side.
LINE, DRAWN, AXIS, EDGE = 0.19, 0.29, 0.46, 0.04
LONGEST = 60  # characters of a label and its number on one line


def draw(study: Study, tables: Mapping[str, pd.DataFrame]) -> tuple[Figure, str]:
    """The figure and its alt text."""
    arms = arms_of(study.name, tables)
    figure = Figure()
    if not any(arm.errors for arm in arms):
        return nothing(figure, "No run has finished with a test error yet.")
    means = [share_interval(arm.errors) for arm in arms if arm.complete and len(arm.errors) > 1]
    places = common_places((high - low) / 2 for _, low, high in means)
    texts = [arm.summary(arm.errors, places) for arm in arms]
    rows = [LINE * (1 + (len(arm.label) + len(text) > LONGEST)) + DRAWN for arm, text in zip(arms, texts, strict=True)]
    height = sum(rows) + AXIS
    figure.set_size_inches(WIDTH, height)
    axes = figure.add_axes((EDGE / WIDTH, AXIS / height, 1 - 2 * EDGE / WIDTH, 1 - AXIS / height))
    log = log_if_wide(axes.xaxis, [error for arm in arms for error in arm.errors])
    for row, (arm, text) in enumerate(zip(arms, texts, strict=True)):
        _row(axes, sum(rows[: row + 1]), rows[row], arm, text)
    rows_only(axes, sum(rows), "test error, %" + (" (logarithmic)" if log else ""))
    axes.set_xlim(share_limits(*axes.get_xlim()))
    numbers_inside(axes)
    summary = "; ".join(f"{arm.label} {text}" for arm, text in zip(arms, texts, strict=True))
    return figure, f"Test error of every run, with mean and 95 % interval over seeds: {summary}."


def _row(axes: Axes, bottom: float, height: float, arm: ArmRuns, text: str) -> None:
    """Label and number on one line, or on two where they are long; mean with interval, and the runs beneath."""
    line, points, values = bottom - 0.21, bottom - 0.115, arm.errors
    dots: dict[str, Any] = {"color": arm.colour, "alpha": 0.5, "s": 15, "linewidth": 0, "legend": False}
    look: dict[str, Any] = {"color": arm.colour, "marker": marker(arm.index), "clip_on": False}
    sns.scatterplot(x=values, y=[points] * len(values), ax=axes, marker=marker(arm.index), clip_on=False, **dots)
    if arm.complete and len(values) > 1:
        mean, low, high = share_interval(values)
        axes.plot([low, high], [line, line], color=arm.colour, linewidth=1.8, solid_capstyle="round")
        axes.plot(mean, line, markersize=6.5, **look)
    place = axes.get_yaxis_transform()
    write(axes, 0, bottom - height + LINE / 2, arm.label, size=10, ha="left", transform=place)
    write(axes, 1, bottom - DRAWN - LINE / 2, text, "soft", 10, ha="right", transform=place)
