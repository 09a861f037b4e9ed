"""Whether a locked plan is older than its runs, and where a study departs from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cnnlab.planning.specs import switch_text
from cnnlab.planning.studies.lock import Deviation
from cnnlab.wording.numbers import plural, seed_ranges

SEEDS = {"seeds", "seen"}


@dataclass(frozen=True)
class Runs:
    """How many finished runs there are, and what git and their records say of them and a lock.

    The commit of a run holds the lock (`younger`), does not (`older`), or is not known; in `dirty` of them tracked
    files differed from it. The record bears the hash of the lock (`under_it`), another (`under_another`), or none.
    """

    finished: int = 0
    younger: int = 0
    older: int = 0
    dirty: int = 0
    under_it: int = 0
    under_another: int = 0

    @property
    def bound(self) -> bool:
        """Whether all of them were made under the lock, which is older."""
        return 0 < self.finished == self.younger == self.under_it


def age(runs: Runs) -> str:
    """``older than its 16 runs, whose commits hold it; each record bears its hash``."""
    if not runs.finished:
        return "none of its runs is finished"
    unknown = runs.finished - runs.younger - runs.older
    silent = runs.finished - runs.under_it - runs.under_another
    its = f"its {plural(runs.finished, 'run')}"
    whole = runs.younger == runs.finished
    parts = [f"older than {its}" if whole else f"shown to be older than {runs.younger or 'none'} of {its}"]
    parts[0] += ", whose commits hold it" if runs.younger else ""
    parts += [f"the commits of {runs.older} do not hold it"] if runs.older else []
    parts += [f"the commits of {unknown} are not known here"] if unknown else []
    parts += [f"tracked files differed from the commit in {runs.dirty}"] if runs.dirty else []
    parts += ["each record bears its hash"] if runs.under_it == runs.finished else []
    parts += [f"the records of {runs.under_another} bear another plan's hash"] if runs.under_another else []
    parts += [f"the records of {silent} bear none"] if silent else []
    return "; ".join(parts)


def departures(deviations: Iterable[Deviation]) -> str:
    """``claims.C26.requires.0.margin from 0.32 to 0.5; arms.few added``."""
    return "; ".join(map(_departure, deviations))


def _departure(deviation: Deviation) -> str:
    key, before, after = deviation.key, deviation.before, deviation.after
    if before is None or after is None:
        value = after if before is None else before
        told = "" if isinstance(value, Mapping) else f": {_value(key, value)}"
        return f"{key} {'added' if before is None else 'removed'}{told}"
    return f"{key} from {_value(key, before)} to {_value(key, after)}"


def _value(key: str, value: Any) -> str:
    if isinstance(value, list):
        return (seed_ranges(value) if key in SEEDS else ", ".join(_value("", item) for item in value)) or "none"
    return f"{value:g}" if isinstance(value, float) else switch_text(value)
