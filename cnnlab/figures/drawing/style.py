"""How every figure looks: the page's colours by their roles, text as text, the same bytes at every call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import log10
from typing import TYPE_CHECKING, Any

from cnnlab.figures.drawing.theme import light
from cnnlab.wording.numbers import SUPERSCRIPTS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHORT = 24  # characters of a label that has room for another beside it
WIDTH = 5.2  # inches; 374 points, about what a phone is wide, so that text there has its size
STYLE: Any = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so that every machine lays out alike
    "font.size": 10,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.labelsize": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.7,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.linewidth": 0.7,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "xtick.major.width": 0.7,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "legend.frameon": False,
    "legend.fontsize": 10,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "svg.fonttype": "none",
    "svg.hashsalt": "cnnlab",
    "image.composite_image": False,
    "text.color": light("ink"),
    "axes.labelcolor": light("soft"),
    "axes.titlecolor": light("soft"),
    "axes.edgecolor": light("line"),
    "grid.color": light("grid"),
    "xtick.color": light("line"),
    "ytick.color": light("line"),
    "xtick.labelcolor": light("soft"),
    "ytick.labelcolor": light("soft"),
}


@contextmanager
def style() -> Iterator[None]:
    import matplotlib

    with matplotlib.rc_context(STYLE):
        yield


def write(axes: Any, x: float, y: float, text: str, role: str = "ink", size: float = 9, **how: Any) -> None:
    """A line of text, its middle at `y`."""
    axes.text(x, y, text, color=light(role), fontsize=size, va="center", **{"ha": "center", **how})


def rows_only(axes: Axes, height: float, label: str) -> None:
    """Rows from 0 down to `height`, which need no vertical axis; `label` names the horizontal one."""
    axes.set_ylim(height, 0)
    axes.set_yticks([])
    axes.grid(False)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(label, labelpad=2)


def legend_columns(lengths: Sequence[int]) -> int:
    """Two where the labels, of these `lengths`, are short enough to stand side by side."""
    return 2 if len(lengths) > 1 and max(lengths) <= SHORT else 1


def nothing(figure: Figure, why: str) -> tuple[Figure, str]:
    """A figure that says why there is nothing to be seen, and the same as its alt text."""
    figure.set_size_inches(WIDTH, 0.8)
    figure.text(0.5, 0.5, why, ha="center", va="center", color=light("soft"))
    return figure, why


def log_if_wide(ruler: Any, values: list[float]) -> bool:
    """A logarithmic axis where a linear one would squeeze most of the values against 0; whether it is one."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    if not values or min(values) <= 0 or max(values) / min(values) < 8:
        return False
    ruler._set_axes_scale("log")
    decades = log10(max(values) / min(values))
    ruler.set_major_locator(LogLocator(subs=(1, 2, 5) if decades < 3 else (1,), numticks=20 if decades < 6 else 6))
    ruler.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
    ruler.set_minor_formatter(NullFormatter())
    return True


def tick(value: float) -> str:
    """``0.02``; powers of ten that would take many digits as ``10⁻⁵``."""
    mantissa, _, power = f"{value:g}".partition("e")
    return f"10{str(int(power)).translate(SUPERSCRIPTS)}" if power and mantissa == "1" else f"{value:g}"
