"""Frames as plain rows: None where a value is missing, Python's own types elsewhere."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

Row = dict[str, Any]


class Tables:
    """The tables of a report by name; one that has not been made is empty."""

    def __init__(self, frames: Mapping[str, pd.DataFrame]) -> None:
        self.frames = frames
        self._rows: dict[str, list[Row]] = {}

    def rows(self, name: str, **where: Any) -> list[Row]:
        """The rows of table `name` whose columns equal `where`."""
        if name not in self._rows:
            self._rows[name] = as_rows(self.frames[name]) if name in self.frames else []
        return [row for row in self._rows[name] if all(row.get(key) == value for key, value in where.items())]

    def by(self, name: str, key: str) -> dict[Any, Row]:
        """The rows of table `name` by a column whose values are unique."""
        return {row[key]: row for row in self.rows(name)}


def as_rows(frame: pd.DataFrame) -> list[Row]:
    """Every row as a dict; missing values of any kind become None."""
    names = list(map(str, frame.columns))
    columns = [_plain(column) for _, column in frame.items()]  # many times as fast as row by row
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _plain(column: pd.Series[Any]) -> list[Any]:
    """Its values as Python's own."""
    pairs = zip(column.tolist(), column.isna().tolist(), strict=True)
    return [None if missing else value.item() if hasattr(value, "item") else value for value, missing in pairs]


def group(rows: Iterable[Row], key: Callable[[Row], Any]) -> dict[Any, list[Row]]:
    """Rows by `key`, both in the order of first appearance."""
    groups: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return dict(groups)


def values(rows: Iterable[Row], column: str) -> list[Any]:
    """What is not missing in a column."""
    return [row[column] for row in rows if row.get(column) is not None]


def distinct(rows: Iterable[Row], column: str) -> list[Any]:
    """The different values of a column that are not missing, in order of first appearance."""
    return list(dict.fromkeys(values(rows, column)))


def weights(row: Row) -> dict[str, float]:
    """The weight of each arm in a row of ``contrasts``."""
    return {str(name): float(weight) for name, weight in json.loads(row["contrast"]).items()}
