"""Panels of lines: means over seeds along an axis, with 95 % bands or with every seed as a dot, and what they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cnnlab.figures.drawing.arm_runs import Mean, mean_interval
from cnnlab.figures.drawing.style import WIDTH, legend_columns, log_if_wide, tick
from cnnlab.figures.drawing.theme import DASHES, MARKERS, series
from cnnlab.wording.numbers import capital, significant, with_interval

PANEL, TITLE, LEGEND = 1.95, 0.25, 0.2  # inches
# Position on the axis: the values of the runs there.
Points = Mapping[float, Sequence[float]]


@dataclass(frozen=True)
class Line:
    """One line. Without `complete` no interval is drawn, as n was fixed before. `strength` is its opacity.

    Where `missing` counts runs without a value, no mean is drawn: that over the others would mislead.
    """

    label: str
    index: int
    points: Points
    complete: bool = True
    strength: float = 1.0
    dash: int | None = None
    missing: Mapping[float, int] = field(default_factory=dict)

    def means(self, geometric: bool) -> dict[float, Mean]:
        """Mean and 95 % interval at each position; NaN ends where there are none."""
        whole = {place: values for place, values in sorted(self.points.items()) if values and place not in self.missing}
        return {place: _mean(values, geometric, self.complete) for place, values in whole.items()}


@dataclass(frozen=True)
class Panel:
    """Lines over one axis. `ticks` name the positions of an axis without numbers; `dots` show every run.

    `text` says what is to be seen, where `tell` shall not make it from the lines.
    """

    title: str
    axis: str
    lines: Sequence[Line]
    log_x: bool = False
    geometric: bool = False
    joined: bool = True
    dots: bool = False
    bands: bool = True
    ticks: Mapping[float, str] = field(default_factory=dict)
    text: str = ""


def draw(figure: Figure, panels: Sequence[Panel]) -> None:
    """All panels, one beneath the other; a legend above each whose lines are others than those of the one before."""
    legends, before = [], list[str]()
    for panel in panels:
        labels = list(dict.fromkeys(line.label for line in panel.lines if line.label))
        legends.append(labels if labels != before and len(labels) > 1 else [])
        before = labels or before
    columns = [legend_columns(list(map(len, labels))) for labels in legends]
    lines = sum(-(-len(labels) // number) for labels, number in zip(legends, columns, strict=True))
    figure.set_size_inches(WIDTH, len(panels) * (PANEL + TITLE) + LEGEND * lines)
    grid = np.atleast_1d(figure.subplots(len(panels), 1))
    for axes, panel, labels, number in zip(grid, panels, legends, columns, strict=True):
        # Of several lines with one label, the last is the strongest.
        handles = {line.label: _line(axes, line, panel) for line in panel.lines}
        _frame(axes, panel)
        if labels:
            how: Any = {"loc": "lower left", "bbox_to_anchor": (-0.02, 1.13), "borderaxespad": 0}
            axes.legend([handles[label] for label in labels], labels, ncols=number, **how)


def _line(axes: Axes, line: Line, panel: Panel) -> Any:
    """The mean, joined or not, and its band or error bars; returns what stands for it in a legend."""
    means = line.means(panel.geometric)
    places = np.array(list(means), dtype=float) + _aside(line, panel)
    values = np.array(list(means.values()), dtype=float).reshape(-1, 3)
    colour = series(line.index)
    dashes = DASHES[(line.index if line.dash is None else line.dash) % len(DASHES)]
    look: dict[str, Any] = {"color": colour, "alpha": line.strength, "linestyle": (0, dashes) if dashes else "-"}
    if panel.dots:
        _dots(axes, line, panel, colour)
    whole = np.isfinite(values[:, 1])
    if panel.bands and panel.joined and not panel.dots:
        axes.fill_between(places[whole], values[whole, 1], values[whole, 2], color=colour, alpha=0.18, linewidth=0)
    elif panel.bands:
        axes.vlines(places[whole], values[whole, 1], values[whole, 2], color=colour, linewidth=1.6)
    marker: Any = MARKERS[line.index % len(MARKERS)] if panel.dots or not panel.joined else ""
    style = look if panel.joined else look | {"linestyle": ""}
    return axes.plot(places, values[:, 0], marker=marker, markersize=5, linewidth=1.5, **style)[0]


def _aside(line: Line, panel: Panel) -> float:
    """Between named positions the lines stand side by side."""
    if panel.joined:
        return 0.0
    order = [other.index for other in panel.lines]
    return 0.5 * ((order.index(line.index) + 0.5) / len(order) - 0.5)


def _dots(axes: Axes, line: Line, panel: Panel, colour: str) -> None:
    pairs = [(place + _aside(line, panel), value) for place, values in line.points.items() for value in values]
    x, y = zip(*pairs, strict=True) if pairs else ((), ())
    sns.scatterplot(x=list(x), y=list(y), ax=axes, color=colour, alpha=0.45, s=11, linewidth=0, legend=False)


def _frame(axes: Axes, panel: Panel) -> None:
    means = [mean for line in panel.lines for mean in line.means(panel.geometric).values()]
    log = panel.geometric and log_if_wide(axes.yaxis, [mean[0] for mean in means])
    if panel.bands and panel.joined and not panel.dots:
        _limit(axes, [value for line in panel.lines for values in line.points.values() for value in values], log)
    axes.set_title(panel.title + (" (logarithmic)" if log else ""))
    axes.set(xlabel="", ylabel="")
    axes.set_xlabel(panel.axis, labelpad=2)
    places = [place for line in panel.lines for place in line.points]
    if panel.ticks:
        axes.set_xticks(list(panel.ticks), list(panel.ticks.values()))
        room = 0.2 if panel.joined else 0.5
        axes.set_xlim(min(panel.ticks) - room, max(panel.ticks) + room)
        return
    log = panel.log_x and log_if_wide(axes.xaxis, places)
    if log:
        axes.set_xlabel(f"{panel.axis} (logarithmic)", labelpad=2)
    if panel.dots and _apart(sorted(set(places)), log):
        axes.set_xticks(sorted(set(places)), [tick(place) for place in sorted(set(places))])
    elif places and not log and all(float(place).is_integer() for place in places):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _apart(places: Sequence[float], log: bool) -> bool:
    """Whether each position can have its own number beneath it: they are few, and no two too close."""
    scaled = list(np.log(places)) if log else list(places)
    gaps = [after - before for before, after in pairwise(scaled)]
    return bool(gaps) and min(gaps) > 0.09 * (scaled[-1] - scaled[0])


def _limit(axes: Axes, values: Sequence[float], log: bool) -> None:
    """The axis ends near the outermost run: the band of a few runs may reach far beyond what any of them did."""
    low, high = min(values), max(values)
    if log:
        axes.set_ylim(low / 1.3, high * 1.3)
    elif high > low:
        axes.set_ylim(low - 0.08 * (high - low), high + 0.08 * (high - low))


def tell(panel: Panel) -> str:
    """The panel in words: named positions each, others by the two ends of every line."""
    if panel.text:
        return panel.text
    lines = [f"{line.label} {text}".strip() for line in panel.lines if (text := _tell(line, panel))]
    return f"{capital(panel.title)}, by {panel.axis}: {'; '.join(lines) or 'nothing yet'}."


def _tell(line: Line, panel: Panel) -> str:
    """The means at the two ends; or at every position, or how many runs have no value there."""
    texts = {place: _written(mean) for place, mean in line.means(panel.geometric).items()}
    whole = panel.ticks or panel.dots
    if whole:
        for place, count in line.missing.items():
            texts[place] = f"no value in {count} of {count + len(line.points.get(place, ()))} runs"
    parts = [f"{text} at {panel.ticks.get(place) or f'{place:g}'}" for place, text in sorted(texts.items())]
    if whole or len(parts) < 2:
        return ", ".join(parts)
    return f"from {parts[0]} to {parts[-1]}"


def _written(mean: Mean) -> str:
    """``2.59 (2.41 to 2.77)``, or the mean alone."""
    return with_interval(mean) if np.isfinite(mean[1]) else significant(mean[0])


def _mean(values: Sequence[float], geometric: bool, interval: bool) -> Mean:
    scaled = np.log(values) if geometric else np.asarray(values, dtype=float)
    mean = mean_interval(scaled) if interval and len(values) > 1 else (float(np.mean(scaled)), np.nan, np.nan)
    center, low, high = (float(np.exp(end)) for end in mean) if geometric else mean
    return center, low, high
