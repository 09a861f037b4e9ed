"""What else was measured of the arms: every metric that is not in the table of arms, as means over the seeds."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

import numpy as np

from cnnlab.analysis.tables.frames import values
from cnnlab.figures.drawing.arm_runs import mean_interval, within
from cnnlab.planning.metrics import METRICS, Metric
from cnnlab.planning.studies.study import Study
from cnnlab.report.tables.arms import ArmRows
from cnnlab.report.tables.view import CUT, WAITING, Cell, Column, Number, TableView, table
from cnnlab.wording.contrasts import noun, own_unit
from cnnlab.wording.numbers import capital, significant, with_interval

ELSEWHERE = {"test_error", "test_error_ratio", "train_error", "steps_to_target"}


def build(study: Study, arms: Sequence[ArmRows]) -> TableView | None:
    """A column for each metric of which some run of the study has a value."""
    runs = [run for arm in arms for run in arm.runs]
    others = [metric for metric in METRICS.values() if metric.name not in ELSEWHERE and not metric.measured]
    metrics = [metric for metric in others if values(runs, metric.name)]
    if not metrics:
        return None
    columns = [Column[ArmRows]("Arm", lambda arm: arm.label), *map(_column, metrics)]
    return table(f"measures-{study.name}", f"What else was measured in “{study.title}”", columns, arms)


def _column(metric: Metric) -> Column[ArmRows]:
    of = own_unit(metric)
    how = "Geometric mean" if metric.scale == "log2" else "Mean"
    cut = "" if not metric.positive else CUT if metric.unit == "pp" else ", cut at 0"
    return Number(
        capital(noun(metric.name)) + (f", {of}" if of else ""),
        lambda arm: _mean(arm, metric),
        f"{how} over seeds (95 % interval over seeds{cut})",
        missing=lambda arm: "no run of the arm has a value" if arm.complete else WAITING,
    )


def _mean(arm: ArmRows, metric: Metric) -> Cell | None:
    numbers = [float(number) for number in values(arm.runs, metric.name)]
    if not arm.complete or not numbers:
        return None
    return Cell(_in_words(numbers, metric), note=f"of {len(numbers)} runs" if len(numbers) < len(arm.runs) else "")


def _in_words(numbers: Sequence[float], metric: Metric) -> str:
    """The mean of one arm's runs with its interval, or the only number."""
    log = metric.scale == "log2" and min(numbers) > 0
    scaled = np.log(numbers) if log else (1.0 if metric.scale == "log2" else metric.factor) * np.array(numbers)
    if len(numbers) == 1:
        return significant(float(np.exp(scaled[0]) if log else scaled[0]), 3)
    center, low, high = (float(np.exp(end) if log else end) for end in mean_interval(scaled))
    return with_interval(within((center, low, high), (0.0 if metric.positive else -inf, metric.largest)))
