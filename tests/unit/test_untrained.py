"""Runs of no epochs, and classifiers without probabilities: what they lack is missing, not 0."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from cnnlab import models
from cnnlab.analysis.tables import curves, io, runs
from cnnlab.cli import listing, progress
from cnnlab.core.errors import UserError
from cnnlab.core.paths import Paths
from cnnlab.data.dataset import load
from cnnlab.planning.specs import ArmSpec
from cnnlab.tracking import mirror
from cnnlab.training import job, records, replay
from cnnlab.training.evaluate import evaluate
from cnnlab.training.records import Record
from tests import small_runs
from tests.fakes import DIGITS as DATA
from tests.studies import plan_of

FINALS = ("train", "validation", "test")


def untrained(classifier: str = "network", **changes: Any) -> ArmSpec:
    spec = small_runs.arm("lenet", {"epochs": 0, "classifier": classifier}, normalization="batch")
    return spec.model_copy(update={"data": DATA, **changes})


def run(spec: ArmSpec, paths: Paths) -> Record:
    job.run_job(spec, paths, (0,), 30)
    return next(records.scan(paths))


def table(record: Record) -> pd.Series:
    plan: Any = SimpleNamespace(runs=lambda: [(record.arm_id, record.seed)])
    found = {record.arm_id: {record.seed: record}}
    assert len(curves.curves(plan, found)) == len(record.curves()["evaluation.step"])
    assert len(io.table("measured/runs", runs.measured_runs(plan, found))) == 1
    return io.table("runs", runs.runs(plan, found)).iloc[0]


def refuse(constant: str) -> None:
    pytest.fail(f"{constant} in JSON")


def test_an_untrained_run_is_a_whole_record_without_a_learning_rate(paths: Paths) -> None:
    record = run(untrained(), paths)
    assert record.spec["learning_rate"] is None
    assert record.spec["learning_rate_source"] == "untrained"
    assert record.spec["tuning"] == []
    for name in (records.SPEC, records.RESULT, records.PROVENANCE):
        json.loads((record.directory / name).read_text(), parse_constant=refuse)
    assert all(len(values) == 0 for values in record.curves().values())
    assert record.curves()["evaluation.step"].dtype == np.int64  # as of a run with steps
    result = record.result
    assert (result["status"], result["epochs"], result["steps"]) == ("finished", 0, 0)
    missing = ("steps_to_target", "curve_area", "first_gradient_norm", "early_gradient_norm", "diverged_at_step")
    assert [result[name] for name in missing] == [None] * 5
    assert record.provenance["seconds_to_target"] is None


def test_its_errors_are_those_of_the_network_as_initialized(paths: Paths) -> None:
    spec = untrained()
    record = run(spec, paths)
    data = load(paths.data_file(DATA.data_id), paths.data_card(DATA.data_id), DATA, 0)
    model = models.build(spec.model, data.channels, data.image_size, data.classes, 0)
    for name in FINALS:
        outcome = evaluate(model, getattr(data, name))
        assert record.result[f"{name}_error"] == outcome.error
        assert record.result[f"{name}_loss"] == outcome.mean_loss


def test_diagnostics_of_a_trained_network_may_read_an_untrained_one(paths: Paths) -> None:
    record = run(
        untrained(diagnostics=("memorization", "orientation_selectivity", "shifts", "batchnorm_statistics")), paths
    )
    assert record.result["selectivity_gain"] == 0
    assert record.result["noise_fitted"] is None
    assert (record.pictures()["filters trained"] == record.pictures()["filters as initialized"]).all()
    assert record.result["statistics_distance"] > 0  # running averages are still 0 and 1
    with pytest.raises(UserError, match=r"input_drift.* needs training: epochs of 1 or more"):
        run(untrained(diagnostics=("activation_drift",)), paths)


def test_tables_and_mirror_take_an_untrained_run(paths: Paths) -> None:
    record = run(untrained(), paths)
    row = table(record)
    assert pd.isna(row["learning_rate"])
    assert pd.isna(row["curve_area"])
    assert row["learning_rate_source"] == "untrained"
    assert row["gap"] == record.result["test_error"] - record.result["train_error"]
    points = {point.key: point for point in mirror.points(record)}
    assert points["test_error"].value == record.result["test_error"]
    assert not {"train_loss", "learning_rate", "steps_to_target", "first_gradient_norm"} & points.keys()
    assert {point.step for point in points.values()} == {0}
    parameters = mirror.parameters(record)
    assert parameters["learning_rate_source"] == "untrained"
    assert parameters["train.epochs"] == "0"
    assert "learning_rate" not in parameters


def test_lists_progress_and_plans_take_an_untrained_run(tmp_path: Path, paths: Paths) -> None:
    record = run(untrained(), paths)
    (line,) = (
        line
        for line in listing.runs(SimpleNamespace(paths=paths, whole=SimpleNamespace(studies=()))).splitlines()
        if record.run_id in line
    )  # type: ignore[arg-type]
    assert " none " in line
    assert f"{100 * record.result['test_error']:.2f} %" in line
    assert "nan" not in line.lower()
    assert "test error" in progress.finished(paths, record)
    text = (
        "study: mine\ntitle: t\nquestion: q\nseeds: 5\n"
        "base: {model: {architecture: lenet}, data: {name: mnist5k}, train: {epochs: 2}}\n"
        "arms: {trained: {}, untrained: {train: {epochs: 0}}}\n"
    )
    plan = plan_of(tmp_path, text)
    trained, still = (arm.spec.arm_id for arm in plan.studies[0].arms.values())
    assert plan.tuning_runs(trained, (0,)) > 0 == plan.tuning_runs(still, (0,))
    assert 0 < plan.run_seconds(still) < 0.2 * plan.run_seconds(trained)


def test_an_untrained_run_is_found_again_and_repeated_to_the_bit(tmp_path: Path, paths: Paths) -> None:
    record = run(untrained(), paths)
    job.run_job(untrained(), paths, (0,), 30, lambda record: pytest.fail("done again"))
    other = Paths(tmp_path / "again", tmp_path)
    other.results.mkdir()
    (other.results / "data").symlink_to(paths.results / "data")
    again = replay.retrain(record, other)
    for name in (records.SPEC, records.RESULT, records.CURVES, records.TEST, records.WEIGHTS):
        assert (record.directory / name).read_bytes() == (again.directory / name).read_bytes(), name


@pytest.mark.parametrize("classifier", ["svm", "hog_svm"])
def test_a_classifier_without_probabilities_has_no_loss(classifier: str, paths: Paths) -> None:
    record = run(untrained(classifier), paths)
    for name in FINALS:
        assert record.result[f"{name}_loss"] is None
        assert 0 <= record.result[f"{name}_error"] < 0.7
    assert record.result["calibration_error"] is None
    json.loads((record.directory / records.RESULT).read_text(), parse_constant=refuse)
    test = record.test()
    assert test is not None
    assert test.keys() == {"label", "correct", "predicted"}
    assert record.result["test_error"] == pytest.approx(1 - test["correct"].mean())
    row = table(record)
    assert pd.isna(row["test_loss"])
    assert pd.isna(row["calibration_error"])
    assert not {"test_loss", "final_train_loss"} & {point.key for point in mirror.points(record)}
