"""The one exception that is shown to a person, a line for each mistake."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
FEW, NEAREST = 12, 6  # names that are listed whole, and how many of more


class UserError(Exception):
    """Mistakes that the person at the keyboard can fix, each ``<where>: <what is wrong>; <what to do>``."""

    def __init__(self, *lines: str) -> None:
        super().__init__(*lines)
        self.lines = lines

    def __str__(self) -> str:
        return "\n".join(self.lines)

    @property
    def told(self) -> str:
        """As a terminal shows it."""
        return "\n".join(f"error: {line}" for line in self.lines)


class Mistakes:
    """What is wrong with one thing, collected so that all of it is said at once."""

    def __init__(self) -> None:
        self.lines: dict[str, None] = {}  # what several arms share is said once

    def attempt(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """What `function` returns; None where it objects, which is noted."""
        try:
            return function(*args, **kwargs)
        except UserError as error:
            self.lines.update(dict.fromkeys(error.lines))
            return None

    def note(self, line: str) -> None:
        self.lines[line] = None

    def refuse(self) -> None:
        """Raise all that was noted, in the order of the file; nothing where nothing was."""
        if self.lines:
            raise UserError(*in_order(self.lines))


def in_order(lines: Iterable[str]) -> list[str]:
    """Lines about one file, by line and column: ``file:12:7: …``."""

    def position(line: str) -> tuple[int, ...]:
        found = re.match(r".*?:(\d+):(\d+): ", line)
        return tuple(map(int, found.groups())) if found else (0,)

    return sorted(lines, key=position)


def closest(name: str, valid: Iterable[str]) -> str | None:
    """The most similar of the valid names, if one is similar, whatever its capitals."""
    by_fold = {each.casefold(): each for each in valid}
    close = difflib.get_close_matches(name.casefold(), by_fold, n=1, cutoff=0.5)
    return by_fold[close[0]] if close else None


def nearest(name: str, valid: Iterable[str], where_all: str = "") -> str:
    """Say which names are valid, the most similar one first: ``did you mean 'relu'? valid: …``.

    Of many, the most similar are listed; `where_all` is then the command that lists all.
    """
    names = sorted(valid)
    meant = closest(name, names)
    shown = names if len(names) <= FEW else sorted(names, key=lambda each: -_similarity(name, each))[:NEAREST]
    rest = f", … ({len(names) - len(shown)} more{f': {where_all}' if where_all else ''})" if shown != names else ""
    listed = f"valid: {', '.join(shown)}{rest}"
    return f"did you mean '{meant}'? {listed}" if meant else listed


def _similarity(name: str, other: str) -> float:
    return difflib.SequenceMatcher(None, name.casefold(), other.casefold()).ratio()
