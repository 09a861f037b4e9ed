"""The figures of a study: tables in, drawings out, each with a text that says the same in numbers.

A function of each module of `cnnlab.plots` draws one figure from the tables alone and knows nothing of files or pages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from cnnlab.plots import curves, differences, errors
from cnnlab.plots.arms import arms_of
from cnnlab.plots.style import style
from cnnlab.report.names import FIGURES
from cnnlab.report.rows import Tables
from cnnlab.report.svg import finish

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from cnnlab.paths import Paths
    from cnnlab.plan import Plan

TITLES = {"curves": "learning curves", "differences": "differences between arms", "errors": "test error by arm"}


@dataclass(frozen=True)
class Drawing:
    """A figure, what it is, and what is to be seen in it."""

    figure: Figure
    title: str
    alt: str


def draw_all(plan: Plan, tables: Mapping[str, pd.DataFrame], paths: Paths) -> None:
    """Every figure of every study of `plan`, as SVG and PNG."""
    for study in plan.studies:
        for name, drawing in draw(study.name, study.title, tables).items():
            save(drawing, paths.figures / study.name / name, f"{study.name}-{name}")


def draw(study: str, title: str, tables: Mapping[str, pd.DataFrame]) -> dict[str, Drawing]:
    """The figures of one study by their names in `FIGURES`; from ``arms``, ``runs``, ``curves``, ``contrasts``."""
    arms = arms_of(study, tables)
    with style():
        drawn = {
            "curves": curves.draw(arms),
            "differences": differences.draw(study, Tables(tables)),
            "errors": errors.draw(arms),
        }
    return {name: Drawing(drawn[name][0], f"{title}: {TITLES[name]}", drawn[name][1]) for name in FIGURES}


def save(drawing: Drawing, base: Path, name: str) -> None:
    """``base.svg``, with title and alt text within, and ``base.png`` on white: the same bytes at every call.

    `name` begins the ids within the SVG, so that several fit on one page.
    """
    base.parent.mkdir(parents=True, exist_ok=True)
    text = StringIO()
    with style():
        drawing.figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
        metadata = {"Software": None}
        drawing.figure.savefig(base.with_suffix(".png"), dpi=160, facecolor="white", metadata=metadata)
    finished = finish(text.getvalue(), name, drawing.title, drawing.alt)
    base.with_suffix(".svg").write_text(finished, encoding="utf-8")
