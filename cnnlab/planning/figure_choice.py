"""Which figures answer a study that names none: what its diagnostics saw, what its number does, then the usual ones."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from cnnlab.planning.metrics import METRICS
from cnnlab.planning.names import FIGURES
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
