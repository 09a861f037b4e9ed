"""Images of each class, and of each arm the test images that most of its runs answered wrongly."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from cnnlab.analysis.tables.frames import Row, Tables
from cnnlab.figures.drawing.arm_runs import arms_of
from cnnlab.figures.drawing.style import WIDTH, nothing, write
from cnnlab.planning.studies.study import Study

FIGURE = {
    "title": "images",
    "caption": "Images of each class as the networks see them, and beneath, arm by arm, the test images that most of "
    "its runs took for something else: the class, what was answered most often, and how many runs were wrong.",
    "order": 95,
    "tables": ["arms", "runs", "curves", "images"],
    "default_for": "own_images",
}
PAGE, TILE, SPACE, LINE = 72 * WIDTH, 54.0, 8.0, 11.5  # points
ROW = int(PAGE // (TILE + SPACE))
ARMS = 8


def draw(study: Study, tables: Mapping[str, pd.DataFrame]) -> tuple[Figure, str]:
    """The figure and its alt text, from ``images``."""
    figure, answers = Figure(), Tables(tables)
    data = {arm.spec.data.data_id for arm in study.arms.values()}
    examples = [row for row in answers.rows("images", arm_id=None) if row["data_id"] in data]
    if not examples:
        return nothing(figure, "The prepared images are not there any more.")
    arms = {arm.label: answers.rows("images", arm_id=arm.arm_id)[:ROW] for arm in arms_of(study.name, tables)[:ARMS]}
    blocks = [("Training images", examples[start : start + ROW]) for start in range(0, len(examples), ROW)]
    blocks = [blocks[0], *(("", rows) for _, rows in blocks[1:])]
    blocks += [(f"{label}: most often wrong", rows) for label, rows in arms.items() if rows]
    height = sum(map(_height, blocks))
    figure.set_size_inches(WIDTH, height / 72)
    axes = figure.add_axes((0, 0, 1, 1))
    top = 0.0
    for title, rows in blocks:
        _block(axes, top, title, rows)
        top += _height((title, rows))
    axes.set(xlim=(0, PAGE), ylim=(height, 0), aspect="auto")
    axes.set_axis_off()
    names = ", ".join(dict.fromkeys(row["name"] for row in examples))
    return figure, " ".join([f"Images of {names}.", *(_worst(label, rows) for label, rows in arms.items() if rows)])


def _height(block: tuple[str, Sequence[Row]]) -> float:
    title, rows = block
    lines = (1 if title else 0) + max(len(_lines(row)) for row in rows)
    return LINE * (lines + 0.5) + TILE + SPACE


def _block(axes: Axes, top: float, title: str, rows: Sequence[Row]) -> None:
    """A row of images with what they are beneath."""
    if title:
        write(axes, 0, top + LINE / 2, title, ha="left")
        top += LINE + SPACE / 2
    for place, row in enumerate(rows):
        left = SPACE / 2 + place * (TILE + SPACE)
        pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(row["picture"]))))
        extent = (left, left + TILE, top + TILE, top)
        axes.imshow(pixels, cmap="gray", vmin=0, vmax=255, extent=extent, interpolation="none", aspect="auto")
        for line, text in enumerate(_lines(row)):
            y = top + TILE + LINE * (line + 0.6)
            write(axes, left + TILE / 2, y, text, "soft" if line else "ink", 9)


def _lines(row: Row) -> list[str]:
    if row["wrong"] is None:
        return [_short(row["name"])]
    return [_short(row["name"]), f"→ {_short(row['answer_name'], 2)}", f"{row['wrong']} of {row['runs']}"]


def _short(name: str, less: int = 0) -> str:
    most = 11 - less
    return name if len(name) <= most else f"{name[: most - 1]}…"


def _worst(label: str, rows: Sequence[Row]) -> str:
    wrong = (f"{row['name']} as {row['answer_name']} ({row['wrong']} of {row['runs']} runs)" for row in rows[:3])
    return f"{label}, most often wrong: {', '.join(wrong)}."
