"""The finished runs of a study, arm by arm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, isnan
from typing import Any

import numpy as np
import pandas as pd

from cnnlab.analysis import intervals
from cnnlab.analysis.tables.frames import as_rows
from cnnlab.figures.drawing.theme import series
from cnnlab.planning.specs import parse_seeds
from cnnlab.training.records import lost
from cnnlab.wording.numbers import with_interval

Mean = tuple[float, float, float]
PERCENT = (0.0, 100.0)  # between which a share lies


@dataclass(frozen=True)
class ArmRuns:
    """An arm of a study and its finished runs: rows of ``runs`` and of ``curves``."""

    arm_id: str
    label: str
    index: int
    planned: int
    did_not_train: str | None  # and why
    runs: pd.DataFrame
    curves: pd.DataFrame

    @property
    def complete(self) -> bool:
        """Whether every run that the study asks for is there: before, no interval is shown, as n was fixed."""
        return len(self.runs) == self.planned

    @property
    def colour(self) -> str:
        return series(self.index)

    @property
    def lost(self) -> int:
        """Runs that diverged, or finished and had learned nothing."""
        return sum(lost(run["status"], run["failed"]) for run in as_rows(self.runs[["status", "failed"]]))

    def curves_of(self, *status: str) -> pd.DataFrame:
        return self.curves[self.curves["run_id"].isin(self.runs[self.runs["status"].isin(status)]["run_id"])]

    @property
    def errors(self) -> list[float]:
        """Test errors in percent, of the runs that have one."""
        return [100 * float(error) for error in self.runs["test_error"].dropna()]

    def summary(self, values: Sequence[float], places: int | None = None) -> str:
        """``2.59 % (2.41 to 2.77), 1 of 8 diverged or failed``, or how far the runs are."""
        if not self.complete or len(values) < 2:
            return f"{len(values)} of {self.planned} runs"
        text = with_interval(share_interval(values), places, " %")
        return f"{text}, {self.lost} of {self.planned} diverged or failed" if self.lost else text


def arms_of(study: str, tables: Mapping[str, pd.DataFrame]) -> list[ArmRuns]:
    """The arms in the order of the study."""
    arms = tables["arms"]
    return [
        ArmRuns(
            arm["arm_id"],
            arm["label"],
            index,
            arm["n_seeds"],
            arm.get("did_not_train"),
            *(_of_arm(tables[name], arm) for name in ("runs", "curves")),
        )
        for index, arm in enumerate(as_rows(arms[arms["study"] == study]))
    ]


def _of_arm(table: pd.DataFrame, arm: Mapping[str, Any]) -> pd.DataFrame:
    rows: pd.DataFrame = table[(table["arm_id"] == arm["arm_id"]) & table["seed"].isin(parse_seeds(arm["seeds"]))]
    return rows


def mean_interval(values: Any, least: float = -inf, most: float = inf) -> Mean:
    """Mean and the ends of its 95 % interval, Student's t over runs; NaN ends for a single run.

    The ends are cut at `least` and `most`, beyond which no mean can lie: the interval covers as often as before.
    """
    effects = intervals.Effects.of(np.asarray(values, dtype=float))
    low, high = np.clip(intervals.interval(effects), least, most)
    return float(effects.estimate), float(low), float(high)


def share_interval(values: Any) -> Mean:
    """The same of shares in percent, of which none is below 0 or above 100."""
    return mean_interval(values, *PERCENT)


def within(mean: Mean, limits: tuple[float, float]) -> Mean:
    """An interval without what lies outside the values that there can be."""
    center, low, high = mean
    least, most = limits
    return center, low if isnan(low) else max(low, least), high if isnan(high) else min(high, most)
