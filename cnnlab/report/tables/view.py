"""Tables of the page as data: columns, what a cell shows, what its tooltip says, and that it is missing if it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from cnnlab.analysis.tables.frames import Row
from cnnlab.figures.drawing.theme import BADGES, Badge

R = TypeVar("R", contravariant=True)  # what is shown of any row can be shown of a certain kind
# What stands in several tables.
MACS_HINT = "Of one image, forward; without biases"
MEAN_HINT = "Mean over seeds (95 % interval over seeds, on these test images)"
WAITING = "shown when all seeds are finished"


@dataclass(frozen=True)
class Cell:
    """Text, with a smaller second line `note`; or a verdict; or nothing, and `hint` says why.

    With `warning` the note is one that a reader should not miss. `link` leads to a place in the page, `address`
    elsewhere; a cell may `span` several columns. `sort` is its place in the order of its column, if it has one.
    """

    text: str | None = None
    note: str = ""
    hint: str = ""
    link: str = ""
    address: str = ""
    span: int = 1
    verdict: Badge | None = None
    plot: str = ""
    code: bool = False
    warning: bool = False
    sort: float | str | None = None

    @property
    def missing(self) -> bool:
        return self.text is None and self.verdict is None and not self.plot


@dataclass(frozen=True)
class Column(Generic[R]):
    """A head, and what stands beneath it: `cell` gives the text for a row, or more than text, or None.

    Where it gives None, `missing` says why, for all rows or for each. A column with `sort` can be sorted by what that
    gives for a row. `meaning` takes the place of `hint` where the columns of all tables of a kind are explained, if the
    hint is of one table alone.
    """

    title: str
    cell: Callable[[R], Cell | str | None]
    hint: str = ""
    missing: str | Callable[[R], str] = "missing"
    numeric: bool = False
    sort: Callable[[R], float | str | None] | None = None
    meaning: str = ""

    @property
    def key(self) -> str:
        """Its title in an address: ``effect`` of "Effect (95 % interval)"."""
        return self.title.partition(" (")[0].lower()

    def of(self, row: R) -> Cell:
        content = self.cell(row)
        if content is None:
            cell = Cell(hint=self.missing if isinstance(self.missing, str) else self.missing(row))
        else:
            cell = Cell(content) if isinstance(content, str) else content
        return replace(cell, sort=self.sort(row)) if self.sort else cell


@dataclass(frozen=True)
class Picture:
    """A drawing, which may not be there yet."""

    name: str
    path: Path
    caption: str


@dataclass(frozen=True)
class Number(Column[R]):
    """A column of numbers, which stand flush right."""

    numeric: bool = True


@dataclass(frozen=True)
class TableView:
    """The first cell of each row is its header. `strong` are the rows that matter most.

    `groups` are headings above rows, `ids` the places that links lead to, and `facets` what a row can be filtered by,
    all by the index of a row. `records` are the rows of a table of results that it shows, where it does.
    """

    id: str
    caption: str
    columns: Sequence[Column[Any]]
    rows: Sequence[Sequence[Cell]]
    strong: frozenset[int] = field(default_factory=frozenset)
    cards: bool = False
    groups: Mapping[int, str] = field(default_factory=dict)
    ids: Mapping[int, str] = field(default_factory=dict)
    facets: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    records: Sequence[Row] = ()


def cells(columns: Sequence[Column[R]], row: R) -> list[Cell]:
    """The cells of a row; a column that the cell before it spans has none."""
    made: list[Cell] = []
    for place, column in enumerate(columns):
        if sum(cell.span for cell in made) == place:
            made.append(column.of(row))
    return made


def table(
    name: str,
    caption: str,
    columns: Sequence[Column[R]],
    rows: Iterable[R],
    strong: Callable[[R], bool] = lambda row: False,
) -> TableView:
    rows = list(rows)
    marked = frozenset(place for place, row in enumerate(rows) if strong(row))
    records = [row for row in rows if isinstance(row, dict)]
    return TableView(name, caption, columns, [cells(columns, row) for row in rows], marked, records=records)


def value(name: str, form: Callable[[Any], Cell | str] = str) -> Callable[[Row | None], Cell | str | None]:
    """What a row holds under `name`, as it is shown; None where there is no such row or value."""
    return lambda row: None if row is None or row.get(name) is None else form(row[name])


def code(text: str) -> Cell:
    return Cell(text, code=True)


def verdict_cell(word: str, note: str = "", warning: bool = False) -> Cell:
    verdict = BADGES.get(word, Badge(word, "untested", "\N{MIDDLE DOT}"))
    return Cell(verdict=verdict, note=note, warning=warning)
