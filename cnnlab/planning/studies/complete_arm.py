"""From the fields of an arm to all that decides its runs: images, training and network, each checked."""

from __future__ import annotations

from dataclasses import replace
from importlib import metadata

from cnnlab.core.errors import Mistakes, UserError, nearest
from cnnlab.core.places import Place
from cnnlab.core.validation import validate
from cnnlab.planning import datasets, device, model_registry
from cnnlab.planning.fingerprint import fingerprint
from cnnlab.planning.specs import ArmSpec, DataSpec, ModelSpec, TrainSpec
from cnnlab.planning.studies.load_study import Resolve
from cnnlab.planning.studies.study_file import ArmFields


def resolver(on: device.Device, precision: device.Precision) -> Resolve:
    """What makes the spec of an arm that trains on this device, and refuses it with all that is wrong."""
    torch = metadata.version("torch")

    def resolve(fields: ArmFields, where: Place) -> ArmSpec:
        mistakes = Mistakes()
        data = mistakes.attempt(validate, DataSpec, fields.data, where / "data")
        train = mistakes.attempt(validate, TrainSpec, fields.train, where / "train")
        if data and train:
            mistakes.attempt(_check_tunable, data, train, where)
        shape = mistakes.attempt(_shape, data, where) if data else None
        model = mistakes.attempt(_model, fields, shape, where)
        mistakes.refuse()
        assert data
        assert train
        assert model
        return ArmSpec(
            model=model,
            data=data,
            train=train,
            device=on,
            precision=precision,
            torch=torch,
            fingerprint=fingerprint(model.architecture),
        )

    return resolve


def _check_tunable(data: DataSpec, train: TrainSpec, where: Place) -> None:
    here = f"{where / 'data' / 'validation'}: 0 leaves no images to tune"
    if data.validation == 0 and train.learning_rate is None and train.epochs > 0:
        raise UserError(f"{here} on; write train: learning_rate, too")
    if data.validation == 0 and train.classifier != "network":
        raise UserError(f"{here} an SVM on; keep some")


def _shape(data: DataSpec, where: Place) -> tuple[int, int, int, int]:
    try:
        return datasets.shape(data)
    except UserError as error:
        raise UserError(*map(where.about, error.lines)) from None


def _model(fields: ArmFields, shape: tuple[int, int, int, int] | None, where: Place) -> ModelSpec:
    """The network, for images of that `shape` if it is known."""
    here = where / "model"
    switches = dict(fields.model)
    architecture = switches.pop("architecture", None)
    preset = switches.pop("preset", "small")
    if not isinstance(architecture, str):
        names = nearest("", model_registry.architectures())
        own = replace(here, others=()) / "architecture" if architecture is None else here / "architecture"
        raise UserError(f"{own}: {'missing' if architecture is None else architecture}; {names}")
    if not isinstance(preset, str):
        raise UserError(f"{here / 'preset'}: {preset}: write the name of one, as small")
    complete = model_registry.resolve(architecture, preset, switches, here)
    if shape:
        model_registry.check_image(architecture, preset, complete, *shape, where / "data")
    return ModelSpec(architecture=architecture, preset=preset, switches=complete)
