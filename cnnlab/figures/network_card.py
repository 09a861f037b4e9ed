"""The picture on a network's card: its stages as boxes from top to bottom, the shape after each, and what each costs.

Written as SVG directly: it has no axes, and there are two for every architecture.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from math import log2, sqrt

from cnnlab.analysis.network_stages import Network, Shape, Stage, told
from cnnlab.figures.drawing.svg import FONTS, SVG
from cnnlab.figures.drawing.theme import light
from cnnlab.wording.numbers import compact

# Points: the page, the middle of the boxes, the largest box, where the texts begin, bars, rows.
PAGE, MIDDLE, WIDEST, HIGHEST, TEXT = 374, 42, 80, 52, 92
BARS, BAR, THICK = {"parameters": 196, "macs": 289}, 85, 5
HEAD, LEAST, FLAT, SPACE = 34, 32, 4, 8


def draw(network: Network, name: str, title: str) -> str:
    """The SVG; `name` begins its ids, and its alt text tells every stage."""
    stages = network.stages
    shapes = [network.image, *(stage.shape for stage in stages)]
    root = ET.Element("svg", {"xmlns": SVG, "role": "img", "aria-labelledby": f"{name}-title {name}-desc"})
    for tag, content in (("title", title), ("desc", _alt(network, stages))):
        ET.SubElement(root, tag, {"id": f"{name}-{tag}"}).text = content
    _heads(root, network)
    y = float(HEAD)
    for index, size in enumerate(shapes):
        width, height = _box(size, shapes)
        step = max(height + SPACE, LEAST)
        _boxed(root, size, width, height, y + step / 2)
        _named(root, stages[index - 1].name if index else "image", size, y + step / 2)
        if index:
            _costs(root, stages[index - 1], network, y + step / 2)
        y += step
    root.attrib |= {"viewBox": f"0 0 {PAGE} {y:g}", "width": str(PAGE), "height": f"{y:g}", "font-family": FONTS}
    return ET.tostring(root, encoding="unicode") + "\n"


def _box(size: Shape, shapes: Sequence[Shape]) -> tuple[float, float]:
    """Width by channels or features (logarithmic), height by the side of the map; a vector is flat."""
    most, highest = max(each[0] for each in shapes), max(_side(each) for each in shapes)
    width = WIDEST * log2(1 + size[0]) / log2(1 + most)
    height = FLAT if len(size) == 1 else max(HIGHEST * sqrt(_side(size) / highest), FLAT)
    return round(width, 1), round(height, 1)


def _side(size: Shape) -> int:
    return size[1] if len(size) > 1 else 1


def _boxed(root: ET.Element, size: Shape, width: float, height: float, middle: float) -> None:
    """Maps are outlined, vectors solid."""
    fill, opacity = ("series-1", 0.22) if len(size) > 1 else ("series-1", 1)
    corner = {"x": f"{MIDDLE - width / 2:g}", "y": f"{middle - height / 2:g}"}
    box = {**corner, "width": f"{width:g}", "height": f"{height:g}", "rx": "1.5"}
    style = f"fill: {_colour(fill)}; fill-opacity: {opacity:g}; stroke: {_colour(fill)}"
    ET.SubElement(root, "rect", {**box, "style": style})


def _named(root: ET.Element, name: str, size: Shape, middle: float) -> None:
    _text(root, TEXT, middle - 3, name, "ink", 10)
    _text(root, TEXT, middle + 10, told(size), "soft", 9.5)


def _heads(root: ET.Element, network: Network) -> None:
    """The columns with the totals that the shares add up to."""
    totals = {"parameters": network.parameters, "macs": network.macs}
    _text(root, TEXT, 10, "stage", "soft", 9.5)
    _text(root, TEXT, 23, "what leaves it", "soft", 9.5)
    for column, left in BARS.items():
        _text(root, left, 10, "parameters" if column == "parameters" else "MACs", "soft", 9.5)
        _text(root, left, 23, compact(totals[column]), "ink", 10)


def _costs(root: ET.Element, stage: Stage, network: Network, middle: float) -> None:
    """Number and share above a bar of the same share; a stage that costs nothing has neither."""
    for column, value, whole in (
        ("parameters", stage.parameters, network.parameters),
        ("macs", stage.macs, network.macs),
    ):
        left = BARS[column]
        if not value:
            _text(root, left, middle + 3, "0", "soft", 9.5)
            continue
        _text(root, left, middle - 2, compact(value), "ink", 9.5)
        _text(root, left + BAR, middle - 2, share(value, whole), "soft", 9.5, anchor="end")
        for length, role in ((BAR, "grid"), (max(BAR * value / whole, 1), "series-2")):
            bar = {"x": str(left), "y": f"{middle + 3:g}", "width": f"{length:.1f}", "height": str(THICK)}
            ET.SubElement(root, "rect", {**bar, "style": f"fill: {_colour(role)}"})


def share(part: int, whole: int) -> str:
    """``81 %``; what rounds to nothing, or to everything, says so."""
    percent = 100 * part / whole
    if percent < 0.5:
        return "< 1 %"
    return "> 99 %" if part < whole and percent >= 99.5 else f"{percent:.0f} %"


def _text(root: ET.Element, x: float, y: float, text: str, role: str, size: float, anchor: str = "start") -> None:
    place = {"x": f"{x:g}", "y": f"{y:g}", "font-size": f"{size:g}", "text-anchor": anchor}
    ET.SubElement(root, "text", {**place, "style": f"fill: {_colour(role)}"}).text = text


def _colour(role: str) -> str:
    return f"var(--{role}, {light(role)})"


def _alt(network: Network, stages: Sequence[Stage]) -> str:
    parts = [
        f"{stage.name} gives {told(stage.shape)}, {compact(stage.parameters)} parameters, {compact(stage.macs)} MACs"
        for stage in stages
    ]
    whole = f"{compact(network.parameters)} parameters and {compact(network.macs)} multiply-accumulates"
    return f"{whole} in all. An image of {told(network.image)}; {'; '.join(parts)}."
