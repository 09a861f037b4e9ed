"""Addresses of runs in MLflow's own pages: on the server that is set, or where ``cnnlab ui`` shows the project's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cnnlab.analysis.tables.frames import Row, Tables, distinct, values, weights
from cnnlab.report.tables.view import Cell
from cnnlab.tracking.addresses import claim_address
from cnnlab.wording.arm_values import runs_of
from cnnlab.wording.numbers import plural

UNREACHED = "MLflow was not reached; the runs themselves are complete"


def claim_runs(claim: Row, parts: Sequence[Row], tables: Tables) -> Cell:
    """How many runs of the primary contrasts `parts` are in MLflow, and the list of them there."""
    used = _runs(parts, tables)
    tracked = tables.by("measured/mlflow", "run_id")
    rows = [tracked[run["run_id"]] for run in used if run["run_id"] in tracked]
    mirrored = len(values(rows, "mlflow_run_id"))
    experiments = distinct(rows, "experiment_id")
    if not mirrored or len(experiments) != 1:
        return Cell(hint=UNREACHED if used else "none is finished yet")
    text = plural(len(used), "run") if mirrored == len(used) else f"{mirrored} of {plural(len(used), 'run')}"
    return Cell(text, address=claim_address(experiments[0], claim["id"], claim["study"]), hint="In MLflow")


def _runs(parts: Iterable[Row], tables: Tables) -> list[Row]:
    """The finished runs of the arms that the contrasts compare, each once."""
    runs: dict[str, Row] = {}
    for part in parts:
        arms = {arm["arm"]: arm for arm in tables.rows("arms", study=part["study"])}
        for arm in (arms[name] for name in weights(part) if name in arms):
            runs |= {run["run_id"]: run for run in runs_of(arm, tables)}
    return list(runs.values())
