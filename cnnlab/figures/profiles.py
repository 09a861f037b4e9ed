"""What the diagnostics of a study saw along depth, steps, shifts or learning rates: one panel for each quantity."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from cnnlab.figures.drawing.arm_profile import ArmProfile
from cnnlab.figures.drawing.arm_runs import arms_of
from cnnlab.figures.drawing.line_panels import draw as draw_panels
from cnnlab.figures.drawing.line_words import tell
from cnnlab.figures.drawing.profile_panels import drawn
from cnnlab.figures.drawing.style import nothing
from cnnlab.planning.studies.study import Study

FIGURE = {
    "title": "diagnostics",
    "caption": "Diagnostics inside the networks: means over seeds, bands their 95 % intervals. A run that diverged "
    "is not measured; a cross is a run that fails at that learning rate.",
    "order": 10,
    "tables": ["arms", "runs", "curves", "profiles"],
    "default_for": "profiles",
}


def draw(study: Study, tables: Mapping[str, pd.DataFrame]) -> tuple[Figure, str]:
    """The figure and its alt text, from the table ``profiles``."""
    figure, rows = Figure(layout="constrained"), tables.get("profiles", pd.DataFrame(columns=["run_id"]))
    profiles = [
        ArmProfile(arm.label, arm.index, arm.complete, rows[rows["run_id"].isin(arm.runs["run_id"])], arm.runs)
        for arm in arms_of(study.name, tables)
    ]
    measured = [arm for arm in profiles if not arm.rows.empty]
    panels = drawn(measured) if measured else []
    if not panels:
        return nothing(figure, "No run has been looked into yet.")
    draw_panels(figure, panels)
    return figure, "Means over seeds, with 95 % bands. " + " ".join(map(tell, panels))
