"""Confusion matrix of each arm: shares of the test images of a class, means over its runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import wrap
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, PowerNorm, to_rgb
from matplotlib.figure import Figure

from cnnlab.analysis.tables.frames import Row, Tables
from cnnlab.figures.drawing.arm_runs import arms_of
from cnnlab.figures.drawing.style import WIDTH, nothing
from cnnlab.figures.drawing.theme import light
from cnnlab.planning.studies.study import Study
from cnnlab.wording.numbers import fixed

FIGURE = {
    "title": "confusion matrix",
    "caption": "Predicted against true class on the test images, over all seeds, each arm by itself; wrong answers in "
    "% of the true class. The shades are the same for all arms.",
    "order": 90,
    "tables": ["arms", "runs", "curves", "confusion"],
}
MOST = 12  # classes and arms
LEAST = 0.5  # what is darkest, in %, if every error is rarer
WRITTEN = 0.15  # in %; rarer errors are shaded only
# Inches: a panel's title and the names of its columns, the names of rows, what is free on the right, the scale.
HEAD, NAMES, FREE, SCALE = 0.6, 0.36, 0.06, 0.78
LINE, LETTER = 0.17, 0.083  # inches: of a line of text, and of a letter
# One colour, more and more opaque, so that the page can change it in the dark.
ERROR = to_rgb(light("contradicted"))
SHADES = LinearSegmentedColormap.from_list("errors", [(*ERROR, 0.0), (*ERROR, 0.6)]).with_extremes(bad=light("band"))


def draw(study: Study, tables: Mapping[str, pd.DataFrame]) -> tuple[Figure, str]:
    """The figure and its alt text, from ``confusion``."""
    figure, answers = Figure(), Tables(tables)
    by_label = {arm.label: answers.rows("confusion", arm_id=arm.arm_id) for arm in arms_of(study.name, tables)[:MOST]}
    by_arm = {label: rows for label, rows in by_label.items() if rows}
    if not by_arm:
        return nothing(figure, "No run has left its answers yet.")
    names = {row["class"]: row["name"] or str(row["class"]) for rows in by_arm.values() for row in rows}
    classes = dict(sorted(names.items()))
    if len(classes) > MOST:
        return nothing(figure, f"{len(classes)} classes are too many to draw; the table confusion has them all.")
    shares = {label: _shares(classes, rows) for label, rows in by_arm.items()}
    _draw(figure, classes, shares)
    return figure, "Confusion matrix, most frequent errors. " + " ".join(_errors(*arm) for arm in by_arm.items())


def _draw(figure: Figure, classes: Mapping[int, str], shares: Mapping[str, pd.DataFrame]) -> None:
    """Panels in one column, with the names of the classes, or in two, with names and scale beneath."""
    columns = 1 if len(shares) == 1 or len(classes) > 10 else 2
    own = [f"{index}\N{NO-BREAK SPACE}{name}" for index, name in classes.items() if name != str(index)]
    rows = _row_names(classes) if own and columns == 1 else list(map(str, classes))
    key = wrap(", ".join(own), 66) if columns == 2 else []
    lines = -(-len(shares) // columns)
    left, between = NAMES + LETTER * (max(map(len, rows)) - 1), NAMES + 0.1
    side = min((WIDTH - left - FREE - between * (columns - 1)) / columns, 0.42 * len(classes))
    titles = {label: wrap(label, int(side / LETTER)) for label in shares}
    head = HEAD + LINE * (max(map(len, titles.values())) - 1)
    height = lines * (head + side) + SCALE + LINE * len(key)
    figure.set_size_inches(WIDTH, height)
    scale = {"norm": PowerNorm(0.5, 0, max([LEAST, *(float(of.to_numpy().max()) for of in shares.values())]))}
    for place, (label, of_arm) in enumerate(shares.items()):
        line, column = divmod(place, columns)
        x, y = left + column * (side + between), height - (line + 1) * (head + side)
        axes = figure.add_axes((x / WIDTH, y / height, side / WIDTH, side / height))
        _matrix(axes, titles[label], of_arm, rows, **scale)
    foot = LINE * len(key)
    _legend(figure, (left / WIDTH, (0.24 + foot) / height, (WIDTH - left - FREE) / WIDTH, 0.2 / height), **scale)
    figure.text(left / WIDTH, foot / height, "\n".join(key), va="top", fontsize=9, color=light("soft"))


def _row_names(classes: Mapping[int, str]) -> list[str]:
    """``dress 3``."""
    return [str(index) if name == str(index) else f"{name[:12]} {index}" for index, name in classes.items()]


def _shares(classes: Mapping[int, str], rows: Sequence[Row]) -> pd.DataFrame:
    """The wrong answers in percent of the true class; none on the diagonal, which holds the right ones."""
    shares = pd.DataFrame(0.0, index=list(classes), columns=list(classes))
    for row in rows:
        if row["answer"] in classes and row["answer"] != row["class"]:
            shares.loc[row["class"], row["answer"]] = 100 * row["share"]
    return shares


def _matrix(axes: Axes, title: Sequence[str], shares: pd.DataFrame, rows: Sequence[str], **scale: Any) -> None:
    sns.heatmap(
        shares,
        mask=np.eye(len(shares), dtype=bool),
        cmap=SHADES,
        annot=shares.map(_written),
        fmt="",
        annot_kws={"color": light("ink"), "fontsize": 9},
        cbar=False,
        xticklabels=list(map(str, shares.columns)),
        yticklabels=list(rows),
        ax=axes,
        **scale,
    )
    axes.grid(False)
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.tick_params(length=0, labelsize=9, labelrotation=0, labelcolor=light("soft"), pad=2)
    axes.set_xlabel("predicted class", fontsize=9, labelpad=2)
    axes.set_ylabel("true class", fontsize=9, labelpad=2)
    axes.set_title("\n".join(title), color=light("ink"), fontsize=10)
    axes.spines[:].set(visible=True, color=light("line"))


def _written(share: float) -> str:
    """Three characters at most: ``0.4``, ``13``."""
    if share < WRITTEN:
        return ""
    return fixed(share, 1 if share < 9.95 else 0)


def _legend(figure: Figure, where: tuple[float, float, float, float], norm: PowerNorm) -> None:
    """The shades from nothing to the most frequent error, with what they stand for."""
    most = float(norm.vmax or LEAST)
    shown = [tick for tick in (0.1, 0.5, 1, 2, 5, 10, 20, 50) if tick < 0.75 * most]
    samples = pd.DataFrame([[0.0, *shown, most]])
    axes = figure.add_axes(where)
    sns.heatmap(samples, cmap=SHADES, norm=norm, cbar=False, ax=axes, yticklabels=False)
    axes.set_xticks(axes.get_xticks(), ["0", *(f"{tick:g}" for tick in shown), _written(most) or f"{most:.2g}"])
    axes.tick_params(length=0, labelsize=9, labelrotation=0, labelcolor=light("soft"), pad=2)
    axes.set_title("wrong answers in % of the true class", fontsize=9)
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
