"""What else was measured of the arms: every metric that is not in the table of arms, as means over the seeds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cnnlab.analysis.tables.frames import values
from cnnlab.figures.drawing.arm_runs import mean_interval
from cnnlab.planning.metrics import METRICS, Metric
from cnnlab.planning.studies.study import Study
from cnnlab.report.tables.arms import ArmRows
from cnnlab.report.tables.view import WAITING, Cell, Column, Number, TableView, capital, table
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
    columns = [Column[ArmRows]("Arm", lambda arm: arm.label), *map(_column, shown)]
    return table(f"measures-{study.name}", f"What else was measured in “{study.title}”", columns, arms)


def _column(metric: Metric) -> Column[ArmRows]:
    of = "" if metric.scale == "log2" else "%" if metric.unit == "pp" and not metric.signed else unit(metric.unit)
    how = "Geometric mean" if metric.scale == "log2" else "Mean"
    return Number(
        capital(noun(metric.name)) + (f", {of}" if of else ""),
        lambda arm: _mean(arm, metric),
        f"{how} over seeds (95 % interval over seeds)",
        missing=lambda arm: "no run of the arm has a value" if arm.complete else WAITING,
    )


def _mean(arm: ArmRows, metric: Metric) -> Cell | None:
    known = [float(number) for number in values(arm.runs, metric.name)]
    if not arm.complete or not known:
        return None
    return Cell(_in_words(known, metric), note=f"of {len(known)} runs" if len(known) < len(arm.runs) else "")


def _in_words(known: Sequence[float], metric: Metric) -> str:
    log = metric.scale == "log2" and min(known) > 0
    scaled = np.log(known) if log else (1.0 if metric.scale == "log2" else metric.factor) * np.array(known)
    if len(known) == 1:
        return significant(float(np.exp(scaled[0]) if log else scaled[0]), 3)
    mean = [float(np.exp(end) if log else end) for end in mean_interval(scaled)]
    number = Quantity(*mean)
    return f"{fixed(mean[0], number.places)} ({number.interval})"
