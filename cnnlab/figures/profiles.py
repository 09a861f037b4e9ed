"""What the diagnostics of a study saw along depth, steps, shifts or learning rates: one panel for each quantity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cnnlab.figures.drawing.arm_runs import arms_of
from cnnlab.figures.drawing.line_panels import draw as draw_panels
from cnnlab.figures.drawing.line_panels import tell
from cnnlab.figures.drawing.profile_panels import ArmProfile, drawn
from cnnlab.figures.drawing.style import nothing

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from cnnlab.planning.studies.study import Study

FIGURE = {
    "title": "diagnostics",
    "caption": "Diagnostics inside the networks: means over seeds, bands their 95 % intervals. A run that diverged "
    "is not measured.",
    "order": 10,
    "tables": ["arms", "runs", "curves", "profiles"],
    "default_for": "profiles",
}


def draw(study: Study, tables: Mapping[str, pd.DataFrame]) -> tuple[Figure, str]:
    """The figure and its alt text, from the table ``profiles``."""
    from matplotlib.figure import Figure

    figure = Figure(layout="constrained")
    if "profiles" not in tables:
        return nothing(figure, "No run has been looked into yet.")
    rows = tables["profiles"]
    found = [
        ArmProfile(arm.label, arm.index, arm.complete, rows[rows["run_id"].isin(arm.runs["run_id"])])
        for arm in arms_of(study.name, tables)
    ]
    looked_into = [arm for arm in found if not arm.rows.empty]
    panels = drawn(looked_into) if looked_into else []
    if not panels:
        return nothing(figure, "No run has been looked into yet.")
    draw_panels(figure, panels)
    return figure, "Means over seeds, with 95 % bands. " + " ".join(map(tell, panels))
