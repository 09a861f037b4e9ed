"""Where in a file of theirs a person finds a mistake: file, line, column and key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

Key = tuple[str, ...]
Marks = Mapping[Key, str]  # where each key of a file stands: ``file:line:column``


@dataclass(frozen=True)
class Place:
    """A key of a file, as the line about it begins: ``studies/mine.yaml:12:7: arms.relu.model``.

    `marks` is asked only when there is a mistake. A value may have been taken over from another key of the file, as an
    arm takes what the base says: `others` are those keys, the first of which that is written is named.
    """

    file: str
    marks: Callable[[], Marks]
    key: Key = ()
    others: tuple[Key, ...] = ()

    def __truediv__(self, name: str | int) -> Place:
        return replace(self, key=(*self.key, str(name)), others=tuple((*other, str(name)) for other in self.others))

    @property
    def written(self) -> bool:
        """Whether the key stands in the file."""
        return any(key in self.marks() for key in (self.key, *self.others))

    def about(self, text: str) -> str:
        """The line that says `text` of the key, or of one within it with whose name the text begins."""
        head, colon, rest = text.partition(": ")
        deeper = self
        for name in head.split("."):
            deeper = deeper / name
        return deeper.about(rest) if colon and deeper.written else f"{self}: {text}"

    def __str__(self) -> str:
        marks, keys = self.marks(), (self.key, *self.others)
        key = next((each for each in keys if each in marks), keys[-1])
        above = next((key[:length] for length in range(len(key), 0, -1) if key[:length] in marks), None)
        where = self.file if above is None else marks[above]
        return f"{where}: {'.'.join(key)}" if key else where


Where = Place | str  # a text for what stands in no file


def within(where: Where, name: str) -> Where:
    return where / name if isinstance(where, Place) else f"{where}: {name}"
