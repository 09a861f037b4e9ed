"""The picture on a network's card: its stages as boxes from top to bottom, the shape after each, and what each costs.

Written as SVG directly: it has no axes, and there are two for every architecture.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log2, sqrt

from jinja2 import Environment

from cnnlab.analysis.network_stages import Network, Shape, Stage, told
from cnnlab.figures.drawing.svg import FONTS, SVG
from cnnlab.figures.drawing.theme import light
from cnnlab.wording.numbers import compact

# Points: the largest box, the heads, the least row, a vector's height, and the space between two boxes.
WIDEST, HIGHEST, HEAD, LEAST, FLAT, SPACE = 80, 52, 34, 32, 4, 8
# Boxes of maps are outlined, those of vectors solid. Each cost: number and share above a bar of the same share.
PICTURE = """
{% macro text(x, y, content, role="soft", size=9.5, anchor="start") -%}
<text x="{{ x }}" y="{{ "%g" % y }}" font-size="{{ size }}" text-anchor="{{ anchor }}" style="fill: {{ colour(role) }}">
{{- content }}</text>
{% endmacro -%}
{% macro bar(x, y, width, role) -%}
<rect x="{{ x }}" y="{{ "%g" % y }}" width="{{ "%.1f" % width }}" height="5" style="fill: {{ colour(role) }}" />
{% endmacro -%}
<svg xmlns="{{ xmlns }}" role="img" aria-labelledby="{{ name }}-title {{ name }}-desc" font-family="{{ fonts }}"
  viewBox="0 0 374 {{ "%g" % end }}" width="374" height="{{ "%g" % end }}">
<title id="{{ name }}-title">{{ title }}</title><desc id="{{ name }}-desc">{{ alt }}</desc>
{{ text(92, 10, "stage") }}{{ text(92, 23, "what leaves it") }}
{{ text(196, 10, "parameters") }}{{ text(196, 23, compact(network.parameters), "ink", 10) }}
{{ text(289, 10, "MACs") }}{{ text(289, 23, compact(network.macs), "ink", 10) }}
{% for stage, y, width, height in rows %}
<rect x="{{ "%g" % (42 - width / 2) }}" y="{{ "%g" % (y - height / 2) }}" width="{{ "%g" % width }}"
  height="{{ "%g" % height }}" rx="1.5" style="fill: {{ colour("series-1") }}; {# -#}
  fill-opacity: {{ 0.22 if stage.shape | length > 1 else 1 }}; stroke: {{ colour("series-1") }}" />
{{ text(92, y - 3, stage.name, "ink", 10) }}{{ text(92, y + 10, told(stage.shape)) }}
{% for x, cost in [(196, "parameters"), (289, "macs")] if stage.name != "image" %}
{% if stage[cost] %}
{{ text(x, y - 2, compact(stage[cost]), "ink") }}
{{ text(x + 85, y - 2, share(stage[cost], network[cost]), anchor="end") }}
{{ bar(x, y + 3, 85, "grid") }}{{ bar(x, y + 3, [85 * stage[cost] / network[cost], 1] | max, "series-2") }}
{% else %}
{{ text(x, y + 3, "0") }}
{% endif %}
{% endfor %}
{% endfor %}
</svg>
"""


def draw(network: Network, name: str, title: str) -> str:
    """The SVG; `name` begins its ids, and its alt text tells every stage."""
    stages = [Stage("image", network.image, 0, 0), *network.stages]
    rows, end = [], float(HEAD)
    for stage in stages:
        width, height = _box(stage.shape, [other.shape for other in stages])
        step = max(height + SPACE, LEAST)
        rows.append((stage, end + step / 2, width, height))
        end += step
    template = Environment(autoescape=True, trim_blocks=True).from_string(PICTURE)
    tools = {"colour": _colour, "compact": compact, "share": share, "told": told, "xmlns": SVG, "fonts": FONTS}
    texts = {"name": name, "title": title, "alt": _alt(network)}
    return template.render(tools, **texts, network=network, rows=rows, end=end).strip() + "\n"


def _box(size: Shape, shapes: Sequence[Shape]) -> tuple[float, float]:
    """Width by channels or features (logarithmic), height by the side of the map; a vector is flat."""
    most, highest = max(shape[0] for shape in shapes), max(shape[1] for shape in shapes if len(shape) > 1)
    width = WIDEST * log2(1 + size[0]) / log2(1 + most)
    height = FLAT if len(size) == 1 else max(HIGHEST * sqrt(size[1] / highest), FLAT)
    return round(width, 1), round(height, 1)


def share(part: int, whole: int) -> str:
    """``81 %``; what rounds to nothing, or to everything, says so."""
    percent = 100 * part / whole
    if percent < 0.5:
        return "< 1 %"
    return "> 99 %" if part < whole and percent >= 99.5 else f"{percent:.0f} %"


def _colour(role: str) -> str:
    return f"var(--{role}, {light(role)})"


def _alt(network: Network) -> str:
    parts = [
        f"{stage.name} gives {told(stage.shape)}, {compact(stage.parameters)} parameters, {compact(stage.macs)} MACs"
        for stage in network.stages
    ]
    whole = f"{compact(network.parameters)} parameters and {compact(network.macs)} multiply-accumulates"
    return f"{whole} in all. An image of {told(network.image)}; {'; '.join(parts)}."
