"""Learning curves: validation accuracy and validation loss, mean over seeds and 95 % band of each arm.

Up to four arms share one pair of panels. More of them stand in groups, each in colour before the others in grey.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cnnlab.figures.drawing.arm_runs import ArmRuns, arms_of, mean_interval, share_interval
from cnnlab.figures.drawing.curve_axes import Along, along, finite, limit_losses, limit_shares
from cnnlab.figures.drawing.line_groups import groups, hidden, reference
from cnnlab.figures.drawing.style import LINE, OTHERS, WIDTH, broken, nothing
from cnnlab.figures.drawing.theme import light, linestyle
from cnnlab.planning.studies.study import Study
from cnnlab.wording.numbers import listed, plain, plural

FIGURE = {
    "title": "learning curves",
    "caption": "Validation accuracy and log-loss while training (of the test images, where a study has no validation "
    "images, and chooses nothing by them). Lines are means over the runs that finished, bands "
    "their 95 % intervals; a run that diverged is a thin line that ends in a cross.",
    "order": 40,
    "tables": ["arms", "runs", "curves"],
    "default_for": "trained",
}
PANELS = (("validation_accuracy", 100, "validation accuracy, %"), ("validation_loss", 1, "validation log-loss, nats"))
TALL, LOW = 4.0, 2.25  # inches: of two panels one above the other, and of two side by side


@dataclass(frozen=True)
class Group:
    """Arms that share a pair of panels, with what a legend calls each, and the others."""

    arms: Sequence[ArmRuns]
    labels: Sequence[str]
    columns: int
    height: float


def draw(study: Study, tables: Mapping[str, pd.DataFrame]) -> tuple[Figure, str]:
    """The figure and its alt text. Arms that are not trained have no curve, and are named in the text only."""
    arms = arms_of(study.name, tables)
    still = [arm for arm in arms if arm.curves.empty and not arm.runs.empty]
    arms = [arm for arm in arms if arm not in still]
    figure = Figure(layout="constrained")
    if all(arm.curves.empty for arm in arms):
        return nothing(figure, "No run is finished yet." if arms else "None of the networks is trained.")
    base = reference(study)
    first = next((arm for arm in arms if base and arm.arm_id == study.arms[base].spec.arm_id), None)
    together = groups(arms, first)
    by = along(arms)
    drawn = [_group(group, by, len(together) > 1) for group in together]
    figure.set_size_inches(WIDTH, sum(group.height for group in drawn))
    parts = figure.subfigures(len(drawn), 1, height_ratios=[group.height for group in drawn], squeeze=False).flat
    panels = [_panels(part, arms, group, by, len(drawn) > 1) for part, group in zip(parts, drawn, strict=True)]
    _frame([above for above, _ in panels], [below for _, below in panels], arms, by)
    without = f" Not trained, and so without a curve: {listed([arm.label for arm in still])}." if still else ""
    return figure, _alt(arms, by) + without


def _group(arms: Sequence[ArmRuns], by: Along, beside: bool) -> Group:
    labels, columns, lines = broken([*_labels(arms, by), *([OTHERS] if beside else [])])
    height = LOW if beside else TALL
    return Group(arms, labels, columns, height + LINE * lines)


def _labels(arms: Sequence[ArmRuns], by: Along) -> list[str]:
    """What a legend calls each arm: with the runs that were lost, and with the arm that covers its lines."""
    covered = [hidden(_means(arms, by, column, factor)) for column, factor, _ in PANELS]
    labels = []
    for arm in arms:
        notes = [f"{arm.lost} of {arm.planned} diverged or failed"] if arm.lost else []
        notes += [f"beneath {covered[0][arm.label]}"] if all(arm.label in lines for lines in covered) else []
        labels.append(arm.label + (f" ({'; '.join(notes)})" if notes else ""))
    return labels


def _means(arms: Sequence[ArmRuns], by: Along, column: str, factor: float) -> list[tuple[str, dict[float, float]]]:
    means = [(arm.label, finite(arm.curves, column, factor).groupby(by.column)[column].mean()) for arm in arms]
    return [(label, {float(at): float(mean) for at, mean in zip(of.index, of, strict=True)}) for label, of in means]


def _panels(part: Any, arms: Sequence[ArmRuns], group: Group, by: Along, beside: bool) -> tuple[Axes, Axes]:
    """The two panels of a group, one beneath the other or `beside` each other, and the legend above them."""
    shape: dict[str, Any] = {"ncols": 2} if beside else {"nrows": 2, "height_ratios": (1.15, 1)}
    name = by.title + (" (logarithmic)" if by.log else "")
    above, below = part.subplots(**shape, sharex=True)
    for axes, (column, factor, title) in zip((above, below), PANELS, strict=True):
        for arm in arms:
            if arm not in group.arms:
                _grey(axes, arm, by, column, factor)
        for arm, label in zip(group.arms, group.labels, strict=False):
            _curve(axes, arm, label, by, column, factor)
        if beside:
            axes.plot([], [], color=light("band"), label=OTHERS)
        axes.set(title=title, xlabel=name if beside or axes is below else "", ylabel="")
    part.legend(*above.get_legend_handles_labels(), loc="outside upper left", ncols=group.columns)
    return above, below


def _curve(axes: Axes, arm: ArmRuns, label: str, by: Along, column: str, factor: float) -> None:
    """The mean of the runs that finished; a run that diverged as a thin line of its own, with a cross at its end."""
    style: dict[str, Any] = {"color": arm.colour, "linestyle": linestyle(arm.index)}
    style |= {"marker": "o"} if arm.curves[by.column].nunique() == 1 else {}
    interval = share_interval if column == "validation_accuracy" else mean_interval
    axes.plot([], [], label=label, linewidth=1.6, **style)
    sns.lineplot(
        data=finite(arm.curves_of("finished", "timed_out"), column, factor),
        x=by.column,
        y=column,
        ax=axes,
        errorbar=(lambda values: interval(values)[1:]) if arm.complete else None,
        err_kws={"alpha": 0.18, "linewidth": 0},
        linewidth=1.6,
        legend=False,
        **style,
    )
    for _, run in finite(arm.curves_of("diverged"), column, factor).groupby("seed"):
        axes.plot(run[by.column], run[column], linewidth=0.8, alpha=0.7, **style)
        axes.plot(run[by.column].iloc[-1], run[column].iloc[-1], "x", markersize=5, color=arm.colour)


def _grey(axes: Axes, arm: ArmRuns, by: Along, column: str, factor: float) -> None:
    """The mean of an arm of another group, to compare with."""
    runs = finite(arm.curves_of("finished", "timed_out"), column, factor)
    look: dict[str, Any] = {"color": light("band"), "linewidth": 1.0, "errorbar": None, "legend": False, "zorder": 1}
    sns.lineplot(data=runs, x=by.column, y=column, ax=axes, **look)


def _frame(shares: Sequence[Axes], losses: Sequence[Axes], arms: Sequence[ArmRuns], by: Along) -> None:
    """The same limits for all panels of a kind, whole epochs, and the target as a dotted line; titles tell of each."""
    notes = [
        [limit(panels, pd.concat([finite(arm.curves, column, factor) for arm in arms]))]
        for panels, limit, (column, factor, _) in zip(
            (shares, losses), (limit_shares, limit_losses), PANELS, strict=True
        )
    ]
    targets = {float(value) for arm in arms for value in arm.runs["target_accuracy"].dropna()}
    for target in targets if len(targets) == 1 else ():
        notes[0].append(f"dotted: target {plain(100 * target)}")
        for axes in shares:
            axes.axhline(100 * target, color=light("line"), linewidth=0.8, linestyle=(0, (1, 2)), zorder=1.5)
    for panels, of in zip((shares, losses), notes, strict=True):
        note = "; ".join(filter(None, of))
        for axes in panels:
            by.limit(axes)
            if note:
                axes.set_title(f"{axes.get_title(loc='left')}{chr(10) if len(panels) > 1 else ' '}({note})")


def _alt(arms: Sequence[ArmRuns], by: Along) -> str:
    ends = "; ".join(f"{arm.label} {arm.summary(_last(arm))}" for arm in arms)
    return (
        f"Validation accuracy and log-loss against the {by.title}, mean and 95 % interval over seeds, for "
        f"{plural(len(arms), 'arm')}. Validation accuracy at the end: {ends}."
    )


def _last(arm: ArmRuns) -> list[float]:
    finished = finite(arm.curves_of("finished", "timed_out"), "validation_accuracy", 100)
    return [float(value) for value in finished.groupby("seed")["validation_accuracy"].last()]
