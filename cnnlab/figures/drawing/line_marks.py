"""One line of a panel: its means, joined or not, the band or bars of their intervals, and single runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.transforms import ScaledTranslation

from cnnlab.figures.drawing.lines import Line, Panel, Points
from cnnlab.figures.drawing.theme import light, linestyle, marker, series

ASIDE = 5.5  # points between a mean and its runs, so that it hides none of them


def draw(axes: Axes, line: Line, panel: Panel) -> Any:
    """The line on the axes; returns what stands for it in a legend."""
    means = panel.means(line)
    places = np.array(list(means), dtype=float) + _aside(line, panel)
    values = np.array(list(means.values()), dtype=float).reshape(-1, 3)
    if line.index in panel.behind:
        return axes.plot(places, values[:, 0], color=light("band"), linewidth=1.0, zorder=1)[0]
    colour = series(line.index)
    if panel.dots:
        _dots(axes, line, panel, line.points, colour, ASIDE)
    _single(axes, line, panel, colour)
    whole = np.isfinite(values[:, 1])
    if panel.bands and panel.joined and not panel.dots:
        axes.fill_between(places[whole], values[whole, 1], values[whole, 2], color=colour, alpha=0.18, linewidth=0)
    elif panel.bands:
        axes.vlines(places[whole], values[whole, 1], values[whole, 2], color=colour, linewidth=1.6, clip_on=False)
    look: dict[str, Any] = {"color": colour, "alpha": line.strength, "linewidth": 1.5, "markersize": 5}
    look |= {"linestyle": linestyle(line.index, line.dash) if panel.joined else "", "clip_on": False}
    marked = panel.dots or not panel.joined or len(places) == 1
    return axes.plot(places, values[:, 0], marker=marker(line.index) if marked else "", **look)[0]


def _aside(line: Line, panel: Panel) -> float:
    """Between named positions the lines stand side by side."""
    if panel.joined:
        return 0.0
    order = [other.index for other in panel.lines]
    return 0.5 * ((order.index(line.index) + 0.5) / len(order) - 0.5)


def _dots(axes: Axes, line: Line, panel: Panel, points: Points, colour: str, aside: float) -> None:
    pairs = [(place + _aside(line, panel), value) for place, values in points.items() for value in values]
    x, y = zip(*pairs, strict=True) if pairs else ((), ())
    figure = axes.get_figure(root=True)
    assert figure is not None
    beside = axes.transData + ScaledTranslation(aside / 72, 0, figure.dpi_scale_trans)
    look: dict[str, Any] = {"color": colour, "alpha": 0.45, "s": 11, "linewidth": 0, "legend": False}
    sns.scatterplot(x=list(x), y=list(y), ax=axes, transform=beside, clip_on=False, **look)


def _single(axes: Axes, line: Line, panel: Panel, colour: str) -> None:
    """Runs where there is no mean: a dot each, and a cross for one that failed."""
    if line.alone:
        _dots(axes, line, panel, line.alone, colour, 0.0)
    pairs = [(place, value) for place, values in line.failed.items() for value in values]
    if pairs:
        x, y = zip(*pairs, strict=True)
        axes.scatter(x, y, marker="x", s=24, linewidths=1.2, color=colour, clip_on=False, zorder=3)
