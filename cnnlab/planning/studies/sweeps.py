"""Sweeps among the arms of a study: a number that varies, and the arms that agree in everything else.

Planning imports this module, so it imports neither pandas nor numpy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from cnnlab.planning.specs import ArmSpec

# What differs between arms but makes no sweep: how rates are tuned, what is measured and how long it may take.
ASIDE = {"tune", "evaluations_per_epoch", "target_accuracy", "time_limit_seconds"}
ALL = "data.train_size"  # missing in an arm that trains on all images
Column = tuple[Any, ...]  # the value of one field in each arm, in their order


@dataclass(frozen=True)
class Line:
    """Arms by their value of the swept field (None: all images), and what sets them apart from the other lines."""

    shared: Mapping[str, Any]
    arms: Mapping[str, float | None]


@dataclass(frozen=True)
class Sweep:
    """A field that is swept, and the fields that change with it within a line."""

    field: str
    lines: Sequence[Line]
    together: Sequence[str] = ()

    @property
    def longest(self) -> int:
        return max(len(line.arms) for line in self.lines)


def sweeps(arms: Mapping[str, ArmSpec]) -> list[Sweep]:
    """One for each number that varies among the arms; of several that always change together, the first.

    A number that changes together with a word or a flag is not swept: the word may be what matters.
    """
    fields = [_fields(spec) for spec in arms.values()]
    columns = {key: tuple(arm.get(key) for arm in fields) for key in dict.fromkeys(chain.from_iterable(fields))}
    varying = {key: column for key, column in columns.items() if len(set(column)) > 1}
    numeric = {key: column for key, column in varying.items() if _numeric(key, column)}
    swept: list[Sweep] = []
    for key, column in numeric.items():
        if any(_determines(column, numeric[sweep.field], both_ways=True) for sweep in swept):
            continue
        together = [other for other in numeric if _determines(column, numeric[other], both_ways=True)]
        lines = _lines(arms, column, {other: varying[other] for other in varying if other not in together})
        if lines:
            beside = [other for other in together if other != key and _changes(arms, lines, varying[other])]
            swept.append(Sweep(key, lines, beside))
    return swept


def _changes(arms: Iterable[str], lines: Sequence[Line], column: Column) -> bool:
    """Whether arms of one line differ in `column`."""
    values = dict(zip(arms, column, strict=True))
    return any(len({values[arm] for arm in line.arms}) > 1 for line in lines)


def _fields(spec: ArmSpec) -> dict[str, Any]:
    """Everything that sets an arm apart, as ``model.depth``, ``data.train_size``, ``train.epochs``."""
    model = {"architecture": spec.model.architecture, "preset": spec.model.preset, **spec.model.switches}
    sections = {"model": model, "data": spec.data.model_dump(mode="json"), "train": spec.train.model_dump(mode="json")}
    return {
        f"{section}.{key}": str(value) if isinstance(value, list) else value
        for section, values in sections.items()
        for key, value in values.items()
        if key not in ASIDE
    }


def _numeric(key: str, column: Column) -> bool:
    numbers = [value for value in column if not (value is None and key == ALL)]
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in numbers)


def _determines(column: Column, other: Column, both_ways: bool = False) -> bool:
    """Whether arms of one value in `column` always have one value in `other`, so that they change together."""
    pairs = len(set(zip(column, other, strict=True)))
    return pairs == len(set(column)) and (not both_ways or pairs == len(set(other)))


def _lines(arms: Iterable[str], column: Column, others: Mapping[str, Column]) -> list[Line]:
    """The groups of arms that agree in `others`, of two different values of `column` at least."""
    groups: dict[tuple[Any, ...], dict[str, float | None]] = {}
    for arm, value, *shared in zip(arms, column, *others.values(), strict=True):
        groups.setdefault(tuple(shared), {})[arm] = value
    lines = {shared: members for shared, members in groups.items() if len(set(members.values())) > 1}
    apart = {place: key for place, key in enumerate(others) if len({shared[place] for shared in lines}) > 1}
    return [Line({key: shared[place] for place, key in apart.items()}, members) for shared, members in lines.items()]
