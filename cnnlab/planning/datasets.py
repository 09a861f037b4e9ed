"""What planning must know about the images of a study before anything is read: standard library only."""

from __future__ import annotations

from dataclasses import dataclass

from cnnlab.core.errors import UserError, nearest
from cnnlab.planning.specs import DataSpec, PreparedSpec


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


def shape(spec: PreparedSpec) -> tuple[int, int, int, int]:
    """Channels, height, width and number of classes of the images that a network is given.

    Raises:
        UserError: if the specification names what does not exist, or asks for what makes no sense.
    """
    source = spec.source
    size = spec.image_size or source.image_size
    channels: int = spec.channels or source.channels
    classes = len(source.classes)
    if isinstance(spec, DataSpec):
        _check_augment(spec, size)
        channels += spec.noise_channels
    return channels, size, size, classes


def split_sizes(data: DataSpec) -> tuple[int, int, int]:
    """About how many images are trained on, evaluated on along training, and tested on."""
    images = data.source.images
    total = min(images, data.limit or images)
    validation, test = (split_size(data, split, total) for split in ("validation", "test"))
    tested = validation if data.tested == "validation" else test
    return data.train_size or max(1, total - validation - test), validation or test, tested


def split_size(spec: PreparedSpec, split: str, total: int) -> int:
    """How many of `total` images ``validation`` or ``test`` is to hold, where the source brings no split of its own."""
    wanted: float | int | None = getattr(spec, split)
    if wanted is None:
        return spec.source.usual(split, total)
    return max(1, round(wanted * total)) if isinstance(wanted, float) else wanted


def _check_augment(spec: DataSpec, size: int) -> None:
    if spec.augment and spec.shuffle_pixels:
        raise UserError("data: augment: shuffled pixels have no neighbours to move; drop augment or shuffle_pixels")
    if spec.augment and (spec.scale_pixels or spec.standardize == "pixel"):
        raise UserError(
            "data: augment: pixels that are scaled one by one cannot be moved; drop augment, or scale_pixels and "
            "standardize: pixel"
        )
    for text in spec.augment:
        name, value = parse_augment(text)
        if AUGMENTATIONS[name].unit == "pixels" and value >= size:
            raise UserError(f"data: augment: {text}: the images have {size} pixels; write less than {size}")


def parse_augment(text: str) -> tuple[str, float]:
    """``shift:2`` → ``("shift", 2.0)``, ``flip`` → ``("flip", 0.0)``.

    Raises:
        UserError: if the name is unknown, or its value missing, of the wrong kind, or out of range.
    """
    name, colon, value = text.partition(":")
    if name not in AUGMENTATIONS:
        raise UserError(f"data: augment: unknown '{name}'; {nearest(name, AUGMENTATIONS)}")
    takes = AUGMENTATIONS[name]
    if takes.unit is None:
        if colon:
            raise UserError(f"data: augment: {text}: takes no value; write {name}")
        return name, 0.0
    try:
        number = float(value) if takes.unit == "degrees" else int(value)
    except ValueError:
        number = 0
    if not 0 < number <= (takes.maximum or number):
        bound = f" up to {takes.maximum}" if takes.maximum else ""
        raise UserError(f"data: augment: {text}: wants {takes.unit}{bound}; write for example {name}:2")
    return name, float(number)
