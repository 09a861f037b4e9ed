"""The forest plot of a study: every contrast with its interval and its margin, one panel for each unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, isinf, log2
from textwrap import wrap
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from cnnlab.analysis.tables.frames import Row, Tables, weights
from cnnlab.figures.drawing.style import WIDTH, nothing, rows_only, write
from cnnlab.figures.drawing.theme import BADGES, light
from cnnlab.planning.studies.study import Study
from cnnlab.planning.verdicts import Verdict
from cnnlab.wording.arm_values import runs_of, seed_values
from cnnlab.wording.contrasts import claimed, formula, metric, unit
from cnnlab.wording.numbers import Quantity, bounds, capital, fixed, times

FIGURE = {
    "title": "differences between arms",
    "caption": "Every contrast with its 95 % interval, the effect of each seed beneath it, and the margin as a grey "
    "band. Filled marks decide a claim, open ones are secondary.",
    "order": 50,
    "tables": ["arms", "runs", "contrasts"],
    "default_for": "contrasts",
}
# Inches: a line of text, the strip of an interval beneath, the space after it, and what an axis takes.
LINE, STRIP, SPACE, AXIS, RATIO_AXIS = 0.18, 0.27, 0.14, 0.5, 0.68
EDGE = 0.04


@dataclass(frozen=True)
class Contrast:
    """A row of ``contrasts`` with its title, in lines, its formula, and the effect of each seed."""

    row: Row
    title: Sequence[str]
    formula: str
    seeds: Sequence[float]

    @property
    def lines(self) -> list[tuple[str, str, int]]:
        """The lines of text above the interval, each with the role of its colour and its size."""
        # A difference of differences is broken between the two.
        parts = self.formula.replace(") ", ")\n").split("\n") if len(self.formula) > 50 else [self.formula]
        formulas = [line for part in parts for line in wrap(part, 54)]
        return [(line, "ink", 10) for line in self.title] + [(line, "soft", 9) for line in formulas]

    @property
    def height(self) -> float:
        return LINE * len(self.lines) + STRIP + SPACE

    @property
    def claimed(self) -> str | None:
        row = self.row
        return claimed(row["direction"], row["margin"], row["unit"]) if row["primary"] else None

    @property
    def value(self) -> str:
        """``5.10 (4.93 to 5.28)``; how far the runs are where no number may be shown yet."""
        row = self.row
        if _has_number(row):
            return Quantity.of(row).text
        return f"{row['n']} of {row['n_planned']} seeds" if row["n"] != row["n_planned"] else "no estimate"


def draw(study: Study, tables: Mapping[str, pd.DataFrame]) -> tuple[Figure, str]:
    """The contrasts of `study`, primary ones first, and the alt text."""
    contrasts = _contrasts(study.name, Tables(tables))
    if not contrasts:
        return nothing(Figure(), "The study compares no arms.")
    units = dict.fromkeys(contrast.row["unit"] for contrast in contrasts)
    panels = {of: [contrast for contrast in contrasts if contrast.row["unit"] == of] for of in units}
    heights = {of: sum(contrast.height for contrast in members) for of, members in panels.items()}
    total = top = sum(heights[of] + _axis(of) for of in panels)
    figure = Figure(figsize=(WIDTH, total))
    for of, members in panels.items():
        top -= heights[of]
        axes = figure.add_axes((EDGE / WIDTH, top / total, 1 - 2 * EDGE / WIDTH, heights[of] / total))
        top -= _axis(of)
        _panel(axes, of, members)
    return figure, " ".join(map(_alt, contrasts))


def _contrasts(study: str, tables: Tables) -> list[Contrast]:
    arms = {arm["arm"]: arm for arm in tables.rows("arms", study=study)}
    labels = {name: arm["label"] for name, arm in arms.items()}
    rows = sorted(tables.rows("contrasts", study=study), key=lambda row: not row["primary"])
    return [Contrast(row, _title(row), formula(row, labels), _per_seed(row, tables, study)) for row in rows]


def _title(row: Row) -> list[str]:
    """Metric and label, in lines."""
    return wrap(metric(row["metric"]).title.partition(", ")[0] + (f", {row['label']}" if row["label"] else ""), 45)


def _has_number(row: Row) -> bool:
    return row["estimate"] is not None or row["low"] is not None


def _per_seed(row: Row, tables: Tables, study: str) -> list[float]:
    """The effect of each seed whose runs all have a value, once the contrast itself has its numbers."""
    arms, shares = {arm["arm"]: arm for arm in tables.rows("arms", study=study)}, weights(row)
    if not _has_number(row) or not shares.keys() <= arms.keys():
        return []
    columns = [seed_values(runs_of(arms[name], tables), row["metric"]) for name in shares]
    if metric(row["metric"]).scale == "log2":
        columns = [{seed: log2(value) for seed, value in column.items() if value} for column in columns]
    terms = list(zip(shares.values(), columns, strict=True))
    seeds = sorted(set.intersection(*map(set, columns)))
    return [sum(weight * column[seed] for weight, column in terms) for seed in seeds]


def _axis(of: str) -> float:
    return RATIO_AXIS if of == "log2 ratio" else AXIS


def _panel(axes: Axes, of: str, contrasts: Sequence[Contrast]) -> None:
    axes.set_xlim(*_limits(contrasts))
    top = 0.0
    for contrast in contrasts:
        _words(axes, contrast, top)
        _interval(axes, contrast, top + LINE * len(contrast.lines) + STRIP / 2)
        top += contrast.height
    rows_only(axes, top, unit(of))
    if of == "log2 ratio":
        _ratio_ticks(axes)


def _ratio_ticks(axes: Axes) -> None:
    """Below each log2 ratio the factor that it stands for."""
    axes.xaxis.set_major_locator(MaxNLocator(nbins=7, steps=[1, 2, 5, 10]))
    ticks = axes.get_xticks()
    places = next(places for places in range(5) if all(abs(tick - round(tick, places)) < 1e-9 for tick in ticks))
    axes.xaxis.set_major_formatter(lambda value, _: f"{fixed(value, places)}\n{times(value, 2).removesuffix('.0')}")


def _limits(contrasts: Sequence[Contrast]) -> tuple[float, float]:
    """Room for every interval, margin and seed, and for 0."""
    rows = [contrast.row for contrast in contrasts]
    ends = [row[key] for row in rows for key in ("estimate", "low", "high")]
    ends += [sign * row["margin"] for row in rows if row["margin"] for sign in (-1.25, 1.25)]
    ends += [effect for contrast in contrasts for effect in contrast.seeds]
    finite = [0.0, *(end for end in ends if end is not None and isfinite(end))]
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
