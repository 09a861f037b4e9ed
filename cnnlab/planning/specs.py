"""What a run is: the frozen, validated description that its ids are computed from.

Planning imports this module, so it imports neither torch nor numpy.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, Field, model_validator

from cnnlab.core.errors import UserError
from cnnlab.core.validation import Spec, digest
from cnnlab.planning import sources
from cnnlab.planning.image_folder import SplitName

Switch = bool | int | float | str
MOST = 10**9
Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(gt=0, lt=1)]


def _possible(number: int) -> int:
    if number > MOST:
        raise ValueError(f"more than {MOST:,} of anything is a slip of the finger; write less")
    return number


Count = Annotated[int, Field(ge=1), AfterValidator(_possible)]
Whole = Annotated[int, Field(ge=0), AfterValidator(_possible)]
Decay = Annotated[float, Field(ge=0, lt=1)]
FOLDER_SETTINGS = ("splits", "group", "broken")
# Runs named in no study: pilots draw their seeds from 1000 upwards, tuning from 10,000. Neither is used again.
FIRST_PILOT_SEED = 1_000
TUNING_SEED = 10_000


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"'{text}' is no regular expression ({error}); escape what stands for itself by \\") from None
    return text


Pattern = Annotated[str, AfterValidator(_pattern)]


def switch_text(value: object) -> str:
    """A value of a switch as YAML writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


class ModelSpec(Spec):
    """An architecture, one of its presets, and the value of every switch that it honours."""

    architecture: str
    preset: str = "small"
    switches: dict[str, Switch] = {}


class PreparedSpec(Spec):
    """The part of `DataSpec` that decides the bytes of the prepared file."""

    name: str = Field(description="mnist5k, mnist, fashion-mnist, cifar10, or folder for images of one's own")
    title: str | None = Field(None, description="what the report calls the images, if not by name or folder")
    root: str | None = Field(None, description="where the images lie; of a folder of images, one folder a class")
    image_size: Count | None = Field(
        None, description="pixels a side, to which images are scaled; if absent, as they are"
    )
    channels: Literal[1, 3] | None = Field(None, description="gray or colours; as they are, if absent")
    limit: Count | None = Field(
        None, description="stratified subset of all images, taken before the split; bounds train_size too"
    )
    validation: Share | Count | Literal[0] | None = Field(
        None,
        description="images, or a share of them; 0: none, so that learning rates are fixed; what is evaluated along "
        "training are then the test images, for description alone",
    )
    test: Share | Count | None = Field(None, description="images, or a share of them")
    split_seed: int = Field(0, description="of the draw of validation and test images")
    splits: dict[SplitName, str] | None = Field(
        None, description="of a folder: which of its folders holds train, validation and test, if names don't tell"
    )
    group: Pattern | None = Field(
        None,
        description="of a folder: a regular expression; images in whose paths it finds the same (a person, a patient) "
        "stay in one split",
    )
    broken: Literal["refuse", "skip"] = Field(
        "refuse", description="of a folder: what to do about files that cannot be read"
    )

    @model_validator(mode="after")
    def _folder_settings(self) -> PreparedSpec:
        if self.name != sources.FOLDER:
            for key in FOLDER_SETTINGS:
                if getattr(self, key) != PreparedSpec.model_fields[key].default:
                    raise ValueError(f"{key}: is for name: folder alone; remove it")
        if self.splits is not None and "train" not in self.splits:
            raise ValueError("splits: train: missing; name the folder of the training images")
        folders = list((self.splits or {}).values())
        if any(Path(folder).is_absolute() or ".." in Path(folder).parts for folder in folders):
            raise ValueError("splits: write folders within root")
        if len(set(map(Path, folders))) < len(folders):
            raise ValueError("splits: two are one folder; what is tested must not be trained on")
        return self

    @property
    def source(self) -> sources.Known | sources.Folder:
        """What is known of the images before anything is read."""
        return sources.find(self.name, self.root, self.splits)

    @property
    def identity(self) -> dict[str, Any]:
        """All fields that may change a result: not the title, nor where a data set of fixed content lies, nor a
        folder's settings where they are as usual."""
        usual = {key for key in FOLDER_SETTINGS if getattr(self, key) == PreparedSpec.model_fields[key].default}
        place = {"root"} if self.name in sources.known() else set()
        return self.model_dump(mode="json", exclude={"title"} | place | usual)

    @property
    def data_id(self) -> str:
        """Name and hash of everything that decides the prepared file."""
        identity = {key: value for key, value in self.identity.items() if key in PreparedSpec.model_fields}
        return f"{self.name}-{digest(identity)}"


