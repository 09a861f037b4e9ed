"""The tables in full, within the page: rows of the CSV files as they are, for the tables and figures that show them.

They are compressed, read only when a reader asks for a file, and there once, however many tables show them.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from cnnlab.analysis.tables.columns import TABLES
from cnnlab.analysis.tables.frames import Row, Tables
from cnnlab.planning.studies.figure_choice import kinds
from cnnlab.planning.studies.study import Study
from cnnlab.report.means import AVERAGED, over_seeds
from cnnlab.report.tables.view import TableView

WHOLE = ("claims",)  # the file is of use as a whole, whatever part of it a table shows
NOT_TAKEN = ("pictures", "images")  # pixels: the figure shows them
DIGITS = "%.5g"  # of means
LONGEST = 1500  # means of a study; more would make the page long for what a file beside it has


@dataclass
class InFull:
    """Collects which rows of `tables` the page must hold: `held` has heads and lines, by table and place."""

    tables: Tables
    held: dict[str, tuple[str, dict[int, str]]] = field(default_factory=dict)
    _files: dict[str, list[str]] = field(default_factory=dict)
    _averaged: dict[tuple[str, str], str] = field(default_factory=dict)

    def of_table(self, view: TableView) -> str:
        """The rows behind a table that is shown, as ``contrasts:0-3,7 measured/contrasts:1``; empty where it shows
        no rows of one table of results."""
        places = [self._places.get(id(record)) for record in view.records]
        return self._needed(filter(None, places)) if all(places) else ""

    def of_figure(self, study: Study, name: str) -> str:
        """What a figure of the study is drawn from, likewise; of curves and profiles the means over its seeds."""
        tables = [table for table in kinds()[name].tables if table not in NOT_TAKEN]
        rows = (
            (table, index)
            for table in tables
            if table not in AVERAGED
            for index, row in enumerate(self.tables.rows(table))
            if _belongs(row, study)
        )
        means = (self._means_of(table, study) for table in tables if table in AVERAGED)
        return " ".join(filter(None, [self._needed(rows), *means]))

    @property
    def packed(self) -> str:
        """The rows that are held: JSON, compressed, in Base64."""
        held = {name: {"head": head, "lines": dict(sorted(lines.items()))} for name, (head, lines) in self.held.items()}
        text = json.dumps(dict(sorted(held.items())), ensure_ascii=False, separators=(",", ":"))
        return base64.b64encode(gzip.compress(text.encode(), 9, mtime=0)).decode()

    @cached_property
    def _places(self) -> dict[int, tuple[str, int]]:
        """The table and place of each row, by its identity: what a table of the page shows are these very rows."""
        return {id(row): (name, index) for name in TABLES for index, row in enumerate(self.tables.rows(name))}

    def _needed(self, rows: Iterable[tuple[str, int]]) -> str:
        by_table: dict[str, set[int]] = {}
        for name, index in rows:
            by_table.setdefault(name, set()).add(index)
        for name, places in by_table.items():
            places |= set(range(len(self.tables.rows(name)))) if name in WHOLE else set()
            head, *lines = self._file(name)
            self.held.setdefault(name, (head, {}))[1].update((place, lines[place]) for place in places)
        return " ".join(f"{name}:{_ranges(sorted(places))}" for name, places in by_table.items())

    def _file(self, name: str) -> list[str]:
        """The lines of the CSV file of a table."""
        if name not in self._files:
            self._files[name] = csv_lines(self.tables.frames[name].to_csv(index=False, lineterminator="\n"))
        return self._files[name]

    def _means_of(self, name: str, study: Study) -> str:
        """The means of a study, the same for all its figures."""
        key = (name, study.name)
        if key not in self._averaged:
            self._averaged[key] = self._means(name, study)
        return self._averaged[key]

    def _means(self, name: str, study: Study) -> str:
        """Held beneath those of other studies."""
        frame = over_seeds(name, self.tables.frames, study)
        if not 0 < len(frame) <= LONGEST:
            return ""
        head, *lines = csv_lines(frame.to_csv(index=False, lineterminator="\n", float_format=DIGITS))
        held = self.held.setdefault(f"{name}-means", (head, {}))[1]
        first = len(held)
        held.update(enumerate(lines, first))
        return f"{name}-means:{_ranges(range(first, len(held)))}"


def csv_lines(text: str) -> list[str]:
    """The head and the rows of a CSV file, as they are; a row of several lines stays whole."""
    lines: list[str] = []
    opened = False
    for line in text.removesuffix("\n").split("\n"):
        if opened:
            lines[-1] += f"\n{line}"
        else:
            lines.append(line)
        opened ^= line.count('"') % 2 == 1
    return lines


def _belongs(row: Row, study: Study) -> bool:
    if "study" in row:
        return bool(row["study"] == study.name)
    arms = {arm.spec.arm_id for arm in study.arms.values()}
    return row.get("arm_id") in arms and row.get("seed", study.seeds[0]) in study.seeds


def _ranges(places: Sequence[int]) -> str:
    """``[0, 1, 2, 7]`` → ``0-2,7``."""
    return ",".join(_written(places))


def _written(places: Sequence[int]) -> Iterator[str]:
    first = 0
    for place, number in enumerate(places):
        if place + 1 == len(places) or places[place + 1] != number + 1:
            yield f"{places[first]}-{number}" if place > first else f"{number}"
            first = place + 1
