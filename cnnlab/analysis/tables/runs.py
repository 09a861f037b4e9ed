"""Records → tidy tables. Equal runs give equal bytes; what a clock measured stands apart, in ``measured/``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from cnnlab.analysis.tables import classes
from cnnlab.analysis.tables.columns import TABLES
from cnnlab.analysis.tables.io import conform, table
from cnnlab.planning.plan import Plan
from cnnlab.planning.specs import ArmSpec, seeds_slug
from cnnlab.training.records import Record

Runs = Mapping[str, Mapping[int, Record]]


def runs(plan: Plan, found: Runs) -> pd.DataFrame:
    """One row per run, errors as shares."""
    rows = []
    for arm_id, seed in plan.runs():
        record = found.get(arm_id, {}).get(seed)
        if record is None:
            continue
        arm, result = ArmSpec.model_validate(record.spec["arm"]), record.result
        rows.append(
            {
                **{key: record.spec[key] for key in ("run_id", "arm_id", "seed", "learning_rate")},
                **{key: value for key, value in result.items() if key in TABLES["runs"].columns},
                "learning_rate_source": record.spec["learning_rate_source"],
                "architecture": arm.model.architecture,
                "preset": arm.model.preset,
                "gap": _difference(result["test_error"], result["train_error"]),
            }
        )
    return table("runs", rows)


def arms(plan: Plan, found: Runs) -> pd.DataFrame:
    """One row per study and arm; what tuning chose is missing until a run of the arm is finished."""
    rows = []
    for study in plan.studies:
        for arm in study.arms.values():
            spec, record = arm.spec, next(iter(found.get(arm.spec.arm_id, {}).values()), None)
            chosen = record.spec if record else {}
            rows.append(
                {
                    "study": study.name,
                    "arm": arm.name,
                    "label": arm.label,
                    "arm_id": spec.arm_id,
                    "architecture": spec.model.architecture,
                    "preset": spec.model.preset,
                    "switches": _json(spec.model.switches),
                    "data": _json(spec.data.model_dump(mode="json", exclude_defaults=True)),
                    "epochs": spec.train.epochs,
                    "batch_size": spec.train.batch_size,
                    "n_seeds": len(study.seeds),
                    "seeds": seeds_slug(study.seeds),
                    "learning_rate": chosen.get("learning_rate"),
                    "learning_rate_source": chosen.get("learning_rate_source"),
                    "tuning_edge": chosen.get("tuning_edge"),
                    "parameters": record.result["parameters"] if record else None,
                }
            )
    return table("arms", rows)


def curves(plan: Plan, found: Runs) -> pd.DataFrame:
    """One row per evaluation of each run."""
    frames = []
    names = ("step", "epoch", "train_loss", "validation_loss", "validation_accuracy", "learning_rate")
    for arm_id, seed in plan.runs():
        record = found.get(arm_id, {}).get(seed)
        if record is not None:
            values = record.curves()
            frame = pd.DataFrame({name: values[f"evaluation.{name}"] for name in names})
            frames.append(frame.assign(arm_id=arm_id, run_id=record.run_id, seed=seed))
    return conform("curves", pd.concat(frames) if frames else pd.DataFrame())


def profiles(plan: Plan, found: Runs) -> pd.DataFrame:
    """What the diagnostics of each run saw, a row per point."""
    records = [found.get(arm_id, {}).get(seed) for arm_id, seed in plan.runs()]
    return table(
        "profiles",
        [
            {**point, "arm_id": record.arm_id, "run_id": record.run_id, "seed": record.seed}
            for record in records
            if record is not None
            for point in record.profile()
        ],
    )


def pictures(plan: Plan, found: Runs) -> pd.DataFrame:
    """What the diagnostics left to look at, a row per pixel; of each arm's first finished run."""
    frames = []
    for arm_id in sorted(plan.arms()):
        runs = found.get(arm_id, {})
        seed = next((seed for seed in sorted(runs) if runs[seed].pictures()), None)
        if seed is not None:
            own: dict[str, Any] = {"arm_id": arm_id, "run_id": runs[seed].run_id, "seed": seed}
            frames += [_pixels(stack).assign(picture=name, **own) for name, stack in runs[seed].pictures().items()]
    return conform("pictures", pd.concat(frames) if frames else pd.DataFrame())


def _pixels(stack: np.ndarray) -> pd.DataFrame:
    index, y, x = np.indices(stack.shape).reshape(3, -1)
    return pd.DataFrame({"index": index, "y": y, "x": x, "value": stack.ravel().astype(float)})


def by_class(plan: Plan, found: Runs) -> pd.DataFrame:
    """One row per arm and class of its test images."""
    return table("classes", list(classes.rows(plan, found)))


def confusion(plan: Plan, found: Runs) -> pd.DataFrame:
    """One row per arm, class of its test images, and answer that was given to any of them."""
    return table("confusion", list(classes.answers(plan, found)))


def measured_runs(plan: Plan, found: Runs) -> pd.DataFrame:
    """What the clock and the machine say of each run."""
    rows = []
    for arm_id, seed in plan.runs():
        record = found.get(arm_id, {}).get(seed)
        if record is not None:
            provenance = record.provenance
            rows.append(
                {
                    **{key: value for key, value in provenance.items() if key in TABLES["measured/runs"].columns},
                    "run_id": record.run_id,
                    "arm_id": arm_id,
                    "cpu": provenance["hardware"]["cpu"],
                    "gpu": provenance["hardware"]["gpu"],
                    "git_commit": provenance["git"]["commit"],
                    "git_dirty": provenance["git"]["dirty"],
                    "python": provenance["versions"]["python"],
                    "torch": provenance["versions"]["torch"],
                }
            )
    return table("measured/runs", rows)


def measured_claims(plan: Plan, found: Runs) -> pd.DataFrame:
    """Core-seconds of process time that the arms of each claim took: all its runs, and each arm's tuning once."""
    rows = []
    for study in plan.studies:
        for claim in study.claims:
            names = {name for contrast in claim.requires for name in contrast.contrast}
            used = {study.arms[name].spec.arm_id for name in names}
            records = [found[arm][seed] for arm in used for seed in study.seeds if seed in found.get(arm, {})]
            if records:
                tuning = {record.arm_id: record.provenance["tuning_cpu_seconds"] for record in records}
                costs = [*(record.provenance["cpu_seconds"] for record in records), *tuning.values()]
                seconds = None if None in costs else sum(costs)
                rows.append({"id": claim.id, "part": claim.part, "study": study.name, "core_seconds": seconds})
    return table("measured/claims", rows)


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _difference(left: float | None, right: float | None) -> float | None:
    return None if left is None or right is None else left - right
