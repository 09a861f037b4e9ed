"""Every run, and what networks and training loops cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnnlab.analysis.tables.frames import Row, Tables
from cnnlab.report.tables.view import Cell, Column, TableView, missing, shown
from cnnlab.tracking.addresses import run_address
from cnnlab.wording.numbers import count, fixed, plain, significant

if TYPE_CHECKING:
    from cnnlab.planning.plan import Plan


def runs(plan: Plan, tables: Tables) -> TableView:
    columns = (
        Column("Run"),
        Column("Arm"),
        Column("Seed", numeric=True),
        Column("Learning rate", numeric=True),
        Column("Status"),
        Column("Test error, %", numeric=True),
        Column("Calibration error, %", numeric=True, hint="Expected calibration error on the test images"),
        Column("Curve area, %", numeric=True, hint="Mean validation accuracy over training"),
        Column("Seconds", numeric=True),
        Column("MLflow run"),
    )
    measured, tracked = tables.by("measured/runs", "run_id"), tables.by("measured/mlflow", "run_id")
    names = _names(plan)
    rows = [
        [
            Cell(run["run_id"], code=True),
            Cell(names.get(run["arm_id"], run["arm_id"])),
            Cell(str(run["seed"])),
            shown(None if run["learning_rate"] is None else plain(run["learning_rate"])),
            Cell(run["status"].replace("_", " ")),
            *(_percent(run, name) for name in ("test_error", "calibration_error", "curve_area")),
            _seconds(measured.get(run["run_id"])),
            _mlflow(tracked.get(run["run_id"])),
        ]
        for run in tables.rows("runs")
    ]
    return TableView("runs", "Every finished run", columns, rows)


def _names(plan: Plan) -> dict[str, str]:
    """``Study: arm``; an arm that several studies share bears the name that it has in the first."""
    found: dict[str, str] = {}
    for study in plan.studies:
        for arm in study.arms.values():
            found.setdefault(arm.spec.arm_id, f"{study.name}: {arm.label}")
    return found


def _percent(run: Row, name: str) -> Cell:
    value, status = run.get(name), run["status"].replace("_", " ")
    why = "it has no probabilities, or is not trained" if status == "finished" else f"the run {status}"
    return shown(None if value is None else fixed(100 * value, 2), why)


def _seconds(row: Row | None) -> Cell:
    return shown(None if row is None or row["seconds"] is None else significant(row["seconds"]), "not measured")


def _mlflow(row: Row | None) -> Cell:
    if row is None or row["mlflow_run_id"] is None:
        return missing("MLflow was not reached; the run itself is complete")
    return Cell(row["mlflow_run_id"], code=True, address=run_address(row))


def throughput(tables: Tables) -> TableView | None:
    columns = (
        Column("Training loop"),
        Column("Compared"),
        Column("Processes", numeric=True),
        Column("Threads", numeric=True),
        Column("Workers", numeric=True, hint="Of the DataLoader"),
        Column("Images a second", numeric=True, hint="Median over rounds, all processes together"),
        Column("Slowest to fastest", numeric=True),
        Column("cnnlab is faster", numeric=True, hint="Median of the ratios of paired rounds"),
    )
    rows = [_throughput_row(row) for row in tables.rows("measured/throughput")]
    return TableView("throughput", "Speed of the training loop beside the textbook's", columns, rows) if rows else None


def _throughput_row(row: Row) -> list[Cell]:
    known = row["slowest"] is not None and row["fastest"] is not None
    faster = None if row["ratio"] is None or row["loop"] == "cnnlab" else f"{significant(row['ratio'])} times"
    return [
        Cell(row["loop"]),
        shown(row["compared"]),
        *(Cell(count(row[key])) for key in ("processes", "threads", "workers", "images_per_second")),
        shown(f"{count(row['slowest'])} to {count(row['fastest'])}" if known else None),
        shown(faster, "compared with itself" if row["loop"] == "cnnlab" else "missing"),
    ]


def cost(plan: Plan, tables: Tables) -> TableView | None:
    columns = (
        Column("Arm"),
        Column("Network"),
        Column("Parameters", numeric=True),
        Column("Multiply-accumulates", numeric=True, hint="Of one image, forward; without biases"),
        Column("Images a second", numeric=True, hint="Of training steps, alone on the machine, after a warm-up"),
        Column("Latency, ms", numeric=True, hint="Of one image, forward, in evaluation mode"),
        Column("Memory, MiB", numeric=True, hint="Weights, gradients, momentum, activations of one training step"),
        Column("Threads", numeric=True),
    )
    names = _names(plan)
    rows = [_cost_row(row, names) for row in tables.rows("measured/cost")]
    return TableView("cost", "What each network costs", columns, rows) if rows else None


def _cost_row(row: Row, names: dict[str, str]) -> list[Cell]:
    measured = {"images_per_second": count, "latency_ms": significant, "memory_mb": significant, "threads": count}
    return [
        Cell(names.get(row["arm_id"], row["arm_id"])),
        Cell(f"{row['architecture']} ({row['preset']})"),
        Cell(count(row["parameters"])),
        Cell(count(row["macs"])),
        *(shown(None if row[key] is None else told(row[key]), "not measured") for key, told in measured.items()),
    ]
