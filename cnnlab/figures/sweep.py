"""What a number does: a metric against the switch or the setting that a study varies, every seed as a dot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from cnnlab.figures.drawing.arm_runs import ArmRuns, arms_of
from cnnlab.figures.drawing.line_panels import draw as draw_panels
from cnnlab.figures.drawing.line_words import tell
from cnnlab.figures.drawing.lines import ANY, Line, Panel
from cnnlab.figures.drawing.style import nothing
from cnnlab.planning.metrics import METRICS, Metric
from cnnlab.planning.studies.figure_choice import LEAST
from cnnlab.planning.studies.study import Study
from cnnlab.planning.studies.sweeps import ALL, Sweep, sweeps
from cnnlab.wording.contrasts import noun, own_unit
from cnnlab.wording.numbers import count, listed, plain, setting

FIGURE = {
    "title": "effect of the swept value",
    "caption": "Effect of the number on the axis, all else equal: each run as a dot, and means with 95 % intervals "
    "over seeds. Where a run has no value, as it diverged or never got there, no mean is drawn.",
    "order": 30,
    "tables": ["arms", "runs", "curves"],
    "default_for": "sweeps",
}
MOST = 6  # panels
JOINED = 4  # values of a line at least; fewer are compared, as a line would claim what lies between them
AXES = {
    "model.depth": "layers",
    "model.width": "width",
    "model.dropout": "dropout",
    "data.train_size": "training images",
    "data.label_noise": "share of wrong training labels",
    "data.noise_channels": "channels of noise",
    "data.random_scale": "smallest scale of the digits",
}


def draw(study: Study, tables: Mapping[str, pd.DataFrame]) -> tuple[Figure, str]:
    """The figure and its alt text, from the runs of the arms."""
    figure = Figure(layout="constrained")
    by_id = {arm.arm_id: arm for arm in arms_of(study.name, tables) if not arm.runs.empty}
    runs = {name: by_id[arm.spec.arm_id] for name, arm in study.arms.items() if arm.spec.arm_id in by_id}
    swept = sweeps({name: arm.spec for name, arm in study.arms.items()})
    long = [sweep for sweep in swept if sweep.longest >= LEAST] or swept
    panels = [panel for sweep in long for name in metrics_of(study, sweep) if (panel := _panel(sweep, name, runs))]
    if not panels:
        return nothing(figure, "No run has finished yet." if swept else "No number varies among the arms.")
    draw_panels(figure, panels[:MOST])
    return figure, "Means over seeds, with 95 % intervals. " + " ".join(map(tell, panels[:MOST]))


def metrics_of(study: Study, sweep: Sweep) -> list[str]:
    """Of the contrasts of its arms, those that decide a claim first; test error where there are none."""
    swept = {name for line in sweep.lines for name in line.arms}
    primary = [contrast for claim in study.claims for contrast in claim.requires]
    for contrasts in (primary, study.secondary):
        names = dict.fromkeys(contrast.metric for contrast in contrasts if swept & set(contrast.contrast))
        drawable = [name for name in names if not METRICS[name].measured]
        if drawable:
            return drawable
    return ["test_error"]


def _panel(sweep: Sweep, name: str, runs: Mapping[str, ArmRuns]) -> Panel | None:
    """Of the arms of which the metric is measured; a line needs two of them."""
    metric, lines = METRICS[name], []
    places, ticks = _places(sweep)
    labels = _labels(sweep, runs)
    for index, line in enumerate(sweep.lines):
        arms = {places[value]: runs[arm] for arm, value in line.arms.items() if arm in runs}
        points = {place: values for place, arm in arms.items() if (values := _values(arm, metric))}
        if len(points) > 1:
            missing = {place: len(arms[place].runs) - len(values) for place, values in points.items()}
            complete = all(arm.complete for arm in arms.values())
            lines.append(Line(labels[index], index, points, complete, missing={x: n for x, n in missing.items() if n}))
    if not lines:
        return None
    title = ", ".join(filter(None, (noun(name), own_unit(metric))))
    limits = (0.0, metric.largest) if metric.positive else ANY
    scales: dict[str, Any] = {"log_x": not ticks, "geometric": metric.scale == "log2", "limits": limits}
    return Panel(title, _axis(sweep), lines, joined=not ticks, dots=True, ticks=ticks, **scales)


def _axis(sweep: Sweep) -> str:
    """The number that is swept, and those that change with it."""
    names = [AXES.get(field, field.partition(".")[2].replace("_", " ")) for field in (sweep.field, *sweep.together)]
    return f"{names[0]} (together with {listed(names[1:])})" if names[1:] else names[0]


def _places(sweep: Sweep) -> tuple[dict[float | None, float], dict[float, str]]:
    """Where each value stands: at itself; or at equal distances, with its name, where one is no number, they are few,
    or 0 is among tenfolds."""
    values = {value for line in sweep.lines for value in line.arms.values()}
    numbers: list[float] = sorted(value for value in values if value is not None)
    tenfold = min(numbers) == 0 and len(numbers) > 2 and max(numbers) >= 8 * numbers[1]
    if None not in values and not tenfold and sweep.longest >= JOINED:
        return {value: float(value) for value in numbers}, {}
    ordered = [*numbers, *([None] if None in values else [])]
    names = {float(place): "all" if value is None else plain(value) for place, value in enumerate(ordered)}
    return {value: float(place) for place, value in enumerate(ordered)}, names


def _values(arm: ArmRuns, metric: Metric) -> list[float]:
    """Of the runs that have one: one that diverged has none, nor has one that never reached the target."""
    column: Sequence[Any] = list(arm.runs.get(metric.name, []))
    factor = 1.0 if metric.scale == "log2" else metric.factor
    values = [factor * float(value) for value in column if not pd.isna(value)]
    return [value for value in values if isfinite(value) and (value > 0 or metric.scale == "linear")]


def _labels(sweep: Sweep, runs: Mapping[str, ArmRuns]) -> list[str]:
    """What the study's own labels of a line's arms have in common, or the settings that set the lines apart."""
    if len(sweep.lines) == 1:
        return [""]
    shared = [_shared([runs[arm].label for arm in line.arms if arm in runs]) for line in sweep.lines]
    if all(shared) and len(set(shared)) == len(shared):
        return shared
    return [", ".join(_setting(*field) for field in line.shared.items()) for line in sweep.lines]


def _shared(labels: Sequence[str]) -> str:
    """``Two 3x3`` of `Two 3x3` and `Two 3x3, narrow`."""
    parts = [label.split(", ") for label in labels]
    return ", ".join(part for part in parts[0] if all(part in others for others in parts)) if parts else ""


def _setting(field: str, value: Any) -> str:
    """``residual``, ``not residual``, ``width 8``, ``all images``."""
    if field == ALL:
        return "all images" if value is None else f"{count(value)} images"
    return setting(field.partition(".")[2].replace("_", " "), "by default" if value is None else value)
