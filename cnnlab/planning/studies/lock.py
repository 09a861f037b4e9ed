"""The locks of a study: its plan as it was written down, each later one with the reason for it.

``locks/STUDY.yaml`` beside the study files holds them, oldest first. A plan is what decides the verdicts of one tier.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cnnlab.core.errors import UserError
from cnnlab.core.files import atomic
from cnnlab.core.paths import refuse_lent
from cnnlab.core.strict_yaml import place, read_yaml
from cnnlab.core.validation import Spec, digest, validate
from cnnlab.planning import model_registry
from cnnlab.planning.specs import ArmSpec
from cnnlab.planning.studies.study import Study

HEAD = "# Written by `cnnlab lock`. Nothing in it is edited; a plan that changes is locked anew, with the reason.\n"
DECISIVE = {"metric", "contrast", "direction", "margin", "baseline"}  # of a contrast; its label is a word


class Lock(Spec):
    """A plan, the hash over it, and why it took the place of the one before it."""

    hash: str
    reason: str | None = None
    plan: dict[str, Any]


class _File(Spec):
    locks: tuple[Lock, ...]


@dataclass(frozen=True)
class Deviation:
    """A key of a plan whose value changed; None where it is not there."""

    key: str
    before: Any
    after: Any


def lock_path(study: Study) -> Path:
    return study.path.parent / "locks" / f"{study.name}.yaml"


def read_locks(study: Study, tier: str) -> list[Lock]:
    """The locks of the study at `tier`, oldest first; none if it was never locked.

    Raises:
        UserError: if the file was edited by hand.
    """
    return [lock for lock in _read(lock_path(study)) if lock.plan["tier"] == tier]


def _read(path: Path) -> tuple[Lock, ...]:
    if not path.exists():
        return ()
    locks = validate(_File, {"locks": read_yaml(path)}, place(path, "locks")).locks
    edited = next((lock.hash for lock in locks if digest(lock.plan) != lock.hash), None)
    if edited:
        raise UserError(f"{path}: {edited} is not the hash of its plan; put the file back, then `cnnlab lock` anew")
    return locks


def add_lock(study: Study, tier: str, reason: str | None) -> Lock:
    """Write the plan of the study behind those that are there."""
    path, plan = lock_path(study), plan_of(study, tier)
    refuse_lent(path)
    lock = Lock(hash=digest(plan), reason=reason, plan=plan)
    before = path.read_text(encoding="utf-8") if path.exists() else HEAD
    arms = {name: {part: _Line(value) for part, value in design.items()} for name, design in plan["arms"].items()}
    entry = [{**lock.model_dump(exclude_none=True), "plan": {**plan, "arms": arms}}]
    with atomic(path) as aside:
        text = yaml.dump(entry, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=None, width=120)
        aside.write_text(before + text, encoding="utf-8")
    return lock


class _Line(dict[str, Any]):
    """A mapping that is written in braces, whatever it holds."""


class _Dumper(yaml.SafeDumper):
    """YAML in which the settings of an arm take a few lines."""


_Dumper.add_representer(_Line, lambda dumper, line: dumper.represent_mapping("tag:yaml.org,2002:map", line, True))


def plan_of(study: Study, tier: str) -> dict[str, Any]:
    """What the verdicts of the study hang on: claims, seeds, and the design of the arms that are compared for them."""
    contrasts = [contrast for claim in study.claims for contrast in claim.requires]
    compared = {name for contrast in contrasts for name in contrast.contrast}
    return {
        "study": study.name,
        "tier": tier,
        "seeds": list(study.seeds),
        "seen": list(study.seen),
        "claims": {
            claim.id if claim.part == "main" else f"{claim.id} {claim.part}": {
                "architecture": ", ".join(claim.architectures),
                "requires": [contrast.model_dump(mode="json", include=DECISIVE) for contrast in claim.requires],
            }
            for claim in study.claims
        },
        "arms": {name: arm.spec.design for name, arm in study.arms.items() if name in compared},
    }


def deviations(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Deviation]:
    """Where a plan differs from an earlier one; what came to the code meanwhile had its usual value in that one."""
    earlier, later = (
        {**plan, "arms": {name: _completed(design) for name, design in plan["arms"].items()}}
        for plan in (before, after)
    )
    return list(_changes(earlier, later))


def _completed(design: dict[str, Any]) -> dict[str, Any]:
    """The design with the fields and switches that came to the code since; as it is if some are gone."""
    model = design["model"]
    try:
        switches = model_registry.resolve(model["architecture"], model["preset"], model["switches"], "lock")
        fields = {**design, "model": {**model, "switches": switches}, "torch": "", "fingerprint": ""}
        return validate(ArmSpec, fields, "lock").design
    except UserError:
        return design


def _changes(before: Any, after: Any, key: str = "") -> Iterator[Deviation]:
    """By key, as ``claims.C26.requires.0.margin``; what is null is not there."""
    before, after = _as_mapping(before), _as_mapping(after)
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in {**before, **after}:
            yield from _changes(before.get(name), after.get(name), f"{key}.{name}" if key else name)
    elif before != after:
        yield Deviation(key, before, after)


def _as_mapping(value: Any) -> Any:
    """A list of mappings by index, so that what differs in one of them is named."""
    listed = isinstance(value, list) and value and isinstance(value[0], Mapping)
    return {str(index): item for index, item in enumerate(value)} if listed else value


def plans_of_runs(studies: Iterable[Study], tier: str, arm_id: str) -> dict[int, dict[str, Any]]:
    """By seed, what stands in the record of a run of the arm: by study that claims something and asks for the run, the
    hash of its plan: that of its lock, unless it departs from that."""
    plans: dict[int, dict[str, Any]] = {}
    for study in studies:
        if study.claims and any(arm.spec.arm_id == arm_id for arm in study.arms.values()):
            stated, locks = plan_of(study, tier), read_locks(study, tier)
            locked = bool(locks) and not deviations(locks[-1].plan, stated)
            for seed in study.seeds:
                plans.setdefault(seed, {})[study.name] = {"hash": locks[-1].hash if locked else digest(stated)}
    return plans
