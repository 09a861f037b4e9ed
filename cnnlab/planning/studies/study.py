"""A study whose arms are resolved: what everything after planning reads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cnnlab.planning.specs import ArmSpec
from cnnlab.planning.studies.study_file import ClaimSpec, ContrastSpec, Source


@dataclass(frozen=True)
class Arm:
    name: str
    label: str
    spec: ArmSpec


@dataclass(frozen=True)
class Matrix:
    """What the cells of a study's contrasts stand in; a refused one, by (family, switch), has no arm but a reason."""

    families: dict[str, str]  # name: label
    switches: dict[str, str]  # name: title
    refused: dict[tuple[str, str], str]


@dataclass(frozen=True)
class Study:
    """A study at one tier, its arms complete."""

    name: str
    title: str
    question: str
    source: Source
    core: bool
    arms: dict[str, Arm]
    labels: dict[str, str]
    seeds: tuple[int, ...]
    claims: tuple[ClaimSpec, ...]
    secondary: tuple[ContrastSpec, ...]
    path: Path
    figures: tuple[str, ...] = ()
    matrix: Matrix | None = None
    design: str | None = None
    threats: tuple[str, ...] = ()
    seen: tuple[int, ...] = ()  # seeds whose outcome under an earlier design was known

    @property
    def contrasts(self) -> list[ContrastSpec]:
        """All that is compared: the primary contrasts of its claims, then the secondary ones."""
        return [*(contrast for claim in self.claims for contrast in claim.requires), *self.secondary]
