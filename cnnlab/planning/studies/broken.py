"""A study file that cannot be read: it stops who asks for it, and nobody else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cnnlab.core.errors import UserError
from cnnlab.core.strict_yaml import read_yaml


@dataclass(frozen=True)
class Broken:
    """Its file's name, what is wrong with it, the claims that it seems to test, and whether it may be of the core."""

    name: str
    path: Path
    error: UserError
    claims: frozenset[str] = frozenset()
    core: bool = False

    @classmethod
    def of(cls, path: Path, error: UserError) -> Broken:
        """As far as the file can be read at all."""
        written = None
        with suppress(UserError):
            written = read_yaml(path)
        fields = written if isinstance(written, Mapping) else {"core": True}
        return cls(path.stem, path, error, frozenset(_ids(fields.get("claims"))), fields.get("core") is True)


def _ids(claims: object) -> Iterator[str]:
    for claim in claims if isinstance(claims, list) else ():
        if isinstance(claim, Mapping) and isinstance(claim.get("id"), str):
            yield claim["id"]


def warnings(networks: Mapping[str, UserError], studies: Sequence[Broken]) -> list[str]:
    """A line for each file that is left out, with its first mistake."""
    left_out = [("network", name, error) for name, error in networks.items()]
    left_out += [("study", study.name, study.error) for study in studies]
    return [f"warning: the {kind} '{name}' is left out: {_first(name, error)}" for kind, name, error in left_out]


def _first(name: str, error: UserError) -> str:
    first, *others = error.lines
    return f"{first} (and {len(others)} more: cnnlab show {name})" if others else first