class DataSpec(PreparedSpec):
    """Images, their split, and what the training job does to them."""

    train_size: Count | None = Field(None, description="stratified subset of the training images")
    train_draw: Literal["fixed", "seed"] = Field("fixed", description="seed: each draws a subset of its own")
    shuffle_pixels: bool = Field(False, description="one new permutation of the pixels per seed")
    augment: tuple[str, ...] = Field((), description="for example shift:2, rotate:15, flip")
    standardize: Literal["channel", "pixel", "unit", "none"] = Field(
        "channel",
        description="by mean and sd of the training images, of each channel or each pixel; unit: pixels of 0 to 1",
    )
    scale_pixels: bool = Field(False, description="each pixel times a constant from 0.01 to 100, new per seed")
    label_noise: Annotated[float, Field(ge=0, lt=1)] = Field(0.0, description="share of wrong training labels")
    noise_channels: Whole = Field(0, description="channels of noise added to each image")
    random_scale: Annotated[float, Field(gt=0, le=1)] = Field(
        1.0, description="images shrunk by a random factor between this and 1"
    )
    tested: Literal["test", "validation"] = Field(
        "test", description="the split that is tested; in a pilot that of validation, so that the other stays unseen"
    )

    @model_validator(mode="after")
    def _has_something_to_draw(self) -> DataSpec:
        if self.train_draw == "seed" and self.train_size is None:
            raise ValueError("train_draw: seed: give train_size, how many of the training images each seed draws")
        if self.tested == "validation" and self.validation == 0:
            raise ValueError("tested: validation: there are no validation images; give validation a number above 0")
        return self

    @property
    def varies(self) -> bool:
        """Whether the training images or labels differ from seed to seed."""
        return self.shuffle_pixels or self.scale_pixels or self.label_noise > 0 or self.train_draw == "seed"

    @property
    def movable(self) -> bool:
        """Whether a pixel may take the place of another: each has its neighbours, and all have one scale."""
        return not (self.shuffle_pixels or self.scale_pixels or self.standardize == "pixel")

    def prepared(self) -> PreparedSpec:
        return PreparedSpec(**{name: getattr(self, name) for name in PreparedSpec.model_fields})


class OptimizerDefaults(NamedTuple):
    """An optimizer: its name for people, its settings with their usual values, and the rates tried for it."""

    title: str
    settings: Mapping[str, Any]
    rates: tuple[float, ...]


# The classes are in `cnnlab.training.optimizers`. Grids are of equal length, as every tuned arm has the same budget.
OPTIMIZERS = {
    "sgd": OptimizerDefaults("SGD", {"momentum": 0.9, "weight_decay": 5e-4}, (0.01, 0.03, 0.1, 0.3)),
    "adamw": OptimizerDefaults(
        "AdamW", {"betas": (0.9, 0.999), "epsilon": 1e-8, "weight_decay": 1e-2}, (3e-4, 1e-3, 3e-3, 1e-2)
    ),
}
# What is the setting of some optimizer, in the order of the fields of `TrainSpec`.
SETTINGS = tuple(dict.fromkeys(name for optimizer in OPTIMIZERS.values() for name in optimizer.settings))


def _usual(setting: str) -> Any:
    """A field of `TrainSpec` that the optimizers with this setting fill, when it is absent."""
    values = (f"{settings[setting]} for {title}" for title, settings, _ in OPTIMIZERS.values() if setting in settings)
    return Field(None, description=f"{', '.join(values)}, when absent")


class TuneSpec(Spec):
    """The grid of learning rates that every tuned arm, or each of its seeds, is given, and its budget."""

    rates: tuple[Positive, ...] = Field(OPTIMIZERS["sgd"].rates, description="of SGD; AdamW has a default of its own")
    epochs_share: Annotated[float, Field(gt=0, le=1)] = Field(1 / 3, description="length of a tuning run, of a run's")
    extensions: Whole = Field(2, description="rates added where the best one is an edge")
    seeds: Count = Field(1, description="runs of each rate, whose mean counts")
    per: Literal["arm", "seed"] = Field(
        "arm", description="seed: each has a rate of its own, so that intervals over seeds hold its choice"
    )
    metric: Literal["validation_loss", "validation_error"] = Field(
        "validation_loss", description="the least of it is the best; the error where the study compares errors"
    )

    @model_validator(mode="after")
    def _ascending(self) -> TuneSpec:
        if not self.rates or list(self.rates) != sorted(set(self.rates)):
            raise ValueError("rates must ascend, at least one, without duplicates")
        return self

    def tuning_seeds(self, seed: int) -> range:
        """The seeds of the runs that choose the rate of `seed`: those of its arm, or its own."""
        first = TUNING_SEED + (seed * self.seeds if self.per == "seed" else 0)
        return range(first, first + self.seeds)


