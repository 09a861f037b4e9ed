"""Addresses of runs and searches in MLflow's pages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from cnnlab.tracking.store import is_http, store_uri, without_password

HOST, PORT = "127.0.0.1", 5000
TRAINING = {"workflowType": "machine_learning"}  # MLflow's pages for training rather than for agents


def server() -> str:
    uri = store_uri(Path())
    return without_password(uri).rstrip("/") if is_http(uri) else f"http://{HOST}:{PORT}"


def run_address(row: Mapping[str, Any]) -> str:
    """The page of a run, from a row of ``measured/mlflow`` with an id."""
    return f"{server()}/#/experiments/{row['experiment_id']}/runs/{row['mlflow_run_id']}?{urlencode(TRAINING)}"


def search_address(experiment: str, claim: str, study: str) -> str:
    """The runs with the tags of the claim and of the study; sorted by time, MLflow would fold them."""
    return f"{server()}/#/experiments/{experiment}/runs?{search(f'claim.{claim}', f'study.{study}')}"


def search(*tags: str, **options: str) -> str:
    """The query for the runs of seeds that have all `tags`, best first."""
    wanted = " and ".join(["tags.kind = 'run'", *(f"tags.`{name}` = 'true'" for name in tags)])
    order = {"searchFilter": wanted, "orderByKey": "metrics.`test_error`", "orderByAsc": "true"}
    return urlencode({**TRAINING, **options, **order}, quote_via=quote)
