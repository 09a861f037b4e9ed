"""The arms of a study: what sets them apart, their learning rates, and how their runs ended."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf
from statistics import median
from typing import Any

from cnnlab.analysis.tables.frames import Row, Tables, distinct, values
from cnnlab.figures.drawing.arm_runs import Mean, share_interval
from cnnlab.planning.specs import ArmSpec
from cnnlab.planning.studies.study import Study
from cnnlab.report.tables.settings import in_words
from cnnlab.report.tables.view import CUT, MEAN_HINT, WAITING, Cell, Column, Number, TableView, table, value
from cnnlab.training.records import lost
from cnnlab.wording.numbers import common_places, count, fixed, plain, plural, significant, span

ERRORS = ("test_error", "train_error")
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

    @cached_property
    def means(self) -> dict[str, Mean]:
        """Mean and 95 % interval in percent, by column of ``runs``; none before all runs are finished."""
        columns = {name: [100 * float(share) for share in values(self.runs, name)] for name in ERRORS}
        return {name: share_interval(shares) for name, shares in columns.items() if self.complete and shares}


def read(study: Study, tables: Tables) -> list[ArmRows]:
    """The arms in the order of the study, whether or not they are in the tables."""
    rows = {row["arm"]: row for row in tables.rows("arms", study=study.name)}
    measured = tables.by("measured/runs", "run_id")
    arms = []
    for name, arm in study.arms.items():
        runs = [row for row in tables.rows("runs", arm_id=arm.spec.arm_id) if row["seed"] in study.seeds]
        timed = [measured[run["run_id"]] for run in runs if run["run_id"] in measured]
        arms.append(ArmRows(arm.label, arm.spec, rows.get(name), len(study.seeds), runs, timed))
    return arms


def build(study: Study, arms: Sequence[ArmRows]) -> TableView:
    target = distinct([run for arm in arms for run in arm.runs], "target_accuracy")
    goal = f"{100 * target[0]:.3g} %" if len(target) == 1 else "target"
    differing = _differing([_given(arm) for arm in arms])
    columns: list[Column[ArmRows]] = [
        Column("Arm", lambda arm: Cell(arm.label, note=in_words(_given(arm), differing))),
        Number(
            "Learning rate",
            _rate,
            "Peak of the schedule; chosen on the validation images unless fixed",
            missing=lambda arm: "not tuned yet" if arm.trained else NOT_TRAINED,
        ),
        mean_column("Test error, %", arms, "test_error", MEAN_HINT),
        mean_column(
            "Training error, %", arms, "train_error", f"In evaluation mode; mean over seeds (95 % interval{CUT})"
        ),
        Number(
            f"Steps to {goal}",
            _steps,
            "Median over seeds; a run that never got there counts as later",
            missing=lambda arm: NOT_TRAINED if not arm.trained else _waiting(arm, "every run diverged before"),
        ),
        Number(
            "Diverged or failed",
            _lost,
            "Runs whose loss or weights became infinite, or that learned nothing; each counts as worst",
            missing="no run is finished yet",
        ),
        Number("Parameters", _parameters, missing=_no_parameters),
        Number(
            "Seconds a run",
            lambda arm: seconds_a_run(arm, "seconds"),
            "Wall clock, median; other jobs may have run beside it",
            missing="not measured",
        ),
    ]
    return table(f"arms-{study.name}", f"Arms of “{study.title}”", columns, arms)


def mean_column(title: str, arms: Sequence[ArmRows], metric: str, hint: str) -> Column[ArmRows]:
    """Mean and 95 % interval of each arm, in percent, with as many decimals in all of them."""
    means = [arm.means[metric] for arm in arms if metric in arm.means]
    places = common_places((high - low) / 2 for _, low, high in means)
    return Number(
        title,
        lambda arm: _mean(arm, arm.means[metric], places) if metric in arm.means else None,
        hint,
        missing=lambda arm: _waiting(arm, "every run diverged"),
    )


def _waiting(arm: ArmRows, diverged: str) -> str:
    """Why an arm has no number: its runs are not finished, or they have `diverged`."""
    return diverged if arm.complete and arm.runs else WAITING


def common_setting(arms: Sequence[ArmRows]) -> str:
    """What all arms share, as ``switch value`` in words."""
    settings = [_settings(arm) for arm in arms if arm.row]
    first = settings[0] if settings else {}
    differing = _differing(settings)
    return in_words(first, [key for key in first if key not in differing])


def _settings(arm: ArmRows) -> dict[str, Any]:
    """Network, where there is one, and data; empty while the tables have nothing of the arm."""
    row, fields = arm.row, dict[str, Any]()
    if row is None:
        return fields
    if arm.spec.train.classifier != "hog_svm":
        fields = {"network": f"{row['architecture']} ({row['preset']})", **json.loads(row["switches"])}
    return fields | {f"data {key}": setting for key, setting in json.loads(row["data"]).items()}


def _given(arm: ArmRows) -> dict[str, Any]:
    """The settings of an arm, and how it is trained but for its learning rate."""
    return _settings(arm) | arm.spec.train.model_dump(mode="json", exclude=ELSEWHERE, exclude_none=True)


def _differing(settings: Sequence[dict[str, Any]]) -> list[str]:
    """The settings that are not the same everywhere."""
    keys = dict.fromkeys(key for fields in settings for key in fields)
    return [key for key in keys if any(fields.get(key) != settings[0].get(key) for fields in settings)]


def _rate(arm: ArmRows) -> Cell | None:
    row = arm.row
    if row is None or row["learning_rate"] is None:
        return None
    edge = bool(row["tuning_edge"])
    hint = "The best rate lies at the end of the grid, even extended: a better one may lie beyond" if edge else ""
    source = row["learning_rate_source"] or ""
    return Cell(_rates(row), note=f"{source}, at the edge" if edge else source, hint=hint, warning=edge)


def _rates(row: Row) -> str:
    """``0.01``, or ``0.01 in 5 seeds, 0.03 in 3`` where each has its own."""
    several = Counter({float(rate): count for rate, count in json.loads(row["learning_rates"]).items()})
    if len(several) < 2:
        return plain(row["learning_rate"])
    (most, count), *others = several.most_common()
    return ", ".join([f"{plain(most)} in {plural(count, 'seed')}", *(f"{plain(rate)} in {n}" for rate, n in others)])


def _mean(arm: ArmRows, mean: Mean, places: int) -> Cell:
    finished = len(values(arm.runs, "test_error"))
    note = f"of {finished} finished" if finished < len(arm.runs) else ""
    return Cell(f"{fixed(mean[0], places)} ({span(mean[1], mean[2], places) or 'one run'})", note=note)


def _steps(arm: ArmRows) -> Cell | None:
    """The median; ``> 330`` where so many runs never reached the target that it is not known."""
    if not arm.trained or not arm.complete or not arm.runs:
        return None
    steps = [inf if run["steps_to_target"] is None else run["steps_to_target"] for run in arm.runs]
    reached = sum(step < inf for step in steps)
    note = f"reached by {reached} of {len(steps)}" if reached < len(steps) else ""
    middle = median(steps)
    if middle < inf:
        return Cell(count(middle), note=note)
    least = sorted(steps)[(len(steps) - 1) // 2]
    done = [run["steps"] for run in arm.runs if run["steps_to_target"] is None and run["status"] == "finished"]
    bound = least if least < inf else min(done, default=None)
    return None if bound is None else Cell(f"> {count(bound)}", note=note)


def _lost(arm: ArmRows) -> Cell | None:
    if not arm.runs:
        return None
    failed = sum(bool(run["failed"]) for run in arm.runs)
    number = sum(lost(run["status"], run["failed"]) for run in arm.runs)
    stopped = sum(run["status"] == "timed_out" for run in arm.runs)
    notes = {"failed to train": failed, "hit the time limit": stopped}
    note = ", ".join(f"{count} {what}" for what, count in notes.items() if count)
    return Cell(f"{number} of {len(arm.runs)}", note=note, warning=bool(number or stopped))


def _parameters(arm: ArmRows) -> Cell | str | None:
    return None if arm.spec.train.classifier == "hog_svm" else value("parameters", count)(arm.row)


def _no_parameters(arm: ArmRows) -> str:
    return "no network is used" if arm.spec.train.classifier == "hog_svm" else "known when a run is finished"


def seconds_a_run(arm: ArmRows, column: str) -> str | None:
    """The median of a column of ``measured/runs``."""
    seconds = values(arm.measured, column)
    return significant(median(seconds)) if seconds else None
