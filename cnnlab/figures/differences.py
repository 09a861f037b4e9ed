"""The forest plot of a study: every contrast with its interval and its margin, one panel for each unit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from cnnlab.analysis.tables.frames import Row, Tables, group, weights
from cnnlab.figures.drawing.style import WIDTH, nothing
from cnnlab.figures.drawing.theme import BADGES, light
from cnnlab.planning.metrics import METRICS
from cnnlab.planning.specs import parse_seeds
from cnnlab.planning.studies.study import Study
from cnnlab.planning.verdicts import Verdict
from cnnlab.wording.contrasts import Contrast, claimed, metric, unit
from cnnlab.wording.numbers import Quantity, fixed, times

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


def draw(study: Study, tables: Mapping[str, pd.DataFrame]) -> tuple[Figure, str]:
    """The contrasts of `study`, primary ones first, and the alt text."""
    given = Tables(tables)
    labels = {arm["arm"]: arm["label"] for arm in given.rows("arms", study=study.name)}
    rows = sorted(given.rows("contrasts", study=study.name), key=lambda row: not row["primary"])
    if not rows:
        return nothing(Figure(), "The study compares no arms.")
    panels = group(rows, lambda row: row["unit"])
    texts = {of: [_texts(row, labels) for row in members] for of, members in panels.items()}
    heights = {of: sum(_height(lines) for lines in texts[of]) for of in panels}
    total = top = sum(heights[of] + _axis(of) for of in panels)
    figure = Figure(figsize=(WIDTH, total))
    for of, members in panels.items():
        top -= heights[of]
        axes = figure.add_axes((EDGE / WIDTH, top / total, 1 - 2 * EDGE / WIDTH, heights[of] / total))
        top -= _axis(of)
        _panel(axes, of, members, texts[of], [_per_seed(row, given, study.name) for row in members])
    return figure, " ".join(_alt(row, labels) for row in rows)


def _height(lines: Sequence[Line]) -> float:
    return LINE * len(lines) + STRIP + SPACE


def _axis(of: str) -> float:
    return RATIO_AXIS if of == "log2 ratio" else AXIS


@dataclass(frozen=True)
class Line:
    """A line of text above an interval."""

    text: str
    head: bool


def _texts(row: Row, labels: dict[str, str]) -> list[Line]:
    """Metric and label, then the formula."""
    head = metric(row["metric"]).title.partition(", ")[0] + (f", {row['label']}" if row["label"] else "")
    formula = Contrast(weights(row), labels).formula(metric(row["metric"]).scale)
    # A difference of differences is broken between the two.
    parts = formula.replace(") ", ")\n").split("\n") if len(formula) > 50 else [formula]
    return [
        *(Line(text, True) for text in wrap(head, 45)),
        *(Line(text, False) for part in parts for text in wrap(part, 54)),
    ]


def _panel(axes: Axes, of: str, rows: Sequence[Row], texts: Sequence[list[Line]], seeds: Sequence[list[float]]) -> None:
    axes.set_xlim(*_limits(rows, seeds))
    top = 0.0
    for row, lines, values in zip(rows, texts, seeds, strict=True):
        _words(axes, row, lines, top)
        _interval(axes, row, top + LINE * len(lines) + STRIP / 2, values)
        top += _height(lines)
    axes.set_ylim(top, 0)
    axes.set_yticks([])
    axes.grid(False)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(unit(of), labelpad=2)
    if of == "log2 ratio":
        _ratio_ticks(axes)


def _ratio_ticks(axes: Axes) -> None:
    """Below each log2 ratio the factor that it stands for."""
    axes.xaxis.set_major_locator(MaxNLocator(nbins=7, steps=[1, 2, 5, 10]))
    ticks = axes.get_xticks()
    places = next(places for places in range(5) if all(abs(tick - round(tick, places)) < 1e-9 for tick in ticks))
    axes.xaxis.set_major_formatter(lambda value, _: f"{fixed(value, places)}\n{times(value, 2).removesuffix('.0')}")


def _limits(rows: Sequence[Row], seeds: Sequence[list[float]]) -> tuple[float, float]:
    """Room for every interval, margin and seed, and for 0."""
    ends = [row[key] for row in rows for key in ("estimate", "low", "high")]
    ends += [sign * row["margin"] for row in rows if row["margin"] for sign in (-1.25, 1.25)]
    ends += [value for values in seeds for value in values]
    known = [0.0, *(end for end in ends if end is not None and math.isfinite(end))]
    low, high = min(known), max(known)
    room = 0.06 * (high - low) or 1.0
    return low - room, high + room


def _words(axes: Axes, row: Row, lines: Sequence[Line], top: float) -> None:
    place: Any = axes.get_yaxis_transform()
    for index, line in enumerate(lines):
        axes.text(
            0,
            top + LINE * (index + 0.5),
            line.text,
            transform=place,
            va="center",
            fontsize=10 if line.head else 9,
            color=light("ink" if line.head else "soft"),
        )
    value = _value(row)
    axes.text(1, top + LINE / 2, value, transform=place, va="center", ha="right", fontsize=10)
    limit = claimed(row["direction"], row["margin"], row["unit"]) if row["primary"] else None
    if limit:
        axes.text(
            1,
            top + LINE * (len(lines) - 0.5),
            f"claimed: {limit}",
            transform=place,
            va="center",
            ha="right",
            fontsize=9,
            color=light("soft"),
        )


def _value(row: Row) -> str:
    """``5.10 (4.93 to 5.28)``; how far the runs are where no number may be shown yet."""
    shown = Quantity(row["estimate"], row["low"], row["high"])
    if row["estimate"] is None and row["low"] is None:
        return f"{row['n']} of {row['n_planned']} seeds" if row["n"] != row["n_planned"] else "no estimate"
    return f"{shown.value or 'no estimate'} ({shown.interval or 'no bound'})"


def _interval(axes: Axes, row: Row, y: float, seeds: Sequence[float]) -> None:
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
    low, high = _inside(axes, row["low"], -math.inf), _inside(axes, row["high"], math.inf)
    if row["low"] is None and row["high"] is None:
        return
    y -= 0.02
    axes.plot([low, high], [y, y], color=colour, linewidth=1.8, solid_capstyle="round")
    for end, shown, arrow in ((row["low"], low, "<"), (row["high"], high, ">")):
        if end is None or math.isinf(end):
            axes.plot(shown, y, marker=arrow, markersize=5, color=colour, clip_on=False)
    if row["estimate"] is not None and math.isfinite(row["estimate"]):
        face = colour if row["primary"] else light("paper")
        edge: Any = {"markerfacecolor": face, "markeredgewidth": 1.3}
        axes.plot(row["estimate"], y, marker=marker, markersize=6.5, color=colour, **edge)


def _look(row: Row) -> tuple[str, str]:
    badge = BADGES.get(row["verdict"] or "") if row["primary"] else None
    return (light(badge.role), badge.marker) if badge and badge.word != Verdict.RUNNING else (light("soft"), "o")


def _inside(axes: Axes, end: float | None, otherwise: float) -> float:
    """An end of the interval, or that of the axis where it is open."""
    shown = otherwise if end is None else end
    low, high = axes.get_xlim()
    return float(min(max(shown, low), high))


def _per_seed(row: Row, tables: Tables, study: str) -> list[float]:
    """The effect of each seed whose runs all have a value, once the contrast itself has its numbers."""
    if row["estimate"] is None and row["low"] is None:
        return []
    arms = {arm["arm"]: arm for arm in tables.rows("arms", study=study)}
    known = METRICS.get(row["metric"])
    mine = weights(row)
    if known is None or any(name not in arms for name in mine):
        return []
    found = {name: _by_seed(tables, arms[name], row["metric"], known.scale, known.factor) for name in mine}
    seeds = sorted(set.intersection(*(set(values) for values in found.values())))
    return [sum(weight * found[name][seed] for name, weight in mine.items()) for seed in seeds]


def _by_seed(tables: Tables, arm: Row, column: str, scale: str, factor: float) -> dict[int, float]:
    wanted = set(parse_seeds(arm["seeds"]))
    rows = [row for row in tables.rows("runs", arm_id=arm["arm_id"]) if row["seed"] in wanted]
    raw = {row["seed"]: row.get(column) for row in rows}
    if scale == "log2":
        return {seed: math.log2(value) for seed, value in raw.items() if value}
    return {seed: factor * value for seed, value in raw.items() if value is not None and math.isfinite(value)}


def _alt(row: Row, labels: dict[str, str]) -> str:
    name = " ".join(line.text for line in _texts(row, labels) if line.head)
    formula = Contrast(weights(row), labels).formula(metric(row["metric"]).scale)
    limit = claimed(row["direction"], row["margin"], row["unit"]) if row["primary"] else None
    limit = f", claimed {limit}" if limit else ""
    verdict = f": {row['verdict']}" if row["verdict"] else " (secondary)"
    return f"{name[0].upper()}{name[1:]}, {formula}: {_value(row)} {unit(row['unit'])}{limit}{verdict}."
