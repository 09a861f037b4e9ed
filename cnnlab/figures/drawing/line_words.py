"""What a panel of lines says, in words."""

from __future__ import annotations

import numpy as np

from cnnlab.figures.drawing.arm_runs import Mean
from cnnlab.figures.drawing.lines import Line, Panel
from cnnlab.wording.numbers import capital, significant, with_interval


def tell(panel: Panel) -> str:
    """The panel in words: named positions each, others by the two ends of every line."""
    if panel.text:
        return panel.text
    lines = [f"{line.label} {text}".strip() for line in panel.lines if (text := _tell(line, panel))]
    return f"{capital(panel.title)}, by {panel.axis}: {'; '.join(lines) or 'nothing yet'}."


def _tell(line: Line, panel: Panel) -> str:
    """The means at the two ends; or at every position, or how many runs have no value there."""
    texts = {place: _written(mean) for place, mean in panel.means(line).items()}
    whole = panel.ticks or panel.dots
    if whole:
        for place, count in line.missing.items():
            texts[place] = f"no value in {count} of {count + len(line.points.get(place, ()))} runs"
    parts = [f"{text} at {panel.ticks.get(place) or f'{place:g}'}" for place, text in sorted(texts.items())]
    told = ", ".join(parts) if whole or len(parts) < 2 else f"from {parts[0]} to {parts[-1]}"
    return f"{told}, {line.note}" if told and line.note else told or line.note


def _written(mean: Mean) -> str:
    """``2.59 (2.41 to 2.77)``, or the mean alone."""
    return with_interval(mean) if np.isfinite(mean[1]) else significant(mean[0])
