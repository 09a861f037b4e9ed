"""Addresses of runs and searches in MLflow's pages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from cnnlab.tracking.store import is_http, shown, store_uri
from cnnlab.tracking.ui import HOST, PORT

TRAINING = {"workflowType": "machine_learning"}  # of MLflow's two faces, that for training


def server() -> str:
    uri = store_uri(Path())
    return shown(uri).rstrip("/") if is_http(uri) else f"http://{HOST}:{PORT}"


def run_address(row: Mapping[str, Any]) -> str:
    """Of a row of ``measured/mlflow`` with an id."""
    return f"{server()}/#/experiments/{row['experiment_id']}/runs/{row['mlflow_run_id']}?{urlencode(TRAINING)}"


def search_address(experiment: str, claim: str, study: str) -> str:
    """The runs with the tags of the claim and of the study, best first: sorted by time, MLflow would fold them."""
    names = (f"claim.{claim}", f"study.{study}")
    wanted = " and ".join(["tags.kind = 'run'", *(f"tags.`{name}` = 'true'" for name in names)])
    query = {**TRAINING, "searchFilter": wanted, "orderByKey": "metrics.`test_error`", "orderByAsc": "true"}
    return f"{server()}/#/experiments/{experiment}/runs?{urlencode(query, quote_via=quote)}"
