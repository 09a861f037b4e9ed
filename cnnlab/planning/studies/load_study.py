"""From a study file to a study at one tier: its arms complete, its contrasts checked, its mistakes told all at once."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from cnnlab.core.errors import Mistakes, UserError, nearest
from cnnlab.core.paths import CONFIGS, found
from cnnlab.core.places import Place
from cnnlab.core.strict_yaml import place, read_yaml
from cnnlab.core.validation import merge, validate
from cnnlab.planning.fingerprint import fingerprint
from cnnlab.planning.metrics import METRICS
from cnnlab.planning.specs import ArmSpec, Switch, switch_text
from cnnlab.planning.studies import figure_choice
from cnnlab.planning.studies.claims import ClaimRegistry
from cnnlab.planning.studies.matrix import Complete, expand
from cnnlab.planning.studies.seeds import least_seeds, numbers, seeds_of
from cnnlab.planning.studies.study import Arm, Matrix, Study
from cnnlab.planning.studies.study_checks import (
    check_arm,
    check_comparisons,
    check_names,
    refuse_namesakes,
    refuse_twins,
)
from cnnlab.planning.studies.study_file import ArmFields, CellContrast, StudyFile, TierFields

# Turns the merged fields of an arm into its spec; the last argument says where they stand.
Resolve = Callable[[ArmFields, Place], ArmSpec]
Arms = tuple[dict[str, Arm], tuple[CellContrast, ...], Matrix | None]


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
        UserError: for all in the file that cannot be run as written, a line each.
    """
    where, mistakes = place(path), Mistakes()
    written = validate(StudyFile, read_yaml(path), where)
    mistakes.attempt(_check_study, written, path, tier, where)
    changes = written.tiers.get(tier, TierFields())
    base = merge(merge(_dump(written.base), _dump(tier_base)), _dump(changes.base))
    # What an arm does not say itself stands at the tier or in the base.
    of_arms = replace(where, others=(("tiers", tier, "base"), ("base",)))

    def complete(fields: Mapping[str, Any], here: Place) -> ArmSpec:
        stated = merge(base, fields)
        if "tested" in stated.get("data", {}):
            raise UserError(f"{here / 'data' / 'tested'}: only a pilot tests other than test images; remove it")
        return resolve(ArmFields(**_overridden(stated, _dump(override))), here)

    asked = written.seeds if changes.seeds is None else changes.seeds
    at = where / "tiers" / tier if changes.seeds is not None else where
    chosen = mistakes.attempt(seeds_of, asked, seeds, least_seeds(written, min_seeds), at / "seeds")
    seen = mistakes.attempt(_seen, written, changes, base, where / "seen")
    resolved = mistakes.attempt(_matrix if written.matrix else _arms, written, complete, of_arms)
    named = None if written.matrix else mistakes.attempt(_arm_fields, written, where)
    known = resolved[0] if resolved else named
    check_names(written, known, registry, where, mistakes)
    mistakes.refuse()
    arms, cells, matrix = resolved or ({}, (), None)
    study = Study(
        name=written.study,
        title=written.title,
        question=written.question,
        source=written.source,
        core=written.core,
        arms=arms,
        labels=written.labels,
        seeds=chosen or (),
        claims=written.claims,
        secondary=(*written.secondary, *cells),
        path=path,
        matrix=matrix,
        design=written.design,
        threats=written.threats,
        seen=seen or (),
    )
    mistakes.attempt(refuse_namesakes, {arm.name: arm.label for arm in arms.values()}, where / "labels")
    check_comparisons(study, written, where, mistakes)
    whole = not _dump(override)  # a trial run takes fewer images than the study asks for
    for arm in arms.values():
        mistakes.attempt(check_arm, study, arm, _at(of_arms, written, arm.name), whole)
    mistakes.refuse()
    return _with_diagnostics(replace(study, figures=_figures(written, study)))


