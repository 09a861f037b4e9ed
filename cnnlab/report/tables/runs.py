"""Every run."""

from __future__ import annotations

from cnnlab.analysis.tables.frames import Row, Tables
from cnnlab.planning.plan import Plan
from cnnlab.report.tables.view import Cell, Column, Number, TableView, code, table, value
from cnnlab.tracking.addresses import run_address
from cnnlab.wording.numbers import fixed, plain, significant


def build(plan: Plan, tables: Tables) -> TableView:
    measured, tracked = tables.by("measured/runs", "run_id"), tables.by("measured/mlflow", "run_id")
    names, seconds = arm_names(plan), value("seconds", significant)
    columns: list[Column[Row]] = [
        Column("Run", value("run_id", code)),
        Column("Arm", lambda run: names.get(run["arm_id"], run["arm_id"])),
        Number("Seed", value("seed")),
        Number("Learning rate", value("learning_rate", plain)),
        Column("Status", _status),
        _percent("Test error, %", "test_error"),
        _percent("Calibration error, %", "calibration_error", "Expected calibration error on the test images"),
        _percent("Curve area, %", "curve_area", "Mean validation accuracy over training"),
        Number("Seconds", lambda run: seconds(measured.get(run["run_id"])), missing="not measured"),
        Column(
            "MLflow run",
            lambda run: _mlflow(tracked.get(run["run_id"])),
            missing="MLflow was not reached; the run itself is complete",
        ),
    ]
    return table("runs", "Every finished run", columns, tables.rows("runs"))


def arm_names(plan: Plan) -> dict[str, str]:
    """``Study: arm`` by arm id; an arm that several studies share bears the name that it has in the first."""
    names: dict[str, str] = {}
    for study in plan.studies:
        for arm in study.arms.values():
            names.setdefault(arm.spec.arm_id, f"{study.name}: {arm.label}")
    return names


def _status(run: Row) -> str:
    return str(run["status"]).replace("_", " ")


def _percent(title: str, name: str, hint: str = "") -> Column[Row]:
    def why(run: Row) -> str:
        finished = run["status"] == "finished"
        return "it has no probabilities, or is not trained" if finished else f"the run {_status(run)}"

    return Number(title, value(name, lambda share: fixed(100 * share, 2)), hint, missing=why)


def _mlflow(row: Row | None) -> Cell | None:
    if row is None or row["mlflow_run_id"] is None:
        return None
    return Cell(row["mlflow_run_id"], code=True, address=run_address(row))
