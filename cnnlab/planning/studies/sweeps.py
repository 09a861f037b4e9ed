"""Sweeps among the arms of a study: a number that varies, and the arms that agree in everything else.

Planning imports this module, so it imports neither pandas nor numpy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cnnlab.planning.specs import ArmSpec

# What differs between arms but makes no sweep: how rates are tuned, what is measured and how long it may take.
ASIDE = {"tune", "evaluations_per_epoch", "target_accuracy", "time_limit_seconds"}
ALL = "data.train_size"  # missing in an arm that trains on all images
Fields = dict[str, Any]


@dataclass(frozen=True)
class Line:
    """Arms by their value of the swept field (None: all images), and what sets them apart from the other lines."""

    shared: Mapping[str, Any]
    arms: Mapping[str, float | None]


@dataclass(frozen=True)
class Sweep:
    field: str
    lines: Sequence[Line]

    @property
    def longest(self) -> int:
        return max(len(line.arms) for line in self.lines)


def sweeps(arms: Mapping[str, ArmSpec]) -> list[Sweep]:
    """One for each number that varies among the arms; of several that always change together, the first.

    A number that changes together with a word or a flag is not swept: the word may be what matters.
    """
    found: list[Sweep] = []
    fields = {name: _fields(spec) for name, spec in arms.items()}
    varying = [key for key in _keys(fields) if len({each.get(key) for each in fields.values()}) > 1]
    for key in varying:
        if not _numeric(key, fields) or any(_same_split(key, known.field, fields) for known in found):
            continue
        together = [other for other in varying if _numeric(other, fields) and _determines(key, other, fields)]
        others = [other for other in varying if other != key and other not in together]
        lines = _lines(key, others, fields)
        if lines:
            found.append(Sweep(key, lines))
    return found


def _fields(spec: ArmSpec) -> Fields:
    """Everything that sets an arm apart, as ``model.depth``, ``data.train_size``, ``train.epochs``."""
    model = {"architecture": spec.model.architecture, "preset": spec.model.preset, **spec.model.switches}
    sections = {"model": model, "data": spec.data.model_dump(mode="json"), "train": spec.train.model_dump(mode="json")}
    return {
        f"{section}.{key}": str(value) if isinstance(value, list) else value
        for section, values in sections.items()
        for key, value in values.items()
        if key not in ASIDE
    }


def _keys(fields: Mapping[str, Fields]) -> list[str]:
    return list(dict.fromkeys(key for each in fields.values() for key in each))


def _numeric(key: str, fields: Mapping[str, Fields]) -> bool:
    values = [each.get(key) for each in fields.values()]
    known = [value for value in values if not (value is None and key == ALL)]
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in known)


def _determines(key: str, other: str, fields: Mapping[str, Fields]) -> bool:
    """Whether two arms with the same `key` always have the same `other`, so that they change together."""
    seen: dict[Any, Any] = {}
    return all(seen.setdefault(each.get(key), each.get(other)) == each.get(other) for each in fields.values())


def _same_split(key: str, other: str, fields: Mapping[str, Fields]) -> bool:
    return _determines(key, other, fields) and _determines(other, key, fields)


def _lines(key: str, others: Sequence[str], fields: Mapping[str, Fields]) -> list[Line]:
    """The groups of arms that agree in `others`, of two different values of `key` at least."""
    groups: dict[tuple[Any, ...], dict[str, float | None]] = {}
    for name, each in fields.items():
        groups.setdefault(tuple(each.get(other) for other in others), {})[name] = each.get(key)
    lines = {shared: members for shared, members in groups.items() if len(set(members.values())) > 1}
    apart = [place for place in range(len(others)) if len({shared[place] for shared in lines}) > 1]
    return [Line({others[place]: shared[place] for place in apart}, members) for shared, members in lines.items()]
