"""The seeds of a study, as written: how many, or which."""

from __future__ import annotations

from cnnlab.core.errors import UserError
from cnnlab.core.places import Place
from cnnlab.planning.metrics import LEAST_SEEDS
from cnnlab.planning.specs import FIRST_PILOT_SEED
from cnnlab.planning.studies.study_file import StudyFile

Seeds = int | tuple[int, ...]


def least_seeds(written: StudyFile, given: int | None) -> int:
    """As many as decide a claim, unless a configuration gives another number."""
    return 1 if not written.claims else LEAST_SEEDS if given is None else given


def seeds_of(written: Seeds, over: int | None, least: int, where: Place) -> tuple[int, ...]:
    seeds = numbers(written if over is None else over, where)
    if len(seeds) < least:
        raise UserError(f"{where}: {len(seeds)} cannot decide a claim; give at least {least}")
    return seeds


def numbers(written: Seeds, where: Place) -> tuple[int, ...]:
    """The seeds that are written as how many, or as which."""
    seeds = tuple(range(min(written, FIRST_PILOT_SEED + 1))) if isinstance(written, int) else written
    if not seeds:
        raise UserError(f"{where}: there are none; write for example 8")
    twice = next((seed for seed in seeds if seeds.count(seed) > 1), None) if len(set(seeds)) < len(seeds) else None
    if twice is not None:
        raise UserError(f"{where}: {twice} is there twice; a repeated seed is no new evidence")
    if min(seeds) < 0 or max(seeds) >= FIRST_PILOT_SEED:
        raise UserError(f"{where}: from 0 to {FIRST_PILOT_SEED - 1}; higher ones belong to pilots and tuning")
    return tuple(sorted(seeds))
