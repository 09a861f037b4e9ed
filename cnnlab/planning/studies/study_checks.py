"""What a study may not claim: comparisons that are unfair, that cannot be measured, or that no seeds could decide."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from cnnlab.core.errors import UserError, nearest
from cnnlab.planning.datasets import split_sizes
from cnnlab.planning.diagnostics import diagnostics
from cnnlab.planning.metrics import METRICS, Metric
from cnnlab.planning.specs import ArmSpec
from cnnlab.planning.studies.claims import ClaimRegistry
from cnnlab.planning.studies.study import Arm, Study
from cnnlab.planning.studies.study_file import ClaimSpec, Comparison, ContrastSpec, StudyFile

REGISTERED = re.compile(r"C\d\d")


def check_measurable(metric: Metric, arm: ArmSpec, where: str) -> None:
    """What needs no network to be seen; a network that does not fit is refused by the diagnostic itself."""
    if metric.diagnostic is None:
        return
    diagnostic = diagnostics()[metric.diagnostic]
    if diagnostic.while_training and arm.train.epochs == 0:
        raise UserError(f"{where}: train: epochs: 0, but {metric.name} is read while a network trains; train this arm")
    if diagnostic.moves_pixels and not arm.data.movable:
        raise UserError(
            f"{where}: data: {metric.name} moves pixels, and shuffled or separately scaled ones cannot be moved; "
            "compare another metric"
        )


def refuse_twins(arms: Mapping[str, Arm], where: str) -> None:
    seen: dict[str, str] = {}
    for arm in arms.values():
        twin = seen.setdefault(arm.spec.arm_id, arm.name)
        if twin != arm.name:
            raise UserError(f"{where}.{arm.name}: the same as arm '{twin}'; remove one, or let them differ")


def refuse_namesakes(arms: Mapping[str, Arm], where: str) -> None:
    """Two arms of one label could not be told apart in any table or figure."""
    seen: dict[str, str] = {}
    for arm in arms.values():
        first = seen.setdefault(arm.label, arm.name)
        if first != arm.name:
            raise UserError(f"{where}.{arm.name}: '{arm.label}' is the label of '{first}' too; give it another")


def check_sizes(arm: ArmSpec, where: str) -> None:
    """That there are as many images as are asked for."""
    data, batch_size = arm.data, arm.train.batch_size
    there, trained = data.source.images, split_sizes(data)[0]
    if data.limit is not None and data.limit > there:
        raise UserError(
            f"{where}: data: limit: {data.limit}, but {data.name} has {there:,} images; write less, or nothing"
        )
    if arm.train.epochs and batch_size > trained:
        raise UserError(
            f"{where}: train: batch_size: {batch_size}, but there are {trained:,} training images; write less"
        )


def check_contrasts(study: Study, written: StudyFile, registry: ClaimRegistry) -> None:
    where = str(study.path)
    for label in study.labels:
        if label not in study.arms:
            raise UserError(f"{where}: labels.{label}: no such arm; {nearest(label, study.arms)}")
    for index, claim in enumerate(study.claims):
        _check_claim(claim, registry, f"{where}: claims.{index}.id")
        for contrast in claim.requires:
            _check_arms(study, contrast, f"{where}: claims.{index}.requires")
            _check_fair(study, contrast, f"{where}: claims.{index}.requires")
            _check_trained(study, contrast, f"{where}: claims.{index}.requires")
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
    ids = {*(claim.id for claim in study.claims), *(claim.id for claim in registry.claims)}
    if comparison.extension is not None and comparison.extension not in ids:
        hint = nearest(comparison.extension, ids).partition(" valid:")[0]
        raise UserError(f"{where}: no claim '{comparison.extension}'; {hint}")


def _check_claim(spec: ClaimSpec, registry: ClaimRegistry, where: str) -> None:
    claim = registry.get(spec.id)
    if claim is None:
        if REGISTERED.fullmatch(spec.id):
            hint = nearest(spec.id, (claim.id for claim in registry.claims)).partition(" valid:")[0]
            hint = hint if registry.claims else "`cnnlab init DIR --with-studies` copies it."
            raise UserError(f"{where}: {spec.id} is not in workflow/claims.yaml; {hint} Or name a claim of your own")
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


def _check_trained(study: Study, contrast: ContrastSpec, where: str) -> None:
    metric = METRICS[contrast.metric]
    for name in contrast.contrast:
        train = study.arms[name].spec.train
        if train.epochs == 0 and train.classifier == "network" and metric.diagnostic is None:
            raise UserError(
                f"{where}: {metric.name}: arm '{name}' is not trained, as its train: epochs is 0; train it, or compare "
                "what a network has as initialized"
            )


def _check_arms(study: Study, contrast: ContrastSpec, where: str) -> None:
    for name in contrast.contrast:
        if name not in study.arms:
            raise UserError(f"{where}: contrast: no arm '{name}'; {nearest(name, study.arms)}")
