"""The axes of learning curves: epochs or steps to the right, shares and losses upwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, MaxNLocator, NullFormatter

from cnnlab.figures.drawing.arm_runs import ArmRuns
from cnnlab.figures.drawing.style import log_if_wide, share_limits
from cnnlab.wording.numbers import count, significant

FAR = 4.0  # times the shortest run: where the longest is longer than that, the axis is logarithmic
CUT_SHARES, CUT_LOSSES = 4.0, 10.0  # times the largest error, or loss, of the second half: from there on, cut
TICKS = [mantissa * 10**power for power in range(7) for mantissa in (1, 2, 5)]
NUMBERS = {"epoch": "epoch", "step": "training step"}


@dataclass(frozen=True)
class Along:
    """What the curves run along: a column of ``curves``, from its first positive value to its last."""

    column: str
    first: float
    last: float
    log: bool

    @property
    def title(self) -> str:
        return NUMBERS[self.column]

    def limit(self, axes: Axes) -> None:
        """Whole numbers only, from 0, or from the first evaluation on a logarithmic axis."""
        if not self.log:
            axes.set_xlim(0, 1.03 * self.last)
            axes.xaxis.set_major_locator(MaxNLocator(nbins="auto", integer=True))
            return
        axes.set_xscale("log")
        axes.set_xlim(self.first / 1.1, self.last * 1.1)
        inside = [tick for tick in TICKS if self.first <= tick <= self.last]
        shown = inside if len(inside) < 8 else [tick for tick in inside if f"{tick}"[0] == "1"]
        axes.xaxis.set_major_locator(FixedLocator(shown))
        axes.xaxis.set_major_formatter(lambda value, _: count(value))
        axes.xaxis.set_minor_formatter(NullFormatter())


def along(arms: Sequence[ArmRuns]) -> Along:
    """Epochs, or steps where the runs end nearer to each other by them: of fewer images there are more epochs."""
    curves = [arm.curves for arm in arms if not arm.curves.empty]
    ratios = {}
    for column in NUMBERS:
        ends = [float(of_arm[column].max()) for of_arm in curves]
        ratios[column] = max(ends) / min(ends)
    column = min(ratios, key=lambda name: ratios[name])
    places = pd.concat(curves)[column].astype(float)
    return Along(column, float(places[places > 0].min()), float(places.max()), ratios[column] >= FAR)


def finite(curves: pd.DataFrame, column: str, factor: float) -> pd.DataFrame:
    """The column times `factor`, without the evaluations at which the loss had overflowed."""
    scaled = curves.assign(**{column: curves[column].astype(float) * factor})
    kept: pd.DataFrame = scaled[np.isfinite(scaled[column])]
    return kept


def limit_shares(panels: Sequence[Axes], curves: pd.DataFrame) -> str:
    """The same limits for all, within 0 and 100 %; returns where they are cut, and "" where they are not.

    Where the first evaluations err far more than those of the second half, only three times the errors of these show.
    """
    errors = 100 - curves["validation_accuracy"]
    usual = _late(errors, curves)
    ends = [end for axes in panels for end in axes.get_ylim()]
    low, high = share_limits(min(ends), max(ends))
    cut = errors.max() > CUT_SHARES * usual > 0
    for axes in panels:
        axes.set_ylim(100 - 3 * usual if cut else low, high)
    return f"cut at {significant(100 - 3 * usual)}" if cut else ""


def limit_losses(panels: Sequence[Axes], curves: pd.DataFrame) -> str:
    """The same limits for all, within three times the losses of the second half where the first are far off."""
    losses = curves["validation_loss"]
    highest, usual = losses.max(), _late(losses, curves)
    cut = highest > CUT_LOSSES * usual
    top = 3 * usual if cut else highest
    seen = losses[losses <= top].tolist()
    ends = [end for axes in panels for end in axes.get_ylim()]
    for axes in panels:
        if log_if_wide(axes.yaxis, seen):
            axes.set_ylim(0.8 * min(seen), 1.25 * top)
        else:
            axes.set_ylim(min(ends), top if cut else max(ends))
    return f"cut at {significant(top)}" if cut else ""


def _late(values: pd.Series[float], curves: pd.DataFrame) -> float:
    """The largest value of the second half of training, which is as long as that of the arm."""
    return float(values[curves["epoch"] >= curves.groupby("arm_id")["epoch"].transform("max") / 2].max())
