"""Which classes each arm takes for which: shares of the test images of a class, means over its runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from cnnlab.analysis.tables.frames import Row, as_rows
from cnnlab.figures.drawing.arm_runs import arms_of
from cnnlab.figures.drawing.effect_cell import LINE, write
from cnnlab.figures.drawing.style import WIDTH, nothing
from cnnlab.figures.drawing.theme import light
from cnnlab.planning.study import Study
from cnnlab.wording.numbers import fixed

FIGURE = {
    "title": "confusion matrix",
    "caption": "Predicted against true class on the test images, over all seeds; each arm by itself.",
    "order": 90,
    "tables": ["arms", "runs", "curves", "confusion"],
}
# Points: the page, the names of the classes, the space between two matrices. Shares are drawn up to `FULL`.
PAGE, NAMES, SPACE, FULL = 72 * WIDTH, 30.0, 14.0, 0.05
MOST = 12  # classes and arms
LEGEND = f"Rows: the class; columns: the answer. In % where it is 0.1 or more; darkest from {fixed(100 * FULL, 0)} on."


def draw(study: Study, tables: Mapping[str, pd.DataFrame]) -> tuple[Figure, str]:
    """The figure and its alt text, from ``confusion``."""
    figure = Figure()
    table = tables.get("confusion")
    if table is None:
        return nothing(figure, "No run has left its answers yet.")
    mine = {arm.label: as_rows(table[table["arm_id"] == arm.arm_id]) for arm in arms_of(study.name, tables)}
    shown = {label: rows for label, rows in list(mine.items())[:MOST] if rows}
    if not shown:
        return nothing(figure, "No run has left its answers yet.")
    classes = {row["class"]: row["name"] or str(row["class"]) for rows in shown.values() for row in rows}
    if len(classes) > MOST:
        return nothing(figure, f"{len(classes)} classes are too many to draw; the table confusion has them all.")
    columns = 2 if len(classes) > 6 or len(shown) > 2 else len(shown)
    side = (PAGE - SPACE * (columns - 1)) / columns
    block = 2 * LINE + (side - NAMES) + SPACE
    height = block * -(-len(shown) // columns) + LINE
    figure.set_size_inches(WIDTH, height / 72)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, PAGE), ylim=(height, 0))
    axes.set_axis_off()
    for place, (label, rows) in enumerate(shown.items()):
        left, top = place % columns * (side + SPACE), place // columns * block
        write(axes, left, top + LINE / 2, label, ha="left")
        _matrix(axes, left + NAMES, top + 2 * LINE, (side - NAMES) / len(classes), classes, rows)
    write(axes, 0, height - LINE / 2, LEGEND, "soft", 8, ha="left")
    return figure, "Which classes are taken for which. " + " ".join(_told(label, rows) for label, rows in shown.items())


def _matrix(axes: Axes, left: float, top: float, cell: float, classes: Mapping[int, str], rows: Sequence[Row]) -> None:
    places = {label: place for place, label in enumerate(sorted(classes))}
    for label, place in places.items():
        name = classes[label]
        write(axes, left - 4, top + cell * (place + 0.5), name[:5], "soft", 7.5, ha="right")
        write(axes, left + cell * (place + 0.5), top - LINE / 2, name[: max(1, int(cell / 5))], "soft", 7.5)
        axes.add_patch(Rectangle((left + cell * place, top + cell * place), cell, cell, facecolor=light("band")))
    for row in rows:
        if row["class"] == row["answer"] or row["answer"] not in places:
            continue
        x, y = left + cell * places[row["answer"]], top + cell * places[row["class"]]
        strength = 0.75 * min(row["share"] / FULL, 1)
        axes.add_patch(Rectangle((x, y), cell, cell, facecolor=light("contradicted"), alpha=strength, linewidth=0))
        if row["share"] >= 0.001:
            write(axes, x + cell / 2, y + cell / 2, fixed(100 * row["share"], 1), "ink", min(7.0, cell / 2.4))
    axes.add_patch(Rectangle((left, top), cell * len(places), cell * len(places), fill=False, edgecolor=light("line")))


def _told(label: str, rows: Sequence[Row]) -> str:
    """The three most frequent errors."""
    wrong = sorted((row for row in rows if row["class"] != row["answer"]), key=lambda row: -row["share"])[:3]
    errors = [f"{fixed(100 * row['share'], 1)} % of {_name(row, '')} as {_name(row, 'answer')}" for row in wrong]
    return f"{label}: {', '.join(errors) or 'no errors'}."


def _name(row: Row, which: str) -> str:
    name, index = ("answer_name", "answer") if which else ("name", "class")
    return str(row[index] if row[name] is None else row[name])
