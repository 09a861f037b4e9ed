"""Confusion matrix of each arm: shares of the test images of a class, means over its runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure

from cnnlab.analysis.tables.frames import Row, Tables
from cnnlab.figures.drawing.arm_runs import arms_of
from cnnlab.figures.drawing.style import WIDTH, nothing
from cnnlab.figures.drawing.theme import light
from cnnlab.planning.studies.study import Study
from cnnlab.wording.numbers import fixed

FIGURE = {
    "title": "confusion matrix",
    "caption": "Predicted against true class on the test images, over all seeds; each arm by itself.",
    "order": 90,
    "tables": ["arms", "runs", "curves", "confusion"],
}
MOST = 12  # classes and arms
FULL = 0.05  # shares are drawn up to it
LEGEND = f"Rows: true class; columns: predicted. In %, from 0.1 on; darkest from {fixed(100 * FULL, 0)} on."
# One colour, more and more opaque, so that the page can change it in the dark.
ERROR = to_rgb(light("contradicted"))
SHADES = LinearSegmentedColormap.from_list("errors", [(*ERROR, 0.0), (*ERROR, 0.75)]).with_extremes(bad=light("band"))


def draw(study: Study, tables: Mapping[str, pd.DataFrame]) -> tuple[Figure, str]:
    """The figure and its alt text, from ``confusion``."""
    figure, answers = Figure(layout="constrained"), Tables(tables)
    by_label = {arm.label: answers.rows("confusion", arm_id=arm.arm_id) for arm in arms_of(study.name, tables)[:MOST]}
    by_arm = {label: rows for label, rows in by_label.items() if rows}
    if not by_arm:
        return nothing(figure, "No run has left its answers yet.")
    classes = {row["class"]: row["name"] or str(row["class"]) for rows in by_arm.values() for row in rows}
    if len(classes) > MOST:
        return nothing(figure, f"{len(classes)} classes are too many to draw; the table confusion has them all.")
    columns = 2 if len(classes) > 6 or len(by_arm) > 2 else len(by_arm)
    lines = -(-len(by_arm) // columns)
    figure.set_size_inches(WIDTH, lines * (WIDTH / columns + 0.1) + 0.15)
    panels = figure.subplots(lines, columns, squeeze=False).flat
    for axes, (label, rows) in zip(panels, by_arm.items(), strict=False):
        _matrix(axes, label, dict(sorted(classes.items())), rows)
    for axes in list(panels)[len(by_arm) :]:
        axes.set_axis_off()
    figure.supxlabel(LEGEND, x=0, ha="left", fontsize=8, color=light("soft"))
    return figure, "Confusion matrix, most frequent errors. " + " ".join(_errors(*arm) for arm in by_arm.items())


def _matrix(axes: Axes, label: str, classes: Mapping[int, str], rows: Sequence[Row]) -> None:
    """Shares of the wrong answers; the diagonal, which holds the right ones, is grey."""
    shares = pd.DataFrame(0.0, index=list(classes), columns=list(classes))
    for row in rows:
        if row["answer"] in classes:
            shares.loc[row["class"], row["answer"]] = row["share"]
    sns.heatmap(
        shares,
        mask=np.eye(len(classes), dtype=bool),
        vmin=0,
        vmax=FULL,
        cmap=SHADES,
        annot=shares.map(lambda share: fixed(100 * share, 1) if share >= 0.001 else ""),
        fmt="",
        annot_kws={"color": light("ink"), "fontsize": min(7.0, 70 / len(classes))},
        cbar=False,
        square=True,
        xticklabels=[name[: max(1, 36 // len(classes))] for name in classes.values()],
        yticklabels=[name[:5] for name in classes.values()],
        ax=axes,
    )
    axes.grid(False)
    axes.xaxis.tick_top()
    axes.tick_params(length=0, labelsize=7.5, labelrotation=0, labelcolor=light("soft"))
    axes.set_title(label, color=light("ink"))
    axes.spines[:].set(visible=True, color=light("line"))


def _errors(label: str, rows: Sequence[Row]) -> str:
    """The three most frequent errors of an arm, in words."""
    wrong = sorted((row for row in rows if row["class"] != row["answer"]), key=lambda row: -row["share"])[:3]
    errors = [
        f"{fixed(100 * row['share'], 1)} % of {_name(row)} as {_name(row, 'answer', 'answer_name')}" for row in wrong
    ]
    return f"{label}: {', '.join(errors) or 'no errors'}."


def _name(row: Row, index: str = "class", name: str = "name") -> str:
    return str(row[index] if row[name] is None else row[name])
