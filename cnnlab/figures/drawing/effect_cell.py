"""One effect in a small cell: its number, its interval as text, and the interval on a scale that all cells share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import copysign, isfinite, log2
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from cnnlab.analysis.tables.frames import Row
from cnnlab.figures.drawing.style import write
from cnnlab.figures.drawing.theme import light
from cnnlab.wording.numbers import Quantity, bounds

LINE, STRIP, EDGE = 11.5, 15.0, 5.0  # points: a line of text, the drawn interval, and what is left free above and below
HEIGHT = 2 * LINE + STRIP + 2 * EDGE
LEAST = 0.25  # effects below it are drawn to scale, larger ones more and more compressed
TICKS = (100, 50, 20, 10, 5, 2, 1, 0.5)
APART = 17.0  # points between two numbers on the axis
BESIDE = 10.0  # points beside the strip, into which a number on the axis may reach
DIGIT, SIGN = 5.8, 7.5  # points: how wide they are on the axis


@dataclass(frozen=True)
class Scale:
    """Effects to points beside the 0 line: 0.5 and 50 pp are both to be seen."""

    reach: float
    half: float

    def __call__(self, effect: float) -> float:
        inside = min(abs(effect), self.reach)
        return copysign(self.half * log2(1 + inside / LEAST) / log2(1 + self.reach / LEAST), effect)

    @property
    def ticks(self) -> list[float]:
        """From the largest downwards, each far enough from the one before, its mirror image and the next column."""
        ticks: list[float] = []
        for tick in TICKS:
            at = self(tick)
            fits = at + (SIGN + DIGIT * len(f"{tick:g}")) / 2 <= self.half + BESIDE - 2
            if tick <= self.reach and fits and 2 * at >= APART and (not ticks or self(ticks[-1]) - at >= APART):
                ticks.append(tick)
        return [0.0, *ticks] if not ticks or self(ticks[-1]) >= APART else ticks


def reach(rows: Iterable[Row]) -> float:
    """The largest finite end of an interval, and 1 at least."""
    ends = [row[key] for row in rows for key in ("estimate", "low", "high")]
    return max([1.0, *(abs(float(end)) for end in ends if end is not None and isfinite(end))])


def beyond_zero(row: Row) -> int:
    """1 or -1 where the whole interval lies above or below 0, otherwise 0."""
    low, high = bounds(row)
    return int(low > 0) - int(high < 0)


def draw(axes: Axes, row: Row, middle: float, top: float, width: float, scale: Scale | None) -> None:
    """A cell of `width` points around `middle`, from `top` downwards; tinted and bold where the interval excludes 0.

    Without a `scale` an arm did not train: the cell is hatched, and a word stands in place of the strip.
    """
    side = beyond_zero(row) if scale else 0
    role = {1: "series-1", -1: "series-2", 0: "soft"}[side]
    corner, size = (middle - width / 2 + 2, top + 2), (width - 4, HEIGHT - 4)
    if side:
        axes.add_patch(Rectangle(corner, *size, color=light(role), alpha=0.1, linewidth=0))
    if scale is None:
        _hatch(axes, *corner, *size)
    number, weight = Quantity.of(row), "bold" if side else "normal"
    write(axes, middle, top + EDGE + LINE / 2, number.value or "no estimate", role, 10, fontweight=weight)
    write(axes, middle, top + EDGE + 1.5 * LINE, number.interval or "no bound", "soft", 9)
    strip = top + EDGE + 2 * LINE + STRIP / 2
    if scale is None:
        write(axes, middle, strip, "did not train", "soft", 9)
    else:
        _strip(axes, row, middle, strip, scale, light(role))


def _hatch(axes: Axes, left: float, top: float, width: float, height: float) -> None:
    """Lines that rise to the right, within the rectangle; a pattern of SVG would need an id of its own."""
    for foot in np.arange(left - height, left + width, APART / 2):
        x = np.clip([foot, foot + height], left, left + width)
        axes.plot(x, top + height - (x - foot), color=light("grid"), linewidth=0.7, zorder=0)


def _strip(axes: Axes, row: Row, middle: float, y: float, scale: Scale, colour: str) -> None:
    """The interval beside the 0 line, with an arrow at an open end; the estimate is filled where 0 is excluded."""
    axes.plot([middle - scale.half, middle + scale.half], [y, y], color=light("grid"), linewidth=0.7)
    axes.plot([middle, middle], [y - 6, y + 6], color=light("line"), linewidth=0.8)
    low, high = bounds(row)
    axes.plot([middle + scale(low), middle + scale(high)], [y, y], color=colour, linewidth=1.8, solid_capstyle="round")
    for end, arrow in ((low, "<"), (high, ">")):
        if not isfinite(end):
            axes.plot(middle + scale(end), y, marker=arrow, markersize=4.5, color=colour)
    if row["estimate"] is not None and isfinite(row["estimate"]):
        face: Any = {"markerfacecolor": colour if beyond_zero(row) else light("paper"), "markeredgewidth": 1.1}
        axes.plot(middle + scale(row["estimate"]), y, marker="o", markersize=4, color=colour, **face)
