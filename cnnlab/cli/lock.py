"""`cnnlab lock`: the plans of studies, written down before their runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cnnlab.core.errors import UserError
from cnnlab.planning.plan import Plan
from cnnlab.planning.studies.lock import add_lock, deviations, lock_path, plan_of, read_locks
from cnnlab.planning.studies.study import Study
from cnnlab.training import records
from cnnlab.wording.locks import departures
from cnnlab.wording.numbers import plural


def lock(plan: Plan, names: Sequence[str], reason: str | None) -> Iterator[str]:
    """Lock the studies of these names, or all that test a claim; a line for each.

    Raises:
        UserError: before anything is written, if it is a pilot, or a study tests no claim, or departs from its lock
            without a reason.
    """
    if plan.config.pilot:
        raise UserError("lock: a pilot has nothing to lock; leave pilot.yaml out")
    named = [plan.only(name).study(name) for name in names]
    for study in named:
        if not study.claims:
            raise UserError(f"{study.name}: it tests no claim, so that there is nothing to lock; name another study")
    studies = named or [study for study in plan.studies if study.claims]
    new = [study for study in studies if _departs(study, plan.tier, reason)]
    for study in studies:
        path = lock_path(study)
        if study in new:
            written = add_lock(study, plan.tier, reason if read_locks(study, plan.tier) else None)
            yield f"{study.name}: locked as {written.hash} in {path}; {_next(study, plan)}"
        else:
            yield f"{study.name}: as locked in {path}"


def _departs(study: Study, tier: str, reason: str | None) -> bool:
    """Whether there is something to lock."""
    locks = read_locks(study, tier)
    if not locks:
        return True
    changed = deviations(locks[-1].plan, plan_of(study, tier))
    if changed and not reason:
        raise UserError(
            f"{study.name}: departs from its lock {locks[-1].hash}: {departures(changed)}; take that back, or say why "
            f"with `cnnlab lock {study.name} --reason TEXT`"
        )
    return bool(changed)


def _next(study: Study, plan: Plan) -> str:
    runs = sum(map(len, records.so_far(plan.paths, plan.only(study.name).manifests()).values()))
    return f"commit it; {plural(runs, 'run')} of it came before" if runs else "commit it before the first run"
