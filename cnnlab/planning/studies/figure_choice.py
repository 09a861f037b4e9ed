"""Which figures there are, and which of them answer a study that names none.

A figure is one file of ``cnnlab/figures``, found without being listed anywhere; its module-level literal ``FIGURE`` is
read without running the file, as planning must not import matplotlib.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from cnnlab.core.validation import Spec, validate
from cnnlab.planning.declarations import declared, place
from cnnlab.planning.diagnostics import diagnostics
from cnnlab.planning.metrics import METRICS
from cnnlab.planning.sources import FOLDER as FOLDER_OF_IMAGES
from cnnlab.planning.specs import ArmSpec
from cnnlab.planning.studies.sweeps import sweeps

if TYPE_CHECKING:
    from cnnlab.planning.studies.study import Study

FOLDER = Path(__file__).resolve().parents[2] / "figures"
LEAST = 3  # values that make a sweep of what is otherwise a pair


Fact = Literal["all", "trained", "contrasts", "sweeps", "profiles", "pictures", "matrix", "own_images"]


class Kind(Spec):
    """The declaration ``FIGURE`` of a figure's file, whose function ``draw(study, tables)`` makes the figure."""

    title: str = Field(min_length=1, description="what stands behind the study's title")
    caption: str = Field(min_length=1)
    order: int = Field(description="of the figures that are chosen for a study, the smallest first")
    tables: tuple[str, ...] = Field(min_length=1, description="the tables that it is drawn from, and all that it gets")
    default_for: (
        Literal["all", "trained", "contrasts", "sweeps", "profiles", "pictures", "matrix", "own_images"] | None
    ) = Field(None, description="studies that get it without naming it: those with trained arms, with contrasts, ...")


def kinds() -> dict[str, Kind]:
    """Every figure that a study may name, in their declared order.

    Raises:
        UserError: for a declaration that is wrong, naming file and key.
    """
    return _read(FOLDER)


@cache
def _read(folder: Path) -> dict[str, Kind]:
    read = {path.stem: validate(Kind, literal, place(path, "FIGURE")) for path, literal in declared(folder, "FIGURE")}
    return dict(sorted(read.items(), key=lambda item: item[1].order))


def figures(arms: Mapping[str, ArmSpec], metrics: Iterable[str], matrix: bool) -> tuple[str, ...]:
    """From the arms by name, the metrics of all contrasts, and whether the study is a matrix, which is shown alone."""
    asked: Collection[str] = list(metrics)
    names = {METRICS[name].diagnostic for name in asked} - {None}
    watched = [spec for name, spec in diagnostics().items() if name in names]
    facts = {
        "all": True,
        "trained": any(spec.train.epochs for spec in arms.values()),
        "contrasts": bool(asked),
        "sweeps": any(sweep.longest >= LEAST for sweep in sweeps(arms)),
        "profiles": any(spec.profiles for spec in watched),
        "pictures": any(spec.pictures for spec in watched),
        "own_images": any(spec.data.name == FOLDER_OF_IMAGES for spec in arms.values()),
    }
    having = {"matrix"} if matrix else {fact for fact, holds in facts.items() if holds}
    return tuple(name for name, kind in kinds().items() if kind.default_for in having)


def tables_beside(study: Study) -> list[str]:
    """The tables that its figures are drawn from and that are not of the study's own runs."""
    declared = {table for name in study.figures for table in kinds()[name].tables}
    return [
        table for table in ("layers", "exact", "evidence", "measured/cost", "measured/throughput") if table in declared
    ]


def shows_cost(study: Study) -> bool:
    """Whether a figure of the study draws what its networks cost."""
    return "measured/cost" in tables_beside(study)


# The figure of the images themselves, for which their table is made.
IMAGES = "images"
# The folder of the pictures of networks, beside those of the studies' figures.
NETWORKS = "networks"


def pictured(presets: Iterable[str]) -> tuple[str, ...]:
    """Of an architecture's presets, those whose picture and layers its card shows: the one that is trained, and the
    notes' own size or the paper's."""
    names = list(presets)
    trained = "small" if "small" in names else names[0]
    full = next((name for name in ("d2l", "paper") if name in names), trained)
    return tuple(dict.fromkeys((trained, full)))
