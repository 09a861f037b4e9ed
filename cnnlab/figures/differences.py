"""The forest plot of a study: every contrast with its interval and its margin, one panel for each unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite, isinf
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from cnnlab.analysis.tables.frames import Row, Tables
from cnnlab.figures.drawing.contrast_rows import LINE, STRIP, Contrast, Panel, panels, read
from cnnlab.figures.drawing.style import WIDTH, nothing, numbers_inside, rows_only, write
from cnnlab.figures.drawing.theme import BADGES, light
from cnnlab.planning.studies.study import Study
from cnnlab.planning.verdicts import Verdict
from cnnlab.wording.contrasts import unit
from cnnlab.wording.numbers import bounds, capital, fixed, times

FIGURE = {
    "title": "differences between arms",
    "caption": "Every contrast with its 95 % interval, the effect of each seed beneath it, and the margin as a grey "
    "band. Filled marks decide a claim, open ones are secondary.",
    "order": 50,
    "tables": ["arms", "runs", "contrasts"],
    "default_for": "contrasts",
}
EDGE, AXIS, RATIO_AXIS = 0.04, 0.5, 0.68  # inches: beside the axes, and what an axis takes


def draw(study: Study, tables: Mapping[str, pd.DataFrame]) -> tuple[Figure, str]:
    """The contrasts of `study`, primary ones first, and the alt text."""
    contrasts = read(study.name, Tables(tables))
    if not contrasts:
        return nothing(Figure(), "The study compares no arms.")
    drawn = list(panels(contrasts))
    heights = [sum(contrast.height for contrast in panel.contrasts) for panel in drawn]
    total = top = sum(height + _axis(panel.unit) for height, panel in zip(heights, drawn, strict=True))
    figure = Figure(figsize=(WIDTH, total))
    for height, panel in zip(heights, drawn, strict=True):
        top -= height
        axes = figure.add_axes((EDGE / WIDTH, top / total, 1 - 2 * EDGE / WIDTH, height / total))
        top -= _axis(panel.unit)
        _panel(axes, panel)
    return figure, " ".join(map(_alt, contrasts))


def _axis(of: str) -> float:
    return RATIO_AXIS if of == "log2 ratio" else AXIS


def _panel(axes: Axes, panel: Panel) -> None:
    axes.set_xlim(*_limits(panel.contrasts))
    top = 0.0
    for contrast in panel.contrasts:
        _words(axes, contrast, top)
        _interval(axes, contrast, top + LINE * len(contrast.lines) + STRIP / 2)
        top += contrast.height
    rows_only(axes, top, panel.axis)
    if panel.unit == "log2 ratio":
        _ratio_ticks(axes)
    numbers_inside(axes)


def _ratio_ticks(axes: Axes) -> None:
    """Below each log2 ratio the factor that it stands for."""
    axes.xaxis.set_major_locator(MaxNLocator(nbins=7, steps=[1, 2, 5, 10]))
    ticks = axes.get_xticks()
    places = next(places for places in range(5) if all(abs(tick - round(tick, places)) < 1e-9 for tick in ticks))
    axes.xaxis.set_major_formatter(lambda value, _: f"{fixed(value, places)}\n{times(value, 2).removesuffix('.0')}")


def _limits(contrasts: Sequence[Contrast]) -> tuple[float, float]:
    """Room for every interval, margin and seed, and for 0."""
    finite = [0.0, *(end for contrast in contrasts for end in contrast.ends)]
    low, high = min(finite), max(finite)
    room = 0.06 * (high - low) or 1.0
    return low - room, high + room


def _words(axes: Axes, contrast: Contrast, top: float) -> None:
    right: dict[str, Any] = {"ha": "right", "transform": axes.get_yaxis_transform()}
    for index, (line, role, size) in enumerate(contrast.lines):
        write(axes, 0, top + LINE * (index + 0.5), line, role, size, **right | {"ha": "left"})
    write(axes, 1, top + LINE / 2, contrast.value, size=10, **right)
    if contrast.claimed:
        write(axes, 1, top + LINE * (index + 0.5), f"claimed: {contrast.claimed}", "soft", **right)


def _interval(axes: Axes, contrast: Contrast, y: float) -> None:
    row, seeds = contrast.row, contrast.seeds
    colour, marker = _look(row)
    half = STRIP / 2 - 0.02
    if row["margin"] and row["primary"]:
        margin = row["margin"]
        axes.add_patch(
            Rectangle((-margin, y - half), 2 * margin, 2 * half, color=light("band"), alpha=0.75, linewidth=0)
        )
    axes.plot([0, 0], [y - half, y + half], color=light("line"), linewidth=0.8)
    if seeds:
        dots = {"color": colour, "alpha": 0.45, "s": 11, "linewidth": 0, "legend": False}
        sns.scatterplot(x=list(seeds), y=[y + 0.075] * len(seeds), ax=axes, **dots)
    if row["low"] is None and row["high"] is None:
        return
    y -= 0.02
    left, right = axes.get_xlim()
    ends = [(end, min(max(end, left), right), arrow) for end, arrow in zip(bounds(row), "<>", strict=True)]
    axes.plot([at for _, at, _ in ends], [y, y], color=colour, linewidth=1.8, solid_capstyle="round")
    for end, at, arrow in ends:
        if isinf(end):
            axes.plot(at, y, marker=arrow, markersize=5, color=colour, clip_on=False)
    if row["estimate"] is not None and isfinite(row["estimate"]):
        face = colour if row["primary"] else light("paper")
        edge: Any = {"markerfacecolor": face, "markeredgewidth": 1.3}
        axes.plot(row["estimate"], y, marker=marker, markersize=6.5, color=colour, **edge)


def _look(row: Row) -> tuple[str, str]:
    """Colour and marker of the verdict; grey for a contrast without one."""
    badge = BADGES.get(row["verdict"] or "") if row["primary"] else None
    return (light(badge.role), badge.marker) if badge and badge.word != Verdict.RUNNING else (light("soft"), "o")


def _alt(contrast: Contrast) -> str:
    row = contrast.row
    limit = f", claimed {contrast.claimed}" if contrast.claimed else ""
    verdict = f": {row['verdict']}" if row["verdict"] else " (secondary)"
    head = f"{capital(' '.join(contrast.title))}, {contrast.formula}"
    return f"{head}: {contrast.value} {unit(row['unit'])}{limit}{verdict}."
