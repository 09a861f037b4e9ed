"""A printed figure on our runs: each run a tick, the interval for one run a band, the printed figure a diamond."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

WIDTH, HEIGHT, MIDDLE, EDGE = 180, 24, 12, 8


def bar(
    printed: float, values: Sequence[float], interval: tuple[float, float] | None, limits: tuple[float, float]
) -> Markup:
    """An inline SVG; numbers in percent, on a scale that reaches over `limits`, the same for rows beside each other."""

    def x(value: float) -> float:
        low, high = limits
        return round(EDGE + (value - low) / (high - low or 1) * (WIDTH - 2 * EDGE), 1)

    shapes = [f'<path d="M0 {MIDDLE}H{WIDTH}" stroke="var(--grid)"/>']
    if interval is not None:
        left, right = (min(max(x(end), 0), WIDTH) for end in interval)
        shapes.append(f'<rect x="{left}" y="4" width="{right - left:g}" height="16" fill="var(--band)"/>')
    shapes += [f'<path d="M{x(value)} 6V18" stroke="var(--series-1)" stroke-width="1.4"/>' for value in values]
    at = x(printed)
    shapes.append(f'<path d="M{at} 5l6 7l-6 7l-6-7z" fill="var(--series-2)" stroke="var(--paper)"/>')
    label = f"In print {printed:.2f} %, our {len(values)} runs between " + (
        f"{min(values):.2f} and {max(values):.2f} %" if values else "no limits yet"
    )
    head = f'<svg class="mini" role="img" aria-label="{escape(label)}" viewBox="0 0 {WIDTH} {HEIGHT}" fill="none">'
    return Markup(head + "".join(shapes) + "</svg>")
