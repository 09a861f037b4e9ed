"""Accuracy and cost of each network of a benchmark, best first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from statistics import median

from cnnlab.analysis.pareto import front
from cnnlab.analysis.tables.frames import Row, Tables, values
from cnnlab.planning.study import Study
from cnnlab.report.tables.arms import ArmRows, mean_cells
from cnnlab.report.tables.view import Cell, Column, TableView, missing, shown
from cnnlab.wording.numbers import count, significant

COLUMNS = (
    Column("Network"),
    Column("Test error, %", numeric=True, hint="Mean over seeds (95 % interval over seeds, on these test images)"),
    Column("Pareto front", hint="No other network errs less at no more of this cost"),
    Column("Parameters", numeric=True),
    Column("Multiply-accumulates", numeric=True, hint="Of one image, forward; without biases"),
    Column("Epochs", numeric=True, hint="Passes over the training images"),
    Column("CPU seconds a run", numeric=True, hint="Process time of training and of the final evaluations, median"),
    Column("Images a second", numeric=True, hint="Of training steps, alone on the machine, after a warm-up"),
    Column("Latency, ms", numeric=True, hint="Of one image, forward, in evaluation mode"),
    Column("Memory, MiB", numeric=True, hint="Weights, gradients, momentum, activations of one training step"),
)
COSTS: dict[str, Callable[[float], str]] = {
    "parameters": count,
    "macs": count,
    "images_per_second": count,
    "latency_ms": significant,
    "memory_mb": significant,
}
WAITING = "not measured yet"


def build(study: Study, arms: Sequence[ArmRows], tables: Tables) -> TableView:
    costs = tables.by("measured/cost", "arm_id")
    mine = [costs.get(arm.spec.arm_id) for arm in study.arms.values()]
    means = [arm.mean("test_error") for arm in arms]
    errors = [mean[0] if mean else None for mean in means]
    shown_means = mean_cells(arms, "test_error")
    fronts = {cost: front([row[cost] if row else None for row in mine], errors) for cost in ("parameters", "macs")}
    ordered = sorted(range(len(arms)), key=lambda index: inf if errors[index] is None else errors[index] or 0.0)
    rows = [
        [
            Cell(arms[index].label),
            shown_means[index],
            _front([cost for cost, members in fronts.items() if members[index]], errors[index], mine[index]),
            *(_cost(mine[index], name) for name in ("parameters", "macs")),
            Cell(count(list(study.arms.values())[index].spec.train.epochs)),
            _seconds(arms[index]),
            *(_cost(mine[index], name) for name in ("images_per_second", "latency_ms", "memory_mb")),
        ]
        for index in ordered
    ]
    strong = {place for place, index in enumerate(ordered) if any(members[index] for members in fronts.values())}
    return TableView(f"benchmark-{study.name}", f"Networks of “{study.title}”", COLUMNS, rows, frozenset(strong))


def _front(costs: Sequence[str], error: float | None, row: Row | None) -> Cell:
    """By which costs the network is on the front."""
    if error is None or row is None:
        return missing("known when its runs are finished and its cost is measured")
    names = {"parameters": "parameters", "macs": "MACs"}
    return Cell(", ".join(names[cost] for cost in costs) or "no")


def _cost(row: Row | None, name: str) -> Cell:
    return shown(None if row is None or row[name] is None else COSTS[name](row[name]), WAITING)


def _seconds(arm: ArmRows) -> Cell:
    known = values(arm.measured, "cpu_seconds")
    return shown(significant(median(known)) if known else None, "no run is finished yet")
