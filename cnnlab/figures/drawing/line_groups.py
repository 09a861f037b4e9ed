"""Which lines stand together: few enough to be told apart, beside the one that most are compared with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import TypeVar

import numpy as np

from cnnlab.planning.studies.study import Study

T = TypeVar("T")
MOST = 4  # lines whose bands can be told apart where they overlap
NEAR = 0.008  # of the height of a panel: half the width of a line


def groups(items: Sequence[T], reference: T | None = None) -> list[list[T]]:
    """`items` in their order, in groups of `MOST` at most and about equal size; `reference` begins each of several."""
    if len(items) <= MOST:
        return [list(items)]
    head = [] if reference is None else [reference]
    others = [item for item in items if item is not reference]
    number = -(-len(others) // (MOST - len(head)))
    sizes = [len(others) // number + (place < len(others) % number) for place in range(number)]
    rest = iter(others)
    return [head + list(islice(rest, size)) for size in sizes]


def reference(study: Study) -> str | None:
    """The name of the arm that is compared with half of the others at least, and with more than any other is."""
    partners: dict[str, set[str]] = {name: set() for name in study.arms}
    contrasts = [contrast for claim in study.claims for contrast in claim.requires]
    for contrast in [*contrasts, *study.secondary]:
        for name in contrast.contrast:
            partners[name] |= set(contrast.contrast) - {name}
    first, *others = sorted(partners, key=lambda name: -len(partners[name]))
    most = len(partners[first])
    alone = all(len(partners[name]) < most for name in others)
    return first if alone and 2 * most >= len(others) else None


def hidden(lines: Sequence[tuple[str, Mapping[float, float]]]) -> dict[str, str]:
    """Lines of a panel that a later one covers within half its width, each with the label of that one.

    `lines` are labels with the values by position, in the order of drawing. A panel is taken to be as high as they
    are, without those that are off by powers of ten.
    """
    every = [value for _, values in lines for value in values.values()]
    height = min(max(every), 3 * float(np.median(every))) - min(every) if every else 0.0
    covered = {}
    for place, (label, values) in enumerate(lines):
        for other, above in lines[place + 1 :]:
            along = values and values.keys() <= above.keys()
            if along and max(abs(values[at] - above[at]) for at in values) <= NEAR * height:
                covered[label] = other
    return covered
