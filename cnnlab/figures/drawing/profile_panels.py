"""The table ``profiles`` as panels, whose titles, axes and kinds are those that the diagnostics declare."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pandas as pd

from cnnlab.figures.drawing.arm_profile import ArmProfile
from cnnlab.figures.drawing.lines import ANY, SHARES, Line, Panel
from cnnlab.planning.diagnostics import Profile, diagnostics
from cnnlab.wording.numbers import capital, significant

MOST = 30  # points of a line over steps
# Profiles along which a run goes on until it fails: the metric that says how far it came.
ENDS = {"error_by_rate": "largest_rate"}


Arms = Sequence[ArmProfile]


def drawn(arms: Arms) -> list[Panel]:
    """The panels of all that was left; a quantity that no diagnostic declares is drawn under its own name."""
    names = {str(name) for arm in arms for name in arm.rows["quantity"]}
    declared = [profile for diagnostic in diagnostics().values() for profile in diagnostic.profiles.values()]
    others = sorted(name for name in names if not any(profile.shows(name) for profile in declared))
    bare = [Profile(name=name, title=name.replace("_", " "), axis="position") for name in others]
    profiles = [profile for profile in declared if any(map(profile.shows, names))] + bare
    return [panel for profile in profiles for panel in KINDS[profile.kind](arms, profile)]


def line(arms: Arms, profile: Profile) -> list[Panel]:
    """One panel: a line for each arm."""
    end = ENDS.get(profile.name)
    lines = [arm.until(arm.of(profile.name), end) if end else arm.along(arm.of(profile.name)) for arm in arms]
    return _one(profile, lines)


def points(arms: Arms, profile: Profile) -> list[Panel]:
    """One panel whose positions have names: the arms side by side."""
    lines = [arm.along(arm.of(profile.name)) for arm in arms]
    rows = pd.concat([arm.rows[arm.rows["quantity"] == profile.name] for arm in arms])
    names = {float(place): str(label) for place, label in zip(rows["position"], rows["label"], strict=True)}
    return _one(profile, lines, joined=False, dots=True, ticks=names)


def ranks(arms: Arms, profile: Profile) -> list[Panel]:
    """One panel: values in the order of their size, as a filter of one seed is no filter of another."""
    lines = []
    for arm in arms:
        for dash, (quantity, text) in enumerate(profile.quantities.items()):
            rows = arm.of(quantity)
            order = rows.groupby("run_id")["value"].rank(method="first")
            lines.append(arm.along(rows.assign(position=order), f"{arm.label}, {text}", dash))
    return _one(profile, lines)


def blocks(arms: Arms, profile: Profile) -> list[Panel]:
    """One panel: means over the pairs of branches of each block."""
    lines, places = [], dict[str, float]()
    for arm in arms:
        for dash, (quantity, text) in enumerate(profile.quantities.items()):
            rows = arm.of(quantity)
            names = [_block(str(label)) for label in rows["label"]]
            for name in names:
                places.setdefault(name, float(len(places) + 1))
            placed = rows.assign(position=[places[name] for name in names])
            means: Any = placed.groupby(["run_id", "position"], as_index=False)["value"].mean()
            lines.append(arm.along(means, f"{arm.label}: {text}", dash))
    return _one(profile, lines, ticks={place: name for name, place in places.items()} if len(places) <= 6 else {})


def _block(label: str) -> str:
    """``stage3.inception3a: branch1 from branch2`` → ``inception3a``."""
    return label.partition(": ")[0].rpartition(".")[2]


def halves(arms: Arms, profile: Profile) -> list[Panel]:
    """One panel for each arm: a line for each layer, the upper half of them in another colour."""
    return [panel for arm in arms if (panel := _halves(arm, profile))]


def _halves(arm: ArmProfile, profile: Profile) -> Panel | None:
    layers = arm.layers(profile)
    lines, lower = [], len(layers) - len(layers) // 2
    for depth, quantity in enumerate(layers):
        upper = depth >= lower
        place, last = (depth - lower, len(layers) - lower - 1) if upper else (depth, lower - 1)
        label, strength = f"{'upper' if upper else 'lower'} half of the layers", 0.45 + 0.55 * place / max(last, 1)
        means = _over_runs(arm.of(quantity))
        lines.append(Line(label, int(upper), means, False, strength=round(strength, 2), dash=int(upper)))
    if not _filled(lines):
        return None
    text = _half_way(arm, lines, profile.title)
    return Panel(f"{arm.label}: {profile.title}", profile.axis, lines, bands=False, text=text)


def _half_way(arm: ArmProfile, lines: Sequence[Line], title: str) -> str:
    """The mean of either half of the layers, half-way through training."""
    steps = sorted(lines[0].points)
    middle = steps[len(steps) // 2]
    means = []
    for label in ("lower half of the layers", "upper half of the layers"):
        values = [line.points[middle][0] for line in lines if line.label == label and middle in line.points]
        if values:
            means.append(f"{sum(values) / len(values):.2f} in the {label}")
    return f"{arm.label}, {title}, at step {middle:g}: {', '.join(means)}."


def depths(arms: Arms, profile: Profile) -> list[Panel]:
    """One panel: for each arm a line for each layer, the stronger the nearer to the class scores."""
    lines, texts = [], []
    for arm in arms:
        layers = arm.layers(profile)
        strengths = [round(0.3 + 0.7 * place / len(layers), 2) for place in range(1, len(layers) + 1)]
        of_arm = _filled(
            [
                Line(arm.label, arm.index, _over_runs(arm.of(name)), False, strength=strength)
                for name, strength in zip(layers, strengths, strict=True)
            ]
        )
        lines += of_arm
        if of_arm:
            texts.append(f"{arm.label} from {_mean_at(of_arm, min)} to {_mean_at(of_arm, max)}")
    text = f"{capital(profile.title)}, mean over layers: {'; '.join(texts)}."
    return _one(profile, lines, bands=False, text=text)


def _mean_at(lines: Sequence[Line], end: Callable[[Iterable[float]], float]) -> str:
    values = [line.points[end(line.points)][0] for line in lines]
    return significant(sum(values) / len(values))


def _over_runs(rows: Any) -> dict[float, list[float]]:
    """The mean over runs at each of at most `MOST` positions, the first and the last among them."""
    means = {float(place): [float(group["value"].mean())] for place, group in rows.groupby("position")}
    places = sorted(means)
    if len(places) > MOST:
        places = sorted({places[round(index * (len(places) - 1) / (MOST - 1))] for index in range(MOST)})
    return {place: means[place] for place in places}


def _one(profile: Profile, lines: Sequence[Line], **how: Any) -> list[Panel]:
    """The panel of a profile; none if there is nothing to be drawn."""
    scales: dict[str, Any] = {"log_x": profile.log_x, "geometric": profile.geometric}
    scales["limits"] = SHARES if profile.title.endswith("%") else ANY
    lines = _filled(lines)
    return [Panel(profile.title, profile.axis, lines, **scales, **how)] if lines else []


def _filled(lines: Sequence[Line]) -> list[Line]:
    return [line for line in lines if line.places]


# By the `kind` that a diagnostic declares.
KINDS: dict[str, Callable[[Arms, Profile], list[Panel]]] = {
    "line": line,
    "points": points,
    "ranks": ranks,
    "blocks": blocks,
    "depths": depths,
    "halves": halves,
}
