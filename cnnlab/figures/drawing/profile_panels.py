"""What the diagnostics leave in the table ``profiles``, as panels: what is drawn of each quantity, over which axis."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from cnnlab.figures.drawing.line_panels import Line, Panel
from cnnlab.wording.numbers import significant

LAYER = "layer, from the input"
BRANCHES = ("similarity_across_seeds", "similarity_between_branches")
FINAL = "similarity_to_final "
MOST = 30  # points of a line over steps


@dataclass(frozen=True)
class ArmProfile:
    """The rows of ``profiles`` of an arm's finished runs."""

    label: str
    index: int
    complete: bool
    rows: pd.DataFrame

    def line(self, quantity: str, label: str | None = None, dash: int | None = None) -> Line:
        """The runs' values at each position, of the positions at which every run has one."""
        mine = self.rows[self.rows["quantity"] == quantity].dropna(subset=["value"])
        return self.along(mine, self.label if label is None else label, dash)

    def along(self, mine: Any, label: str, dash: int | None = None) -> Line:
        runs = mine["run_id"].nunique()
        points = {float(place): list(map(float, found["value"])) for place, found in mine.groupby("position")}
        return Line(label, self.index, {x: y for x, y in points.items() if len(y) == runs}, self.complete, dash=dash)


Arms = Sequence[ArmProfile]


def along(quantity: str, title: str, axis: str, **how: Any) -> Callable[[Arms], list[Panel]]:
    """One panel: a line for each arm."""

    def panels(arms: Arms) -> list[Panel]:
        lines = _filled([arm.line(quantity) for arm in arms])
        return [Panel(title, axis, lines, **how)] if lines else []

    return panels


def named(quantity: str, title: str, axis: str, **how: Any) -> Callable[[Arms], list[Panel]]:
    """One panel whose positions have names: the arms side by side."""

    def panels(arms: Arms) -> list[Panel]:
        lines = _filled([arm.line(quantity) for arm in arms])
        rows = pd.concat([arm.rows[arm.rows["quantity"] == quantity] for arm in arms])
        names = {float(place): str(label) for place, label in zip(rows["position"], rows["label"], strict=True)}
        return [Panel(title, axis, lines, joined=False, dots=True, ticks=names, **how)] if lines else []

    return panels


def selectivity(arms: Arms) -> list[Panel]:
    """Filters in the order of their selectivity, as a filter of one seed is no filter of another."""
    lines = []
    for arm in arms:
        for dash, (when, said) in enumerate((("after", "trained"), ("before", "as initialized"))):
            mine = arm.rows[arm.rows["quantity"] == f"selectivity {when}"].dropna(subset=["value"])
            ranks = mine.groupby("run_id")["value"].rank(method="first")
            lines.append(arm.along(mine.assign(position=ranks), f"{arm.label}, {said}", dash))
    lines = _filled(lines)
    title = "orientation selectivity of first-layer filters, 0 to 1"
    return [Panel(title, "filters, from the least selective to the most", lines)] if lines else []


def branches(arms: Arms) -> list[Panel]:
    """Means over the branches, or pairs of branches, of each block."""
    lines, blocks = [], dict[str, float]()
    for arm in arms:
        for dash, quantity in enumerate(BRANCHES):
            mine = arm.rows[arm.rows["quantity"] == quantity].dropna(subset=["value"])
            names = [_block(str(label)) for label in mine["label"]]
            for name in names:
                blocks.setdefault(name, float(len(blocks) + 1))
            placed = mine.assign(position=[blocks[name] for name in names])
            means: Any = placed.groupby(["run_id", "position"], as_index=False)["value"].mean()
            said = "same branch, another seed" if quantity == BRANCHES[0] else "different branches"
            lines.append(arm.along(means, f"{arm.label}: {said}", dash))
    ticks = {place: name for name, place in blocks.items()} if len(blocks) <= 6 else {}
    return [Panel("similarity (linear CKA)", "Inception block", _filled(lines), ticks=ticks)] if _filled(lines) else []


def _block(label: str) -> str:
    """``stage3.inception3a.branch1`` and ``stage3.inception3a: branch1 and branch2`` → ``inception3a``."""
    block = label.partition(": ")[0] if ": " in label else label.rpartition(".")[0]
    return block.rpartition(".")[2]


def settling(arms: Arms) -> list[Panel]:
    """One panel for each arm: a line for each layer, the upper half of them in another colour."""
    return [panel for arm in arms if (panel := _settling(arm))]


def _settling(arm: ArmProfile) -> Panel | None:
    rows = arm.rows[arm.rows["quantity"].str.startswith(FINAL)].dropna(subset=["value"])
    depths = arm.rows[arm.rows["quantity"] == "settled_at"].drop_duplicates("label").sort_values("position")
    layers = [FINAL + str(name) for name in depths["label"]]
    if rows.empty or not layers:
        return None
    lines, lower = [], len(layers) - len(layers) // 2
    for depth, quantity in enumerate(layers):
        upper = depth >= lower
        place, last = (depth - lower, len(layers) - lower - 1) if upper else (depth, lower - 1)
        mine: Any = _thinned(rows[rows["quantity"] == quantity])
        points = _over_runs(mine)
        label, strength = f"{'upper' if upper else 'lower'} half of the layers", 0.45 + 0.55 * place / max(last, 1)
        lines.append(Line(label, int(upper), points, False, strength=round(strength, 2), dash=int(upper)))
    title = f"{arm.label}: similarity of each layer to its final self"
    return Panel(title, "step", lines, bands=False, told=_settled(arm, lines))


