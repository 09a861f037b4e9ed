"""What else was measured of the arms: every metric that is not in the table of arms, as means over the seeds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnnlab.analysis.tables.frames import values
from cnnlab.figures.drawing.arm_runs import mean_interval
from cnnlab.planning.metrics import METRICS, Metric
from cnnlab.planning.study import Study
from cnnlab.report.tables.arms import WAITING, ArmRows
from cnnlab.report.tables.view import Cell, Column, TableView, missing
from cnnlab.wording.contrasts import noun, unit
from cnnlab.wording.numbers import Quantity, fixed, significant

ELSEWHERE = {"test_error", "train_error", "steps_to_target"}


def build(study: Study, arms: Sequence[ArmRows]) -> TableView | None:
    """A column for each metric of which some run of the study has a value."""
    runs = [run for arm in arms for run in arm.runs]
    known = [each for each in METRICS.values() if each.name not in ELSEWHERE and not each.measured]
    shown = [each for each in known if values(runs, each.name)]
    if not shown:
        return None
    columns = [Column("Arm"), *(_column(each) for each in shown)]
    rows = [[Cell(arm.label), *(_cell(arm, each) for each in shown)] for arm in arms]
    return TableView(f"measures-{study.name}", f"What else was measured in “{study.title}”", columns, rows)


def _column(metric: Metric) -> Column:
    of = "" if metric.scale == "log2" else "%" if metric.unit == "pp" and not metric.signed else unit(metric.unit)
    title = noun(metric.name)
    how = "Geometric mean" if metric.scale == "log2" else "Mean"
    head = f"{title[:1].upper()}{title[1:]}{f', {of}' if of else ''}"
    return Column(head, numeric=True, hint=f"{how} over seeds (95 % interval over seeds)")


def _cell(arm: ArmRows, metric: Metric) -> Cell:
    found = [float(value) for value in values(arm.runs, metric.name)]
    if not arm.complete or not found:
        return missing(WAITING if not arm.complete else "no run of the arm has a value")
    note = f"of {len(found)} runs" if len(found) < len(arm.runs) else ""
    return Cell(_told(found, metric), note=note)


def _told(found: Sequence[float], metric: Metric) -> str:
    log = metric.scale == "log2" and min(found) > 0
    scaled = np.log(found) if log else (1.0 if metric.scale == "log2" else metric.factor) * np.array(found)
    if len(found) == 1:
        return significant(float(np.exp(scaled[0]) if log else scaled[0]), 3)
    mean = [float(np.exp(end) if log else end) for end in mean_interval(scaled)]
    number = Quantity(*mean)
    return f"{fixed(mean[0], number.places)} ({number.interval})"
