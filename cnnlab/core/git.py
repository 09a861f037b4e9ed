"""What git knows: the commit that the code comes from, those that changed a file, and which is older."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

FORMAT = "--format=%h,%cI"


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
    line = _git(*where, "log", "-1", FORMAT, *file)
    return _commit(line) if line else None


def commits_touching(text: str, path: Path) -> list[Commit]:
    """The commits in which a file has `text` more, or fewer, times than before, oldest first; none outside a checkout
    or without git."""
    lines = _git("-C", str(path.parent), "log", "--reverse", FORMAT, "-S", text, "--", path.name)
    return [_commit(line) for line in (lines or "").splitlines()]


def commits_cutting(path: Path) -> list[Commit]:
    """The commits that took lines from a file, oldest first; none outside a checkout or without git."""
    log = _git("-C", str(path.parent), "log", "--reverse", "--format=%x00%h,%cI", "--numstat", "--", path.name) or ""
    changes = [change.split() for change in log.split("\0")[1:]]  # the commit, lines added and removed, the name
    return [_commit(commit) for commit, *counts in changes if counts[1:2] not in ([], ["0"])]


def folder_state(folder: Path) -> str:
    """The last commit that changed something in a folder, and what there differs from what is committed; empty outside
    a checkout or without git."""
    where = ("-C", str(folder))
    changed = _git(*where, "status", "--porcelain", "--", ".")
    return "" if changed is None else f"{_git(*where, 'log', '-1', '--format=%H', '--', '.')} {changed}".strip()


@lru_cache
def is_ancestor(older: str, newer: str, folder: Path) -> bool | None:
    """Whether the commit `newer` holds `older`, or is it; None if the checkout around `folder` does not know both."""
    missing = _git("-C", str(folder), "rev-list", "-n", "1", f"{newer}..{older}")
    return None if missing is None else not missing


def _commit(line: str) -> Commit:
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