def _check_study(written: StudyFile, path: Path, tier: str, where: Place) -> None:
    """Its name is that of its file, by which it is found; its tiers are there."""
    mistakes = Mistakes()
    if written.study != path.stem:
        mistakes.note(
            f"{where / 'study'}: '{written.study}', but the file is {path.name}; write study: {path.stem}, or rename "
            f"the file to {written.study}{path.suffix}"
        )
    for name in written.tiers:
        if name not in {*known_tiers(), tier}:
            mistakes.note(f"{where / 'tiers' / name}: no such tier; {nearest(name, known_tiers())}")
    mistakes.refuse()


def _seen(written: StudyFile, changes: TierFields, base: Mapping[str, Any], where: Place) -> tuple[int, ...]:
    """Seeds whose outcome was known; what the study says of them is said of its own images."""
    seen = changes.seen
    if seen is None and base.get("data", {}).get("name") == _dump(written.base).get("data", {}).get("name"):
        seen = written.seen
    return () if seen is None else numbers(seen, where)


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
        diagnostics = tuple(sorted({metric.diagnostic for metric in metrics if metric.diagnostic}))
        code = fingerprint(arm.spec.model.architecture, diagnostics, arm.spec.train.classifier)
        spec = arm.spec.model_copy(update={"diagnostics": diagnostics, "fingerprint": code})
        arms[name] = replace(arm, spec=spec)
    return replace(study, arms=arms)


@lru_cache
def known_tiers() -> frozenset[str]:
    """The tiers that a file of ``workflow/config`` defines."""
    files = map(read_yaml, sorted(found(CONFIGS).glob("*.yaml")))
    return frozenset(str(fields["tier"]) for fields in files if isinstance(fields, dict) and "tier" in fields)


def _dump(fields: ArmFields) -> dict[str, Any]:
    return fields.model_dump(exclude_unset=True)


def _overridden(fields: Mapping[str, Any], override: Mapping[str, Any]) -> dict[str, Any]:
    """`override` laid over an arm; one whose network is left as initialized stays untrained, and without a rate."""
    train = fields.get("train", {})
    untrained = {"epochs": 0, "learning_rate": train.get("learning_rate")} if train.get("epochs") == 0 else {}
    return merge(merge(fields, override), {"train": untrained})


def _matrix(written: StudyFile, complete: Complete, where: Place) -> Arms:
    """The arms of a matrix by name, its contrasts, and what it is."""
    assert written.matrix
    arms, contrasts, matrix = expand(written.matrix, complete, where)
    refuse_twins(arms, replace(where, others=()) / "matrix" / "families")
    relabelled = {name: replace(arm, label=written.labels.get(name, arm.label)) for name, arm in arms.items()}
    return relabelled, contrasts, matrix


def _arms(written: StudyFile, complete: Complete, where: Place) -> Arms:
    """The arms by name."""
    mistakes, arms = Mistakes(), {}
    for name, fields in _arm_fields(written, where).items():
        spec = mistakes.attempt(complete, _dump(fields), _at(where, written, name))
        if spec:
            arms[name] = Arm(name, written.labels.get(name, name), spec)
    mistakes.attempt(refuse_twins, arms, replace(where, others=()) / ("grid" if written.grid else "arms"))
    mistakes.refuse()
    return arms, (), None


def _at(where: Place, written: StudyFile, arm: str) -> Place:
    """Where what an arm says itself stands: under its name, in the grid, or under its family."""
    if written.grid:
        return replace(where, key=("grid",))
    if written.matrix:
        family = max((name for name in written.matrix.families if f"{arm} ".startswith(f"{name} ")), key=len)
        return replace(where, key=("matrix", "families", family))
    return replace(where, key=("arms", arm))


def _arm_fields(written: StudyFile, where: Place) -> Mapping[str, ArmFields]:
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
                raise UserError(
                    f"{replace(where, others=()) / 'grid' / key}: write model.…, data.… or train.…, as model.depth"
                )
            fields.setdefault(section, {})[name] = value
            names.append(f"{key.rpartition('.')[2]}={switch_text(value)}")
        cells[" ".join(names)] = ArmFields(**fields)
    return cells
