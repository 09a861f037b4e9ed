"""Tables of runs, and of the arms they belong to. Equal runs give equal bytes."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from cnnlab.analysis.effects import did_not_train
from cnnlab.analysis.tables.frames import Row
from cnnlab.analysis.tables.schema import CLAIM, COUNT, FLAG, NUMBER, RUN, TEXT, schema
from cnnlab.planning.metrics import METRICS
from cnnlab.planning.plan import Plan
from cnnlab.planning.specs import ArmSpec, seeds_slug
from cnnlab.training.records import Record, Records, failed

# Columns of `runs` that every run has; the other metrics follow, of which some are filled by some arms alone.
OF_EVERY_RUN = {
    **RUN,
    "architecture": (TEXT, "name of the network"),
    "preset": (TEXT, "its size"),
    "seed": (COUNT, "of initialisation, order of images, and dropout"),
    "learning_rate": (NUMBER, "peak of the schedule; missing for a network left as it was initialized"),
    "learning_rate_source": (TEXT, "tuned on validation, fixed by the study, or untrained"),
    "status": (TEXT, "finished, diverged, or timed_out"),
    "failed": (FLAG, "it finished and had learned nothing: its training loss is that of guessing"),
    "epochs": (COUNT, "asked for"),
    "steps": (COUNT, "done"),
    "test_error": (NUMBER, "share of test images"),
    "test_loss": (NUMBER, "nats per test image"),
    "train_error": (NUMBER, "share of training images, evaluation mode"),
    "train_loss": (NUMBER, "nats per training image, evaluation mode"),
    "gap": (NUMBER, "test_error minus train_error"),
    "validation_error": (NUMBER, "share of validation images"),
    "validation_loss": (NUMBER, "nats per validation image"),
    "steps_to_target": (COUNT, "first evaluated step at the target accuracy; missing if never reached"),
    "target_accuracy": (NUMBER, "share of validation images"),
    "first_gradient_norm": (NUMBER, "Euclidean norm of the first layer's gradient at step 1"),
    "early_gradient_norm": (NUMBER, "its geometric mean over steps 1 to 10"),
    "curve_area": (NUMBER, "mean validation accuracy over the evaluations: area under the learning curve"),
    "calibration_error": (NUMBER, "expected calibration error on test images, a share"),
    "parameters": (COUNT, "trained numbers"),
}
METRICS_BESIDE = [metric for metric in METRICS.values() if metric.name not in OF_EVERY_RUN and not metric.measured]
COLUMNS = {
    "runs": schema(
        {
            **OF_EVERY_RUN,
            **{metric.name: (NUMBER, f"{metric.title}, {metric.unit}") for metric in METRICS_BESIDE},
        },
        required=("run_id", "arm_id", "architecture", "preset", "seed", "status", "epochs", "steps"),
        sort=("arm_id", "seed"),
    ),
    "arms": schema(
        {
            "study": (TEXT, "name of the study"),
            "arm": (TEXT, "name of the arm within it"),
            "label": (TEXT, "as shown"),
            "arm_id": RUN["arm_id"],
            "architecture": (TEXT, "name of the network"),
            "preset": (TEXT, "its size"),
            "switches": (TEXT, "JSON, every switch"),
            "data": (TEXT, "JSON, what differs from the defaults"),
            "epochs": (COUNT, "passes over the training images"),
            "batch_size": (COUNT, "images per step"),
            "n_seeds": (COUNT, "runs"),
            "seeds": (TEXT, "which, as 0-7"),
            "learning_rate": (NUMBER, "peak of the schedule, that of most seeds; missing until the arm is tuned"),
            "learning_rates": (TEXT, "JSON, how many finished seeds trained with each"),
            "learning_rate_source": (TEXT, "tuned on validation, or fixed by the study"),
            "tuning_edge": (FLAG, "the best rate, of a seed or more, is the end of the grid, even extended"),
            "parameters": (COUNT, "trained numbers"),
            "did_not_train": (
                TEXT,
                "why it is not counted among networks that trained; missing until its runs are there",
            ),
        },
        required=("study", "arm", "label", "arm_id", "architecture", "preset", "switches", "data", "epochs"),
        sort=(),
    ),
    "measured/runs": schema(
        {
            **RUN,
            "seconds": (NUMBER, "wall clock of training, evaluations on validation included"),
            "cpu_seconds": (NUMBER, "process time of the same and of the final evaluations"),
            "diagnostic_cpu_seconds": (NUMBER, "of that, what its diagnostics took"),
            "tuned_by": (TEXT, "the choice of its rate: the same in all runs that share one"),
            "tuning_cpu_seconds": (NUMBER, "process time of that choice"),
            "seconds_to_first_step": (NUMBER, "from the start of the process to its first training step"),
            "seconds_to_target": (NUMBER, "to the target accuracy; missing if never reached"),
            "images_per_second": (NUMBER, "training images over wall clock"),
            "peak_memory_mb": (NUMBER, "MiB, of the process (CPU) or of the allocator (CUDA)"),
            "started_ms": (COUNT, "Unix time in milliseconds"),
            "threads": (COUNT, "of torch"),
            "device": (TEXT, "cpu or cuda"),
            "cpu": (TEXT, "model of the processor"),
            "gpu": (TEXT, "model of the GPU"),
            "git_commit": (TEXT, "of the code that trained it"),
            "git_dirty": (FLAG, "tracked files differed from the commit"),
            "plans": (TEXT, "JSON, by study: the hash of its plan then"),
            "python": (TEXT, "version"),
            "torch": (TEXT, "version"),
        },
        required=("run_id", "arm_id", "seconds", "cpu_seconds", "threads", "device"),
        sort=("arm_id", "run_id"),
    ),
    "measured/claims": schema(
        {
            **CLAIM,
            "study": (TEXT, "that tests it"),
            "core_seconds": (NUMBER, "process time of its runs and of tuning its arms"),
        },
        required=("id", "part", "study"),
        sort=("id", "part", "study"),
    ),
}


def finished(plan: Plan, records: Records) -> Iterator[Record]:
    """The record of each run that `plan` asks for, in its order; a run that is not finished has none."""
    return (records[arm_id][seed] for arm_id, seed in plan.runs() if seed in records.get(arm_id, {}))


def runs(plan: Plan, records: Records) -> Iterator[Row]:
    """One row per run, errors as shares."""
    for record in finished(plan, records):
        arm, result = ArmSpec.model_validate(record.spec["arm"]), record.result
        errors = result["test_error"], result["train_error"]
        yield {
            **{key: record.spec[key] for key in ("run_id", "arm_id", "seed", "learning_rate", "learning_rate_source")},
            **{key: value for key, value in result.items() if key in COLUMNS["runs"].columns},
            "architecture": arm.model.architecture,
            "preset": arm.model.preset,
            "failed": failed(record),
            **{metric.name: result[metric.column] for metric in METRICS_BESIDE if metric.column},
            "gap": None if None in errors else errors[0] - errors[1],
        }


def arms(plan: Plan, records: Records) -> Iterator[Row]:
    """One row per study and arm; what tuning chose is missing until a run of the arm is finished."""
    for study in plan.studies:
        for arm in study.arms.values():
            spec, of_arm = arm.spec, records.get(arm.spec.arm_id, {})
            runs = [of_arm[seed] for seed in study.seeds if seed in of_arm]
            data = spec.data.model_dump(mode="json", exclude_defaults=True)
            yield {
                "study": study.name,
                "arm": arm.name,
                "label": arm.label,
                "arm_id": spec.arm_id,
                "architecture": spec.model.architecture,
                "preset": spec.model.preset,
                "switches": json.dumps(spec.model.switches, sort_keys=True),
                "data": json.dumps(data, sort_keys=True),
                "epochs": spec.train.epochs,
                "batch_size": spec.train.batch_size,
                "n_seeds": len(study.seeds),
                "seeds": seeds_slug(study.seeds),
                **(_chosen(runs) if runs else {}),
                "did_not_train": did_not_train(runs) if len(runs) == len(study.seeds) else None,
            }


def _chosen(runs: Sequence[Record]) -> Row:
    """What tuning chose for the runs of an arm; of rates that as many of them have, the least counts."""
    rates = sorted(run.spec["learning_rate"] for run in runs if run.spec["learning_rate"] is not None)
    count = Counter(rates)
    return {
        "learning_rate": max(count, key=count.__getitem__, default=None),
        "learning_rates": json.dumps(count) if count else None,
        "learning_rate_source": runs[0].spec["learning_rate_source"],
        "tuning_edge": any(run.spec["tuning_edge"] for run in runs),
        "parameters": runs[0].result["parameters"],
    }


def run_key(record: Record) -> Row:
    """The columns that say which run a row is of."""
    return {"arm_id": record.arm_id, "run_id": record.run_id, "seed": record.seed}


def measured_runs(plan: Plan, records: Records) -> Iterator[Row]:
    """What the clock and the machine say of each run."""
    for record in finished(plan, records):
        provenance = record.provenance
        plans = provenance.get("plans")
        yield {
            **{key: value for key, value in provenance.items() if key in COLUMNS["measured/runs"].columns},
            "run_id": record.run_id,
            "arm_id": record.arm_id,
            "tuned_by": record.tuned_by,
            "cpu": provenance["hardware"]["cpu"],
            "gpu": provenance["hardware"]["gpu"],
            "git_commit": provenance["git"]["commit"],
            "git_dirty": provenance["git"]["dirty"],
            "plans": None if plans is None else json.dumps(plans, sort_keys=True),
            "python": provenance["versions"]["python"],
            "torch": provenance["versions"]["torch"],
        }


def measured_claims(plan: Plan, records: Records) -> Iterator[Row]:
    """Core-seconds of process time that the arms of each claim took: all its runs, and each choice of a rate once."""
    for study in plan.studies:
        for claim in study.claims:
            names = {name for contrast in claim.requires for name in contrast.contrast}
            arm_ids = {study.arms[name].spec.arm_id for name in names}
            used = [records[arm][seed] for arm in arm_ids for seed in study.seeds if seed in records.get(arm, {})]
            if used:
                training, tuning = core_seconds((record.tuned_by, record.provenance) for record in used)
                total = None if training is None or tuning is None else training + tuning
                yield {"id": claim.id, "part": claim.part, "study": study.name, "core_seconds": total}


def core_seconds(runs: Iterable[tuple[str, Mapping[str, Any]]]) -> tuple[float | None, float | None]:
    """Process time of training and of tuning, in seconds, from what chose the rate of each run and what its clock says.

    Each choice counts once. A sum that lacks a part is missing.
    """
    training, tuning = [], {}
    for tuned_by, measured in runs:
        training.append(measured["cpu_seconds"])
        tuning[tuned_by] = measured["tuning_cpu_seconds"]
    return _total(training), _total(tuning.values())


def _total(seconds: Collection[float | None]) -> float | None:
    known = [each for each in seconds if each is not None]
    return math.fsum(known) if len(known) == len(seconds) else None  # the same in whatever order
