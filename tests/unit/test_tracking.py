"""The MLflow mirror: every run once, whole, with its own times; and nothing that MLflow does can stop a run."""

from __future__ import annotations

import json
import math
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from cnnlab import tracking
from cnnlab.analysis.tables.frames import Tables
from cnnlab.core.errors import UserError
from cnnlab.planning.metrics import METRICS
from cnnlab.tracking import ArmMembership, LiveMirror, contents, mirror, store, ui, views
from cnnlab.training.curves import Curves
from cnnlab.training.records import Record
from cnnlab.wording.arm_notes import arm_notes
from tests import fakes
from tests.fakes import CHECKSUM, COMMIT, make_arm, make_record
from tests.said import said

ROOT = Path(__file__).parents[2]
ARM = make_arm(epochs=4)
MEMBERSHIP = ArmMembership("ReLU", ("activation",), ("C06",))
ARMS = {ARM.arm_id: MEMBERSHIP}


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    store.create_store(f"sqlite:///{path}")
    return path


@pytest.fixture
def root(tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose store is there but empty: making one takes seconds."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "results/mlflow").mkdir(parents=True)
    shutil.copyfile(empty_store, tmp_path / "results/mlflow/mlflow.db")
    return tmp_path


@pytest.fixture
def done(root: Path) -> list[Record]:
    return [make_record(root / "results", arm=ARM, seed=seed) for seed in (0, 1)]


def client(root: Path) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(store.store_uri(root))


def runs(root: Path, kind: str = "run") -> list[Any]:
    found = client(root).search_runs([store.connect(root, "quick").experiment_id])
    return sorted(
        (run for run in found if run.data.tags["kind"] == kind), key=lambda run: run.data.tags.get("seed", "")
    )


def rows(root: Path) -> dict[str, list[tuple[Any, ...]]]:
    """All that the store holds of runs."""
    tables = ("runs", "metrics", "params", "tags", "inputs", "datasets", "input_tags")
    with closing(sqlite3.connect(root / "results/mlflow/mlflow.db")) as connection:
        return {table: sorted(connection.execute(f"select * from {table}"), key=str) for table in tables}


def history(root: Path, run: Any, name: str) -> list[tuple[int, int, float]]:
    found = client(root).get_metric_history(run.info.run_id, name)
    return [(metric.step, metric.timestamp, metric.value) for metric in found]


def test_a_finished_run_is_mirrored_whole(root: Path, done: list[Record]) -> None:
    made = tracking.track_records("quick", done, ARMS, root=root)
    first, record = runs(root)[0], done[0]
    assert [row["mlflow_run_id"] for row in made] == [run.info.run_id for run in runs(root)]
    assert {run.info.status for run in (*runs(root), *runs(root, "arm"))} == {"FINISHED"}
    assert len(runs(root, "arm")) == 1
    tags = first.data.tags
    assert tags["run_id"] == record.run_id
    assert (tags["arm"], tags["arm_id"], tags["seed"], tags["status"]) == ("ReLU", ARM.arm_id, "0", "finished")
    assert tags["study.activation"] == tags["claim.C06"] == "true"
    assert tags["git_commit"] == tags["mlflow.source.git.commit"] == COMMIT
    assert tags["mlflow.parentRunId"] == runs(root, "arm")[0].info.run_id
    assert first.data.params["model.activation"] == ARM.model.switches["activation"]
    assert first.data.params["train.epochs"] == "4"
    assert (first.data.params["learning_rate"], first.data.params["seed"]) == ("0.1", "0")
    assert "train.learning_rate" not in first.data.params, "what is not set is left out"
    assert (first.info.start_time, first.info.end_time) == (
        record.provenance["started_ms"],
        record.provenance["ended_ms"],
    )


def test_a_run_bears_the_hash_of_each_plan_that_it_was_made_under(root: Path, done: list[Record]) -> None:
    path = done[0].directory / "provenance.json"
    plan = {"hash": "0123456789", "locked": True, "seed_seen": False}
    path.write_text(json.dumps(done[0].provenance | {"plans": {"activation": plan}}))
    tracking.track_records("quick", [Record(path.parent), done[1]], ARMS, root=root)
    assert [run.data.tags.get("plan.activation") for run in runs(root)] == ["0123456789", None]


def test_curves_bear_the_times_of_the_record(root: Path, done: list[Record]) -> None:
    tracking.track_records("quick", done, ARMS, root=root)
    record, run = done[1], runs(root)[1]
    for name in contents.CURVES:
        curve = record.curves()[f"evaluation.{name}"]
        steps = record.curves()["evaluation.step"]
        expected = list(zip(steps.tolist(), record.provenance["evaluation_ms"], curve.tolist(), strict=True))
        assert history(root, run, name) == expected
    ended = record.provenance["ended_ms"]
    assert history(root, run, "test_error") == [(0, ended, record.result["test_error"])]
    assert history(root, run, "final_train_loss") == [(0, ended, record.result["train_loss"])]
    assert history(root, run, "system/seconds") == [(0, ended, record.provenance["seconds"])]


def test_what_a_claim_compares_is_there_by_one_name(root: Path, done: list[Record]) -> None:
    """Every metric of the result, and what is drawn as bars has no step: MLflow draws any other step as a curve."""
    result = {**done[0].result, "saturated_units": 0.25}
    record = fakes.write(fakes.changed(done[0], result=result), done[0].directory)
    tracking.track_records("quick", [record], ARMS, root=root)
    (run,) = runs(root)
    assert run.data.metrics["saturated_units"] == 0.25
    for name in METRICS:
        assert contents.mirrored_name(name) not in contents.CURVES, name
    assert contents.mirrored_name("test_error_ratio") == "test_error"
    singles = set(run.data.metrics) - set(contents.CURVES)
    assert {step for name in singles for step, _, _ in history(root, run, name)} == {0}


def test_data_and_artifacts_go_along(root: Path, done: list[Record]) -> None:
    tracking.track_records("quick", done, ARMS, root=root)
    run = runs(root)[0]
    (data,) = run.inputs.dataset_inputs
    assert data.dataset.name == "mnist5k"
    assert CHECKSUM.startswith(data.dataset.digest)
    assert json.loads(data.dataset.profile)["checksum"] == CHECKSUM
    names = {item.path for item in client(root).list_artifacts(run.info.run_id)}
    assert names == {"spec.json", "result.json", "provenance.json", "curves.safetensors", "weights.safetensors"}
    copy = client(root).download_artifacts(run.info.run_id, "weights.safetensors")
    assert Path(copy).read_bytes() == done[0].weights_path.read_bytes()


def test_mirroring_again_writes_nothing(root: Path, done: list[Record], capsys: pytest.CaptureFixture[str]) -> None:
    first = tracking.track_records("quick", done, ARMS, root=root)
    before = rows(root)
    assert tracking.track_records("quick", done, ARMS, root=root) == first
    assert rows(root) == before
    shown = capsys.readouterr()
    assert "2 of them new" in shown.out
    assert "0 of them new" in shown.out
    assert shown.err == ""


def test_a_new_study_adds_its_tag_and_no_tag_is_taken_away(root: Path, done: list[Record]) -> None:
    tracking.track_records("quick", done, ARMS, root=root)
    before = rows(root)
    tracking.track_records("quick", done, {ARM.arm_id: ArmMembership("ReLU", ("pooling",), ("C07",))}, root=root)
    for run in (*runs(root), *runs(root, "arm")):
        names = {"study.activation", "study.pooling", "claim.C06", "claim.C07"}
        assert names <= set(run.data.tags)
        assert run.info.status == "FINISHED"
    after = rows(root)
    assert {name: after[name] for name in after if name != "tags"} == {
        name: before[name] for name in before if name != "tags"
    }


@pytest.mark.parametrize("call", ["log_batch", "log_inputs", "set_terminated"])
def test_a_half_logged_run_is_completed(
    root: Path, done: list[Record], call: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from mlflow import MlflowClient

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, call, lambda *_, **__: (_ for _ in ()).throw(OSError("killed")))
        made = tracking.track_records("quick", done, ARMS, root=root)
    assert made[0]["mlflow_run_id"] is None
    assert [run.info.status for run in runs(root)] == ["RUNNING"]
    assert len(capsys.readouterr().err.splitlines()) == 1

    half = runs(root)[0].info.run_id
    tracking.track_records("quick", done, ARMS, root=root)
    assert [run.info.status for run in runs(root)] == ["FINISHED", "FINISHED"]
    assert runs(root)[0].info.run_id == half
    for run, record in zip(runs(root), done, strict=True):
        assert len(history(root, run, "train_loss")) == len(record.curves()["evaluation.step"])
        assert len(run.inputs.dataset_inputs) == 1


def test_a_diverged_run_is_tagged_and_its_infinities_stay_away(root: Path) -> None:
    record = make_record(root / "results", arm=ARM, status="diverged")
    assert not all(math.isfinite(value) for value in record.curves()["evaluation.train_loss"])
    tracking.track_records("quick", [record], ARMS, root=root)
    (run,) = runs(root)
    assert run.info.status == "FINISHED"
    assert run.data.tags["status"] == "diverged"
    assert run.data.tags["diverged_at_step"] == str(record.result["diverged_at_step"])
    assert all(math.isfinite(value) and abs(value) < 1e300 for value in run.data.metrics.values())
    assert "test_error" not in run.data.metrics
    finite = sum(math.isfinite(value) for value in record.curves()["evaluation.train_loss"])
    assert len(history(root, run, "train_loss")) == finite
    assert len(history(root, run, "learning_rate")) == len(record.curves()["evaluation.step"])


def test_a_parent_bears_means_only_of_what_every_seed_has(root: Path) -> None:
    finished = [make_record(root / "results", arm=ARM, seed=seed) for seed in (0, 1)]
    other = make_arm(epochs=6)
    mixed = [
        make_record(root / "results", arm=other, seed=0),
        make_record(root / "results", arm=other, seed=1, status="diverged"),
    ]
    tracking.track_records("quick", [*finished, *mixed], {}, root=root)
    by_arm = {run.data.tags["arm_id"]: run.data for run in runs(root, "arm")}
    mean = sum(record.result["test_error"] for record in finished) / 2
    assert by_arm[ARM.arm_id].metrics["test_error"] == pytest.approx(mean)
    assert by_arm[other.arm_id].metrics == {}
    tags = by_arm[other.arm_id].tags
    assert (tags["seeds"], tags["diverged"], tags["failed"]) == ("2", "1", "0")


def test_a_parent_counts_the_runs_that_failed(root: Path) -> None:
    made = [make_record(root / "results", arm=ARM, seed=seed) for seed in (0, 1)]
    guessing = {**made[1].result, "train_loss": 2.302, "train_error": 0.9}
    labels = {**(made[1].test() or {}), "label": np.arange(1500) % 10}
    dead = fakes.write(fakes.changed(made[1], result=guessing, test=labels), made[1].directory)
    tracking.track_records("quick", [made[0], dead], {}, root=root)
    (parent,) = runs(root, "arm")
    assert (parent.data.tags["diverged"], parent.data.tags["failed"]) == ("0", "1")


def test_what_was_found_is_the_description_of_an_arm_and_a_later_mirror_keeps_it(
    root: Path, done: list[Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan: Any = SimpleNamespace(tier="quick")
    monkeypatch.setattr(mirror, "memberships", lambda plan: ARMS)
    monkeypatch.setattr(mirror, "figures_of", lambda plan: {ARM.arm_id: ()})
    tracking.track_records("quick", done, ARMS, root=root)
    before = [run.to_dictionary() for run in runs(root)]
    tracking.attach(plan, done, {ARM.arm_id: "- It helps: **supported**"}, root)
    for _ in range(2):
        (parent,) = runs(root, "arm")
        assert parent.info.status == "FINISHED"
        assert parent.data.tags["mlflow.note.content"] == "- It helps: **supported**"
        assert [run.to_dictionary() for run in runs(root)] == before
        tracking.track_records("quick", done, ARMS, root=root)


def test_notes_of_arms_are_the_verdicts_that_they_take_part_in(tmp_path: Path) -> None:
    from tests import report_samples

    plan = report_samples.plan(tmp_path, ("normalization", "activation"))
    tables = Tables(report_samples.frames(plan))
    notes = arm_notes(plan, tables)
    assert set(notes) == set(plan.arms())
    for study in plan.studies:
        for arm in study.arms.values():
            errors, _, told = notes[arm.spec.arm_id].partition("\n\n")
            runs = tables.rows("runs", arm_id=arm.spec.arm_id)
            mean = 100 * sum(run["test_error"] for run in runs) / len(runs)
            said(errors, "Test error", "%", "training error", "%", f"means over {len(runs)} seeds with 95 % intervals")
            assert float(errors.split()[2]) == pytest.approx(mean, abs=0.05)
            lines = told.splitlines()
            asked = [claim for claim in study.claims if any(arm.name in each.contrast for each in claim.requires)]
            assert len(lines) == len(asked)
            assert all(
                f"(study {study.name})" in line and claim.id in line for claim, line in zip(asked, lines, strict=True)
            )


def test_a_run_that_was_trained_again_replaces_the_old_one(root: Path) -> None:
    old = make_record(root / "results", arm=ARM)
    tracking.track_records("quick", [old], ARMS, root=root)
    new = make_record(root / "results", arm=ARM, started_ms=1_800_000_000_000)
    (row,) = tracking.track_records("quick", [new], ARMS, root=root)
    (run,) = runs(root)
    assert run.info.run_id == row["mlflow_run_id"]
    assert [time for _, time, _ in history(root, run, "train_loss")] == new.provenance["evaluation_ms"]


def test_a_run_found_twice_is_kept_once(root: Path, done: list[Record]) -> None:
    connected = store.connect(root, "quick")
    for started in (1, 2):
        connected.create("run", done[0].run_id, "twin", started, contents.run_tags(done[0]))
    tracking.track_records("quick", done, ARMS, root=root)
    assert [run.data.tags["run_id"] for run in runs(root)] == [record.run_id for record in done]
    assert runs(root)[0].info.start_time == 1


def test_figures_hang_on_the_parent(root: Path, done: list[Record]) -> None:
    figure = root / "results/figures/activation/errors.png"
    figure.parent.mkdir(parents=True)
    for drawn in (b"first", b"second"):
        figure.write_bytes(drawn)
        os.utime(figure, ns=(0, len(drawn)))
        tracking.track_records("quick", done, ARMS, {ARM.arm_id: [figure]}, root)
        (parent,) = runs(root, "arm")
        copy = client(root).download_artifacts(parent.info.run_id, "figures/activation/errors.png")
        assert Path(copy).read_bytes() == drawn
        assert not Path(copy).samefile(figure), "a figure is drawn again in place"


def test_tiers_are_experiments(root: Path, done: list[Record]) -> None:
    tracking.track_records("quick", done, ARMS, root=root)
    assert store.experiment_id(store.store_uri(root), "full") is None
    tracking.track_records("full", done[:1], ARMS, root=root)
    names = {item.name for item in client(root).search_experiments()}
    assert names == {"cnnlab-quick", "cnnlab-full"}  # and none of MLflow's own that stays empty
    quick = store.experiment_id(store.store_uri(root), "quick")
    assert quick == store.connect(root, "quick").experiment_id
    assert len(runs(root)) == 2


def test_a_deleted_experiment_comes_back(root: Path, done: list[Record]) -> None:
    (row, _) = tracking.track_records("quick", done, ARMS, root=root)
    client(root).delete_experiment(row["experiment_id"])
    tracking.track_records("quick", done, ARMS, root=root)
    assert len(runs(root)) == 2


def test_a_copied_project_does_not_write_into_the_original(
    root: Path, done: list[Record], tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    tracking.track_records("quick", done[:1], ARMS, root=root)
    copy = tmp_path_factory.mktemp("copy")
    shutil.copytree(root, copy, dirs_exist_ok=True)
    made = tracking.track_records("quick", done, ARMS, root=copy)
    assert [row["mlflow_run_id"] for row in made] == [None, None]
    assert f"delete {copy / 'results/mlflow'}" in capsys.readouterr().err
    assert len(runs(root)) == 1


TRACK = """
import sys
from pathlib import Path
from cnnlab import tracking
from cnnlab.training import records
from cnnlab.core.paths import Paths
root = Path(sys.argv[1])
found = list(records.scan(Paths(root / "results", root / "reports")))
tracking.track_records("quick", found, {}, root=root)
"""


def track_elsewhere(root: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", TRACK, str(root)], cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


@pytest.mark.slow
def test_two_processes_at_once_make_the_store_and_every_run_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    made = [make_record(tmp_path / "results", arm=ARM, seed=seed) for seed in range(6)]
    processes = [track_elsewhere(tmp_path) for _ in range(2)]
    errors = [process.communicate(timeout=120)[1] for process in processes]
    assert errors == ["", ""], "MLflow is quiet"
    assert [run.data.tags["run_id"] for run in runs(tmp_path)] == [record.run_id for record in made]
    assert len(runs(tmp_path, "arm")) == 1


def test_a_store_half_made_by_a_kill_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    folder = tmp_path / "results/mlflow"
    folder.mkdir(parents=True)
    (folder / ".mlflow.db.new").write_bytes(b"half a database")
    assert store.connect(tmp_path, "quick").experiment_id
    assert {path.name for path in folder.iterdir()} == {"mlflow.db", "mlflow.lock"}


@pytest.fixture
def silent_server() -> Iterator[str]:
    """Takes connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"http://user:secret@127.0.0.1:{listener.getsockname()[1]}"


def closed_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://user:secret@127.0.0.1:{probe.getsockname()[1]}"


def assert_one_warning(made: Sequence[dict[str, Any]], text: str) -> None:
    assert [row["mlflow_run_id"] for row in made] == [None, None]
    assert len(text.splitlines()) == 1
    assert text.startswith("warning: MLflow at ")
    assert "cnnlab track" in text
    assert "secret" not in text
    assert "Traceback" not in text


def test_an_unreachable_server_is_one_warning_line(
    root: Path, done: list[Record], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", closed_port())
    began = time.monotonic()
    made = tracking.track_records("quick", done, ARMS, root=root)
    assert time.monotonic() - began < 5
    assert_one_warning(made, capsys.readouterr().err)


def test_a_server_that_never_answers_is_one_warning_line(
    root: Path,
    done: list[Record],
    silent_server: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", silent_server)
    monkeypatch.setattr(store, "ANSWER_SECONDS", 0.5)
    assert_one_warning(tracking.track_records("quick", done, ARMS, root=root), capsys.readouterr().err)


def test_a_broken_store_is_one_warning_line(root: Path, done: list[Record], capsys: pytest.CaptureFixture[str]) -> None:
    (root / "results/mlflow/mlflow.db").write_bytes(b"not a database at all" * 100)
    assert_one_warning(tracking.track_records("quick", done, ARMS, root=root), capsys.readouterr().err)


def snapshot(record: Record, evaluations: int) -> Curves:
    """What the loop hands over after so many evaluations."""
    curves = {name: values.tolist()[:evaluations] for name, values in record.curves().items()}
    return Curves(
        loss=torch.zeros(0),
        gradient_norm=torch.zeros(0),
        steps=curves["evaluation.step"],
        train_losses=curves["evaluation.train_loss"],
        validation_losses=curves["evaluation.validation_loss"],
        validation_accuracies=curves["evaluation.validation_accuracy"],
        learning_rates=curves["evaluation.learning_rate"],
        milliseconds=record.provenance["evaluation_ms"][:evaluations],
    )


def grow(root: Path, record: Record, first: int, last: int, finish: bool = False) -> None:
    """Hand over the curves after evaluations `first` to `last`, as a job does; its checkpoint has those before."""
    with LiveMirror(root, "quick", MEMBERSHIP) as mirrored:
        watch = mirrored.watch(record.spec, record.provenance["git"])
        for count in range(first, last + 1):
            watch.evaluated(snapshot(record, count))
        if finish:
            mirrored.finished(record)


def test_a_growing_run_can_be_watched(root: Path, done: list[Record]) -> None:
    grow(root, done[0], 1, 2)
    (run,) = runs(root)
    assert (run.info.status, run.data.tags["status"]) == ("RUNNING", "running")
    assert run.data.tags["git_commit"] == COMMIT
    assert [step for step, _, _ in history(root, run, "validation_loss")] == [47, 94]
    assert "test_error" not in run.data.metrics


def test_a_growing_run_ends_as_a_finished_one_does(root: Path, done: list[Record]) -> None:
    grow(root, done[0], 1, 4, finish=True)
    (grown,) = runs(root)
    tracking.track_records("quick", done, ARMS, root=root)
    same, whole = runs(root)
    assert (grown.info.status, grown.data.tags["status"]) == ("FINISHED", "finished")
    assert same.data.to_dictionary() == grown.data.to_dictionary(), "reconciling found nothing to complete"
    assert set(same.data.metrics) == set(whole.data.metrics)
    assert set(same.data.params) == set(whole.data.params)
    assert set(same.data.tags) == set(whole.data.tags)
    assert len(history(root, same, "train_loss")) == 4


def test_a_run_that_is_started_afresh_after_a_kill_has_each_point_once(root: Path) -> None:
    killed = make_record(root / "results", arm=ARM)
    grow(root, killed, 1, 3)
    again = make_record(root / "results", arm=ARM, started_ms=1_800_000_000_000)
    grow(root, again, 1, 2)
    assert [step for step, _, _ in history(root, runs(root)[0], "train_loss")] == [47, 94]
    tracking.track_records("quick", [again], ARMS, root=root)
    (run,) = runs(root)
    assert [time for _, time, _ in history(root, run, "train_loss")] == again.provenance["evaluation_ms"]


def test_a_run_that_goes_on_from_its_checkpoint_keeps_its_points(root: Path, done: list[Record]) -> None:
    grow(root, done[0], 1, 2)
    (before,) = runs(root)
    grow(root, done[0], 3, 4, finish=True)
    (after,) = runs(root)
    assert after.info.run_id == before.info.run_id
    assert len(history(root, after, "train_loss")) == 4


def test_live_tracking_neither_raises_nor_waits(
    root: Path, done: list[Record], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", closed_port())
    with LiveMirror(root, "quick", MEMBERSHIP) as mirrored:
        watch = mirrored.watch(done[0].spec)
        began = time.monotonic()
        for _ in range(100):
            watch.evaluated(snapshot(done[0], 4))
        mirrored.finished(done[0])
        assert time.monotonic() - began < 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_live_tracking_does_nothing_where_nothing_trains(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "connect", lambda *_: pytest.fail("connected"))
    with LiveMirror(root, "quick", MEMBERSHIP) as mirrored:
        pass
    assert not mirrored._thread.is_alive()


def test_live_tracking_gives_up_waiting_for_a_server_that_hangs(
    root: Path, done: list[Record], silent_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", silent_server)
    monkeypatch.setattr(store, "ANSWER_SECONDS", 2)
    mirrored = LiveMirror(root, "quick", MEMBERSHIP)
    with mirrored:
        mirrored.finished(done[0])
        began = time.monotonic()
        mirrored.close(seconds=0.1)
        assert time.monotonic() - began < 1
        mirrored._thread.join()


def test_views_are_saved_once_and_what_a_claim_compares_comes_first(
    root: Path, done: list[Record], tmp_path_factory: pytest.TempPathFactory
) -> None:
    from tests import report_samples

    plan = report_samples.plan(tmp_path_factory.mktemp("plan"), ("normalization", "activation"))
    saved = tracking.saved_views(plan, plan.arms())
    tracking.track_records("quick", done, ARMS, root=root, saved=saved)
    experiment = client(root).get_experiment_by_name("cnnlab-quick")
    found = {key.removeprefix(views.PREFIX): value for key, value in experiment.tags.items() if views.PREFIX in key}
    assert set(found) == set(saved) >= {"cnnlab-arms", "cnnlab-runs", "claim-C26-normalization"}
    assert all(len(value) < 5000 for value in found.values()), "MLflow takes no longer tag"
    state = json.loads(json.loads(found["claim-C26-normalization"])["state"])
    assert state["selectedColumns"][0] == state["orderByKey"] == "metrics.`steps_to_target`"
    assert "params.`model.normalization`" in state["selectedColumns"]
    assert state["groupBy"]["groupByKeys"] == [{"mode": "tag", "groupByData": "arm"}]
    for name in json.loads(found["cnnlab-runs"])["state"].split("`")[1::2]:
        assert name in {"kind", "studies", "Run Name", *views.ERRORS, *views.MODEL, "seed", "learning_rate"}
    tracking.track_records("quick", done, ARMS, root=root, saved=saved)
    assert client(root).get_experiment_by_name("cnnlab-quick").tags == experiment.tags
    assert saved_only_of(plan, "activation") < set(saved)


def saved_only_of(plan: Any, study: str) -> set[str]:
    arms = [arm.spec.arm_id for arm in plan.study(study).arms.values()]
    return set(tracking.saved_views(plan, arms))


def test_a_group_that_a_page_does_not_load_whole_shows_no_mean() -> None:
    arms = {name: SimpleNamespace(spec=make_arm(activation=name), label=name) for name in ("relu", "sigmoid")}
    contrast = SimpleNamespace(metric="test_error", contrast={"relu": 1, "sigmoid": -1})
    claims = (SimpleNamespace(id="C06", requires=(contrast,)),)
    for seeds, grouped in ((50, "arm"), (51, "")):
        study = SimpleNamespace(name="s", title="S", seeds=range(seeds), arms=arms, claims=claims)
        plan: Any = SimpleNamespace(studies=(study,))
        found = tracking.saved_views(plan, {arms["relu"].spec.arm_id})["claim-C06-s"]
        assert found.grouped_by == grouped
        assert found.parameters == ("model.activation", "model.initialization", "seed", "learning_rate")


def test_memberships_come_from_the_studies() -> None:
    def arm(name: str, label: str) -> Any:
        return SimpleNamespace(name=name, label=label, spec=SimpleNamespace(arm_id=f"id-{name}"))

    claim = SimpleNamespace(id="C06", requires=(SimpleNamespace(contrast={"relu": 1, "sigmoid": -1}),))
    activation = SimpleNamespace(
        name="activation", arms={"a": arm("relu", "ReLU"), "b": arm("sigmoid", "Sigmoid")}, claims=(claim,)
    )
    pooling = SimpleNamespace(name="pooling", arms={"a": arm("relu", "max"), "b": arm("mean", "mean")}, claims=())
    found = tracking.memberships(SimpleNamespace(studies=(activation, pooling)))  # type: ignore[arg-type]
    assert found["id-relu"] == ArmMembership("activation: ReLU", ("activation", "pooling"), ("C06",))
    assert found["id-mean"] == ArmMembership("pooling: mean", ("pooling",), ())


def test_parameters_are_flat_and_complete() -> None:
    arm = make_arm(train={"learning_rate": 0.05, "warmup_steps": 3})
    spec = {"arm": arm.model_dump(mode="json"), "seed": 4, "learning_rate": 0.05, "learning_rate_source": "fixed"}
    values = contents.parameters(fakes.record(spec=spec))
    assert values["model.architecture"] == "lenet"
    assert values["train.learning_rate"] == values["learning_rate"] == "0.05"
    assert values["data.standardize"] == "channel"
    assert values["train.tune.rates"] == json.dumps(list(arm.train.tune.rates))
    assert not any(value in ("null", "None") for value in values.values())


def test_training_never_imports_mlflow() -> None:
    code = "import sys, cnnlab.tracking; print(sorted({'mlflow', 'pandas', 'torch', 'numpy'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_the_environment_names_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert store.store_uri(tmp_path) == f"sqlite:///{tmp_path.resolve()}/results/mlflow/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://user:secret@example.org/mlflow")
    assert store.store_uri(tmp_path) == "https://user:secret@example.org/mlflow"
    assert store.without_password(store.store_uri(tmp_path)) == "https://example.org/mlflow"


def test_the_pages_of_a_server_elsewhere_are_only_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://user:secret@example.org/mlflow")
    tracking.serve_ui(tmp_path)
    assert capsys.readouterr().out == "https://example.org/mlflow\n"


def test_there_are_no_pages_before_the_first_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(UserError, match="run snakemake"):
        tracking.serve_ui(tmp_path)


def test_a_port_in_use_is_passed_over() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert ui.free_port("127.0.0.1", port) > port


def test_batches_respect_the_limits_of_mlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[int, int, int]] = []

    def log_batch(run_id: str, metrics: Any, params: Any, tags: Any) -> None:
        calls.append((len(metrics), len(params), len(tags)))

    recorder = SimpleNamespace(client=SimpleNamespace(log_batch=log_batch))
    found = [contents.Point("loss", 0.5, step, step) for step in range(2100)]
    mirror._log_batches(recorder, "r", found, {f"p{i}": "x" for i in range(150)}, {"t": "x"})  # type: ignore[arg-type]
    assert calls == [(800, 100, 1), (800, 50, 0), (500, 0, 0)]


def test_a_failure_names_its_reason_once(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mirror.warn(root, ValueError("first line\nsecond line " + "x" * 500))
    text = capsys.readouterr().err
    assert len(text.splitlines()) == 1
    assert "first line second line" in text
    assert replace(MEMBERSHIP, claims=()).tags == {
        "arm": "ReLU",
        "studies": "activation",
        "study.activation": "true",
    }
    assert replace(MEMBERSHIP, studies=("a", "b")).tags["studies"] == "a, b"
