"""What diagnostics declare: the metrics that they measure, and the profiles and pictures that they leave for figures.

Each file of ``cnnlab/training/diagnostics`` that measures something has a literal ``DIAGNOSTIC`` of the form of
`DiagnosticSpec`, which is read without running the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from math import inf
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from cnnlab.core.errors import UserError
from cnnlab.core.validation import Spec, validate
from cnnlab.planning.declarations import declared, place

FOLDER = Path(__file__).resolve().parents[1] / "training/diagnostics"


class Metric(Spec):
    """A quantity that a contrast may compare: one column of a run's result.

    ``better`` says on which side a run that diverged counts. ``per_image`` names the per-image column whose spread over
    test images is part of the interval: ``error``, ``loss``, or an array that its diagnostic left. ``floor`` is the
    smallest difference that the metric can show: one image, one evaluation (as a step or a share of training), or one
    octave. ``initial``: read before the first update, so that no run can be lost to it. ``column``: of a run's result,
    where it has another name. ``diagnostic`` names the file of `cnnlab.training.diagnostics` that measures it.
    A ``signed`` metric is a difference by itself: of one arm it is an effect, and 0 is none. A ``positive`` one, an
    error or a loss, is never below 0, and in points not above 100, which may leave no room for a margin. ``plain`` says
    what a value means where the title needs an expert: ``{x}`` is the value, of a logarithm the factor behind it, of a
    share the percentage.
    """

    name: str
    title: str
    unit: str
    better: Literal["lower", "higher"] | None = None
    per_image: str | None = None
    floor: Literal["image", "evaluation", "training", "octave"] | None = None
    censored: bool = False
    measured: bool = False
    initial: bool = False
    column: str | None = None
    diagnostic: str | None = None
    signed: bool = False
    positive: bool = False
    plain: str = ""

    @property
    def scale(self) -> Literal["linear", "log2"]:
        """A ``log2`` metric is compared as a log2 ratio."""
        return "log2" if self.unit == "log2 ratio" else "linear"

    @property
    def factor(self) -> float:
        """Turns the stored value into ``unit``: pp are of a stored share."""
        return 100.0 if self.unit == "pp" else 1.0

    @property
    def largest(self) -> float:
        """The largest value that there can be, in ``unit``."""
        return 100.0 if self.unit == "pp" else inf


class Profile(Spec):
    """One panel of the figure `profiles`: one or more quantities of `cnnlab.training.diagnostics.Point` over an axis.

    ``quantities`` are those drawn, each with what a legend calls it; without them, the one of the profile's own name.
    With ``layers`` there is one for each layer, the profile's name, a space and the layer's, in the order in which the
    quantity that ``layers`` names has them. ``kind`` chooses how they are drawn: see
    `cnnlab.figures.drawing.profile_panels.KINDS`.
    """

    name: str
    title: str
    axis: str
    kind: Literal["line", "points", "ranks", "blocks", "depths", "halves"] = "line"
    quantities: dict[str, str] = {}
    layers: str | None = None
    log_x: bool = False
    geometric: bool = False

    def shows(self, quantity: str) -> bool:
        if self.layers:
            return quantity.startswith(f"{self.name} ")
        return quantity in (self.quantities or (self.name,))


class DiagnosticSpec(Spec):
    """One diagnostic. ``while_training``: it looks at updates, and so at no network left as it was initialized;
    ``moves_pixels``: it needs images whose neighbouring pixels belong together; ``cost_share``: about how long it
    takes, as a share of a run of its arm; ``cost_seconds``: what it takes besides, whatever the run."""

    name: str
    metrics: Annotated[dict[str, Metric], Field(min_length=1)]
    profiles: dict[str, Profile] = {}
    pictures: tuple[str, ...] = ()
    while_training: bool = False
    moves_pixels: bool = False
    cost_share: Annotated[float, Field(ge=0)] = 0.1
    cost_seconds: Annotated[float, Field(ge=0)] = 0.0

    @field_validator("metrics", "profiles", mode="before")
    @classmethod
    def _named(cls, given: Any, info: ValidationInfo) -> Any:
        """Each entry with its own name, and each metric with that of the diagnostic."""
        own = {"diagnostic": info.data["name"]} if info.field_name == "metrics" else {}
        if not isinstance(given, Mapping):
            return given
        return {
            name: {**fields, **own, "name": name} if isinstance(fields, Mapping) else fields
            for name, fields in given.items()
        }


@cache
def diagnostics() -> dict[str, DiagnosticSpec]:
    """Every diagnostic, by the name of its file.

    Raises:
        UserError: for a declaration that is wrong, or a metric or profile that two files declare.
    """
    return read(FOLDER)


def read(folder: Path) -> dict[str, DiagnosticSpec]:
    """The diagnostics declared in `folder`; see `diagnostics`."""
    specs: dict[str, DiagnosticSpec] = {}
    owners: dict[tuple[str, str], str] = {}
    for path, literal in declared(folder, "DIAGNOSTIC"):
        spec = validate(DiagnosticSpec, {**literal, "name": path.stem}, place(path, "DIAGNOSTIC"))
        for key in ("metrics", "profiles"):
            for name in getattr(spec, key):
                owner = owners.setdefault((key, name), path.stem)
                if owner != path.stem:
                    raise UserError(f"{path}: DIAGNOSTIC: {key}.{name}: {owner}.py declares it too; rename one of them")
        specs[path.stem] = spec
    return specs
