"""What survives a kill, and a tracking server that is not there, with the real Snakemake."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from project import Project, wait_for

# What MLflow has of the tier: each run, how often it is there, and the length of its history.
STORE = """
import collections, json
from pathlib import Path
from mlflow import MlflowClient
from cnnlab.tracking.store import store_uri
client = MlflowClient(store_uri(Path.cwd()))
(experiment,) = [e for e in client.search_experiments() if e.name == "cnnlab-tiny"]
runs = client.search_runs([experiment.experiment_id], "tags.kind = 'run'", max_results=1000)
times = collections.Counter(run.data.tags["run_id"] for run in runs)
print(json.dumps([
    {"run_id": run.data.tags["run_id"], "times": times[run.data.tags["run_id"]], "status": run.info.status,
     "points": len(client.get_metric_history(run.info.run_id, "validation_loss"))} for run in runs]))
"""
pytestmark = [pytest.mark.slow, pytest.mark.workflow]


def test_after_a_kill_it_finishes_with_the_same_tables_and_trains_no_run_twice(
    finished: Callable[[Path], Project], tmp_path: Path
) -> None:
    undisturbed = finished(tmp_path / "undisturbed")
    killed = Project.tiny(tmp_path / "killed")
    process = killed.start()
    wait_for(lambda: len(killed.runs()) >= 2)
    killed.kill(process)
    before = killed.runs()
    assert 2 <= len(before) < len(undisturbed.runs())
    locked = killed.snakemake(status=1)
    assert "--unlock" in locked
    killed.snakemake("--unlock")
    killed.snakemake()
    assert before.items() <= killed.runs().items()
    assert killed.tables() == undisturbed.tables()
    assert {"runs.csv", "curves.csv", "arms.csv", "contrasts.csv", "claims.csv"} <= killed.tables().keys()
    assert killed.planned() == {}
    for _ in range(2):
        killed.cnnlab("track")
    mirrored = {run["run_id"]: run for run in json.loads(killed.run(sys.executable, "-c", STORE).splitlines()[-1])}
    assert mirrored.keys() == killed.runs().keys()
    curves = pd.read_csv(tmp_path / "killed/results/tiny/tables/curves.csv").groupby("run_id").size()
    for run_id, run in mirrored.items():
        assert (run["times"], run["status"], run["points"]) == (1, "FINISHED", curves[run_id])


def test_an_unreachable_mlflow_is_a_warning_and_ids_stay_missing(tmp_path: Path) -> None:
    project = Project.tiny(tmp_path)
    (project.path / "studies/convolution.yaml").unlink()
    output = project.snakemake(MLFLOW_TRACKING_URI="http://127.0.0.1:9")
    assert len([line for line in output.splitlines() if "MLflow" in line and "warning" in line.lower()]) == 1
    ids = pd.read_csv(project.path / "results/tiny/tables/measured/mlflow.csv")
    assert len(ids) == len(project.runs())
    assert ids["mlflow_run_id"].isna().all()
    assert (project.path / "reports/tiny/summary.html").exists()
