"""The small interval beside each verdict: effects of any unit on one scale, that of their margins."""

from __future__ import annotations

from math import copysign, isfinite, log2

from markupsafe import Markup, escape

from cnnlab.analysis.tables.frames import Row
from cnnlab.figures.drawing.theme import BADGES
from cnnlab.wording.numbers import MINUS, bounds, significant
from cnnlab.wording.verdicts import DIRECTIONS

WIDTH, HEIGHT, MIDDLE = 132, 22, 11
REACH = 7.0  # margins; what lies beyond is drawn as an arrow


def interval(row: Row) -> Markup:
    """An inline SVG of a row of ``claims``; nothing where there is no interval or no margin."""
    claimed = DIRECTIONS.get(row["direction"])
    if claimed is None or not row["margin"] or (row["low"] is None and row["high"] is None):
        return Markup("")
    low, high = sorted(claimed.turn * bound / row["margin"] for bound in bounds(row))
    colour = f"var(--{BADGES[row['verdict']].role if row['verdict'] in BADGES else 'soft'})"
    shapes = [
        f'<path d="M0 {MIDDLE}H{WIDTH}" stroke="var(--grid)"/>',
        _rectangle(-1, 1, "band", 0.55),
        _rectangle(*claimed.holds, "supported", 0.16),
        f'<path d="M{_x(0)} 2V20" stroke="var(--line)"/>',
        f'<path d="M{_x(low)} {MIDDLE}H{_x(high)}" stroke="{colour}" stroke-width="2"/>',
    ]
    for end in (low, high):
        if abs(end) > REACH:
            tip = _x(end) + copysign(5, end)
            shapes.append(f'<path d="M{_x(end)} 7L{tip} {MIDDLE}L{_x(end)} 15z" fill="{colour}"/>')
    if row["effect"] is not None and abs(at := claimed.turn * row["effect"] / row["margin"]) <= REACH:
        shapes.append(f'<circle cx="{_x(at)}" cy="{MIDDLE}" r="3.6" fill="{colour}"/>')
    label = f"In margins, as claimed to the right: {_margins(low)} to {_margins(high)}"
    head = f'<svg class="mini" role="img" aria-label="{escape(label)}" viewBox="0 0 {WIDTH} {HEIGHT}" fill="none">'
    return Markup(head + "".join(shapes) + "</svg>")


def _x(margins: float) -> float:
    """Compressed away from 0: 1 margin lies a third of the way to the edge, 3 margins two thirds."""
    reach = min(abs(margins), REACH)
    return round(WIDTH / 2 + copysign(log2(1 + reach) / log2(1 + REACH), margins) * (WIDTH / 2 - 6), 1)


def _rectangle(low: float, high: float, role: str, opacity: float) -> str:
    left, width = _x(low), (_x(high) if isfinite(high) else WIDTH) - _x(low)
    return f'<rect x="{left}" y="3" width="{width:g}" height="16" fill="var(--{role})" opacity="{opacity}"/>'


def _margins(number: float) -> str:
    return (MINUS if number < 0 else "") + significant(abs(number)) if isfinite(number) else "no bound"
