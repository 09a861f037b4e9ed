"""Raw images from wherever they come, limited, resized and with the channels that were asked for.

Each file of this folder reads one source: ``read(spec)`` returns all its images as `Stored`.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from cnnlab.core.errors import UserError
from cnnlab.data.arrays import Bytes, Integers, checksum, slices, stratified
from cnnlab.planning import datasets, sources
from cnnlab.planning.specs import PreparedSpec

TRAIN, VALIDATION, TEST = 0, 1, 2
NAMED = 10  # files that a message names
POOLS = {"train": TRAIN, "validation": VALIDATION, "test": TEST}


@dataclass(frozen=True)
class Stored:
    """All images of a source.

    Args:
        images: uint8 ``(N, C, H, W)``, or whatever gives these for an array of positions: ``images[positions]``.
        labels: int64 ``(N,)``, positions in the classes of the source.
        official: int64 ``(N,)`` of TRAIN, VALIDATION and TEST where the source comes split, else None.
        groups: int64 ``(N,)``, a number for each group of images that must stay together, if there are any.
        place: where they lie, for a message.
        remedy: what to do if they are not the known ones.
    """

    images: Any
    labels: Integers
    official: Integers | None = None
    groups: Integers | None = None
    place: str = ""
    remedy: str = "delete it and run again"


@dataclass(frozen=True)
class RawImages:
    """Images of one size before they are split.

    Args:
        images: uint8 ``(N, C, H, W)``.
        labels: int64 ``(N,)``, positions in `class_names`.
        official: int64 ``(N,)`` of TRAIN, VALIDATION and TEST where the source comes split, else None.
        origin: where they come from, the same on every machine.
        groups: int64 ``(N,)``, a number for each group of images that must stay together, if there are any.
        skipped: why a file was left out, for each that was.
    """

    images: Bytes
    labels: Integers
    class_names: tuple[str, ...]
    official: Integers | None
    origin: str
    groups: Integers | None = None
    skipped: tuple[str, ...] = ()


def read(spec: PreparedSpec) -> RawImages:
    """Read the images of `spec`; a `limit` is applied before anything is decoded or resized.

    Raises:
        UserError: if they are missing, damaged, or fewer than asked for.
    """
    source = spec.source
    stored: Stored = importlib.import_module(source.module).read(spec)
    if source.checksum is not None:
        _check(spec.name, stored, source.checksum)
    kept = _limited(spec, stored.labels, stored.official)
    channels, size, _, _ = datasets.shape(spec)
    images = _shaped(stored.images, kept, size, channels)
    broken = getattr(stored.images, "broken", {})
    if broken and spec.broken == "refuse":
        raise _unreadable(list(broken.values()))
    whole = ~np.isin(kept, list(broken)) if broken else slice(None)
    kept = kept[whole]
    official, groups = (part[kept] if part is not None else None for part in (stored.official, stored.groups))
    skipped = tuple(str(error).partition("; ")[0] for error in broken.values())
    return RawImages(images[whole], stored.labels[kept], source.classes, official, source.origin, groups, skipped)


def _unreadable(errors: Sequence[UserError]) -> UserError:
    """All files that cannot be read, in one line."""
    remedy = "fix or remove, or write data: broken: skip"
    reasons = [str(error).partition("; ")[0] for error in errors]
    if len(reasons) == 1:
        return UserError(f"{reasons[0]}; {remedy}")
    more = f", and {len(reasons) - NAMED} more" if len(reasons) > NAMED else ""
    return UserError(f"{len(reasons)} files: {', '.join(reasons[:NAMED])}{more}; {remedy}")


def official(
    spec: PreparedSpec, parts: Sequence[tuple[Bytes, Any]], place: Path, remedy: str = Stored.remedy
) -> Stored:
    """The training and the test images of a data set that comes split; of each part images and labels.

    Raises:
        UserError: if they are not as many as the data set has.
    """
    images = np.concatenate([part for part, _ in parts])
    labels = np.concatenate([np.asarray(part, np.int64) for _, part in parts])
    train = len(parts[0][1])
    if len(images) != spec.source.images or len(labels) != len(images):
        raise damaged(spec, place, f"{len(images)} images, {len(labels)} labels", remedy)
    split = np.where(np.arange(len(labels)) < train, TRAIN, TEST).astype(np.int64)
    return Stored(images, labels, split, place=f"{place}/", remedy=remedy)


def root(spec: PreparedSpec) -> Path:
    """The folder that data sets are read from and downloaded into."""
    return Path(spec.root or sources.DEFAULT_ROOT).expanduser()


def damaged(spec: PreparedSpec, place: Path, reason: object, remedy: str = Stored.remedy) -> UserError:
    return UserError(f"{place}: {spec.name} there is damaged ({first_line(reason)}); {remedy}")


def first_line(reason: object) -> str:
    """Of a message, for an error that is one line; the name of its class where it has no words."""
    return next(iter(str(reason).strip().splitlines()), type(reason).__name__)


def _check(name: str, stored: Stored, expected: str) -> None:
    content = checksum({"images": stored.images, "labels": stored.labels})
    if content != expected:
        raise UserError(
            f"{name}: images in {stored.place} differ from the known ones ({content[:12]}…); {stored.remedy}"
        )


def _limited(spec: PreparedSpec, labels: Integers, official: Integers | None) -> Integers:
    """Positions of the `limit` images to keep, stratified by class and by official split."""
    if spec.limit is None:
        return np.arange(len(labels))
    if spec.limit > len(labels):
        raise UserError(f"data: limit: {spec.limit} of {len(labels)} images; write at most {len(labels)}")
    strata = labels if official is None else labels * len(POOLS) + official
    return stratified(strata, spec.limit, spec.split_seed, "limit")


def _shaped(images: Any, positions: Integers, size: int, channels: int) -> Bytes:
    """The images at `positions`, of `size` pixels and with `channels`, made some at a time."""
    shaped = np.empty((len(positions), channels, size, size), np.uint8)
    for rows in slices(len(positions), channels * size**2):
        shaped[rows] = with_channels(resized(images[positions[rows]], size), channels)
    return shaped


def resized(images: Bytes, size: int) -> Bytes:
    """``(N, C, H, W)`` → ``(N, C, size, size)``, antialiased; by a whole factor, the mean of each area."""
    count, channels, height, width = images.shape
    if (height, width) == (size, size):
        return images
    if height == width and height % size == 0:
        factor = height // size
        areas = images.reshape(count, channels, size, factor, size, factor)
        sums = areas.sum(axis=(3, 5), dtype=np.uint32)
        means: Bytes = ((sums + factor**2 // 2) // factor**2).astype(np.uint8)
        return means
    planes = np.empty((count * channels, size, size), np.uint8)
    for target, plane in zip(planes, images.reshape(-1, height, width), strict=True):
        target[:] = np.asarray(Image.fromarray(plane).resize((size, size), Image.Resampling.BILINEAR))
    return planes.reshape(count, channels, size, size)


def with_channels(images: Bytes, channels: int) -> Bytes:
    """Grey repeated in each colour, or colour as luma (ITU-R BT.601: 0.299 R + 0.587 G + 0.114 B)."""
    if images.shape[1] == channels:
        return images
    if channels == 3:
        return np.repeat(images, 3, axis=1)
    red, green, blue = (images[:, channel].astype(np.uint32) for channel in range(3))
    luma: Bytes = ((299 * red + 587 * green + 114 * blue + 500) // 1000).astype(np.uint8)
    return luma[:, None]
