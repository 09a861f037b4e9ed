"""A study file: a question, the arms that answer it, and for each claim what would count against it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from cnnlab.errors import UserError, nearest
from cnnlab.metrics import METRICS
from cnnlab.paths import CONFIGS
from cnnlab.spec import FIRST_PILOT_SEED, ArmSpec, Spec, Switch, merge, validate
from cnnlab.yamlfile import read_yaml

Kind = Literal["exact", "structural", "empirical"]
Direction = Literal["greater", "less", "equal", "not-greater", "not-less"]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._=+-]*$")]
REGISTERED = re.compile(r"C\d\d")


class Claim(Spec):
    """A row of ``workflow/claims.yaml``: a statement and the kind of evidence that each of its parts needs."""

    id: Annotated[str, Field(pattern=r"^C\d\d$")]
    chapter: str
    statement: str
    parts: dict[str, Kind]


class ClaimRegistry(Spec):
    """All claims of the notes, whether a study tests them yet or not."""

    claims: tuple[Claim, ...]

    def get(self, claim_id: str) -> Claim | None:
        return next((claim for claim in self.claims if claim.id == claim_id), None)

    @property
    def empirical_parts(self) -> int:
        """K of the ledger-wide flag min(1, K·p)."""
        return sum(kind == "empirical" for claim in self.claims for kind in claim.parts.values())


class ContrastSpec(Spec):
    """effect = Σ weight · metric(arm), paired by seed, and what is claimed of it."""

    metric: str
    contrast: dict[str, float] = Field(description="arm: weight; the weights sum to zero")
    direction: Direction | None = None
    margin: Annotated[float, Field(gt=0)] | None = None
    label: str | None = None
    extension: str | None = Field(None, description="id of the claim beside which this is shown")

    @field_validator("metric")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in METRICS:
            raise ValueError(f"unknown metric; {nearest(name, METRICS)}")
        return name

    @field_validator("contrast")
    @classmethod
    def _sums_to_zero(cls, weights: dict[str, float]) -> dict[str, float]:
        if len(weights) < 2 or abs(sum(weights.values())) > 1e-9 or not all(weights.values()):
            raise ValueError("a contrast needs at least two arms with weights that sum to zero")
        return weights


class ClaimSpec(Spec):
    """A claim and its primary contrast, or several of which each must hold."""

    id: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")]
    part: str = "main"
    statement: str | None = Field(None, description="for a claim of your own; those of claims.yaml have one")
    architecture: str | tuple[str, ...]
    requires: Annotated[tuple[ContrastSpec, ...], Field(min_length=1)]

    @field_validator("requires")
    @classmethod
    def _decidable(cls, contrasts: tuple[ContrastSpec, ...]) -> tuple[ContrastSpec, ...]:
        for contrast in contrasts:
            if contrast.direction is None or contrast.margin is None:
                raise ValueError("each primary contrast needs a direction and a margin")
            if METRICS[contrast.metric].measured:
                raise ValueError(f"{contrast.metric} is measured time: it can be secondary only")
            if contrast.extension is not None:
                raise ValueError(
                    "extension: a primary contrast belongs to its claim; only a secondary one extends another"
                )
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


class TierFields(Spec):
    """What a tier changes in a study."""

    base: ArmFields = ArmFields()
    seeds: int | tuple[int, ...] | None = None


class StudyFile(Spec):
    """The YAML file of one study, as a person writes it."""

    study: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
    title: str
    question: str
    source: Source = Source()
    core: bool = Field(False, description="selected by --config studies=core")
    base: ArmFields
    arms: dict[Name, ArmFields] = {}
    grid: dict[str, list[Switch]] = Field({}, description="for example model.depth: [8, 20]")
    labels: dict[str, str] = {}
    seeds: int | tuple[int, ...] = Field(description="how many (0, 1, …), or which")
    claims: tuple[ClaimSpec, ...] = ()
    secondary: tuple[ContrastSpec, ...] = ()
    tiers: dict[str, TierFields] = {}

    @model_validator(mode="after")
    def _arms_or_grid(self) -> StudyFile:
        if bool(self.arms) == bool(self.grid):
            raise ValueError("give either arms or a grid")
        empty = next((key for key, values in self.grid.items() if not values), None)
        if empty:
            raise ValueError(f"grid.{empty} has no values; give at least one")
        if any(contrast.direction or contrast.margin for contrast in self.secondary):
            raise ValueError(
                "a secondary contrast gives no verdict; remove its direction and margin, or make it a claim"
            )
        return self


@dataclass(frozen=True)
class Arm:
    name: str
    label: str
    spec: ArmSpec


@dataclass(frozen=True)
class Study:
    """A study at one tier, its arms complete."""

    name: str
    title: str
    question: str
    source: Source
    core: bool
    arms: dict[str, Arm]
    labels: dict[str, str]
    seeds: tuple[int, ...]
    claims: tuple[ClaimSpec, ...]
    secondary: tuple[ContrastSpec, ...]
    path: Path


# Turns the merged fields of an arm into its spec; the last argument says where they stand.
Resolve = Callable[[ArmFields, str], ArmSpec]


def load_claims(path: Path) -> ClaimRegistry:
    """The registry of claims.

    Raises:
        UserError: if the file is missing, malformed, or holds an id twice.
    """
    registry = validate(ClaimRegistry, {"claims": read_yaml(path)}, str(path))
    ids = [claim.id for claim in registry.claims]
    twice = next((claim_id for claim_id in ids if ids.count(claim_id) > 1), None)
    if twice:
        raise UserError(f"{path}: {twice} is registered twice; remove one")
    return registry


def load_study(
    path: Path,
    tier: str,
    registry: ClaimRegistry,
    resolve: Resolve,
    override: ArmFields,
    seeds: int | None = None,
    min_seeds: int = 5,
) -> Study:
    """The study in `path` at `tier`: base ← what the tier changes ← the arm ← `override`.

    Raises:
        UserError: for anything in the file that cannot be run as written, in one line.
    """
    where = str(path)
    written = validate(StudyFile, read_yaml(path), where)
    for name in written.tiers:
        if name not in {*known_tiers(), tier}:
            raise UserError(f"{where}: tiers.{name}: no such tier; {nearest(name, known_tiers())}")
    changes = written.tiers.get(tier, TierFields())
    base = merge(_dump(written.base), _dump(changes.base))
    arms: dict[str, Arm] = {}
    for name, fields in _arm_fields(written).items():
        complete = ArmFields(**merge(merge(base, _dump(fields)), _dump(override)))
        arms[name] = Arm(name, written.labels.get(name, name), resolve(complete, f"{where}: arms.{name}"))
    _refuse_twins(arms, where)
    study = Study(
        name=written.study,
        title=written.title,
        question=written.question,
        source=written.source,
        core=written.core,
        arms=arms,
        labels=written.labels,
        seeds=_seeds(
            written.seeds if changes.seeds is None else changes.seeds, seeds, min_seeds if written.claims else 1, where
        ),
        claims=written.claims,
        secondary=written.secondary,
        path=path,
    )
    _check_contrasts(study, registry)
    return study


@lru_cache
def known_tiers() -> frozenset[str]:
    """The tiers that a file of ``workflow/config`` defines."""
    return frozenset(str(read_yaml(path)["tier"]) for path in sorted(CONFIGS.glob("*.yaml")))


def _dump(fields: ArmFields) -> dict[str, Any]:
    return fields.model_dump(exclude_unset=True)


def _arm_fields(written: StudyFile) -> Mapping[str, ArmFields]:
    """The arms as written, or one for each cell of the grid, named ``depth=8 residual=true``."""
    if written.arms:
        return written.arms
    cells: dict[str, ArmFields] = {}
    for values in itertools.product(*written.grid.values()):
        fields: dict[str, dict[str, Switch]] = {}
        for key, value in zip(written.grid, values, strict=True):
            section, _, name = key.partition(".")
            if section not in ArmFields.model_fields or not name:
                raise UserError(f"{written.study}: grid.{key}: write model.…, data.… or train.…, as model.depth")
            fields.setdefault(section, {})[name] = value
        names = (f"{key.rpartition('.')[2]}={_text(value)}" for key, value in zip(written.grid, values, strict=True))
        cells[" ".join(names)] = ArmFields(**fields)
    return cells


def _text(value: Switch) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _refuse_twins(arms: Mapping[str, Arm], where: str) -> None:
    seen: dict[str, str] = {}
    for arm in arms.values():
        twin = seen.setdefault(arm.spec.arm_id, arm.name)
        if twin != arm.name:
            raise UserError(f"{where}: arms.{arm.name}: the same as arm '{twin}'; remove one, or let them differ")


def _seeds(written: int | tuple[int, ...], over: int | None, least: int, where: str) -> tuple[int, ...]:
    count = written if over is None else over
    seeds = tuple(range(count)) if isinstance(count, int) else count
    if not seeds:
        raise UserError(f"{where}: seeds: there are none; write for example 8")
    if len(set(seeds)) < len(seeds):
        raise UserError(f"{where}: seeds: {list(seeds)} holds one twice; a repeated seed is no new evidence")
    if min(seeds) < 0 or max(seeds) >= FIRST_PILOT_SEED:
        raise UserError(f"{where}: seeds: from 0 to {FIRST_PILOT_SEED - 1}; higher ones belong to pilots and tuning")
    if len(seeds) < least:
        raise UserError(f"{where}: seeds: {len(seeds)} cannot decide a claim; give at least {least}")
    return tuple(sorted(seeds))


def _check_contrasts(study: Study, registry: ClaimRegistry) -> None:
    where = str(study.path)
    for label in study.labels:
        if label not in study.arms:
            raise UserError(f"{where}: labels.{label}: no such arm; {nearest(label, study.arms)}")
    for index, claim in enumerate(study.claims):
        _check_claim(claim, registry, f"{where}: claims.{index}.id")
        for contrast in claim.requires:
            _check_arms(study, contrast, f"{where}: claims.{index}.requires")
            used = {study.arms[name].spec.model.architecture for name in contrast.contrast}
            if used != set(claim.architectures):
                raise UserError(
                    f"{where}: claims.{index}.architecture: {', '.join(claim.architectures)}, but the contrast "
                    f"compares {', '.join(sorted(used))}; name what is compared"
                )
    for index, contrast in enumerate(study.secondary):
        _check_arms(study, contrast, f"{where}: secondary.{index}")
        own = {claim.id for claim in study.claims}
        if contrast.extension is not None and not (contrast.extension in own or registry.get(contrast.extension)):
            known = nearest(contrast.extension, {*own, *(claim.id for claim in registry.claims)}).partition(" valid:")[
                0
            ]
            raise UserError(f"{where}: secondary.{index}.extension: no claim '{contrast.extension}'; {known}")
    keys = [(claim.id, claim.part) for claim in study.claims]
    if len(set(keys)) < len(keys):
        raise UserError(f"{where}: claims: one is given twice; put its contrasts under one `requires`")


def _check_claim(spec: ClaimSpec, registry: ClaimRegistry, where: str) -> None:
    claim = registry.get(spec.id)
    if claim is None:
        if REGISTERED.fullmatch(spec.id):
            known = nearest(spec.id, (claim.id for claim in registry.claims)).partition(";")[0].partition(" valid:")[0]
            raise UserError(f"{where}: {spec.id} is not in workflow/claims.yaml; {known} Or name a claim of your own")
        return
    kind = claim.parts.get(spec.part)
    if kind is None:
        raise UserError(f"{where}: {spec.id} has no part '{spec.part}'; {nearest(spec.part, claim.parts)}")
    if kind != "empirical":
        raise UserError(f"{where}: {spec.id} ({spec.part}) is {kind}: no trained contrast can decide it")


def _check_arms(study: Study, contrast: ContrastSpec, where: str) -> None:
    for name in contrast.contrast:
        if name not in study.arms:
            raise UserError(f"{where}: contrast: no arm '{name}'; {nearest(name, study.arms)}")
