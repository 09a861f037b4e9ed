"""Pure functions on arrays that preparation and training share: checksum, stratified choice, moments."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
CHUNK_PIXELS = 2**20


def slices(images: int, pixels: int, most: int | None = None) -> list[slice]:
    """Slices of about `CHUNK_PIXELS`, of at most `most` images: what is made of one in passing takes little room."""
    size = max(1, CHUNK_PIXELS // pixels)
    size = size if most is None else min(size, most)
    return [slice(start, start + size) for start in range(0, images, size)]


def checksum(tensors: Mapping[str, NDArray[Any]]) -> str:
    """SHA-256 of the content, whatever holds it: name, type, shape and little-endian bytes of each array."""
    content = hashlib.sha256()
    for name in sorted(tensors):
        array = np.ascontiguousarray(tensors[name], dtype=tensors[name].dtype.newbyteorder("<"))
        content.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        content.update(array.reshape(-1).view(np.uint8).data)
    return content.hexdigest()


def random_order(total: int, seed: int, purpose: str) -> Integers:
    """A permutation of `total` positions. The raw stream of PCG64 never changes between versions of NumPy, while
    `Generator.permutation` may."""
    entropy = int.from_bytes(hashlib.sha256(f"{seed} {purpose}".encode()).digest(), "big")
    order: Integers = np.argsort(np.random.PCG64(entropy).random_raw(total), kind="stable")
    return order


def stratified(labels: NDArray[Any], count: int, seed: int, purpose: str) -> Integers:
    """Choose `count` of the labels at random, each class by its share (largest remainder); sorted positions.

    With the same seed and purpose, a smaller choice lies within a larger one of the same labels wherever the
    shares are whole numbers.
    """
    total = len(labels)
    if not 0 <= count <= total:
        raise ValueError(f"cannot choose {count} of {total}")
    _, codes, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    quotas, remainders = np.divmod(count * sizes, max(1, total))
    quotas[np.argsort(-remainders, kind="stable")[: count - quotas.sum()]] += 1
    shuffled = random_order(total, seed, purpose)
    grouped = shuffled[np.argsort(codes[shuffled], kind="stable")]
    place = np.arange(total) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    chosen: Integers = np.sort(grouped[place < np.repeat(quotas, sizes)]).astype(np.int64)
    return chosen


def stratified_groups(labels: Integers, groups: Integers, count: int, seed: int, purpose: str) -> Integers:
    """Choose whole groups, about `count` images in all, each class by its share as nearly as groups allow.

    Groups are tried in an order drawn by `seed`; one is taken if that brings the numbers of images by class nearer to
    the shares (least squares).

    Returns:
        Sorted positions; at least one group is left out, and at least one taken if `count` is not 0.
    """
    order = np.unique(groups)[random_order(len(np.unique(groups)), seed, purpose)]
    wanted = np.bincount(labels) * count / max(1, len(labels))
    taken, chosen = np.zeros_like(wanted), []
    for group in order[:-1].tolist():
        with_it = taken + np.bincount(labels[groups == group], minlength=len(wanted))
        if ((with_it - wanted) ** 2).sum() < ((taken - wanted) ** 2).sum():
            taken = with_it
            chosen.append(group)
    return np.flatnonzero(np.isin(groups, chosen or order[: min(count, 1)]))


def copies(images: Bytes, labels: Integers, sizes: Sequence[int]) -> dict[str, int]:
    """Images that are equal pixel by pixel to an earlier one: in all; tested ones that are also trained on or validated
    with; and those that stand under two classes.

    Args:
        images: uint8 ``(N, C, H, W)``, training images first, then validation, then test.
        labels: int64 ``(N,)``.
        sizes: how many of them each split has.
    """
    seen: dict[bytes, set[int]] = {}
    found = {"all": 0, "tested": 0, "classes": 0}
    tested = sum(sizes[:-1])
    before: set[bytes] = set()
    for position, (image, label) in enumerate(zip(images, labels.tolist(), strict=True)):
        if position == tested:
            before = set(seen)
        key = hashlib.blake2b(image.tobytes(), digest_size=16).digest()
        others = seen.setdefault(key, set())
        found["all"] += bool(others)
        found["classes"] += bool(others - {label})
        found["tested"] += position >= tested and key in before
        others.add(label)
    return found


def moments(images: Bytes) -> tuple[Floats, Floats]:
    """Mean and standard deviation of each channel of ``(N, C, H, W)``, on the scale 0…255.

    Computed from counts of the 256 values, in integers: the order of summation doesn't matter.
    """
    counts = np.zeros((images.shape[1], 256), np.int64)
    for rows in slices(len(images), images[0].size):  # bincount takes eight bytes for each that it counts
        for count, plane in zip(counts, images[rows].swapaxes(0, 1), strict=True):
            count += np.bincount(plane.reshape(-1), minlength=256)
    values = np.arange(256, dtype=np.int64)
    pixels = images.size // images.shape[1]
    sums = [int((count * values).sum()) for count in counts]
    squares = [int((count * values**2).sum()) for count in counts]
    spreads = [(pixels * square - total**2) / pixels**2 for total, square in zip(sums, squares, strict=True)]
    return np.array(sums) / pixels, np.sqrt(spreads)
