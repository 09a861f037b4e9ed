"""From a study file to a study at one tier: its arms complete, its contrasts checked, its mistakes told in one line."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from cnnlab.core.errors import UserError, nearest
from cnnlab.core.paths import CONFIGS, found
from cnnlab.core.strict_yaml import read_yaml
from cnnlab.core.validation import merge, validate
from cnnlab.planning.fingerprint import fingerprint
from cnnlab.planning.metrics import METRICS
from cnnlab.planning.specs import FIRST_PILOT_SEED, ArmSpec, Switch, switch_text
from cnnlab.planning.studies import figure_choice
from cnnlab.planning.studies.claims import ClaimRegistry
from cnnlab.planning.studies.matrix import Complete, expand
from cnnlab.planning.studies.study import Arm, Matrix, Study
from cnnlab.planning.studies.study_checks import (
    check_contrasts,
    check_measurable,
    check_sizes,
    refuse_namesakes,
    refuse_twins,
)
from cnnlab.planning.studies.study_file import ArmFields, CellContrast, StudyFile, TierFields

# Turns the merged fields of an arm into its spec; the last argument says where they stand.
Resolve = Callable[[ArmFields, str], ArmSpec]


def load_study(
    path: Path,
    tier: str,
    registry: ClaimRegistry,
    resolve: Resolve,
    tier_base: ArmFields,
    override: ArmFields,
    seeds: int | None = None,
    min_seeds: int | None = None,
) -> Study:
    """The study in `path` at `tier`: base ← `tier_base` ← what it says of the tier ← the arm ← `override`.

    Raises:
        UserError: for anything in the file that cannot be run as written, in one line.
    """
    where = str(path)
    written = validate(StudyFile, read_yaml(path), where)
    for name in written.tiers:
        if name not in {*known_tiers(), tier}:
            raise UserError(f"{where}: tiers.{name}: no such tier; {nearest(name, known_tiers())}")
    changes = written.tiers.get(tier, TierFields())
    base = merge(merge(_dump(written.base), _dump(tier_base)), _dump(changes.base))

    def complete(fields: Mapping[str, Any], place: str) -> ArmSpec:
        stated = merge(base, fields)
        if "tested" in stated.get("data", {}):
            raise UserError(f"{place}: data: tested: only a pilot tests other than test images; remove it")
        return resolve(ArmFields(**_overridden(stated, _dump(override))), place)

    arms, cells, matrix = _arms(written, complete, where)
    study = Study(
        name=written.study,
        title=written.title,
        question=written.question,
        source=written.source,
        core=written.core,
        arms=arms,
        labels=written.labels,
        seeds=_seeds(
            written.seeds if changes.seeds is None else changes.seeds, seeds, _least_seeds(written, min_seeds), where
        ),
        claims=written.claims,
        secondary=(*written.secondary, *cells),
        path=path,
        matrix=matrix,
        design=written.design,
        threats=written.threats,
        seen=_seen(written, changes, base, where),
    )
    refuse_namesakes(arms, f"{where}: labels")
    check_contrasts(study, written, registry)
    if not _dump(override):  # a trial run takes fewer images than the study asks for
        for name, arm in arms.items():
            check_sizes(arm.spec, f"{where}: arms.{name}")
    return _with_diagnostics(replace(study, figures=_figures(written, study)))


def _seen(written: StudyFile, changes: TierFields, base: Mapping[str, Any], where: str) -> tuple[int, ...]:
    """Seeds whose outcome was known; what the study says of them is said of its own images."""
    seen = changes.seen
    if seen is None and base.get("data", {}).get("name") == _dump(written.base).get("data", {}).get("name"):
        seen = written.seen
    return () if seen is None else _numbers(seen, f"{where}: seen")


def _figures(written: StudyFile, study: Study) -> tuple[str, ...]:
    if written.figures is not None:
        return written.figures
    specs = {name: arm.spec for name, arm in study.arms.items()}
    return figure_choice.figures(specs, [contrast.metric for contrast in study.contrasts], study.matrix is not None)


def _with_diagnostics(study: Study) -> Study:
    """Each arm with the diagnostics that the metrics of its contrasts ask for."""
    arms = {}
    for name, arm in study.arms.items():
        metrics = [METRICS[contrast.metric] for contrast in study.contrasts if name in contrast.contrast]
        for metric in metrics:
            check_measurable(metric, arm.spec, f"{study.path}: arms.{name}")
        diagnostics = tuple(sorted({metric.diagnostic for metric in metrics if metric.diagnostic}))
        code = fingerprint(arm.spec.model.architecture, diagnostics, arm.spec.train.classifier)
        spec = arm.spec.model_copy(update={"diagnostics": diagnostics, "fingerprint": code})
        arms[name] = replace(arm, spec=spec)
    return replace(study, arms=arms)


@lru_cache
def known_tiers() -> frozenset[str]:
    """The tiers that a file of ``workflow/config`` defines."""
    files = map(read_yaml, sorted(found(CONFIGS).glob("*.yaml")))
    return frozenset(str(fields["tier"]) for fields in files if "tier" in fields)


def _dump(fields: ArmFields) -> dict[str, Any]:
    return fields.model_dump(exclude_unset=True)


def _overridden(fields: Mapping[str, Any], override: Mapping[str, Any]) -> dict[str, Any]:
    """`override` laid over an arm; one whose network is left as initialized stays untrained, and without a rate."""
    train = fields.get("train", {})
    untrained = {"epochs": 0, "learning_rate": train.get("learning_rate")} if train.get("epochs") == 0 else {}
    return merge(merge(fields, override), {"train": untrained})


def _arms(
    written: StudyFile, complete: Complete, where: str
) -> tuple[dict[str, Arm], tuple[CellContrast, ...], Matrix | None]:
    """The arms by name; of a matrix also its contrasts, and what it is."""
    if written.matrix:
        arms, contrasts, matrix = expand(written.matrix, complete, f"{where}: matrix")
        refuse_twins(arms, f"{where}: matrix.families")
        relabelled = {name: replace(arm, label=written.labels.get(name, arm.label)) for name, arm in arms.items()}
        return relabelled, contrasts, matrix
    arms = {
        name: Arm(name, written.labels.get(name, name), complete(_dump(fields), f"{where}: arms.{name}"))
        for name, fields in _arm_fields(written).items()
    }
    refuse_twins(arms, f"{where}: arms")
    return arms, (), None


def _arm_fields(written: StudyFile) -> Mapping[str, ArmFields]:
    """The arms as written, or one for each cell of the grid, named ``depth=8 residual=true``."""
    if written.arms:
        return written.arms
    cells: dict[str, ArmFields] = {}
    for values in itertools.product(*written.grid.values()):
        fields: dict[str, dict[str, Switch]] = {}
        names = []
        for key, value in zip(written.grid, values, strict=True):
            section, _, name = key.partition(".")
            if section not in ArmFields.model_fields or not name:
                raise UserError(f"{written.study}: grid.{key}: write model.…, data.… or train.…, as model.depth")
            fields.setdefault(section, {})[name] = value
            names.append(f"{key.rpartition('.')[2]}={switch_text(value)}")
        cells[" ".join(names)] = ArmFields(**fields)
    return cells


def _least_seeds(written: StudyFile, given: int | None) -> int:
    """As many as the metrics of the claims need to be decided, unless a configuration gives another number."""
    needed = [METRICS[contrast.metric].least_seeds for claim in written.claims for contrast in claim.requires]
    return 1 if not needed else max(needed) if given is None else given


def _seeds(written: int | tuple[int, ...], over: int | None, least: int, where: str) -> tuple[int, ...]:
    seeds = _numbers(written if over is None else over, f"{where}: seeds")
    if len(seeds) < least:
        raise UserError(f"{where}: seeds: {len(seeds)} cannot decide a claim; give at least {least}")
    return seeds


def _numbers(written: int | tuple[int, ...], where: str) -> tuple[int, ...]:
    """The seeds that are written as how many, or as which."""
    seeds = tuple(range(written)) if isinstance(written, int) else written
    if not seeds:
        raise UserError(f"{where}: there are none; write for example 8")
    if len(set(seeds)) < len(seeds):
        raise UserError(f"{where}: {list(seeds)} holds one twice; a repeated seed is no new evidence")
    if min(seeds) < 0 or max(seeds) >= FIRST_PILOT_SEED:
        raise UserError(f"{where}: from 0 to {FIRST_PILOT_SEED - 1}; higher ones belong to pilots and tuning")
    return tuple(sorted(seeds))
