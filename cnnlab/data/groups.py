"""What the split of a folder of images looks at beside classes: groups that stay together, and copies.

Preparation alone imports this module, so that an edit of it trains nothing again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from cnnlab.data.arrays import Bytes, Integers


def stratified_groups(labels: Integers, groups: Integers, count: int, seed: int, purpose: str) -> Integers:
    """Choose whole groups, about `count` images in all, each class by its share as nearly as groups allow.

    Groups are tried in an order drawn by `seed`; one is taken if that brings the numbers of images by class nearer to
    the shares (least squares).

    Returns:
        Sorted positions; at least one group is left out, and at least one taken if `count` is not 0.

    Raises:
        ValueError: if there is one group alone.
    """
    if count and len(np.unique(groups)) < 2:
        raise ValueError("all images are of one group")
    order = np.unique(groups)[_random_order(len(np.unique(groups)), seed, purpose)]
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


def _random_order(total: int, seed: int, purpose: str) -> Integers:
    """A permutation of `total` positions, by the raw stream of PCG64, which never changes between versions of NumPy."""
    entropy = int.from_bytes(hashlib.sha256(f"{seed} {purpose}".encode()).digest(), "big")
    order: Integers = np.argsort(np.random.PCG64(entropy).random_raw(total), kind="stable")
    return order
