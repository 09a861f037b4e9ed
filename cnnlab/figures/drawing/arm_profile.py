"""What the diagnostics saw in the runs of one arm, as lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import Any

import pandas as pd

from cnnlab.figures.drawing.lines import Line
from cnnlab.planning.diagnostics import Profile

BEYOND = 1.001  # positions are stored with fewer digits than metrics


@dataclass(frozen=True)
class ArmProfile:
    """An arm's finished runs, rows of ``runs``, and their rows of ``profiles``."""

    label: str
    index: int
    complete: bool
    rows: pd.DataFrame
    runs: pd.DataFrame

    def of(self, quantity: str) -> pd.DataFrame:
        """The rows of one quantity that have a value."""
        return self.rows[self.rows["quantity"] == quantity].dropna(subset=["value"])

    def along(self, rows: pd.DataFrame, label: str | None = None, dash: int | None = None) -> Line:
        """The runs' values at each position, of the positions at which every run has one."""
        runs = rows["run_id"].nunique()
        points = {x: y for x, y in by_position(rows).items() if len(y) == runs}
        return Line(self.label if label is None else label, self.index, points, self.complete, dash=dash)

    def until(self, rows: pd.DataFrame, metric: str) -> Line:
        """The means up to where a run first fails, by the column `metric` of its last success; then each run alone."""
        last = self._last(metric, set(rows["run_id"]))
        failed = rows[rows["position"] > BEYOND * rows["run_id"].map(last).astype(float)]
        first = failed["position"].min() if len(failed) else inf
        line = self.along(rows)
        points = {place: values for place, values in line.points.items() if place < first}
        others = by_position(rows.drop(failed.index))
        alone = {place: values for place, values in others.items() if place not in points}
        note = _failures(sorted(set(failed["position"])), last, rows["run_id"].nunique())
        return replace(line, points=points, alone=alone, failed=by_position(failed), note=note)

    def _last(self, metric: str, measured: set[str]) -> dict[str, float]:
        if metric not in self.runs:
            return {}
        known = self.runs[self.runs["run_id"].isin(measured)].dropna(subset=[metric])
        return {str(run): float(end) for run, end in zip(known["run_id"], known[metric], strict=True)}

    def layers(self, profile: Profile) -> list[str]:
        """The quantities of a profile that has one for each layer, from the input to the class scores."""
        depths = self.rows[self.rows["quantity"] == profile.layers].drop_duplicates("label").sort_values("position")
        return [f"{profile.name} {layer}" for layer in depths["label"]]


def by_position(rows: Any) -> dict[float, list[float]]:
    return {float(place): list(map(float, group["value"])) for place, group in rows.groupby("position")}


def _failures(places: list[float], last: Mapping[str, float], runs: int) -> str:
    """``3 of 8 fail at 0.08, all at 0.16``; a run that has failed is not tried much further, and counts there too."""
    failed = {place: sum(BEYOND * end < place for end in last.values()) for place in places}
    parts = [f"{number} of {runs} fail at {place:g}" for place, number in list(failed.items())[:1] if number < runs]
    end = next((place for place, number in failed.items() if number == runs), None)
    if end is not None:
        parts.append(f"all{'' if parts else ' fail'} at {end:g}")
    return ", ".join(parts)
