"""Panels of lines: means over seeds along an axis, with 95 % bands or with every seed as a dot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from textwrap import wrap
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cnnlab.figures.drawing import line_marks
from cnnlab.figures.drawing.line_groups import hidden
from cnnlab.figures.drawing.lines import Panel
from cnnlab.figures.drawing.style import LINE, OTHERS, WIDTH, broken, log_if_wide, tick, wide

PANEL, TITLE = 1.95, 0.25  # inches: of a panel, and of a line of its title
NARROW, WIDE = 32, 72  # characters of a title above half of the page, and above all of it


@dataclass(frozen=True)
class Cell:
    """A panel in its place: `number` panels share the row. Its legend names the arms, in `columns`."""

    panel: Panel
    number: int
    title: Sequence[str]
    legend: Mapping[str, str]  # by label: with its note, in lines
    columns: int
    lines: int


def draw(figure: Figure, panels: Sequence[Panel]) -> None:
    """All panels, one beneath the other; a legend above each whose lines are others than those of the one before.

    A panel of more arms than can be told apart is drawn once for each group of them, two side by side.
    """
    rows = list(_rows(panels))
    heights = [PANEL + TITLE * max(len(cell.title) for cell in row) + LINE * _most(row) for row in rows]
    figure.set_size_inches(WIDTH, sum(heights))
    grid = figure.add_gridspec(len(rows), 2)
    for place, row in enumerate(rows):
        for side, cell in enumerate(row):
            where: Any = slice(None) if cell.number == 1 else side
            _draw(figure.add_subplot(grid[place, where]), cell)


def _most(row: Sequence[Cell]) -> int:
    return max(cell.lines for cell in row)


def _rows(panels: Sequence[Panel]) -> Iterable[list[Cell]]:
    before: list[dict[str, str]] = []
    for panel in panels:
        parts = panel.parts()
        for row in (parts[start : start + 2] for start in range(0, len(parts), 2)):
            names = [_names(part) for part in row]
            new = [of != (before[side] if len(before) == len(row) else {}) for side, of in enumerate(names)]
            yield [_cell(part, len(parts), side, names[side] if new[side] else {}) for side, part in enumerate(row)]
            before = names if any(names) else before


def _means(panel: Panel) -> list[float]:
    return [mean[0] for line in panel.lines for mean in panel.means(line).values()]


def _log(panel: Panel) -> bool:
    """Whether the means lie on a logarithmic axis."""
    return panel.geometric and wide(_means(panel))


def _cell(panel: Panel, number: int, side: int, names: dict[str, str]) -> Cell:
    told = len(names) > 1 or any(line.note for line in panel.front)
    texts, columns, lines = broken(list(names.values()), half=number > 1) if names and told else ([], 1, 0)
    log = _log(panel)
    title = wrap(panel.title + (" (logarithmic)" if log else ""), NARROW if number > 1 else WIDE)
    shown = [""] * len(title) if side else title
    return Cell(panel, number, shown, dict(zip(names, texts, strict=False)), columns, lines)


def _names(panel: Panel) -> dict[str, str]:
    """What the legend says of each line: its label, what became of its runs, and what covers it."""
    means = [(line.label, {x: mean[0] for x, mean in panel.means(line).items()}) for line in panel.front]
    covered = hidden(means) if panel.joined and len({label for label, _ in means}) == len(means) else {}
    names = {}
    for line in panel.front:
        said = line.note or (f"beneath {covered[line.label]}" if line.label in covered else "")
        names[line.label] = line.label + (f" ({said})" if said else "")
    others = {OTHERS: OTHERS} if panel.behind else {}
    return {label: name for label, name in (names | others).items() if label}


def _draw(axes: Axes, cell: Cell) -> None:
    panel = cell.panel
    # Of several lines with one label, the last is the strongest.
    handles = {
        OTHERS if line.index in panel.behind else line.label: line_marks.draw(axes, line, panel) for line in panel.lines
    }
    _upwards(axes, panel)
    axes.set_title("\n".join(cell.title))
    axes.set(ylabel="")
    _across(axes, panel, NARROW if cell.number > 1 else WIDE)
    if cell.legend:
        how: Any = {"loc": "lower left", "borderaxespad": 0, "bbox_to_anchor": (-0.02, 1.01 + 0.12 * len(cell.title))}
        how |= {"fontsize": 9, "handlelength": 2.2, "handletextpad": 0.5} if cell.number > 1 else {}
        axes.legend([handles[label] for label in cell.legend], cell.legend.values(), ncols=cell.columns, **how)


def _upwards(axes: Axes, panel: Panel) -> None:
    """The axis ends near the outermost run: the band of a few runs may reach far beyond what any of them did."""
    log = _log(panel)
    if log:
        log_if_wide(axes.yaxis, _means(panel))
    values = [value for line in panel.lines for value in line.values]
    low, high = min(values), max(values)
    if panel.bands and panel.joined and not panel.dots:
        if log:
            low, high = low / 1.3, high * 1.3
        elif high > low:
            low, high = low - 0.08 * (high - low), high + 0.08 * (high - low)
        if high > low:
            axes.set_ylim(low, high)
    least, most = panel.limits
    bottom, top = axes.get_ylim()
    axes.set_ylim(max(bottom, least), min(top, most))


def _across(axes: Axes, panel: Panel, width: int) -> None:
    """Names beneath positions that have them; else the numbers that were run, or whole ones."""
    axes.set_xlabel("\n".join(wrap(panel.axis, width)), labelpad=2)
    if panel.ticks:
        axes.set_xticks(list(panel.ticks), list(panel.ticks.values()))
        room = 0.2 if panel.joined else 0.5
        axes.set_xlim(min(panel.ticks) - room, max(panel.ticks) + room)
        return
    places = sorted({place for line in panel.lines for place in line.places})
    log = panel.log_x and log_if_wide(axes.xaxis, places)
    if log:
        axes.set_xlabel("\n".join(wrap(f"{panel.axis} (logarithmic)", width)), labelpad=2)
    if panel.dots and _apart(places, log):
        axes.set_xticks(places, [tick(place) for place in places])
    elif places and not log and all(float(place).is_integer() for place in places):
        axes.xaxis.set_major_locator(MaxNLocator(nbins="auto", integer=True))


def _apart(places: Sequence[float], log: bool) -> bool:
    """Whether each position can have its own number beneath it: they are few, and no two too close."""
    scaled = list(np.log(places)) if log else list(places)
    gaps = [after - before for before, after in pairwise(scaled)]
    return bool(gaps) and min(gaps) > 0.09 * (scaled[-1] - scaled[0])
