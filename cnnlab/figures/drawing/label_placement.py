"""Labels beside the marks of a scatter plot, where they cover neither each other nor what is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from math import cos, hypot, radians, sin
from textwrap import wrap
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Annotation
from matplotlib.transforms import Bbox

from cnnlab.figures.drawing.arm_runs import Mean
from cnnlab.figures.drawing.theme import light

Pair = tuple[float, float]

# Points: how far from the mark a label may stand, in order of preference; then the angles, to the right first.
DISTANCES = (7, 14, 22, 32, 44, 58)
ANGLES = (0, 180, 90, 270, 35, 325, 145, 215, 62, 298, 118, 242, 18, 342, 162, 198, 76, 284, 104, 256)
OFFSETS = [(size * cos(radians(angle)), size * sin(radians(angle))) for size, angle in product(DISTANCES, ANGLES)]
LONGEST = 18  # characters in a line of a label
MARK = 5  # half the side of the square that a mark takes
LEADER = 12  # from this distance on, a line leads to the mark


@dataclass(frozen=True)
class Ground:
    """What labels must stay clear of, in pixels; `crossed` is what their leaders must not cross."""

    renderer: Any
    scale: float
    inside: Bbox
    taken: Sequence[Bbox]
    crossed: Sequence[Bbox]

    def covered(self, label: Annotation, mark: Pair, offset: Pair) -> float:
        """The area that the label at `offset` and its leader would cover, or that would lie outside."""
        _move(label, offset)
        box = label.get_window_extent(self.renderer)
        outside = float(box.width * box.height) - _overlap(box, self.inside)
        area = sum(_overlap(box, other) for other in self.taken) + outside
        leader = _leader(mark, offset, self.scale)
        return area + sum(_overlap(piece, other) for piece in leader for other in self.crossed)

    def best(self, label: Annotation, mark: Pair) -> Pair:
        """The first offset that covers nothing, or the one that covers least."""
        areas: dict[Pair, float] = {}
        for offset in OFFSETS:
            areas[offset] = self.covered(label, mark, offset)
            if areas[offset] == 0:
                break
        return min(areas, key=lambda offset: areas[offset])


def place_labels(axes: Axes, points: Mapping[str, tuple[float, Mean]], line: Sequence[Pair] = ()) -> None:
    """Write each label beside its point, ``(x, (y, low, high))``: where it covers nothing, or else least.

    The axes must have their final limits and place. `line` gives the corners of a line along the axes' directions.
    """
    figure = axes.get_figure(root=True)
    assert figure is not None
    renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
    scale = figure.dpi / 72
    marks = {text: _drawn(axes, *point, scale) for text, point in points.items()}
    taken = [box for boxes in marks.values() for box in boxes]
    taken += [_between(axes, *ends, scale) for ends in pairwise(line)]
    written: list[Bbox] = []
    arrow = {"arrowstyle": "-", "color": light("line"), "linewidth": 0.6, "shrinkA": 1, "shrinkB": 4}
    for text, (x, (y, _, _)) in points.items():
        lines = "\n".join(wrap(text, LONGEST))
        label = axes.annotate(lines, (x, y), (0, 0), textcoords="offset points", fontsize=9, linespacing=1.1, zorder=4)
        crossed = [*written, *(boxes[0] for other, boxes in marks.items() if other != text)]
        ground = Ground(renderer, scale, axes.get_window_extent(renderer), taken, crossed)
        across, up = axes.transData.transform((x, y))
        best = ground.best(label, (across, up))
        _move(label, best)
        written.append(label.get_window_extent(renderer).padded(1))
        taken += [written[-1], *_leader((across, up), best, scale)]
        if hypot(*best) >= LEADER:
            axes.annotate("", (x, y), best, textcoords="offset points", arrowprops=arrow, zorder=2)


def _move(label: Annotation, offset: Pair) -> None:
    """A label to the right of its mark begins there, one above it is centred."""
    label.set_position(offset)
    across, up = offset
    label.set_horizontalalignment("center" if abs(across) < 1 else "left" if across > 0 else "right")
    label.set_verticalalignment("center" if abs(up) < 1 else "bottom" if up > 0 else "top")


def _drawn(axes: Axes, x: float, error: Mean, scale: float) -> list[Bbox]:
    """The boxes, in pixels, of a mark and of its interval, as far as it lies within the axes."""
    bottom, top = axes.get_ylim()
    y, low, high = (min(max(end, bottom), top) if end == end else error[0] for end in error)
    (across, middle), (_, least), (_, most) = axes.transData.transform([(x, y), (x, low), (x, high)])
    half, thin = MARK * scale, 1.5 * scale
    mark = Bbox.from_extents(across - half, middle - half, across + half, middle + half)
    return [mark, Bbox.from_extents(across - thin, least, across + thin, most)]


def _between(axes: Axes, start: Pair, end: Pair, scale: float) -> Bbox:
    """The box of a piece of a line, a little wider than the line."""
    (x0, y0), (x1, y1) = axes.transData.transform([start, end])
    thin = 1.5 * scale
    return Bbox.from_extents(min(x0, x1) - thin, min(y0, y1) - thin, max(x0, x1) + thin, max(y0, y1) + thin)


def _overlap(one: Bbox, other: Bbox) -> float:
    """The area that two boxes share, in pixels."""
    width = min(one.x1, other.x1) - max(one.x0, other.x0)
    height = min(one.y1, other.y1) - max(one.y0, other.y0)
    return float(max(width, 0) * max(height, 0))


def _leader(mark: Pair, offset: Pair, scale: float) -> list[Bbox]:
    """Small boxes along the line that leads from a mark to its label; none where the label is close."""
    length = hypot(*offset)
    if length < LEADER:
        return []
    steps = [step / length * scale for step in range(MARK, int(length), 3)]
    places = [(mark[0] + step * offset[0], mark[1] + step * offset[1]) for step in steps]
    half = 1.5 * scale
    return [Bbox.from_extents(x - half, y - half, x + half, y + half) for x, y in places]
