"""Which figures answer a study that names none: what its diagnostics saw, what its number does, then the usual ones."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from cnnlab.planning.metrics import METRICS
from cnnlab.planning.specs import ArmSpec
from cnnlab.planning.sweeps import sweeps

# The diagnostics that leave something to be drawn: all but those whose metrics are single numbers.
NUMBERS_ONLY = {"memorization"}
LEAST = 3  # values that make a sweep of what is otherwise a pair


def figures(arms: Mapping[str, ArmSpec], metrics: Iterable[str], matrix: bool) -> tuple[str, ...]:
    """From the arms by name, the metrics of all contrasts, and whether the study is a matrix."""
    if matrix:
        return ("matrix",)
    asked: Collection[str] = list(metrics)
    diagnostics = {METRICS[name].diagnostic for name in asked} - NUMBERS_ONLY - {None}
    chosen = ["profiles"] if diagnostics else []
    if "orientation_selectivity" in diagnostics:
        chosen.append("filters")
    if any(sweep.longest >= LEAST for sweep in sweeps(arms)):
        chosen.append("sweep")
    trained = any(spec.train.epochs for spec in arms.values())
    drawn = {"curves": trained, "differences": bool(asked), "errors": True}
    return (*chosen, *(name for name in FIGURES if drawn[name]))


# Of a study that is about training itself, in the order in which the report shows them.
FIGURES = ("curves", "differences", "errors")


# All that a study may name. `profiles` is what its diagnostics saw along depth, steps or shifts, `sweep` a metric
# against the number that varies, `matrix` the effects of switches in families, `frontier` accuracy against cost,
# `filters` those of the first layer and what they see, `confusion` which classes are taken for which.
ALL_FIGURES = ("profiles", "filters", "sweep", *FIGURES, "matrix", "frontier", "confusion")


# The folder of the pictures of networks, beside those of the studies' figures.
NETWORKS = "networks"


def pictured(presets: Iterable[str]) -> tuple[str, ...]:
    """Of an architecture's presets, those whose picture and layers its card shows: the one that is trained, and the
    notes' own size or the paper's."""
    known = list(presets)
    trained = "small" if "small" in known else known[0]
    full = next((name for name in ("d2l", "paper") if name in known), trained)
    return tuple(dict.fromkeys((trained, full)))
