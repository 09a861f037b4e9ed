"""The arms' own values behind a contrast of three arms or more: which of them makes the difference."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite, log2

from cnnlab.analysis.tables.frames import Row, Tables, weights
from cnnlab.planning.specs import parse_seeds
from cnnlab.wording.contrasts import Contrast, Interaction, Means, Sweep, Sweeps, Weighted, metric, quoted, with_unit
from cnnlab.wording.numbers import common_places, fixed, listed, plain, significant

Values = list[float]


def by_arm(part: Row, tables: Tables, labels: Mapping[str, str]) -> str:
    """``By arm: 8 layers 3.4, 14 layers 3.9 and 20 layers 5.2 %.``, from a row of ``contrasts`` that has its numbers.

    Empty for a pair, which its sentence tells, and where a run has no value: a mean over the others would mislead.
    """
    contrast = Contrast(weights(part), labels)
    if part["estimate"] is None or not isinstance(contrast.form, Interaction | Means | Sweep | Sweeps | Weighted):
        return ""
    found = values(part, tables)
    if not found or not all(found.values()):
        return ""
    means = {labels.get(name, name): _mean(each, part["metric"]) for name, each in found.items()}
    told = _told(means, part["metric"])
    return f"By arm: {listed([f'{quoted(label)} {value}' for label, value in told.items()])}."


def values(part: Row, tables: Tables) -> dict[str, Values]:
    """The value of each seed by arm, in the metric's unit; none for an arm of which a run has no value."""
    arms = {row["arm"]: row for row in tables.rows("arms", study=part["study"])}
    return {name: _of_arm(arms[name], part["metric"], tables) if name in arms else [] for name in weights(part)}


def _of_arm(arm: Row, name: str, tables: Tables) -> Values:
    seeds = set(parse_seeds(arm["seeds"]))
    runs = [run for run in tables.rows("runs", arm_id=arm["arm_id"]) if run["seed"] in seeds]
    found = [run.get(name) for run in runs]
    if len(found) < len(seeds) or not all(value is not None and isfinite(value) for value in found):
        return []
    return [metric(name).factor * float(value) for value in found if value is not None]


def _mean(each: Values, name: str) -> float:
    """Geometric where the metric is compared by its ratio."""
    if metric(name).scale == "log2":
        return float(2.0 ** (sum(map(log2, each)) / len(each))) if min(each) > 0 else 0.0
    return sum(each) / len(each)


def _told(means: Mapping[str, float], name: str) -> dict[str, str]:
    """With the unit after the last; a share of the arm itself is in percent."""
    known = metric(name)
    if known.scale == "log2":
        return {label: plain(float(f"{value:.3g}")) for label, value in means.items()}
    of = "%" if known.unit == "pp" and not known.signed else known.unit
    places = common_places(abs(value) / 30 for value in means.values())
    small = known.unit != "pp"
    told = {label: significant(value, 3) if small else fixed(value, places) for label, value in means.items()}
    last = list(told)[-1]
    return told | {last: with_unit(told[last], of)}
