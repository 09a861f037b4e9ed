"""The arms of a study: what sets them apart, their learning rates, and how their runs ended."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from statistics import median
from typing import Any

import numpy as np

from cnnlab.analysis import intervals
from cnnlab.analysis.tables.frames import Row, Tables, distinct, values
from cnnlab.planning.specs import ArmSpec
from cnnlab.planning.study import Study
from cnnlab.report.tables.view import Cell, Column, TableView, missing, shown
from cnnlab.wording.numbers import common_places, count, fixed, plain, significant, span

WAITING = "shown when all seeds are finished"
NOT_TRAINED = "not trained: the network is left as it was initialized"
# Of the training settings, what has a column of its own or tells nothing of the arm.
ELSEWHERE = {"learning_rate", "tune", "target_accuracy", "evaluations_per_epoch", "time_limit_seconds"}


@dataclass(frozen=True)
class ArmRows:
    """A row of ``arms`` with the rows of its finished runs."""

    label: str
    spec: ArmSpec
    row: Row | None
    planned: int
    runs: list[Row]
    measured: list[Row]

    @property
    def complete(self) -> bool:
        return len(self.runs) == self.planned

    @property
    def trained(self) -> bool:
        return self.spec.train.epochs > 0

    def mean(self, column: str) -> tuple[float, float, float] | None:
        """Mean and 95 % interval in percent over the runs that have a value; None before all runs are finished."""
        known = [100 * float(value) for value in values(self.runs, column)]
        if not self.complete or not known:
            return None
        effects = intervals.Effects.of(np.array(known))
        low, high = intervals.interval(effects)
        return float(effects.estimate), float(low), float(high)


def read(study: Study, tables: Tables) -> list[ArmRows]:
    rows = {row["arm"]: row for row in tables.rows("arms", study=study.name)}
    measured = tables.by("measured/runs", "run_id")
    found = []
    for name, arm in study.arms.items():
        runs = [row for row in tables.rows("runs", arm_id=arm.spec.arm_id) if row["seed"] in study.seeds]
        timed = [measured[run["run_id"]] for run in runs if run["run_id"] in measured]
        found.append(ArmRows(arm.label, arm.spec, rows.get(name), len(study.seeds), runs, timed))
    return found


def build(study: Study, arms: Sequence[ArmRows]) -> TableView:
    target = distinct([run for arm in arms for run in arm.runs], "target_accuracy")
    goal = f"{100 * target[0]:.3g} %" if len(target) == 1 else "target"
    columns = (
        Column("Arm"),
        Column(
            "Learning rate", numeric=True, hint="Peak of the schedule; chosen on the validation images unless fixed"
        ),
        Column("Test error, %", numeric=True, hint="Mean over seeds (95 % interval over seeds, on these test images)"),
        Column("Training error, %", numeric=True, hint="In evaluation mode; mean over seeds (95 % interval)"),
        Column(f"Steps to {goal}", numeric=True, hint="Median over seeds; a run that never got there counts as later"),
        Column("Diverged", numeric=True, hint="Runs whose loss or weights became infinite; each counts as worst"),
        Column("Parameters", numeric=True),
        Column("Seconds a run", numeric=True, hint="Wall clock, median; other jobs may have run beside it"),
    )
    apart = _apart(arms)
    test, train = (mean_cells(arms, column) for column in ("test_error", "train_error"))
    rows = [
        [
            Cell(arm.label, note=apart[index]),
            _rate(arm),
            test[index],
            train[index],
            _steps(arm),
            _diverged(arm),
            _parameters(arm),
            shown(_seconds(arm), "not measured"),
        ]
        for index, arm in enumerate(arms)
    ]
    return TableView(f"arms-{study.name}", f"Arms of “{study.title}”", columns, rows)


def common_setting(arms: Sequence[ArmRows]) -> str:
    """What all arms share, as ``switch value`` in words."""
    settings = [_settings(arm) for arm in arms if arm.row]
    shared = [key for key in (settings[0] if settings else {}) if all(_same(key, settings))]
    return ", ".join(_said(key, settings[0][key]) for key in shared)


def _settings(arm: ArmRows) -> dict[str, Any]:
    """Network, where there is one, and data; empty while the tables have nothing of the arm."""
    row, fields = arm.row, dict[str, Any]()
    if row is None:
        return fields
    if arm.spec.train.classifier != "hog_svm":
        fields = {"network": f"{row['architecture']} ({row['preset']})", **json.loads(row["switches"])}
    fields |= {f"data {key}": value for key, value in json.loads(row["data"]).items()}
    return {key.replace("_", " "): value for key, value in fields.items()}


def _training(spec: ArmSpec) -> dict[str, Any]:
    """How the arm is trained, but for its learning rate."""
    fields = spec.train.model_dump(mode="json", exclude=ELSEWHERE, exclude_none=True)
    return {key.replace("_", " "): value for key, value in fields.items()}


def _same(key: str, settings: Sequence[dict[str, Any]]) -> list[bool]:
    return [other.get(key) == settings[0].get(key) for other in settings]


def _apart(arms: Sequence[ArmRows]) -> list[str]:
    """For each arm the settings in which it differs from another."""
    settings = [_settings(arm) | _training(arm.spec) for arm in arms]
    keys = dict.fromkeys(key for fields in settings for key in fields)
    differing = [key for key in keys if not all(_same(key, settings))]
    return [", ".join(_said(key, fields[key]) for key in differing if key in fields) for fields in settings]


def _said(key: str, value: Any) -> str:
    key = key.removeprefix("data name").removeprefix("network").strip()
    if isinstance(value, bool):
        return key if value else f"not {key}"
    return f"{key} {plain(value) if isinstance(value, int | float) else value}".strip()


def _rate(arm: ArmRows) -> Cell:
    row = arm.row
    if row is None or row["learning_rate"] is None:
        return missing("not tuned yet" if arm.trained else NOT_TRAINED)
    edge = bool(row["tuning_edge"])
    hint = "The best rate lies at the end of the grid, even extended: a better one may lie beyond" if edge else ""
    source = row["learning_rate_source"] or ""
    return Cell(plain(row["learning_rate"]), note=f"{source}, at the edge" if edge else source, hint=hint, warning=edge)


def mean_cells(arms: Sequence[ArmRows], column: str) -> list[Cell]:
    """Mean and 95 % interval of each arm, in percent, with as many decimals in all of them."""
    means = [arm.mean(column) for arm in arms]
    places = common_places((high - low) / 2 for _, low, high in filter(None, means))
    return [_mean(arm, mean, places) for arm, mean in zip(arms, means, strict=True)]


def _mean(arm: ArmRows, mean: tuple[float, float, float] | None, places: int) -> Cell:
    if mean is None:
        return missing("every run diverged" if arm.complete and arm.runs else WAITING)
    finished = len(values(arm.runs, "test_error"))
    note = f"of {finished} finished" if finished < len(arm.runs) else ""
    return Cell(f"{fixed(mean[0], places)} ({span(mean[1], mean[2], places) or 'one run'})", note=note)


def _steps(arm: ArmRows) -> Cell:
    """The median; ``> 330`` where so many runs never reached the target that it is not known."""
    if not arm.trained:
        return missing(NOT_TRAINED)
    if not arm.complete or not arm.runs:
        return missing(WAITING)
    steps = [inf if run["steps_to_target"] is None else run["steps_to_target"] for run in arm.runs]
    reached = sum(step < inf for step in steps)
    note = f"reached by {reached} of {len(steps)}" if reached < len(steps) else ""
    middle = median(steps)
    if middle < inf:
        return Cell(count(middle), note=note)
    least = sorted(steps)[(len(steps) - 1) // 2]
    done = [run["steps"] for run in arm.runs if run["steps_to_target"] is None and run["status"] == "finished"]
    bound = least if least < inf else min(done, default=None)
    return missing("every run diverged before") if bound is None else Cell(f"> {count(bound)}", note=note)


def _diverged(arm: ArmRows) -> Cell:
    if not arm.runs:
        return missing("no run is finished yet")
    number = sum(run["status"] == "diverged" for run in arm.runs)
    stopped = sum(run["status"] == "timed_out" for run in arm.runs)
    note = f"{stopped} hit the time limit" if stopped else ""
    return Cell(f"{number} of {len(arm.runs)}", note=note, warning=bool(number or stopped))


def _parameters(arm: ArmRows) -> Cell:
    if arm.spec.train.classifier == "hog_svm":
        return missing("no network is used")
    number = arm.row["parameters"] if arm.row else None
    return shown(None if number is None else count(number), "known when a run is finished")


def _seconds(arm: ArmRows) -> str | None:
    known = values(arm.measured, "seconds")
    return significant(median(known)) if known else None
