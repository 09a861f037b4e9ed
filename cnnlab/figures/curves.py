"""Learning curves: validation accuracy above validation loss, mean over seeds and 95 % band of each arm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cnnlab.figures.drawing.arm_runs import ArmRuns, arms_of, mean_interval
from cnnlab.figures.drawing.style import WIDTH, legend_columns, log_if_wide, nothing
from cnnlab.figures.drawing.theme import DASHES, light
from cnnlab.planning.studies.study import Study
from cnnlab.wording.numbers import listed, plural, significant

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


def draw(study: Study, tables: Mapping[str, pd.DataFrame]) -> tuple[Figure, str]:
    """The figure and its alt text. Arms that are not trained have no curve, and are named in the text only."""
    arms = arms_of(study.name, tables)
    still = [arm for arm in arms if arm.curves.empty and not arm.runs.empty]
    arms = [arm for arm in arms if arm not in still]
    columns = legend_columns([len(arm.label) + 24 * bool(arm.lost) for arm in arms])
    figure = Figure(figsize=(WIDTH, 4 + 0.2 * -(-len(arms) // columns)), layout="constrained")
    if all(arm.curves.empty for arm in arms):
        return nothing(figure, "No run is finished yet." if arms else "None of the networks is trained.")
    panels = figure.subplots(2, 1, sharex=True, height_ratios=(1.15, 1))
    for axes, (column, factor, title) in zip(panels, PANELS, strict=True):
        for arm in arms:
            _curve(axes, arm, column, factor)
        axes.set(title=title, xlabel="", ylabel="")
    above, below = panels
    _target(above, arms)
    _limit_losses(below, pd.concat([_finite(arm.curves, "validation_loss", 1) for arm in arms]))
    below.set_xlabel("epoch")
    below.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.legend(*above.get_legend_handles_labels(), loc="outside upper left", ncols=columns)
    without = f" Not trained, and so without a curve: {listed([arm.label for arm in still])}." if still else ""
    return figure, _alt(arms) + without


def _limit_losses(axes: Axes, curves: pd.DataFrame) -> None:
    """Where the first evaluations are off by powers of ten, the axis ends at 3 times the losses of the second half."""
    losses, late = curves["validation_loss"], curves["epoch"] >= curves["epoch"].max() / 2
    highest, usual = losses.max(), losses[late].max()
    top = 3 * usual if highest > 10 * usual else highest
    within = losses[losses <= top].tolist()
    if highest > top:
        axes.set_title(f"{axes.get_title(loc='left')}, cut at {significant(top)}")
    if log_if_wide(axes.yaxis, within):
        axes.set_ylim(0.8 * min(within), 1.25 * top)
    elif highest > top:
        axes.set_ylim(top=top)


def _curve(axes: Axes, arm: ArmRuns, column: str, factor: float) -> None:
    """The mean of the runs that finished; a run that diverged as a thin line of its own, with a cross at its end."""
    dashes = DASHES[arm.index % len(DASHES)]
    style: dict[str, Any] = {"color": arm.colour, "linestyle": (0, dashes) if dashes else "-"}
    style |= {"marker": "o"} if arm.curves["epoch"].nunique() == 1 else {}
    label = arm.label + (f" ({arm.lost} of {arm.planned} diverged or failed)" if arm.lost else "")
    axes.plot([], [], label=label, linewidth=1.6, **style)
    sns.lineplot(
        data=_finite(arm.curves_of("finished", "timed_out"), column, factor),
        x="epoch",
        y=column,
        ax=axes,
        errorbar=(lambda values: mean_interval(values)[1:]) if arm.complete else None,
        err_kws={"alpha": 0.18, "linewidth": 0},
        linewidth=1.6,
        legend=False,
        **style,
    )
    for _, run in _finite(arm.curves_of("diverged"), column, factor).groupby("seed"):
        axes.plot(run["epoch"], run[column], linewidth=0.8, alpha=0.7, **style)
        axes.plot(run["epoch"].iloc[-1], run[column].iloc[-1], "x", markersize=5, color=arm.colour)


def _finite(curves: pd.DataFrame, column: str, factor: float) -> pd.DataFrame:
    """Without the evaluations at which the loss had overflowed."""
    scaled = curves.assign(**{column: curves[column].astype(float) * factor})
    finite: pd.DataFrame = scaled[np.isfinite(scaled[column])]
    return finite


def _target(axes: Axes, arms: Sequence[ArmRuns]) -> None:
    targets = {float(value) for arm in arms for value in arm.runs["target_accuracy"].dropna()}
    for target in targets if len(targets) == 1 else ():
        axes.axhline(100 * target, color=light("line"), linewidth=0.8, linestyle=(0, (1, 2)))
        axes.annotate(
            "target",
            (0, 100 * target),
            (3, 2),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            fontsize=8.5,
            color=light("soft"),
        )


def _alt(arms: Sequence[ArmRuns]) -> str:
    ends = "; ".join(f"{arm.label} {arm.summary(_last(arm))}" for arm in arms)
    return (
        f"Validation accuracy and log-loss against the epoch, mean and 95 % interval over seeds, for "
        f"{plural(len(arms), 'arm')}. Validation accuracy at the end: {ends}."
    )


def _last(arm: ArmRuns) -> list[float]:
    finished = _finite(arm.curves_of("finished", "timed_out"), "validation_accuracy", 100)
    return [float(value) for value in finished.groupby("seed")["validation_accuracy"].last()]
