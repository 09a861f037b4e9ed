"""Which seeds each verdict was first computed with: seeds added after a look are no longer a fixed n."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cnnlab.core.files import read_json, write_json


@dataclass
class InterimLooks:
    """The memory of a results folder; entries are added, never changed."""

    path: Path | None
    first: dict[str, list[int]]
    grown: bool = False

    @classmethod
    def read(cls, path: Path | None) -> InterimLooks:
        """The memory in `path`; empty where there is no such file, or no path.

        Raises:
            UserError: if the file is not JSON.
        """
        return cls(path, read_json(path) if path is not None and path.exists() else {})

    def added(self, claim: str, part: str, arms: Iterable[str], seeds: Iterable[int]) -> bool:
        """Whether `seeds` holds any that the first verdict on this claim, with these arms, did not have."""
        key = f"{claim} {part}: {' '.join(sorted(arms))}"
        self.grown |= key not in self.first
        return not set(seeds) <= set(self.first.setdefault(key, sorted(seeds)))

    def write(self) -> None:
        """Write what is new; nothing at all if nothing is."""
        if self.path is not None and self.grown:
            write_json(self.path, self.first)
            self.grown = False
