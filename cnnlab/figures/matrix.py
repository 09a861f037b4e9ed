"""Families × switches: what each switch does to the test error of each family, as text and on one common scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import copysign
from textwrap import wrap
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cnnlab.analysis.tables.frames import Tables
from cnnlab.figures.drawing import effect_cell
from cnnlab.figures.drawing.effect_cell import LINE, Scale
from cnnlab.figures.drawing.style import WIDTH, nothing, write
from cnnlab.figures.drawing.theme import light
from cnnlab.planning.studies.study import Matrix, Study
from cnnlab.wording.matrix_cells import SHOWN, MatrixCell, formula, read
from cnnlab.wording.numbers import listed, plain

FIGURE = {
    "title": "effect of each switch in each family",
    "caption": "Effect of each component on the test error in each family, all else as in that family’s base arm. "
    "The cells describe: a verdict comes from the architecture that its claim names, fixed before the run.",
    "order": 70,
    "tables": ["arms", "contrasts", "measured/contrasts"],
    "default_for": "matrix",
}
# Points: the page, the names of the families, the axis beneath the cells, a line of notes, the space around.
PAGE, NAMES, AXIS, NOTE, SPACE = 72 * WIDTH, 68.0, 20.0, 12.5, 6.0
HEAD = ("What each component does to the test error", "in percentage points, with its 95 % interval")
LEGEND = (
    "Filled and bold: the interval excludes 0. Right of 0, and blue: the second of the two values has the lower "
    "error. The scale is compressed away from 0. Hatched, and not counted: a run of one of the two arms was lost, or "
    "its error is above half of that of guessing."
)
LONG = 70  # characters of a line of notes


@dataclass(frozen=True)
class Layout:
    """The grid in points, y downwards."""

    top: float
    column: float
    families: Sequence[str]
    switches: Sequence[str]

    def middle(self, switch: str) -> float:
        return NAMES + self.column * (self.switches.index(switch) + 0.5)

    def above(self, family: str) -> float:
        return self.top + effect_cell.HEIGHT * self.families.index(family)

    @property
    def bottom(self) -> float:
        return self.top + effect_cell.HEIGHT * len(self.families)


def draw(study: Study, tables: Mapping[str, pd.DataFrame]) -> tuple[Figure, str]:
    """The figure and its alt text, which tells every cell."""
    figure, matrix, cells = Figure(), study.matrix, read(study, Tables(tables))
    if matrix is None:
        return nothing(figure, "The study has no matrix.")
    signs = {switch: formula(cells, switch, Tables(tables), study.name) for switch in matrix.switches}
    titles = {switch: wrap(title, 14) for switch, title in matrix.switches.items()}
    heads = max(len(titles[switch]) + len(wrap(signs[switch], 15)) for switch in titles)
    column = (PAGE - NAMES) / len(titles)
    grid = Layout(LINE * (heads + len(HEAD)) + 3 * SPACE, column, list(matrix.families), list(titles))
    notes = [*wrap(LEGEND, LONG), *(line for note in _notes(matrix, cells) for line in wrap(note, LONG))]
    height = grid.bottom + AXIS + NOTE * len(notes) + SPACE
    figure.set_size_inches(WIDTH, height / 72)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, PAGE), ylim=(height, 0))
    axes.set_axis_off()
    trained = [row for cell in cells if (row := cell.row(SHOWN)) and not cell.did_not_train]
    scale = Scale(effect_cell.reach(trained), column / 2 - effect_cell.BESIDE)
    for place, (text, role, size) in enumerate(zip(HEAD, ("ink", "soft"), (11, 9), strict=True)):
        write(axes, 0, (place + 0.6) * LINE, text, role, size, ha="left")
    for switch, title in titles.items():
        _head(axes, grid, switch, title, wrap(signs[switch], 15))
        _ruler(axes, grid, switch, scale)
    for family, label in matrix.families.items():
        _family(axes, grid.above(family), label)
    for cell in cells:
        _cell(axes, grid, cell, scale)
    _lines(axes, 0, grid.bottom + AXIS, notes, "soft", 9, step=NOTE, ha="left")
    return figure, _alt(matrix, cells, signs)


def _head(axes: Axes, grid: Layout, switch: str, title: Sequence[str], sign: Sequence[str]) -> None:
    """The title of a column, and what is subtracted from what."""
    top = grid.top - SPACE - LINE * (len(title) + len(sign))
    _lines(axes, grid.middle(switch), top, title)
    _lines(axes, grid.middle(switch), top + LINE * len(title), sign, "soft", 9)


def _lines(axes: Axes, x: float, top: float, lines: Sequence[str], *look: Any, step: float = LINE, **how: Any) -> None:
    """Lines of text beneath each other; `look` is the role of their colour and their size."""
    for index, line in enumerate(lines):
        write(axes, x, top + step * (index + 0.5), line, *look, **how)


def _family(axes: Axes, above: float, label: str) -> None:
    axes.plot([0, PAGE], [above, above], color=light("grid"), linewidth=0.7, zorder=0)
    _lines(axes, 0, above + effect_cell.EDGE, wrap(label, 12), ha="left")


def _ruler(axes: Axes, grid: Layout, switch: str, scale: Scale) -> None:
    axes.plot([0, PAGE], [grid.bottom, grid.bottom], color=light("line"), linewidth=0.7)
    for at in {copysign(tick, sign) if tick else 0.0: None for tick in scale.ticks for sign in (-1, 1)}:
        x = grid.middle(switch) + scale(at)
        axes.plot([x, x], [grid.bottom, grid.bottom + 3], color=light("line"), linewidth=0.7)
        write(axes, x, grid.bottom + 9, plain(at), "soft", 9)


def _cell(axes: Axes, grid: Layout, cell: MatrixCell, scale: Scale) -> None:
    """The effect; or, small, why there is none: a refusal in full beneath the figure."""
    middle, above, row = grid.middle(cell.switch), grid.above(cell.family), cell.row(SHOWN)
    if row is not None:
        effect_cell.draw(axes, row, middle, above, grid.column, None if cell.did_not_train else scale)
        return
    lines = wrap(cell.why(SHOWN) if cell.refused is None else "not applicable", 14)[:4]
    _lines(axes, middle, above + (effect_cell.HEIGHT - LINE * len(lines)) / 2, lines, "soft", 9)


def _notes(matrix: Matrix, cells: Sequence[MatrixCell]) -> list[str]:
    """Why cells are not applicable, switch by switch."""
    families: dict[str, dict[str, list[str]]] = {}
    for cell in cells:
        if cell.refused is not None:
            families.setdefault(cell.switch, {}).setdefault(cell.refused, []).append(matrix.families[cell.family])
    return [
        f"{matrix.switches[switch]}, not in "
        + "; ".join(f"{listed(labels)}: {reason}" for reason, labels in reasons.items())
        + "."
        for switch, reasons in families.items()
    ]


def _told(cell: MatrixCell) -> str:
    return f"{cell.title} {cell.text(SHOWN)}" + (", an arm did not train" if cell.did_not_train else "")


def _alt(matrix: Matrix, cells: Sequence[MatrixCell], signs: dict[str, str]) -> str:
    columns = [f"{title} ({signs[switch] or 'no contrast yet'})" for switch, title in matrix.switches.items()]
    rows = [
        f"{label}: {', '.join(_told(cell) for cell in cells if cell.family == family)}"
        for family, label in matrix.families.items()
    ]
    return (
        f"Effect on the test error in percentage points, with its 95 % interval, of {'; '.join(columns)}. "
        f"{'; '.join(rows)}."
    )
