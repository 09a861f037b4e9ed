"""The commit that last changed a file: for a study, the one that fixed its claims, margins and seeds."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cnnlab.wording.numbers import moment


@dataclass(frozen=True)
class Commit:
    """`name` is the abbreviated hash, `date` the committer's, in UTC and in words."""

    name: str
    date: str


def last_commit(path: Path) -> Commit | None:
    """None outside a checkout, without git, and for a file that differs from what is committed."""
    if _git(path, "status", "--porcelain", "--ignored") != "":
        return None
    found = _git(path, "log", "-1", "--format=%h,%cI")
    if not found:
        return None
    name, _, date = found.partition(",")
    return Commit(name, moment(datetime.fromisoformat(date).astimezone(UTC)))


def _git(path: Path, *arguments: str) -> str | None:
    """What git prints about a file, in whichever checkout the file lies; None where it fails."""
    command = ["git", "-C", str(path.parent), *arguments, "--", path.name]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
