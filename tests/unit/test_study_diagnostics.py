"""From the metrics of a study's contrasts to the diagnostics of its arms, and what they cost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from cnnlab import fingerprint, train
from cnnlab.config import from_mapping
from cnnlab.errors import UserError
from cnnlab.metrics import METRICS
from cnnlab.plan import make_plan
from cnnlab.study import Study
from tests import small_runs

STUDY = """\
study: mine
title: Batch normalization
question: Does it help?
base:
  model: {architecture: lenet, preset: small}
  data: {name: mnist5k}
  train: {epochs: 2}
arms:
  none: {model: {normalization: none}}
  batch: {model: {normalization: batch}}
  layer: {model: {normalization: layer}}
seeds: 5
claims:
  - id: my-claim
    architecture: lenet
    requires:
      - {metric: settling_lag, contrast: {none: 1}, direction: greater, margin: 1}
secondary:
  - {metric: input_drift, contrast: {none: 1, batch: -1}}
  - {metric: test_error, contrast: {layer: 1, batch: -1}}
"""
DURING = ("layers", "inputs", "settling", "selectivity")


def study_of(folder: Path, text: str = STUDY) -> Study:
    (folder / "study.yaml").write_text(text)
    given = {"tier": "quick", "results": "results", "reports": "reports", "device": "cpu"}
    return make_plan(from_mapping({**given, "study_paths": [str(folder)]})).studies[0]


def test_arms_have_the_diagnostics_that_their_own_contrasts_need(tmp_path: Path) -> None:
    arms = study_of(tmp_path).arms
    asked = {name: arm.spec.diagnostics for name, arm in arms.items()}
    assert asked == {"none": ("inputs", "settling"), "batch": ("inputs",), "layer": ()}


def test_an_arm_is_another_one_with_another_diagnostic(tmp_path: Path) -> None:
    with_it = study_of(tmp_path).arms
    without = study_of(tmp_path, STUDY.replace("input_drift", "train_error")).arms
    changed = {name for name in with_it if with_it[name].spec.arm_id != without[name].spec.arm_id}
    assert changed == {"none", "batch"}


@pytest.mark.parametrize(
    ("edited", "concerned"),
    [
        ("settling", {"none"}),
        ("similarity", {"none"}),  # which settling imports
        ("inputs", {"none", "batch"}),
        ("probes", set()),
        ("__init__", {"none", "batch", "layer"}),
    ],
)
def test_a_changed_diagnostic_concerns_the_arms_that_have_it(
    edited: str, concerned: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {name: arm.spec.fingerprint for name, arm in study_of(tmp_path).arms.items()}
    original = fingerprint._code

    def changed(path: Path, mtime: int) -> str:
        return original(path, mtime) + "#" * (path.stem == edited and path.parent.name == "diagnostics")

    monkeypatch.setattr(fingerprint, "_code", changed)
    after = {name: arm.spec.fingerprint for name, arm in study_of(tmp_path).arms.items()}
    assert {name for name in before if before[name] != after[name]} == concerned


@pytest.mark.parametrize("metric", METRICS)
def test_one_arm_is_a_contrast_of_a_metric_that_is_a_difference_by_itself(metric: str, tmp_path: Path) -> None:
    text = STUDY.replace(
        "metric: input_drift, contrast: {none: 1, batch: -1}", f"metric: {metric}, contrast: {{none: 1}}"
    )
    if METRICS[metric].signed:
        assert study_of(tmp_path, text).secondary[0].contrast == {"none": 1}
        return
    with pytest.raises(UserError, match="at least two arms with weights that sum to zero") as caught:
        study_of(tmp_path, text)
    assert "\n" not in str(caught.value)
    assert "study.yaml: secondary.0.contrast" in str(caught.value)


def test_a_run_says_what_its_diagnostics_cost() -> None:
    spec, data = small_runs.arm(activation="relu"), small_runs.dataset()
    assert train.train(spec, data, 0, 0.1, 1).diagnostics.cpu_seconds == 0
    trained = train.train(spec, data, 0, 0.1, 1, diagnostics=("layers", "inputs"))
    during = trained.diagnostics.cpu_seconds
    assert 0 < during < trained.cpu_seconds + 1
    trained.diagnostics.finish()
    assert trained.diagnostics.cpu_seconds > during


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize(("names", "share"), [(DURING, 0.2), *(((name,), 0.1) for name in DURING)])
def test_diagnostics_take_a_small_share_of_a_run(names: Sequence[str], share: float) -> None:
    """LeNet on 3,000 images, 4 epochs: shorter than any run of a study."""
    spec = small_runs.arm("lenet", {"epochs": 4, "batch_size": 64}, activation="relu", normalization="batch")
    data = small_runs.dataset(train=3000, others=500, size=28)
    trained = train.train(spec, data, 0, 0.05, 4, diagnostics=names)
    trained.diagnostics.finish()
    assert trained.diagnostics.cpu_seconds < share * trained.cpu_seconds
