"""A study file: a question, the arms that answer it, and for each claim what would count against it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from cnnlab.core.errors import nearest
from cnnlab.core.validation import Spec
from cnnlab.planning.metrics import METRICS
from cnnlab.planning.specs import Switch, switch_text
from cnnlab.planning.studies.figure_choice import kinds
from cnnlab.planning.verdicts import Direction

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._=+-]*$")]
# Without a blank or an equals sign, so that the arm "lenet pooling=max" of a matrix cannot be a family.
FamilyName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$")]


def _known_figure(name: str) -> str:
    if name not in kinds():
        raise ValueError(f"unknown figure; {nearest(name, kinds())}")
    return name


FigureName = Annotated[str, AfterValidator(_known_figure)]


class Comparison(Spec):
    """effect = Σ weight · metric, paired by seed."""

    metric: str
    contrast: dict[str, float]
    extension: str | None = Field(None, description="id of the claim beside which this is shown")

    @field_validator("metric")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in METRICS:
            raise ValueError(f"unknown metric; {nearest(name, METRICS, '`cnnlab list --metrics`')}")
        return name

    @field_validator("contrast")
    @classmethod
    def _is_an_effect(cls, weights: dict[str, float], info: ValidationInfo) -> dict[str, float]:
        """Weights sum to zero, but for a metric that is a difference by itself; an unknown one was refused already."""
        if not weights or not all(weights.values()):
            raise ValueError("each arm needs a weight other than 0")
        metric = METRICS.get(info.data.get("metric", ""))
        if metric and not metric.signed and (len(weights) < 2 or abs(sum(weights.values())) > 1e-9):
            raise ValueError("a contrast needs at least two arms with weights that sum to zero")
        return weights


class ContrastSpec(Comparison):
    """A comparison of arms, and what is claimed of it."""

    contrast: dict[str, float] = Field(description="arm: weight; the weights sum to zero")
    direction: Direction | None = None
    margin: Annotated[float, Field(gt=0)] | None = None
    baseline: str | None = Field(None, description="the arm from which the other departs: it must leave room for that")
    label: str | None = None

    @model_validator(mode="after")
    def _departs_from_an_arm(self) -> ContrastSpec:
        if self.baseline is not None and (self.baseline not in self.contrast or len(self.contrast) != 2):
            raise ValueError(f"baseline: {self.baseline}: write one of the two arms of the contrast")
        if self.baseline is not None and not METRICS[self.metric].positive:
            raise ValueError(f"baseline: {self.metric} has no floor that could leave no room; remove it")
        return self

    @property
    def cell(self) -> tuple[str | None, str | None]:
        """Family and switch of a contrast that is a cell of a matrix."""
        return None, None


class CellContrast(ContrastSpec):
    """One effect of a switch in one family. Made from a matrix; nobody writes it."""

    family: str
    switch: str

    @property
    def cell(self) -> tuple[str, str]:
        return self.family, self.switch


def _undecidable(contrast: ContrastSpec) -> Iterator[str]:
    """Why it can't be primary."""
    if contrast.direction is None or contrast.margin is None:
        yield "each primary contrast needs a direction and a margin; add them"
    if METRICS[contrast.metric].measured:
        yield f"metric: {contrast.metric} is measured time: it can be secondary only"
    if contrast.extension is not None:
        yield "extension: a primary contrast belongs to its claim; only a secondary one extends another"


