"""Which arms one job of the workflow trains, in one process: about a minute's work.

A batch follows from the study files alone. A selection trains fewer of its arms, and an edit of a study changes the
batches of that study and no other (on a GPU, of those that share its batch).
"""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby

from cnnlab.planning.studies.study import Study

SECONDS = 60.0  # of one batch
ALONE = 20.0  # seconds from which a study's arms are shared out to two jobs, for who runs that study alone
Manifest = tuple[str, tuple[int, ...]]  # arm id and seeds


@dataclass(frozen=True)
class Batch:
    """`manifests` in the order in which they are trained, and the seconds that takes."""

    name: str
    manifests: tuple[Manifest, ...]
    seconds: float


def batches(studies: Sequence[Study], seconds: Mapping[Manifest, float], together: bool) -> list[Batch]:
    """All manifests of `studies`, each in one batch: of the first study that asks for it.

    Args:
        seconds: about how long each manifest takes, its tuning included.
        together: small studies share a batch. A GPU trains one batch at a time, so that starting costs most; several
            cores are best filled by many.
    """
    owned: dict[str, list[Manifest]] = defaultdict(list)
    seen = set[Manifest]()
    for study in studies:
        for arm in study.arms.values():
            manifest = (arm.spec.arm_id, study.seeds)
            if manifest not in seen:
                seen.add(manifest)
                owned[study.name].append(manifest)
    if together:
        owned = _merged(owned, max(1, round(sum(seconds.values()) / SECONDS)))
    least = 1 if together else 2
    return [batch for name, manifests in owned.items() for batch in _cut(name, manifests, seconds.__getitem__, least)]


def _merged(owned: Mapping[str, list[Manifest]], count: int) -> dict[str, list[Manifest]]:
    """At most `count` groups of studies. A name decides its group, so that another study leaves it there."""
    groups: dict[str, list[Manifest]] = defaultdict(list)
    for name, manifests in owned.items():
        groups[f"batch-{zlib.crc32(name.encode()) % count + 1}"] += manifests
    return groups


def _cut(name: str, manifests: Sequence[Manifest], seconds: Callable[[Manifest], float], least: int) -> Iterator[Batch]:
    """Pieces of about equal length, at least so many of what is not short."""
    whole = sum(map(seconds, manifests))
    count = min(len(manifests), max(round(whole / SECONDS), least if whole > ALONE else 1))
    ends = accumulate(map(seconds, manifests))
    middles = [end - seconds(manifest) / 2 for end, manifest in zip(ends, manifests, strict=True)]
    places = [min(count - 1, int(count * middle / whole)) if whole else 0 for middle in middles]
    pieces = [[manifest for _, manifest in piece] for _, piece in groupby(zip(places, manifests, strict=True), _first)]
    for number, piece in enumerate(pieces, start=1):
        label = name if len(pieces) == 1 else f"{name}.{number}"  # no study has a dot in its name
        yield Batch(label, tuple(piece), sum(map(seconds, piece)))


def _first(pair: tuple[int, Manifest]) -> int:
    return pair[0]


def selected(batches: Iterable[Batch], wanted: Iterable[Manifest]) -> list[tuple[Batch, list[Manifest]]]:
    """The batches that hold any manifest that is wanted, and those that are."""
    chosen = set(wanted)
    pairs = [(batch, [manifest for manifest in batch.manifests if manifest in chosen]) for batch in batches]
    return [(batch, manifests) for batch, manifests in pairs if manifests]
