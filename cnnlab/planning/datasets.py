"""What planning must know about a data set before anything is read: standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cnnlab.core.errors import UserError, nearest
from cnnlab.planning.image_folder import folder_classes
from cnnlab.planning.specs import DataSpec, PreparedSpec

MNIST5K = "260f0672a0b86866315e37c8c8772224e8d4113cde58ebbf282a1718cde314db"
MNIST = "fb99a8096049baff633cdd5b90d4c381f787e8c0d9bb47aab4cbf0f8770dce19"
DIGITS = tuple("0123456789")
CLOTHES = (
    "t-shirt",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)
THINGS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


@dataclass(frozen=True)
class Known:
    """A data set whose content is fixed.

    `checksum` is the SHA-256 of its decoded images and labels (`arrays.checksum`), None where it is not
    known.
    """

    title: str
    channels: int
    size: int
    classes: tuple[str, ...]
    images: int
    validation: int
    test: int
    checksum: str | None = None

    @property
    def train(self) -> int:
        return self.images - self.validation - self.test


KNOWN = {
    "mnist5k": Known("MNIST, 5,000 images", 1, 28, DIGITS, 5_000, 500, 1_500, MNIST5K),
    "mnist": Known("MNIST", 1, 28, DIGITS, 70_000, 5_000, 10_000, MNIST),
    "fashion-mnist": Known("Fashion-MNIST", 1, 28, CLOTHES, 70_000, 5_000, 10_000),
    "cifar10": Known("CIFAR-10", 3, 32, THINGS, 60_000, 5_000, 10_000),
}
NAMES = (*KNOWN, "folder")

DEFAULT_ROOT = "data"
FOLDER_SIZE, FOLDER_CHANNELS = 32, 3
FOLDER_VALIDATION, FOLDER_TEST = 0.1, 0.3


@dataclass(frozen=True)
class Augmentation:
    """The value that an augmentation takes: its unit and largest value, or no value at all."""

    unit: str | None = None
    maximum: int | None = None


AUGMENTATIONS = {
    "shift": Augmentation("pixels"),
    "crop": Augmentation("pixels"),
    "cutout": Augmentation("pixels"),
    "rotate": Augmentation("degrees", 180),
    "flip": Augmentation(),
}


def shape(spec: PreparedSpec, where: str = "data") -> tuple[int, int, int, int]:
    """Channels, height, width and number of classes of the prepared images.

    Raises:
        UserError: if the specification names what does not exist, or asks for what makes no sense.
    """
    if spec.name == "folder":
        classes = len(folder_classes(_folder(spec, where)))
        size, channels = spec.image_size or FOLDER_SIZE, spec.channels or FOLDER_CHANNELS
    else:
        known = find(spec.name, where)
        classes, size, channels = (
            len(known.classes),
            spec.image_size or known.size,
            spec.channels or known.channels,
        )
    if isinstance(spec, DataSpec):
        _check_augment(spec, size, where)
        channels += spec.noise_channels
    return channels, size, size, classes


def find(name: str, where: str = "data") -> Known:
    """The entry of a known data set.

    Raises:
        UserError: with the nearest valid name.
    """
    if name not in KNOWN:
        raise UserError(f"{where}: name: no data set '{name}'; {nearest(name, NAMES)}")
    return KNOWN[name]


def _check_augment(spec: DataSpec, size: int, where: str) -> None:
    if spec.augment and spec.shuffle_pixels:
        raise UserError(f"{where}: augment: shuffled pixels have no neighbours to move; drop augment or shuffle_pixels")
    if spec.augment and (spec.scale_pixels or spec.standardize == "pixel"):
        raise UserError(
            f"{where}: augment: pixels that are scaled one by one cannot be moved; drop augment, or scale_pixels and "
            "standardize: pixel"
        )
    for text in spec.augment:
        name, value = parse_augment(text, where)
        if AUGMENTATIONS[name].unit == "pixels" and value >= size:
            raise UserError(f"{where}: augment: {text}: the images have {size} pixels; write less than {size}")


def parse_augment(text: str, where: str = "data") -> tuple[str, float]:
    """``shift:2`` → ``("shift", 2.0)``, ``flip`` → ``("flip", 0.0)``.

    Raises:
        UserError: if the name is unknown, or its value missing, of the wrong kind, or out of range.
    """
    name, colon, value = text.partition(":")
    if name not in AUGMENTATIONS:
        raise UserError(f"{where}: augment: unknown '{name}'; {nearest(name, AUGMENTATIONS)}")
    takes = AUGMENTATIONS[name]
    if takes.unit is None:
        if colon:
            raise UserError(f"{where}: augment: {text}: takes no value; write {name}")
        return name, 0.0
    try:
        number = float(value) if takes.unit == "degrees" else int(value)
    except ValueError:
        number = 0
    if not 0 < number <= (takes.maximum or number):
        bound = f" up to {takes.maximum}" if takes.maximum else ""
        raise UserError(f"{where}: augment: {text}: wants {takes.unit}{bound}; write for example {name}:2")
    return name, float(number)


def _folder(spec: PreparedSpec, where: str) -> Path:
    if not spec.root:
        raise UserError(f"{where}: root: missing; write the folder that has one sub-folder of images per class")
    return Path(spec.root)