def moments(beginning: str, title: str, **how: Any) -> Callable[[Arms], list[Panel]]:
    """One panel: for each arm a line for each layer, the stronger the nearer to the class scores."""

    def panels(arms: Arms) -> list[Panel]:
        lines, told = [], []
        for arm in arms:
            depths = arm.rows[arm.rows["quantity"] == "input_drift"].drop_duplicates("label").sort_values("position")
            found = [_thinned(arm.rows[arm.rows["quantity"] == f"{beginning} {name}"]) for name in depths["label"]]
            mine = [
                Line(arm.label, arm.index, _over_runs(rows), False, strength=round(0.3 + 0.7 * place / len(found), 2))
                for place, rows in enumerate(found, 1)
                if not rows.empty
            ]
            lines += mine
            if mine:
                first, last = (_over_lines(mine, end) for end in (min, max))
                told.append(f"{arm.label} from {first} to {last}")
        said = f"{title[:1].upper()}{title[1:]}, mean over layers: {'; '.join(told)}."
        return [Panel(title, "step", lines, bands=False, told=said, **how)] if lines else []

    return panels


def _over_runs(rows: Any) -> dict[float, list[float]]:
    return {float(step): [float(found["value"].mean())] for step, found in rows.groupby("position")}


def _over_lines(lines: Sequence[Line], end: Callable[[Iterable[float]], float]) -> str:
    values = [line.points[end(line.points)][0] for line in lines]
    return significant(sum(values) / len(values))


def _thinned(rows: pd.DataFrame) -> pd.DataFrame:
    """At most `MOST` positions, the first and the last among them."""
    places = sorted(rows["position"].unique())
    if len(places) <= MOST:
        return rows
    kept = {places[round(index * (len(places) - 1) / (MOST - 1))] for index in range(MOST)}
    thinned: pd.DataFrame = rows[rows["position"].isin(kept)]
    return thinned


def _settled(arm: ArmProfile, lines: Sequence[Line]) -> str:
    """Half-way through training, the mean similarity of either half."""
    steps = sorted(lines[0].points)
    middle = steps[len(steps) // 2]
    told = []
    for label in ("lower half of the layers", "upper half of the layers"):
        found = [line.points[middle][0] for line in lines if line.label == label and middle in line.points]
        if found:
            told.append(f"{sum(found) / len(found):.2f} in the {label}")
    return f"{arm.label}, similarity of the layers to their final selves at step {middle:g}: {', '.join(told)}."


def _filled(lines: Sequence[Line]) -> list[Line]:
    return [line for line in lines if line.points]


def drawn(arms: Arms) -> list[Panel]:
    """The panels of all that was left; a quantity that is not known here is drawn under its own name."""
    left = {str(name) for arm in arms for name in arm.rows["quantity"]}
    known = [panel for names, panels in QUANTITIES.items() if _begin(left, names) for panel in panels(arms)]
    others = sorted(name for name in left if not any(name.startswith(names) for names in QUANTITIES))
    return known + [panel for name in others for panel in along(name, name.replace("_", " "), "position")(arms)]


def _begin(left: Iterable[str], names: tuple[str, ...]) -> bool:
    return any(name.startswith(names) for name in left)


# By the beginnings of their names, in the order in which they are drawn.
QUANTITIES: dict[tuple[str, ...], Callable[[Arms], list[Panel]]] = {
    ("update_ratio",): along("update_ratio", "log₁₀ of update over weight, mean of the first steps", LAYER),
    ("gradient_norm",): along("gradient_norm", "log₁₀ of the gradient’s norm, mean of the first steps", LAYER),
    ("input_drift",): along(
        "input_drift", "drift of the layer’s inputs between evaluations, in sd", LAYER, geometric=True
    ),
    ("preactivation_drift",): along(
        "preactivation_drift", "drift of what the layer returns between evaluations, in sd", LAYER, geometric=True
    ),
    ("input_sd ",): moments(
        "input_sd", "sd of what each layer is given, darker towards the class scores", geometric=True
    ),
    ("input_mean ",): moments("input_mean", "mean of what each layer is given, darker towards the class scores"),
    ("saturated_units",): along("saturated_units", "units whose activation is flat, %", "activation, from the input"),
    ("settled_at",): along("settled_at", "settled at, % of training", LAYER),
    ("changed_at",): along("changed_at", "nine tenths of its own change done at, % of training", LAYER),
    (FINAL,): settling,
    ("probe_accuracy",): along("probe_accuracy", "test accuracy of a linear probe, %", f"{LAYER}; 0 is the image"),
    ("selectivity ",): selectivity,
    BRANCHES: branches,
    ("statistics_distance",): along(
        "statistics_distance", "distance of running from whole-set means, in sd", "normalization, from the input"
    ),
    ("shifted_accuracy",): along("shifted_accuracy", "test accuracy on shifted images, %", "shift, pixels"),
    ("downsampled_accuracy",): along(
        "downsampled_accuracy", "test accuracy on coarser images, %", "share of the pixels a side that is left"
    ),
    ("warped_error",): named(
        "warped_error", "error on shifted and turned test images, %", "the range that augmentation simulates"
    ),
    ("error_by_rate",): along("error_by_rate", "validation error, %", "learning rate", log_x=True),
    ("remaining_loss",): named(
        "remaining_loss", "share of the loss that fitting leaves", "map that is fitted", geometric=True
    ),
}