class ClaimSpec(Spec):
    """A claim and its primary contrast, or several of which each must hold."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")]
    part: str = "main"
    statement: str | None = Field(None, description="for a claim of your own; those of claims.yaml have one")
    ledger: bool = Field(
        False, description="a study of yours that is to count for a claim of claims.yaml, which does not list it"
    )
    against: str | None = Field(None, description="what would count against it, in a sentence")
    architecture: str | tuple[str, ...]
    requires: Annotated[tuple[ContrastSpec, ...], Field(min_length=1)]

    @field_validator("requires")
    @classmethod
    def _decidable(cls, contrasts: tuple[ContrastSpec, ...]) -> tuple[ContrastSpec, ...]:
        wrong = [
            f"{index}: {problem}" for index, contrast in enumerate(contrasts) for problem in _undecidable(contrast)
        ]
        if wrong:
            raise ValueError(*wrong)
        return contrasts

    @property
    def architectures(self) -> tuple[str, ...]:
        return (self.architecture,) if isinstance(self.architecture, str) else self.architecture


class Source(Spec):
    chapter: str | None = None
    paper: str | None = None


class ArmFields(Spec):
    """Overrides of an arm, as written: switches stand flat beside the architecture."""

    model: dict[str, Switch] = {}
    data: dict[str, Any] = {}
    train: dict[str, Any] = {}


class FamilyFields(ArmFields):
    """The base arm of a family: what it lays over the base of the study."""

    label: str | None = Field(None, description="as shown; the family's name when absent")


def _as_texts(mapping: Any) -> Any:
    """Levels as keys: YAML reads ``false`` and ``8`` as a boolean and a number."""
    return {switch_text(key): value for key, value in mapping.items()} if isinstance(mapping, dict) else mapping


class EffectFields(Comparison):
    """What is compared between the two levels of a switch, in every family that takes it."""

    contrast: Annotated[dict[str, float], BeforeValidator(_as_texts)] = Field(
        description="level: weight; the weights sum to zero"
    )


class SwitchFields(Spec):
    """A column of the matrix: a switch of the architectures and the two values that are compared."""

    title: str | None = Field(None, description="as shown; the switch's name when absent")
    levels: tuple[Switch, ...] = Field(description="two: without, with")
    labels: Annotated[dict[str, str], BeforeValidator(_as_texts)] = Field({}, description="level: as shown")
    effects: Annotated[tuple[EffectFields, ...], Field(min_length=1)]

    @field_validator("levels")
    @classmethod
    def _two(cls, levels: tuple[Switch, ...]) -> tuple[Switch, ...]:
        if len({switch_text(level) for level in levels}) != 2 or len(levels) != 2:
            raise ValueError("give two levels that differ, as [none, batch]")
        return levels

    @property
    def by_text(self) -> dict[str, Switch]:
        """The levels by how they are named in `labels` and in a contrast."""
        return {switch_text(level): level for level in self.levels}


class MatrixFields(Spec):
    """Families × switches: a base arm for each family, and one more for each level that it does not have already."""

    families: dict[FamilyName, FamilyFields]
    switches: dict[str, SwitchFields]

    @field_validator("families", "switches")
    @classmethod
    def _some(cls, given: dict[str, Any]) -> dict[str, Any]:
        if not given:
            raise ValueError("give at least one")
        return given


class TierFields(Spec):
    """What a tier changes in a study."""

    base: ArmFields = ArmFields()
    seeds: int | tuple[int, ...] | None = None
    seen: int | tuple[int, ...] | None = Field(
        None, description="of these seeds; without it those of the study, or none where the tier has other images"
    )


class StudyFile(Spec):
    """The YAML file of one study, as a person writes it."""

    study: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
    title: str
    question: str
    design: str | None = Field(None, description="how it is tested: what is compared, and what is held fixed")
    threats: tuple[str, ...] = Field((), description="why the verdict may not hold elsewhere, a sentence each")
    source: Source = Source()
    core: bool = Field(False, description="selected by --config studies=core")
    figures: tuple[FigureName, ...] | None = Field(
        None, description="in the order in which the report shows them; chosen by what is compared when absent"
    )
    base: ArmFields
    arms: dict[Name, ArmFields] = {}
    grid: dict[str, list[Switch]] = Field({}, description="for example model.depth: [8, 20]")
    matrix: MatrixFields | None = Field(None, description="families × switches")
    labels: dict[str, str] = {}
    seeds: int | tuple[int, ...] = Field(description="how many (0, 1, …), or which")
    seen: int | tuple[int, ...] | None = Field(
        None,
        description="seeds of an earlier design (how many, or which) whose outcome was known to who chose this one",
    )
    claims: tuple[ClaimSpec, ...] = ()
    secondary: tuple[ContrastSpec, ...] = ()
    tiers: dict[str, TierFields] = {}

    @model_validator(mode="after")
    def _one_source_of_arms(self) -> StudyFile:
        wrong = [*self._objections()]
        if wrong:
            raise ValueError(*wrong)
        return self

    def _objections(self) -> Iterator[str]:
        if sum(map(bool, (self.arms, self.grid, self.matrix))) != 1:
            yield "give arms, a grid or a matrix: one of the three"
        named = self.figures or ()
        if "matrix" in named and not self.matrix:
            yield "figures: the figure 'matrix' shows a matrix, and there is none; remove one or add the other"
        if len(set(named)) < len(named):
            yield "figures: one is named twice; remove one"
        for key, values in self.grid.items():
            if not values:
                yield f"grid: {key}: there are no values; give at least one"
        for index, contrast in enumerate(self.secondary):
            if contrast.direction or contrast.margin:
                yield (
                    f"secondary: {index}: a secondary contrast gives no verdict; remove its direction and margin, or "
                    "make it a claim"
                )
