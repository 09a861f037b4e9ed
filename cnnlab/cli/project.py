"""Finding the project that one works in, as git does, and `cnnlab init`, which makes one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from cnnlab.core import paths
from cnnlab.core.errors import UserError

MISSING = "no cnnlab project here or above"
REMEDY = "`cnnlab init DIR` makes one, or change to the folder of yours"
STARTER = Path(__file__).parent / "starter"
# What every project has of ours, and what comes with the studies.
COMMON = (
    *(f"workflow/config/{tier}.yaml" for tier in ("default", "full", "pilot")),
    "workflow/schemas/*.json",
    "profiles/*/*.yaml",
)
STUDIES = ("workflow/**/*.yaml",)


def enter() -> Path:
    """Change to the project's folder, found upwards from here, and return the folder that one was in.

    Raises:
        UserError: if there is none.
    """
    here = Path.cwd()
    root = paths.project(here)
    if root is None:
        raise UserError(f"{MISSING}; {REMEDY}")
    try:
        os.chdir(root)
    except OSError as error:
        raise UserError(f"{paths.PROJECT}: {root}: {error.strerror}; name the folder of a project") from None
    return here


def seen_from_root(file: str, here: Path) -> str:
    """A file that is named as seen from `here`, as seen from the project's folder; one of the project's, as it is."""
    named = here / file
    return os.path.relpath(named) if here != Path.cwd() and named.exists() else file


def make(folder: Path, with_studies: bool) -> list[Path]:
    """Write a project into `folder`, and return its files relative to that.

    Raises:
        UserError: before anything is written, if one of the files is there; or if the folder cannot be written.
    """
    files = {target: source for source, target in _files(with_studies)}
    there = next((target for target in files if (folder / target).exists()), None)
    if there is not None:
        raise UserError(f"{folder / there}: there already; choose a new folder")
    try:
        for target, source in files.items():
            (folder / target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, folder / target)
    except OSError as error:
        raise UserError(f"{error.filename}: cannot be written: {error.strerror}; choose another folder") from None
    return sorted(files)


def _files(with_studies: bool) -> Iterator[tuple[Path, Path]]:
    """Each file to be copied, and where to."""
    for path in _all(STARTER, ("**/*",)):
        target = path.relative_to(STARTER)
        yield path, target.with_name(".gitignore") if target.name == "gitignore" else target
    for path in _all(paths.OURS, (*COMMON, *(STUDIES if with_studies else ()))):
        yield path, path.relative_to(paths.OURS)


def _all(folder: Path, patterns: Iterable[str]) -> list[Path]:
    return sorted({path for pattern in patterns for path in folder.glob(pattern) if path.is_file()})
