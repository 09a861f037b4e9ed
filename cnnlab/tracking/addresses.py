"""Addresses of runs and views in MLflow's pages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from cnnlab.tracking.store import is_http, store_uri, without_password

HOST, PORT = "127.0.0.1", 5000
TRAINING = {"workflowType": "machine_learning"}  # MLflow's pages for training rather than for agents


def server() -> str:
    uri = store_uri(Path())
    return without_password(uri).rstrip("/") if is_http(uri) else f"http://{HOST}:{PORT}"


def run_address(row: Mapping[str, Any]) -> str:
    """The page of a run, from a row of ``measured/mlflow`` with an id."""
    return f"{server()}/#/experiments/{row['experiment_id']}/runs/{row['mlflow_run_id']}?{urlencode(TRAINING)}"


def claim_address(experiment: str, claim: str, study: str) -> str:
    """The runs of a claim in a study, in the columns of its view."""
    return view_address(server(), experiment, claim_view(claim, study))


def claim_view(claim: str, study: str) -> str:
    """The id of the view of a claim's runs in a study, as `cnnlab.tracking.views` makes it."""
    return f"claim-{claim}-{study}"


def view_address(of_server: str, experiment: str, view: str, **options: str) -> str:
    """The page of an experiment's runs, as a saved view shows them."""
    query = urlencode({**TRAINING, **options, "viewStateShareKey": view})
    return f"{of_server}/#/experiments/{experiment}/runs?{query}"
