"""What a panel of lines is made of: the runs of each arm along an axis, and their means over seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf

import numpy as np

from cnnlab.figures.drawing.arm_runs import Mean, mean_interval, within
from cnnlab.figures.drawing.line_groups import groups

# Position on the axis: the values of the runs there.
Points = Mapping[float, Sequence[float]]
ANY = (-inf, inf)
SHARES = (0.0, 100.0)


@dataclass(frozen=True)
class Line:
    """One line. Without `complete` no interval is drawn, as n was fixed before. `strength` is its opacity.

    Where `missing` counts runs without a value, no mean is drawn: that over the others would mislead. `alone` are runs
    at positions where others had ended or failed, and `failed` are those; each is drawn by itself, and `note` tells.
    """

    label: str
    index: int
    points: Points
    complete: bool = True
    strength: float = 1.0
    dash: int | None = None
    missing: Mapping[float, int] = field(default_factory=dict)
    alone: Points = field(default_factory=dict)
    failed: Points = field(default_factory=dict)
    note: str = ""

    def means(self, geometric: bool, limits: tuple[float, float] = ANY) -> dict[float, Mean]:
        """Mean and 95 % interval at each position; NaN ends where there are none."""
        whole = {place: values for place, values in sorted(self.points.items()) if values and place not in self.missing}
        means = {place: _mean(values, geometric, self.complete) for place, values in whole.items()}
        return {place: within(mean, limits) for place, mean in means.items()}

    @property
    def values(self) -> list[float]:
        """Of every run at every position."""
        every = (self.points, self.alone, self.failed)
        return [value for points in every for values in points.values() for value in values]

    @property
    def places(self) -> list[float]:
        return [place for points in (self.points, self.alone, self.failed) for place in points]


@dataclass(frozen=True)
class Panel:
    """Lines over one axis. `ticks` name the positions of an axis without numbers; `dots` show every run.

    `text` says what is to be seen, where `tell` shall not make it from the lines. `limits` are the smallest and the
    largest value that there can be. Of `lines`, those of the arms in `behind` are grey, to compare with.
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
    limits: tuple[float, float] = ANY
    behind: frozenset[int] = frozenset()

    @property
    def front(self) -> list[Line]:
        return [line for line in self.lines if line.index not in self.behind]

    def means(self, line: Line) -> dict[float, Mean]:
        return line.means(self.geometric, self.limits)

    def parts(self) -> list[Panel]:
        """The panel, or one for each group of the arms whose lines would merge."""
        arms = list(dict.fromkeys(line.index for line in self.lines))
        together = groups(arms) if self.joined else [arms]
        return [replace(self, behind=frozenset(set(arms) - set(group))) for group in together]


def _mean(values: Sequence[float], geometric: bool, interval: bool) -> Mean:
    scaled = np.log(values) if geometric else np.asarray(values, dtype=float)
    mean = mean_interval(scaled) if interval and len(values) > 1 else (float(np.mean(scaled)), np.nan, np.nan)
    center, low, high = (float(np.exp(end)) for end in mean) if geometric else mean
    return center, low, high
