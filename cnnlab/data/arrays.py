"""Pure functions on arrays that preparation and training share: checksum, stratified choice, moments."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
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


def stratified(labels: NDArray[Any], count: int, seed: int, purpose: str) -> Integers:
    """Choose `count` of the labels at random, each class by its share (largest remainder); sorted positions.

    With the same seed and purpose, a smaller choice lies within a larger one of the same labels wherever the
    shares are whole numbers. The raw stream of PCG64 never changes between versions of NumPy, while
    `Generator.permutation` may.
    """
    total = len(labels)
    if not 0 <= count <= total:
        raise ValueError(f"cannot choose {count} of {total}")
    _, codes, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    quotas, remainders = np.divmod(count * sizes, max(1, total))
    quotas[np.argsort(-remainders, kind="stable")[: count - quotas.sum()]] += 1
    entropy = int.from_bytes(hashlib.sha256(f"{seed} {purpose}".encode()).digest(), "big")
    shuffled = np.argsort(np.random.PCG64(entropy).random_raw(total), kind="stable")
    grouped = shuffled[np.argsort(codes[shuffled], kind="stable")]
    place = np.arange(total) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    chosen: Integers = np.sort(grouped[place < np.repeat(quotas, sizes)]).astype(np.int64)
    return chosen


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
