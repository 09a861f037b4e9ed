"""What git knows: the commit that the code comes from, and the one that last changed a file."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Commit:
    """`name` is the abbreviated hash, `date` the committer's, in UTC."""

    name: str
    date: datetime


def last_commit(path: Path) -> Commit | None:
    """The commit that last changed a file; for a study, the one that fixed its claims, margins and seeds.

    None outside a checkout, without git, and for a file that differs from what is committed.
    """
    where, file = ("-C", str(path.parent)), ("--", path.name)
    if _git(*where, "status", "--porcelain", "--ignored", *file) != "":
        return None
    line = _git(*where, "log", "-1", "--format=%h,%cI", *file)
    if not line:
        return None
    name, _, date = line.partition(",")
    return Commit(name, datetime.fromisoformat(date).astimezone(UTC))


@lru_cache
def git_state() -> dict[str, Any]:
    """The commit that the code comes from, and whether tracked files differ from it; missing outside a checkout."""
    commit = _git("rev-parse", "HEAD")
    dirty = _git("status", "--porcelain", "--untracked-files=no")
    return {"commit": commit or None, "dirty": None if dirty is None else bool(dirty)}


def _git(*arguments: str) -> str | None:
    """What git prints; None where it fails."""
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
