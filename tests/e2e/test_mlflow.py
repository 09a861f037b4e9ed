"""What a person sees in MLflow after a kill and two reconciles: a real server, its REST API, a real browser."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cnnlab import tracking
from cnnlab.tracking import ArmMembership
from cnnlab.tracking.addresses import claim_view, view_address
from cnnlab.tracking.views import ERRORS, GENERAL, MODEL, View
from cnnlab.training.records import Record
from tests.fakes import CHECKSUM, make_arm, make_record

pytestmark = [pytest.mark.slow]

ROOT = Path(__file__).parents[2]
ARMS = {"ReLU": make_arm(epochs=5, activation="relu"), "Sigmoid": make_arm(epochs=5, activation="sigmoid")}
SEEDS = range(15)
MEMBERSHIP = {arm.arm_id: ArmMembership(label, ("activation",), ("C06",)) for label, arm in ARMS.items()}
TRACK = """
import sys
from pathlib import Path
from cnnlab.training import records
from cnnlab.core.paths import Paths
from tests.e2e import test_mlflow
root = Path(sys.argv[1])
test_mlflow.track(root, list(records.scan(Paths(root / "results", root / "reports"))))
"""
SERVE = """
import sys
from pathlib import Path
from cnnlab import tracking
tracking.serve_ui(Path(sys.argv[1]), port=5100, tier="quick")
"""


CLAIM = View(
    "C06: Sigmoid or ReLU",
    {"kind": "run", "claim.C06": "true", "study.activation": "true"},
    ("first_gradient_norm", "test_error"),
    ("model.activation",),
    grouped_by="arm",
)


def track(root: Path, found: Sequence[Record]) -> None:
    saved = {**GENERAL, claim_view("C06", "activation"): CLAIM}
    rows = tracking.track_records("quick", found, MEMBERSHIP, root=root, saved=saved)
    assert all(row["mlflow_run_id"] for row in rows)


def start(code: str, *arguments: str) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW")}
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def kill_half_way(process: subprocess.Popen[str], database: Path) -> int:
    """Kill when some runs are logged; return how many were there."""
    count = 0
    while process.poll() is None and count < 8:
        time.sleep(0.005)
        if database.exists():
            with closing(sqlite3.connect(database, timeout=30)) as connection:
                count = connection.execute("select count(*) from runs").fetchone()[0]
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return count


@dataclass(frozen=True)
class Served:
    """A running server over a project's store, and the records that the store mirrors."""

    address: str
    runs_page: str
    curves_page: str
    made: tuple[Record, ...]

    def get(self, path: str, **query: str) -> Any:
        with urllib.request.urlopen(f"{self.address}/api/2.0/mlflow/{path}?{urllib.parse.urlencode(query)}") as answer:
            return json.load(answer)

    def post(self, path: str, **body: Any) -> Any:
        request = urllib.request.Request(
            f"{self.address}/api/2.0/mlflow/{path}",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def runs(self, kind: str) -> list[Any]:
        experiment = self.get("experiments/get-by-name", experiment_name="cnnlab-quick")["experiment"]
        identity = experiment["experiment_id"]
        found = self.post("runs/search", experiment_ids=[identity], filter=f"tags.kind = '{kind}'", max_results=1000)
        return list(found["runs"])


def tags(run: Any) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in run["data"]["tags"]}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root = tmp_path_factory.mktemp("project")
    made = tuple(make_record(root / "results", arm=arm, seed=seed) for arm in ARMS.values() for seed in SEEDS)
    there = kill_half_way(start(TRACK, str(root)), root / "results/mlflow/mlflow.db")
    assert 0 < there < len(made)
    server = start(SERVE, str(root))
    try:
        other = start(TRACK, str(root))
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv("MLFLOW_TRACKING_URI", raising=False)
            track(root, made)
        output = other.communicate(timeout=120)[0]
        assert other.returncode == 0, output
        assert len(output.splitlines()) == 1, "MLflow is quiet"
        yield wait_for(server, made)
    finally:
        server.terminate()
        server.communicate(timeout=30)


def wait_for(server: subprocess.Popen[str], made: tuple[Record, ...]) -> Served:
    assert server.stdout is not None
    lines = [server.stdout.readline() for _ in range(3)]
    address, runs_page, curves_page = (re.findall(r"http://\S+", line)[0] for line in lines)
    assert address.startswith("http://127.0.0.1:")
    deadline = time.monotonic() + 90
    while server.poll() is None and time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{address}/health"):
                return Served(address, runs_page, curves_page, made)
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"the server did not come up: {server.stdout.read() if server.poll() is not None else ''}")


def test_every_run_is_there_once_and_finished(served: Served) -> None:
    found = served.runs("run")
    assert sorted(tags(run)["run_id"] for run in found) == sorted(record.run_id for record in served.made)
    parents = served.runs("arm")
    assert sorted(tags(run)["arm_id"] for run in parents) == sorted(arm.arm_id for arm in ARMS.values())
    assert {run["info"]["status"] for run in (*found, *parents)} == {"FINISHED"}
    by_arm = {tags(run)["arm_id"]: run["info"]["run_id"] for run in parents}
    for run in found:
        assert tags(run)["mlflow.parentRunId"] == by_arm[tags(run)["arm_id"]]
        assert tags(run)["study.activation"] == tags(run)["claim.C06"] == "true"


