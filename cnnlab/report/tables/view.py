"""Tables of the page as data: what a cell shows, what its tooltip says, and that it is missing if it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cnnlab.figures.drawing.theme import BADGES, Badge


@dataclass(frozen=True)
class Cell:
    """Text, with a smaller second line `note`; or a verdict; or nothing, and `hint` says why.

    With `warning` the note is one that a reader should not miss. `link` leads to a place in the page, `address`
    elsewhere; a cell may `span` several columns.
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

    @property
    def missing(self) -> bool:
        return self.text is None and self.verdict is None and not self.plot


@dataclass(frozen=True)
class Column:
    title: str
    numeric: bool = False
    hint: str = ""


@dataclass(frozen=True)
class TableView:
    """The first cell of each row is its header. `strong` are the rows that matter most.

    `groups` are headings above rows, and `ids` the places that links lead to, both by the index of a row.
    """

    id: str
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    strong: frozenset[int] = field(default_factory=frozenset)
    cards: bool = False
    groups: Mapping[int, str] = field(default_factory=dict)
    ids: Mapping[int, str] = field(default_factory=dict)


def missing(why: str = "missing") -> Cell:
    return Cell(hint=why)


def shown(text: str | None, why: str = "missing", hint: str = "", note: str = "") -> Cell:
    """The text, or a missing cell that says why."""
    return missing(why) if text is None else Cell(text, note=note, hint=hint)


def verdict_cell(word: str, note: str = "", warning: bool = False) -> Cell:
    verdict = BADGES.get(word, Badge(word, "untested", "\N{MIDDLE DOT}"))
    return Cell(verdict=verdict, note=note, warning=warning)
