"""The figures of studies and the pictures of networks: tables in, drawings out, each with a text that says the same.

A figure is one file of this folder, found without being listed: its literal ``FIGURE`` says what it is, its function
``draw(study, tables)`` returns the figure and its alt text. It knows nothing of files or pages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from cnnlab.analysis.network_stages import networks
from cnnlab.analysis.tables.frames import Tables
from cnnlab.core.errors import UserError
from cnnlab.figures import network_card
from cnnlab.figures.drawing.style import style
from cnnlab.figures.drawing.svg import finish
from cnnlab.planning import model_registry
from cnnlab.planning.studies.figure_choice import FOLDER, NETWORKS, kinds, pictured

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from cnnlab.core.paths import Paths
    from cnnlab.planning.studies.study import Study


@dataclass(frozen=True)
class Drawing:
    """A figure, what it is, and what is to be seen in it."""

    figure: Figure
    title: str
    alt: str


def draw_study(study: Study, tables: Mapping[str, pd.DataFrame], paths: Paths) -> None:
    """Every figure of the study, as SVG and PNG."""
    for name, drawing in draw(study, tables).items():
        save(drawing, paths.figures / study.name / name, f"{study.name}-{name}")


def draw(study: Study, tables: Mapping[str, pd.DataFrame]) -> dict[str, Drawing]:
    """The figures that `study` names, each from those of `tables` that it declares."""
    drawn = {}
    with style():
        for name in study.figures:
            module, kind = import_module(f"{__name__}.{name}"), kinds()[name]
            if not hasattr(module, "draw"):
                raise UserError(
                    f"{FOLDER / name}.py: no function draw(study, tables); write it as the files beside it do"
                )
            figure, alt = module.draw(study, {table: tables[table] for table in kind.tables if table in tables})
            drawn[name] = Drawing(figure, f"{study.title}: {kind.title}", alt)
    return drawn


def draw_networks(tables: Mapping[str, pd.DataFrame], paths: Paths) -> None:
    """The pictures on the networks' cards, from ``layers``."""
    built = networks(Tables(tables))
    for architecture in model_registry.architectures().values():
        for preset in pictured(architecture.presets):
            if network := built.get((architecture.name, preset)):
                path = paths.figure(NETWORKS, f"{architecture.name}-{preset}", "svg")
                title = f"{architecture.title}, preset {preset}"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(network_card.draw(network, f"{NETWORKS}-{path.stem}", title), encoding="utf-8")


def save(drawing: Drawing, base: Path, name: str) -> None:
    """``base.svg``, with title and alt text within, and ``base.png`` on white: the same bytes at every call.

    `name` begins the ids within the SVG, so that several fit on one page.
    """
    base.parent.mkdir(parents=True, exist_ok=True)
    text = StringIO()
    with style():
        drawing.figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
        drawing.figure.set_layout_engine("none")  # it lies as it is
        path = base.with_suffix(".png")
        drawing.figure.savefig(path, dpi=160, facecolor="white", metadata={"Software": None})
    finished = finish(text.getvalue(), name, drawing.title, drawing.alt)
    base.with_suffix(".svg").write_text(finished, encoding="utf-8")
