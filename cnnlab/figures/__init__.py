"""The figures of studies and the pictures of networks: tables in, drawings out, each with a text that says the same.

A function of each module of `cnnlab.plots` draws one figure from the tables alone and knows nothing of files or pages.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from cnnlab.analysis.network_stages import networks
from cnnlab.analysis.tables.frames import Tables
from cnnlab.figures import (
    confusion,
    curves,
    differences,
    errors,
    filters,
    frontier,
    matrix,
    network_card,
    profiles,
    sweep,
)
from cnnlab.figures.drawing.arm_runs import arms_of
from cnnlab.figures.drawing.style import style
from cnnlab.figures.drawing.svg import finish
from cnnlab.planning import model_registry
from cnnlab.planning.figure_choice import NETWORKS, pictured

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from cnnlab.core.paths import Paths
    from cnnlab.planning.plan import Plan
    from cnnlab.planning.study import Study

Drawn = Callable[["Study", Mapping[str, "pd.DataFrame"]], "tuple[Figure, str]"]
# What a study may name in `figures`: the end of its title, and what draws it.
KINDS: dict[str, tuple[str, Drawn]] = {
    "profiles": (
        "what the diagnostics saw",
        lambda study, tables: profiles.draw(arms_of(study.name, tables), tables),
    ),
    "filters": ("first-layer filters", lambda study, tables: filters.draw(arms_of(study.name, tables), tables)),
    "confusion": (
        "which classes are taken for which",
        lambda study, tables: confusion.draw(arms_of(study.name, tables), tables),
    ),
    "sweep": ("what the number does", lambda study, tables: sweep.draw(study, arms_of(study.name, tables))),
    "curves": ("learning curves", lambda study, tables: curves.draw(arms_of(study.name, tables))),
    "differences": ("differences between arms", lambda study, tables: differences.draw(study.name, Tables(tables))),
    "errors": ("test error by arm", lambda study, tables: errors.draw(arms_of(study.name, tables))),
    "matrix": ("effect of each switch in each family", lambda study, tables: matrix.draw(study, Tables(tables))),
    "frontier": (
        "accuracy and cost",
        lambda study, tables: frontier.draw(arms_of(study.name, tables), Tables(tables).by("measured/cost", "arm_id")),
    ),
}


@dataclass(frozen=True)
class Drawing:
    """A figure, what it is, and what is to be seen in it."""

    figure: Figure
    title: str
    alt: str


def draw_all(plan: Plan, tables: Mapping[str, pd.DataFrame], paths: Paths) -> None:
    """Every figure of every study of `plan`, as SVG and PNG, and the pictures of the networks, as SVG."""
    for study in plan.studies:
        for name, drawing in draw(study, tables).items():
            save(drawing, paths.figures / study.name / name, f"{study.name}-{name}")
    draw_networks(tables, paths)


def draw(study: Study, tables: Mapping[str, pd.DataFrame]) -> dict[str, Drawing]:
    """The figures that `study` names; from ``arms``, ``runs``, ``curves``, ``profiles``, ``pictures``,
    ``confusion``, ``contrasts`` and ``measured/cost``."""
    drawn = {}
    with style():
        for name in study.figures:
            ending, of_study = KINDS[name]
            figure, alt = of_study(study, tables)
            drawn[name] = Drawing(figure, f"{study.title}: {ending}", alt)
    return drawn


def draw_networks(tables: Mapping[str, pd.DataFrame], paths: Paths) -> None:
    """The pictures on the networks' cards, from ``layers``."""
    known = networks(Tables(tables))
    for found in model_registry.architectures().values():
        for preset in pictured(found.presets):
            if (found.name, preset) in known:
                path = paths.figure(NETWORKS, f"{found.name}-{preset}", "svg")
                title = f"{found.title}, preset {preset}"
                text = network_card.draw(known[found.name, preset], f"{NETWORKS}-{path.stem}", title)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")


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
