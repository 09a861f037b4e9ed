"""What a study may not claim: comparisons that are unfair, that cannot be measured, or that no seeds could decide."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from cnnlab.core.errors import Mistakes, UserError, nearest
from cnnlab.core.places import Place
from cnnlab.planning.datasets import split_sizes
from cnnlab.planning.diagnostics import diagnostics
from cnnlab.planning.metrics import METRICS, Metric
from cnnlab.planning.specs import ArmSpec
from cnnlab.planning.studies.claims import ClaimRegistry
from cnnlab.planning.studies.ledger_ids import check_claim, check_extension
from cnnlab.planning.studies.study import Arm, Study
from cnnlab.planning.studies.study_file import ClaimSpec, Comparison, ContrastSpec, StudyFile


def check_names(
    written: StudyFile, arms: Collection[str] | None, registry: ClaimRegistry, where: Place, mistakes: Mistakes
) -> None:
    """That what the study names is there: arms (None if they are not known), claims and their parts."""
    for place, contrast in _contrasts(written, where) if arms is not None else ():
        for name in contrast.contrast:
            mistakes.attempt(_check_arm, name, arms or (), place / "contrast" / name)
    for label in written.labels if arms is not None else ():
        mistakes.attempt(_check_arm, label, arms or (), where / "labels" / label)
    for index, claim in enumerate(written.claims):
        mistakes.attempt(check_claim, claim, written, registry, where / "claims" / index)
        mistakes.attempt(_check_once, index, written.claims, where / "claims" / index)
    own = {claim.id for claim in written.claims}
    for place, comparison in _shown_beside(written, where):
        mistakes.attempt(check_extension, comparison.extension, own, registry, place / "extension")


def _contrasts(written: StudyFile, where: Place) -> Iterator[tuple[Place, ContrastSpec]]:
    """All that is compared between arms that have names, and where it stands."""
    for index, claim in enumerate(written.claims):
        for number, contrast in enumerate(claim.requires):
            yield where / "claims" / index / "requires" / number, contrast
    for index, contrast in enumerate(written.secondary):
        yield where / "secondary" / index, contrast


def _shown_beside(written: StudyFile, where: Place) -> Iterator[tuple[Place, Comparison]]:
    """What gives no verdict, and where in the file it stands."""
    for index, contrast in enumerate(written.secondary):
        yield where / "secondary" / index, contrast
    for name, switch in written.matrix.switches.items() if written.matrix else ():
        for index, effect in enumerate(switch.effects):
            yield where / "matrix" / "switches" / name / "effects" / index, effect


def _check_arm(name: str, arms: Collection[str], place: Place) -> None:
    if name not in arms:
        raise UserError(f"{place}: no arm '{name}'; {nearest(name, arms)}")


def _check_once(index: int, claims: Collection[ClaimSpec], place: Place) -> None:
    keys = [(claim.id, claim.part) for claim in claims]
    if keys[index] in keys[:index]:
        raise UserError(f"{place}: {keys[index][0]} is given twice; put its contrasts under one `requires`")


def check_comparisons(study: Study, written: StudyFile, where: Place, mistakes: Mistakes) -> None:
    """That arms are compared which may be, with arms that are complete."""
    for place, contrast in _contrasts(written, where):
        mistakes.attempt(_check_trained, study, contrast, place)
    for index, claim in enumerate(written.claims):
        place = where / "claims" / index
        for number, contrast in enumerate(claim.requires):
            mistakes.attempt(_check_fair, study, contrast, place / "requires" / number)
            mistakes.attempt(_check_architecture, study, claim, contrast, place / "architecture")


def _check_architecture(study: Study, claim: ClaimSpec, contrast: ContrastSpec, place: Place) -> None:
    used = sorted({study.arms[name].spec.model.architecture for name in contrast.contrast})
    if used != sorted(set(claim.architectures)):
        named = used[0] if len(used) == 1 else f"[{', '.join(used)}]"
        raise UserError(
            f"{place}: {', '.join(claim.architectures)}, but the contrast compares {' and '.join(used)}; "
            f"write architecture: {named}"
        )


def _check_fair(study: Study, contrast: ContrastSpec, place: Place) -> None:
    """A claim is decided between arms whose learning rates, where they are tuned, are tuned alike."""
    trains = [study.arms[name].spec.train for name in contrast.contrast]
    tuned = {train.tune for train in trains if train.epochs and train.learning_rate is None}
    if len(tuned) > 1:
        raise UserError(f"{place / 'contrast'}: its arms are tuned on different grids; give them the same train.tune")


def _check_trained(study: Study, contrast: ContrastSpec, place: Place) -> None:
    metric = METRICS[contrast.metric]
    for name in contrast.contrast:
        train = study.arms[name].spec.train
        if train.epochs == 0 and train.classifier == "network" and metric.diagnostic is None:
            raise UserError(
                f"{place / 'metric'}: {metric.name}: arm '{name}' is not trained, as its train: epochs is 0; train it, "
                "or compare what a network has as initialized"
            )


def check_arm(study: Study, arm: Arm, place: Place, whole: bool) -> None:
    """That what is compared of an arm can be measured; if it is `whole`, that there are as many images as it asks for.

    A network that does not fit a metric is refused by the diagnostic itself.
    """
    mistakes = Mistakes()
    for contrast in study.contrasts:
        if arm.name in contrast.contrast:
            mistakes.attempt(_check_measurable, METRICS[contrast.metric], arm.spec, place)
    if whole:
        mistakes.attempt(_check_sizes, arm.spec, place)
    mistakes.refuse()


def _check_measurable(metric: Metric, arm: ArmSpec, place: Place) -> None:
    if metric.diagnostic is None:
        return
    diagnostic = diagnostics()[metric.diagnostic]
    if diagnostic.while_training and arm.train.epochs == 0:
        raise UserError(
            f"{place / 'train' / 'epochs'}: 0, but {metric.name} is read while a network trains; train this arm"
        )
    if diagnostic.moves_pixels and not arm.data.movable:
        raise UserError(
            f"{place / 'data'}: {metric.name} moves pixels, and shuffled or separately scaled ones cannot be moved; "
            "compare another metric"
        )


def _check_sizes(arm: ArmSpec, place: Place) -> None:
    data, batch_size = arm.data, arm.train.batch_size
    there = data.source.images
    if data.limit is not None and data.limit > there:
        raise UserError(
            f"{place / 'data' / 'limit'}: {data.limit}, but {data.name} has {there:,} images; write less, or nothing"
        )
    trained = split_sizes(data)[0]
    if arm.train.epochs and batch_size > trained:
        raise UserError(
            f"{place / 'train' / 'batch_size'}: {batch_size}, but there are {trained:,} training images; write less"
        )


def refuse_twins(arms: Mapping[str, Arm], where: Place) -> None:
    """Families that are the same have many twins, of which the first is said."""
    seen: dict[str, str] = {}
    for arm in arms.values():
        twin = seen.setdefault(arm.spec.arm_id, arm.name)
        if twin != arm.name:
            raise UserError(f"{where / arm.name}: the same as arm '{twin}'; remove one, or let them differ")


def refuse_namesakes(labels: Mapping[str, str], where: Place) -> None:
    """Two arms of one label could not be told apart in any table or figure."""
    seen: dict[str, str] = {}
    for name, label in labels.items():
        first = seen.setdefault(label, name)
        if first != name:
            raise UserError(f"{where / name}: '{label}' is the label of '{first}' too; give it another")
