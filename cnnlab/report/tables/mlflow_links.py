"""Addresses of runs in MLflow's own pages: on the server that is set, or where ``cnnlab ui`` shows the project's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import quote, urlencode

from cnnlab.analysis.tables.frames import Row, Tables, distinct, values, weights
from cnnlab.planning.specs import parse_seeds
from cnnlab.report.tables.view import Cell, missing
from cnnlab.tracking.store import is_http, shown, store_uri
from cnnlab.tracking.ui import HOST, PORT
from cnnlab.wording.numbers import plural

UNREACHED = "MLflow was not reached; the runs themselves are complete"

TRAINING = {"workflowType": "machine_learning"}  # of MLflow's two faces, that for training


def server() -> str:
    uri = store_uri(Path())
    return shown(uri).rstrip("/") if is_http(uri) else f"http://{HOST}:{PORT}"


def run_address(row: Row) -> str:
    """Of a row of ``measured/mlflow`` with an id."""
    return f"{server()}/#/experiments/{row['experiment_id']}/runs/{row['mlflow_run_id']}?{urlencode(TRAINING)}"


def claim_runs(claim: Row, parts: Sequence[Row], tables: Tables) -> Cell:
    """How many runs of the primary contrasts `parts` are in MLflow, and the list of them there."""
    used = _runs(parts, tables)
    tracked = tables.by("measured/mlflow", "run_id")
    found = [tracked[run["run_id"]] for run in used if run["run_id"] in tracked]
    known = values(found, "mlflow_run_id")
    experiments = distinct(found, "experiment_id")
    if not known or len(experiments) != 1:
        return missing(UNREACHED if used else "none is finished yet")
    told = f"{len(known)} of {plural(len(used), 'run')}" if len(known) < len(used) else plural(len(used), "run")
    return Cell(told, address=_search(experiments[0], claim["id"], claim["study"]), hint="In MLflow")


def _runs(parts: Iterable[Row], tables: Tables) -> list[Row]:
    """The finished runs of the arms that the contrasts compare, each once."""
    found: dict[str, Row] = {}
    for part in parts:
        arms = {arm["arm"]: arm for arm in tables.rows("arms", study=part["study"])}
        for arm in (arms[name] for name in weights(part) if name in arms):
            seeds = set(parse_seeds(arm["seeds"]))
            mine = tables.rows("runs", arm_id=arm["arm_id"])
            found |= {run["run_id"]: run for run in mine if run["seed"] in seeds}
    return list(found.values())


def _search(experiment: str, claim: str, study: str) -> str:
    """The runs with the tags of the claim and of the study, best first: sorted by time, MLflow would fold them."""
    names = (f"claim.{claim}", f"study.{study}")
    wanted = " and ".join(["tags.kind = 'run'", *(f"tags.`{name}` = 'true'" for name in names)])
    query = {**TRAINING, "searchFilter": wanted, "orderByKey": "metrics.`test_error`", "orderByAsc": "true"}
    return f"{server()}/#/experiments/{experiment}/runs?{urlencode(query, quote_via=quote)}"