def test_histories_are_as_long_as_the_curves(served: Served) -> None:
    by_id = {tags(run)["run_id"]: run["info"]["run_id"] for run in served.runs("run")}
    for record in served.made:
        curves, times = record.curves(), record.provenance["evaluation_ms"]
        for name in ("train_loss", "validation_accuracy"):
            found = served.get("metrics/get-history", run_id=by_id[record.run_id], metric_key=name)["metrics"]
            assert [metric["step"] for metric in found] == curves["evaluation.step"].tolist()
            assert [metric["timestamp"] for metric in found] == times
            assert [metric["value"] for metric in found] == curves[f"evaluation.{name}"].tolist()


def test_data_and_artifacts_are_served(served: Served) -> None:
    run = served.runs("run")[0]
    (data,) = run["inputs"]["dataset_inputs"]
    assert CHECKSUM.startswith(data["dataset"]["digest"])
    record = next(record for record in served.made if record.run_id == tags(run)["run_id"])
    files = {file["path"] for file in served.get("artifacts/list", run_id=run["info"]["run_id"])["files"]}
    assert {"spec.json", "curves.safetensors", "weights.safetensors"} <= files
    query = urllib.parse.urlencode({"path": "weights.safetensors", "run_uuid": run["info"]["run_id"]})
    with urllib.request.urlopen(f"{served.address}/get-artifact?{query}") as answer:
        assert answer.read() == record.weights_path.read_bytes()


def test_a_server_can_take_the_place_of_the_file(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from mlflow import MlflowClient

    monkeypatch.setenv("MLFLOW_TRACKING_URI", served.address)
    record = make_record(tmp_path / "results", arm=ARMS["ReLU"])
    rows = [tracking.track_records("smoke", [record], {}, root=tmp_path) for _ in range(2)]
    assert capsys.readouterr().err == ""
    assert rows[0] == rows[1]
    run = MlflowClient(served.address).get_run(rows[0][0]["mlflow_run_id"])
    assert (run.info.status, run.data.tags["run_id"]) == ("FINISHED", record.run_id)
    assert run.info.artifact_uri.startswith("mlflow-artifacts:")
    files = {file["path"] for file in served.get("artifacts/list", run_id=run.info.run_id)["files"]}
    assert "weights.safetensors" in files
    assert not (tmp_path / "results/mlflow/mlflow.db").exists()


def test_a_browser_shows_the_table_of_runs(served: Served, browser_page_factory: Any, tmp_path: Path) -> None:
    page = browser_page_factory(1500, 900)
    page.goto(served.runs_page)
    for label, arm in ARMS.items():
        page.get_by_text(f"{label} ({arm.arm_id}").first.wait_for(timeout=40_000)
    page.screenshot(path=tmp_path / "table.png")
    assert page.get_by_text("matching runs").inner_text().split()[0] == str(len(ARMS))
    for column in (*ERRORS, MODEL[0]):
        assert page.get_by_role("columnheader", name=column).first.is_visible(), column
    assert page.get_by_text("Model training", exact=True).is_visible()
    assert page.refused == []


def test_a_browser_compares_the_arms_of_a_claim(served: Served, browser_page_factory: Any, tmp_path: Path) -> None:
    """The address that the report has: the means of both arms, their runs beneath, and what the claim compares."""
    experiment = served.get("experiments/get-by-name", experiment_name="cnnlab-quick")["experiment"]["experiment_id"]
    page = browser_page_factory(1700, 1000)
    page.goto(view_address(served.address, experiment, claim_view("C06", "activation")))
    for label in ARMS:
        page.get_by_text(f"Group: {label}").first.wait_for(timeout=40_000)
    page.screenshot(path=tmp_path / "claim.png")
    assert page.get_by_text("matching runs").inner_text().split()[0] == str(len(served.made))
    assert page.get_by_text("Group by: arm").is_visible()
    for column in CLAIM.metrics:
        assert page.get_by_role("columnheader", name=column).first.is_visible(), column
    assert page.refused == []


def test_a_browser_shows_curves(served: Served, browser_page_factory: Any, tmp_path: Path) -> None:
    page = browser_page_factory(1500, 1400)
    page.goto(served.curves_page)
    page.locator(".js-plotly-plot .scatterlayer .trace path.js-line").first.wait_for(
        timeout=60_000, state="attached"
    )  # however busy the machine
    bars = page.locator(".js-plotly-plot .barlayer .trace")
    bars.first.wait_for(timeout=60_000, state="attached")  # single values are no curves
    page.screenshot(path=tmp_path / "curves.png")
    assert page.get_by_text("ReLU, seed").count() > 0
    assert page.refused == []
