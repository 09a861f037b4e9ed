"""From a study file to a study at one tier: its arms complete, its contrasts checked, its mistakes told in one line."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from cnnlab.core.errors import UserError, nearest
from cnnlab.core.paths import CONFIGS
from cnnlab.core.strict_yaml import read_yaml
from cnnlab.planning import figure_choice
from cnnlab.planning.fingerprint import fingerprint
from cnnlab.planning.matrix import Complete, expand
from cnnlab.planning.metrics import METRICS, MOVING, TRAINING, Metric
from cnnlab.planning.specs import FIRST_PILOT_SEED, ArmSpec, Switch, merge, validate
from cnnlab.planning.study_file import (
    Arm,
    ArmFields,
    CellContrast,
    ClaimRegistry,
    ClaimSpec,
    Comparison,
    ContrastSpec,
    Matrix,
    Study,
    StudyFile,
    TierFields,
    switch_text,
)

REGISTERED = re.compile(r"C\d\d")
# Turns the merged fields of an arm into its spec; the last argument says where they stand.
Resolve = Callable[[ArmFields, str], ArmSpec]


def load_study(
    path: Path,
    tier: str,
    registry: ClaimRegistry,
    resolve: Resolve,
    override: ArmFields,
    seeds: int | None = None,
    min_seeds: int | None = None,
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

    def complete(fields: Mapping[str, Any], place: str) -> ArmSpec:
        return resolve(ArmFields(**_overridden(merge(base, fields), _dump(override))), place)

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
        figures=_figures(written, arms, cells),
        matrix=matrix,
        design=written.design,
        threats=written.threats,
    )
    _check_contrasts(study, written, registry)
    return _with_diagnostics(study)


def _figures(written: StudyFile, arms: Mapping[str, Arm], cells: Sequence[ContrastSpec]) -> tuple[str, ...]:
    if written.figures is not None:
        return written.figures
    contrasts = [*(contrast for claim in written.claims for contrast in claim.requires), *written.secondary, *cells]
    specs = {name: arm.spec for name, arm in arms.items()}
    return figure_choice.figures(specs, [contrast.metric for contrast in contrasts], matrix=bool(written.matrix))


def _with_diagnostics(study: Study) -> Study:
    """Each arm with the diagnostics that the metrics of its contrasts ask for."""
    contrasts = [*study.secondary, *(contrast for claim in study.claims for contrast in claim.requires)]
    arms = {}
    for name, arm in study.arms.items():
        metrics = [METRICS[contrast.metric] for contrast in contrasts if name in contrast.contrast]
        for metric in metrics:
            _check_measurable(metric, arm.spec, f"{study.path}: arms.{name}")
        diagnostics = tuple(sorted({metric.diagnostic for metric in metrics if metric.diagnostic}))
        code = fingerprint(arm.spec.model.architecture, diagnostics, arm.spec.train.classifier)
        found = {"diagnostics": diagnostics, "fingerprint": code}
        arms[name] = replace(arm, spec=arm.spec.model_copy(update=found))
    return replace(study, arms=arms)


def _check_measurable(metric: Metric, arm: ArmSpec, where: str) -> None:
    """What needs no network to be seen; a network that does not fit is refused by the diagnostic itself."""
    if metric.diagnostic in TRAINING and arm.train.epochs == 0:
        raise UserError(f"{where}: train: epochs: 0, but {metric.name} is read while a network trains; train this arm")
    if metric.diagnostic in MOVING and not arm.data.movable:
        raise UserError(
            f"{where}: data: {metric.name} moves pixels, and shuffled or separately scaled ones cannot be moved; "
            "compare another metric"
        )


@lru_cache
def known_tiers() -> frozenset[str]:
    """The tiers that a file of ``workflow/config`` defines."""
    return frozenset(str(read_yaml(path)["tier"]) for path in sorted(CONFIGS.glob("*.yaml")))


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
        expanded = expand(written.matrix, complete, f"{where}: matrix")
        _refuse_twins(expanded.arms, f"{where}: matrix.families")
        relabelled = {
            name: replace(arm, label=written.labels.get(name, arm.label)) for name, arm in expanded.arms.items()
        }
        return relabelled, expanded.contrasts, expanded.matrix
    arms = {
        name: Arm(name, written.labels.get(name, name), complete(_dump(fields), f"{where}: arms.{name}"))
        for name, fields in _arm_fields(written).items()
    }
    _refuse_twins(arms, f"{where}: arms")
    return arms, (), None


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
        names = (
            f"{key.rpartition('.')[2]}={switch_text(value)}" for key, value in zip(written.grid, values, strict=True)
        )
        cells[" ".join(names)] = ArmFields(**fields)
    return cells


def _refuse_twins(arms: Mapping[str, Arm], where: str) -> None:
    seen: dict[str, str] = {}
    for arm in arms.values():
        twin = seen.setdefault(arm.spec.arm_id, arm.name)
        if twin != arm.name:
            raise UserError(f"{where}.{arm.name}: the same as arm '{twin}'; remove one, or let them differ")


def _least_seeds(written: StudyFile, given: int | None) -> int:
    """As many as the metrics of the claims need to be decided, unless a configuration gives another number."""
    needed = [METRICS[contrast.metric].least_seeds for claim in written.claims for contrast in claim.requires]
    return 1 if not needed else max(needed) if given is None else given


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


def _check_contrasts(study: Study, written: StudyFile, registry: ClaimRegistry) -> None:
    where = str(study.path)
    for label in study.labels:
        if label not in study.arms:
            raise UserError(f"{where}: labels.{label}: no such arm; {nearest(label, study.arms)}")
    for index, claim in enumerate(study.claims):
        _check_claim(claim, registry, f"{where}: claims.{index}.id")
        for contrast in claim.requires:
            _check_arms(study, contrast, f"{where}: claims.{index}.requires")
            _check_fair(study, contrast, f"{where}: claims.{index}.requires")
            used = {study.arms[name].spec.model.architecture for name in contrast.contrast}
            if used != set(claim.architectures):
                raise UserError(
                    f"{where}: claims.{index}.architecture: {', '.join(claim.architectures)}, but the contrast "
                    f"compares {', '.join(sorted(used))}; name what is compared"
                )
    for index, contrast in enumerate(written.secondary):
        _check_arms(study, contrast, f"{where}: secondary.{index}")
    for place, comparison in _shown_beside(written):
        _check_extension(comparison, study, registry, f"{where}: {place}.extension")
    keys = [(claim.id, claim.part) for claim in study.claims]
    if len(set(keys)) < len(keys):
        raise UserError(f"{where}: claims: one is given twice; put its contrasts under one `requires`")


def _shown_beside(written: StudyFile) -> Iterator[tuple[str, Comparison]]:
    """What gives no verdict, and where in the file it stands."""
    for index, contrast in enumerate(written.secondary):
        yield f"secondary.{index}", contrast
    for name, switch in written.matrix.switches.items() if written.matrix else ():
        for index, effect in enumerate(switch.effects):
            yield f"matrix.switches.{name}.effects.{index}", effect


def _check_extension(comparison: Comparison, study: Study, registry: ClaimRegistry, where: str) -> None:
    known = {*(claim.id for claim in study.claims), *(claim.id for claim in registry.claims)}
    if comparison.extension is not None and comparison.extension not in known:
        hint = nearest(comparison.extension, known).partition(" valid:")[0]
        raise UserError(f"{where}: no claim '{comparison.extension}'; {hint}")


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


def _check_fair(study: Study, contrast: ContrastSpec, where: str) -> None:
    """A claim is decided between arms whose learning rates, where they are tuned, are tuned alike."""
    trains = [study.arms[name].spec.train for name in contrast.contrast]
    tuned = {train.tune for train in trains if train.epochs and train.learning_rate is None}
    if len(tuned) > 1:
        raise UserError(f"{where}: contrast: its arms are tuned on different grids; give them the same train.tune")


def _check_arms(study: Study, contrast: ContrastSpec, where: str) -> None:
    for name in contrast.contrast:
        if name not in study.arms:
            raise UserError(f"{where}: contrast: no arm '{name}'; {nearest(name, study.arms)}")
