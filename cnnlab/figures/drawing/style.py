"""How every figure looks: the page's colours by their roles, text as text, the same bytes at every call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import log10
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from cnnlab.figures.drawing.theme import light
from cnnlab.wording.numbers import SUPERSCRIPTS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHORT, HALF, LONG = 24, 24, 54  # characters of a label that has room for another beside it, and of lines
LINE = 0.2  # inches: of a legend
OTHERS = "other arms"  # the grey lines, where the arms are too many for one panel
GAP = 3  # pixels between two numbers on an axis
WIDTH = 5.2  # inches; 374 points, about what a phone is wide, so that text there has its size
STYLE: Any = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so that every machine lays out alike
    "font.size": 10,
    "text.parse_math": False,  # a label with two dollar signs is no formula
    "text.usetex": False,
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


def broken(labels: Sequence[str], half: bool = False) -> tuple[list[str], int, int]:
    """A legend: its labels in lines that fit the page or `half` of it, its columns, and how many lines there are."""
    short = not half and len(labels) > 1 and max(map(len, labels)) <= SHORT
    texts = ["\n".join(wrap(label, HALF if half else LONG)) for label in labels]
    lines = -(-len(labels) // 2) if short else sum(text.count("\n") + 1 for text in texts)
    return texts, 2 if short else 1, lines


def nothing(figure: Figure, why: str) -> tuple[Figure, str]:
    """A figure that says why there is nothing to be seen, and the same as its alt text."""
    figure.set_size_inches(WIDTH, 0.8)
    figure.text(0.5, 0.5, why, ha="center", va="center", color=light("soft"))
    return figure, why


def wide(values: Sequence[float]) -> bool:
    """Whether a linear axis would squeeze most of the values against 0."""
    return bool(values) and min(values) > 0 and max(values) >= 8 * min(values)


def log_if_wide(ruler: Any, values: Sequence[float]) -> bool:
    """A logarithmic axis where a linear one would not do; whether it is one."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    if not wide(values):
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


def share_limits(low: float, high: float) -> tuple[float, float]:
    """The limits of an axis of shares in percent, which ends at 0 and at 100 where it would reach beyond."""
    return max(low, 0.0), min(high, 100.0)


def numbers_inside(axes: Axes) -> None:
    """Numbers at the two ends of a horizontal axis end with the figure; one that would touch the next is left out."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = axes.get_figure(root=True)
    assert figure is not None
    renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
    low, high = sorted(axes.get_xlim())
    axes.get_xticklabels()  # lays them out
    labels = [tick.label1 for tick in axes.xaxis.get_major_ticks() if low <= tick.get_loc() <= high]
    ends: Any = ((labels[0], "left", labels[1:2]), (labels[-1], "right", labels[-2:-1])) if labels else ()
    for label, side, others in ends:
        box = label.get_window_extent(renderer)
        if box.x0 < figure.bbox.x0 or box.x1 > figure.bbox.x1:
            label.set_horizontalalignment(side)
            box = label.get_window_extent(renderer).padded(GAP)
            label.set_visible(not any(box.overlaps(other.get_window_extent(renderer)) for other in others))
