"""The locked plans of a study: whether each is older than the runs, and where the study departs from the last one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from cnnlab.analysis.tables.frames import Row, Tables
from cnnlab.core.git import Commit, commits_cutting, commits_touching, git_state, is_ancestor, last_commit
from cnnlab.planning.studies.lock import Lock, deviations, lock_path, plan_of, read_locks
from cnnlab.planning.studies.study import Study
from cnnlab.report.tables import arms as armtable
from cnnlab.wording import locks as words

UNCOMMITTED = "not committed, so that nothing shows it to be older than its runs"
NO_CHECKOUT = "outside a git checkout nothing shows it to be older than its runs"


@dataclass(frozen=True)
class Entry:
    """A lock, the commit that brought it, and in words how old it is and what it changed of the one before it."""

    lock: Lock
    commit: Commit | None
    age: str
    changed: str


@dataclass(frozen=True)
class LockHistory:
    """The locks of a study at a tier, oldest first; `departures` from the last one, in words; whether that one bound
    all runs; whether seeds of the study were `seen` in an earlier design.

    `cuts` are commits that took something from the file of the locks.
    """

    entries: Sequence[Entry] = ()
    departures: str = ""
    bound: bool = False
    seen: bool = False
    cuts: Sequence[Commit] = ()

    @property
    def mark(self) -> str:
        """What stands beside the verdicts of the study.

        Of a plan that was locked anew, git does not know which results were known: runs can be made again.
        """
        if self.departures:
            return "departs from its locked plan"
        bound = "locked anew" if len(self.entries) > 1 else "locked before its runs"
        return f"{bound}{', on seeds seen before' if self.seen else ''}" if self.bound else ""


def read(study: Study, tier: str, tables: Tables) -> LockHistory:
    locks, cuts = read_locks(study, tier), commits_cutting(lock_path(study))
    if not locks:
        return LockHistory(cuts=cuts)
    commits = list(_commits(study, locks))
    runs = [_runs(study, lock, commit, tables) for lock, commit in zip(locks, commits, strict=True)]
    missing = UNCOMMITTED if git_state()["commit"] else NO_CHECKOUT
    ages = [words.age(counted) if commit else missing for commit, counted in zip(commits, runs, strict=True)]
    changes = [words.departures(deviations(*plans)) for plans in pairwise(lock.plan for lock in locks)]
    departures = words.departures(deviations(locks[-1].plan, plan_of(study, tier)))
    entries = [Entry(*entry) for entry in zip(locks, commits, ages, ["", *changes], strict=True)]
    bound = runs[-1].bound and not departures and not cuts and last_commit(lock_path(study)) is not None
    return LockHistory(entries, departures, bound, bool(set(study.seeds) & set(study.seen)), cuts)


def _commits(study: Study, locks: Sequence[Lock]) -> Iterator[Commit | None]:
    """Of each lock; one whose plan was locked before came with a later commit."""
    for place, lock in enumerate(locks):
        touching = commits_touching(lock.hash, lock_path(study))
        earlier = sum(other.hash == lock.hash for other in locks[:place])
        yield touching[earlier] if earlier < len(touching) else None


def _runs(study: Study, lock: Lock, commit: Commit | None, tables: Tables) -> words.Runs:
    """The finished runs of the arms that the lock names, beside it."""
    arms = zip(study.arms, armtable.read(study, tables), strict=True)
    runs = [run for name, arm in arms if name in lock.plan["arms"] for run in arm.measured]
    folder = lock_path(study).parent
    holds = [
        is_ancestor(commit.name, run["git_commit"], folder) if commit and run["git_commit"] else None for run in runs
    ]
    hashes = [_hash(run, study.name) for run in runs]
    return words.Runs(
        finished=len(runs),
        younger=holds.count(True),
        older=holds.count(False),
        dirty=sum(bool(run["git_dirty"]) for run in runs),
        under_it=hashes.count(lock.hash),
        under_another=sum(found not in (None, lock.hash) for found in hashes),
    )


def _hash(run: Row, study: str) -> str | None:
    """Of the plan of the study under which the run was made, if its record says so."""
    plan = json.loads(run["plans"] or "{}").get(study)
    return plan["hash"] if plan else None
