"""From a source to one file: the images of each split, in order, and a card that says what they are."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from cnnlab.core.errors import UserError
from cnnlab.core.files import atomic, write_json
from cnnlab.data.arrays import Integers, checksum, moments, stratified
from cnnlab.data.groups import copies, stratified_groups
from cnnlab.data.sources import TEST, TRAIN, VALIDATION, RawImages, read
from cnnlab.planning import datasets
from cnnlab.planning.specs import PreparedSpec

SPLITS = ("train", "validation", "test")


def prepare(spec: PreparedSpec, data_file: Path, card: Path) -> None:
    """Read, limit, split and write the images of `spec`: the same bytes at every call.

    `data_file` holds ``images`` uint8 ``(N, C, H, W)`` and ``labels`` int64 ``(N,)``: training images first,
    then validation, then test; and ``train``, ``validation``, ``test`` int64: the position of each in the
    source (after `limit`), whose lengths tell where a split begins and ends.

    Raises:
        UserError: if the source cannot be read, the split cannot be made, or the files cannot be written.
    """
    raw = read(spec)
    positions = split(spec, raw)
    order = np.concatenate([positions[name] for name in SPLITS])
    tensors: dict[str, Any] = {"images": raw.images[order], "labels": raw.labels[order], **positions}
    with atomic(data_file) as aside:
        save_file(tensors, aside)
    write_json(card, _card(spec, raw, tensors, data_file))


def split(spec: PreparedSpec, raw: RawImages) -> dict[str, Integers]:
    """Disjoint sorted positions of the training, validation and test images, stratified by class.

    A split that the source comes with is drawn from its own images only; the others from the training images, whole
    groups of them where images belong together.

    Raises:
        UserError: if there are too few images, or a class is left without training or without test images.
    """
    total = len(raw.labels)
    pool = raw.official.copy() if raw.official is not None else np.full(total, TRAIN)
    chosen: dict[str, Integers] = {}
    for name, code in (("test", TEST), ("validation", VALIDATION)):
        official = np.flatnonzero(pool == code)
        free = official if len(official) else np.flatnonzero(pool == TRAIN)
        whole = len(official) and getattr(spec, name) is None
        count = len(official) if whole else datasets.split_size(spec, name, total)
        if count > len(free):
            raise UserError(f"data: {name}: {count} images wanted where {len(free)} are free; write fewer")
        chosen[name] = free[_drawn(raw, free, count, spec.split_seed, name)]
        pool[chosen[name]] = -1
    positions = {"train": np.flatnonzero(pool == TRAIN), **chosen}
    _check_classes(raw, positions)
    return positions


def _drawn(raw: RawImages, free: Integers, count: int, seed: int, purpose: str) -> Integers:
    """Which of the free images a split is given: positions in `free`."""
    if raw.groups is None or count in (0, len(free)):
        return stratified(raw.labels[free], count, seed, purpose)
    try:
        return stratified_groups(raw.labels[free], raw.groups[free], count, seed, purpose)
    except ValueError as error:
        raise UserError(
            f"data: group: {error}, which cannot be split; write a pattern that tells groups apart"
        ) from None


def _check_classes(raw: RawImages, positions: Mapping[str, Integers]) -> None:
    for split, remedy in (("train", "a smaller test split"), ("test", "a larger test split")):
        for label, name in enumerate(raw.class_names):
            if label not in raw.labels[positions[split]]:
                kind = {"train": "training"}.get(split, split)
                raise UserError(f"data: class '{name}' has no {kind} image left; add images, or {remedy}")


def _card(spec: PreparedSpec, raw: RawImages, tensors: dict[str, Any], data_file: Path) -> dict[str, Any]:
    sizes = {name: len(tensors[name]) for name in SPLITS}
    labels = np.split(tensors["labels"], np.cumsum(list(sizes.values()))[:-1])
    mean, deviation = moments(tensors["images"][: sizes["train"]])
    official = raw.official is not None and bool((raw.official == TEST).any())
    return {
        "data_id": spec.data_id,
        "name": spec.name,
        "title": spec.source.title,
        "origin": raw.origin,
        "classes": list(raw.class_names),
        "channels": raw.images.shape[1],
        "image_size": raw.images.shape[2],
        "images": sizes,
        "images_per_class": {
            name: np.bincount(part, minlength=len(raw.class_names)).tolist()
            for name, part in zip(SPLITS, labels, strict=True)
        },
        "copies": copies(tensors["images"], tensors["labels"], list(sizes.values())),
        "groups": None if raw.groups is None else _groups(raw, tensors),
        "skipped": list(raw.skipped),
        "checksum": checksum(tensors),
        "file_sha256": _file_digest(data_file),
        "split": {
            "how": f"stratified by class, at random{'' if raw.groups is None else ' in whole groups'}; "
            + ("official test images" if official else "no official split"),
            "seed": spec.split_seed,
            "digests": {name: checksum({name: tensors[name]})[:16] for name in SPLITS},
        },
        "mean": mean.tolist(),
        "std": deviation.tolist(),
    }


def _groups(raw: RawImages, tensors: Mapping[str, Any]) -> dict[str, int]:
    """How many groups there are, and how many of the test split have training images too: of an official split."""
    assert raw.groups is not None
    trained, tested = (set(raw.groups[tensors[name]].tolist()) for name in ("train", "test"))
    return {"number": len(set(raw.groups.tolist())), "across": len(trained & tested)}


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