class TrainSpec(Spec):
    """The optimizer, and how long, how fast, measured how often.

    A setting that is not given has its optimizer's usual value; one that the optimizer doesn't have is None.
    """

    epochs: Whole = Field(description="0 leaves the network as it was initialized")
    classifier: Literal["network", "svm", "hog_svm"] = Field(
        "network", description="svm: a linear SVM on the features below the last layer; hog_svm: on HOG of the images"
    )
    batch_size: Count = Field(64, description="images of one update")
    optimizer: Literal["sgd", "adamw"] = Field("sgd", description="SGD with momentum, or AdamW")
    momentum: Decay | None = _usual("momentum")
    betas: tuple[Decay, Decay] | None = _usual("betas")
    epsilon: Positive | None = _usual("epsilon")
    weight_decay: Annotated[float, Field(ge=0)] | None = _usual("weight_decay")
    schedule: Literal["cosine", "constant", "step"] = Field(
        "cosine",
        description="of the rate: to 0 along half a cosine, the same throughout, or a tenth after half and after 3/4",
    )
    warmup_steps: Whole = Field(0, description="updates in which the rate rises from 0")
    learning_rate: Positive | None = Field(None, description="fixed by the study; tuned when absent")
    tune: TuneSpec = Field(TuneSpec(), description="how the learning rate is found")
    target_accuracy: Share = Field(0.9, description="validation accuracy to which steps are counted")
    evaluations_per_epoch: Count = Field(1, description="on the validation images")
    time_limit_seconds: Positive | None = Field(None, description="after which a run ends at its next evaluation")

    @property
    def optimizer_settings(self) -> dict[str, Any]:
        """What the class of the optimizer is given, by name."""
        return {name: getattr(self, name) for name in OPTIMIZERS[self.optimizer].settings}

    @model_validator(mode="before")
    @classmethod
    def _with_the_usual_values(cls, fields: Any) -> Any:
        chosen = OPTIMIZERS.get(str(fields.get("optimizer", "sgd"))) if isinstance(fields, dict) else None
        if chosen is None:
            return fields
        given = {name: value for name, value in fields.items() if name not in SETTINGS or value is not None}
        tune = given.get("tune", {})
        if isinstance(tune, TuneSpec):
            tune = tune.model_dump(exclude_unset=True)
        if isinstance(tune, dict):
            given["tune"] = {"rates": chosen.rates, **tune}
        return {**chosen.settings, **given}

    @model_validator(mode="after")
    def _uses_what_it_is_given(self) -> TrainSpec:
        title, settings, _ = OPTIMIZERS[self.optimizer]
        for name in SETTINGS:
            if name not in settings and getattr(self, name) is not None:
                raise ValueError(f"{name}: {title} has no such setting, only {', '.join(settings)}; remove it")
        if self.classifier == "hog_svm" and self.epochs:
            raise ValueError("classifier: hog_svm uses no network; set epochs to 0")
        if self.learning_rate is not None and not self.epochs:
            raise ValueError("learning_rate: nothing is trained in 0 epochs; remove it, or write null")
        return self


class ArmSpec(Spec):
    """Everything known at planning that decides what a training job computes."""

    model: ModelSpec
    data: DataSpec
    train: TrainSpec
    device: Literal["cpu", "cuda"] = "cpu"
    precision: Literal["float32", "bf16"] = Field("float32", description="bf16: autocast of the forward pass")
    diagnostics: tuple[str, ...] = Field((), description="what the metrics of its contrasts ask for")
    torch: str
    fingerprint: str

    @property
    def design(self) -> dict[str, Any]:
        """What a study decides of it: model, data and train, but for settings of other optimizers and unused grids."""
        train = {
            name: value
            for name, value in self.train.model_dump(mode="json").items()
            if name not in SETTINGS or value is not None
        }
        if self.train.tune.per == "arm":
            train["tune"].pop("per")
        if self.train.learning_rate is not None or self.train.epochs == 0:
            train.pop("tune")
        return {"model": self.model.model_dump(mode="json"), "data": self.data.identity, "train": train}

    @property
    def arm_id(self) -> str:
        """Slug and hash of everything that decides a result."""
        identity = {**self.model_dump(mode="json"), **self.design}
        return f"{self.model.architecture}-{self.model.preset}-{digest(identity)}"


def run_id(arm_id: str, data_checksum: str, learning_rate: float | None, seed: int) -> str:
    """The name of one run: what planning knows, and what only the job can know."""
    return digest([arm_id, data_checksum, learning_rate, seed], 16)


def seeds_slug(seeds: tuple[int, ...]) -> str:
    """Runs of consecutive seeds: ``(0, 1, 2, 7)`` → ``0-2_7``."""
    spans: list[list[int]] = []
    for seed in sorted(seeds):
        if spans and seed == spans[-1][1] + 1:
            spans[-1][1] = seed
        else:
            spans.append([seed, seed])
    return "_".join(f"{low}-{high}" if high > low else f"{low}" for low, high in spans)


def parse_seeds(slug: str) -> tuple[int, ...]:
    """The inverse of `seeds_slug`.

    Raises:
        UserError: if the text is not of that form.
    """
    try:
        bounds = [[int(part) for part in span.split("-")] for span in slug.split("_")]
        return tuple(seed for span in bounds for seed in range(span[0], span[-1] + 1))
    except ValueError:
        raise UserError(f"--seeds {slug}: not a list of seeds; write 0-7, or 0-2_7") from None
