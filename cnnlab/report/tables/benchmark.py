"""Accuracy and cost of each network of a benchmark, best first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf

from cnnlab.analysis.pareto import front
from cnnlab.analysis.tables.frames import Row, Tables
from cnnlab.planning.studies.study import Study
from cnnlab.report.tables import costs
from cnnlab.report.tables.arms import ArmRows, mean_column, seconds_a_run
from cnnlab.report.tables.view import MEAN_HINT, Cell, Column, Number, R, TableView, table
from cnnlab.wording.numbers import count

NOT_MEASURED = "not measured yet"


@dataclass(frozen=True)
class Network:
    """An arm with its row of ``measured/cost``, its mean error in percent, and the costs by which it is on a front."""

    arm: ArmRows
    cost: Row | None
    error: float | None
    fronts: Sequence[str]


def build(study: Study, arms: Sequence[ArmRows], tables: Tables) -> TableView | None:
    """None for a study that draws no frontier."""
    if "frontier" not in study.figures:
        return None
    networks = sorted(_networks(arms, tables), key=lambda network: inf if network.error is None else network.error)
    columns: list[Column[Network]] = [
        Column("Network", lambda network: network.arm.label),
        _on(lambda network: network.arm, mean_column("Test error, %", arms, "test_error", MEAN_HINT)),
        Column(
            "Pareto front",
            _front,
            "No other network errs less at no more of this cost",
            missing="known when its runs are finished and its cost is measured",
        ),
        *(_on(lambda network: network.cost, column) for column in costs.sizes(NOT_MEASURED)),
        Number("Epochs", lambda network: count(network.arm.spec.train.epochs), "Passes over the training images"),
        Number(
            "CPU seconds a run",
            lambda network: seconds_a_run(network.arm, "cpu_seconds"),
            "Process time of training and of the final evaluations, median",
            missing="no run is finished yet",
        ),
        *(_on(lambda network: network.cost, column) for column in costs.speeds(NOT_MEASURED)),
    ]
    caption = f"Networks of “{study.title}”"
    return table(f"benchmark-{study.name}", caption, columns, networks, lambda network: bool(network.fronts))


def _networks(arms: Sequence[ArmRows], tables: Tables) -> list[Network]:
    by_arm = tables.by("measured/cost", "arm_id")
    rows = [by_arm.get(arm.spec.arm_id) for arm in arms]
    errors = [arm.means["test_error"][0] if "test_error" in arm.means else None for arm in arms]
    trained = [None if _did_not_train(arm) else error for arm, error in zip(arms, errors, strict=True)]
    fronts = {
        title: front([row[cost] if row else None for row in rows], trained)
        for cost, title in (("parameters", "parameters"), ("macs", "MACs"))
    }
    return [
        Network(arm, row, error, [title for title, members in fronts.items() if members[place]])
        for place, (arm, row, error) in enumerate(zip(arms, rows, errors, strict=True))
    ]


def _on(part: Callable[[Network], R], column: Column[R]) -> Column[Network]:
    """The column of a part of a network."""
    return Column(column.title, lambda network: column.of(part(network)), column.hint, numeric=column.numeric)


def _front(network: Network) -> Cell | None:
    if network.error is None or network.cost is None:
        return None
    why = _did_not_train(network.arm)
    return Cell(", ".join(network.fronts) or "no", note=f"did not train: {why}" if why else "", warning=bool(why))


def _did_not_train(arm: ArmRows) -> str | None:
    return arm.row.get("did_not_train") if arm.row else None
