"""First-layer filters before and after training, and what they return for a test image, arm by arm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cnnlab.figures.drawing.arm_runs import ArmRuns, arms_of
from cnnlab.figures.drawing.effect_cell import LINE
from cnnlab.figures.drawing.style import WIDTH, nothing, write
from cnnlab.planning.diagnostics import diagnostics
from cnnlab.planning.studies.study import Study
from cnnlab.wording.numbers import fixed

FIGURE = {
    "title": "first-layer filters",
    "caption": "The first layer of the first seed of each arm: its filters as weights summed over input channels, "
    "and the feature map of each trained filter for the first test image (left).",
    "order": 20,
    "tables": ["arms", "runs", "curves", "profiles", "pictures"],
    "default_for": "pictures",
}
# Points: the page, the names of the rows, a tile, and the space around it.
PAGE, NAMES, TILE, SPACE = 72 * WIDTH, 84.0, 32.0, 4.0
MOST = 8  # filters side by side
INITIALIZED, TRAINED, IMAGE, MAPS = diagnostics()["orientation_selectivity"].pictures
SELECTIVITY = {INITIALIZED: "selectivity before", TRAINED: "selectivity after"}
LEGEND = ("Beneath: orientation selectivity, 0 to 1.", "Grey is 0; each filter has a scale of its own.")


def draw(study: Study, tables: Mapping[str, pd.DataFrame]) -> tuple[Figure, str]:
    """The figure and its alt text, from ``pictures`` and ``profiles``."""
    figure = Figure()
    by_arm = {arm.label: _pictures(arm, tables) for arm in arms_of(study.name, tables)}
    pictures = {label: of_arm for label, of_arm in by_arm.items() if of_arm}
    if not pictures:
        return nothing(figure, "No run has left its filters yet.")
    rows = TILE + SPACE
    block = LINE + 3 * rows + 2 * LINE + 2 * SPACE
    height = block * len(pictures) + LINE * len(LEGEND)
    figure.set_size_inches(WIDTH, height / 72)
    axes = figure.add_axes((0, 0, 1, 1))
    texts = [_arm(axes, block * place, label, *of_arm) for place, (label, of_arm) in enumerate(pictures.items())]
    for line, text in enumerate(LEGEND):
        write(axes, 0, block * len(pictures) + LINE * (line + 0.5), text, "soft", 9, ha="left")
    axes.set(xlim=(0, PAGE), ylim=(height, 0), aspect="auto")
    axes.set_axis_off()
    return figure, f"First-layer filters before and after training, and their feature maps. {' '.join(texts)}"


def _pictures(arm: ArmRuns, tables: Mapping[str, pd.DataFrame]) -> tuple[int, Any, dict[str, list[float]]] | None:
    """The seed, the stacks by name, and the selectivity of each filter before and after."""
    if not {"pictures", "profiles"} <= tables.keys():
        return None
    rows, profile = tables["pictures"], tables["profiles"].sort_values("position")
    rows = rows[rows["run_id"].isin(arm.runs["run_id"])]
    profile = profile[profile["run_id"].isin(rows["run_id"]) & profile["quantity"].isin(SELECTIVITY.values())]
    if rows.empty or profile.empty:
        return None
    stacks = {str(name): _stack(pixels) for name, pixels in rows.groupby("picture")}
    values = {name: profile[profile["quantity"] == of]["value"].tolist() for name, of in SELECTIVITY.items()}
    return int(rows["seed"].iloc[0]), stacks, values


def _stack(rows: pd.DataFrame) -> np.ndarray:
    count, height, width = (int(rows[key].max()) + 1 for key in ("index", "y", "x"))
    return rows.sort_values(["index", "y", "x"])["value"].to_numpy(float).reshape(count, height, width)


def _arm(axes: Axes, top: float, label: str, seed: int, stacks: Any, values: dict[str, list[float]]) -> str:
    """Three rows of tiles; returns what they show in words."""
    count = min(len(stacks[TRAINED]), MOST)
    more = f", the first {count} of {len(stacks[TRAINED])} filters" if count < len(stacks[TRAINED]) else ""
    write(axes, 0, top + LINE / 2, f"{label}{more}, seed {seed}", ha="left")
    y = top + LINE + SPACE
    for name, text in ((INITIALIZED, "as initialized"), (TRAINED, "trained")):
        write(axes, 0, y + TILE / 2, text, "soft", 9, ha="left")
        for place in range(count):
            picture = stacks[name][place]
            _tile(axes, _left(place), y, picture, float(abs(picture).max()))
            write(axes, _left(place) + TILE / 2, y + TILE + LINE / 2, fixed(values[name][place], 2), "soft", 9)
        y += TILE + LINE + SPACE
    for line, text in ((-0.5, "feature"), (0.5, "maps of")):
        write(axes, 0, y + TILE / 2 + line * LINE, text, "soft", 9, ha="left")
    _tile(axes, NAMES - TILE - SPACE, y, stacks[IMAGE][0])
    for place in range(count):
        _tile(axes, _left(place), y, stacks[MAPS][place])
    before, after = (fixed(float(np.mean(values[name])), 2) for name in (INITIALIZED, TRAINED))
    return f"{label}, seed {seed}: orientation selectivity {before} as initialized, {after} trained."


def _left(place: int) -> float:
    return NAMES + SPACE + place * (TILE + SPACE)


def _tile(axes: Axes, x: float, y: float, picture: np.ndarray, reach: float | None = None) -> None:
    """Grey levels from the least to the largest value, or from -reach to reach."""
    low, high = (float(picture.min()), float(picture.max())) if reach is None else (-reach, reach)
    where = (x, x + TILE, y + TILE, y)
    axes.imshow(picture, cmap="gray", vmin=low, vmax=high, extent=where, interpolation="none", aspect="auto")
