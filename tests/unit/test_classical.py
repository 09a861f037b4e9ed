"""Classifiers that are trained apart from their features."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from torch import Tensor, nn

from cnnlab import models
from cnnlab.analysis import effects
from cnnlab.core.errors import UserError
from cnnlab.core.paths import Paths
from cnnlab.data.dataset import Scaling, Split
from cnnlab.planning.metrics import METRICS
from cnnlab.planning.specs import ArmSpec
from cnnlab.planning.studies.study_file import ContrastSpec
from cnnlab.training import job, loop, outcome, records, replay, svm
from cnnlab.training.records import Record
from tests import small_runs
from tests.studies import plan_of


def splits() -> dict[str, Split]:
    """Bars that stand or lie, two classes."""
    draws, one = torch.Generator().manual_seed(0), torch.ones(1, 1, 1)
    found = {}
    for name, count in (("train", 40), ("validation", 20), ("test", 20)):
        labels = torch.arange(count) % 2
        images = 0.1 * torch.rand(count, 1, 28, 28, generator=draws)
        images[labels == 0, :, 12:16] = 1
        images[labels == 1, :, :, 12:16] = 1
        found[name] = Split(images, labels, Scaling(0 * one, one, 0 * one, one))
    return found


def hard(classes: int = 3, features: int = 40) -> dict[str, Split]:
    """Images of one row whose pixels say little of the class, so that the strength of the fit matters."""
    draws, one = torch.Generator().manual_seed(2), torch.ones(1, 1, 1)
    found = {}
    for name, count in (("train", 120), ("validation", 100), ("test", 200)):
        labels = torch.randint(classes, (count,), generator=draws)
        images = torch.randn(count, 1, 1, features, generator=draws)
        images[torch.arange(count), 0, 0, labels] += 1.5
        found[name] = Split(images, labels, Scaling(0 * one, one, 0 * one, one))
    return found


class Kept(nn.Module):
    """A network whose last dense layer is given the pixels themselves."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.output = nn.Linear(features, 3)

    def forward(self, images: Tensor) -> Tensor:
        return self.output(images.flatten(1))  # type: ignore[no-any-return]


# Features


@pytest.mark.parametrize(
    ("architecture", "switches"),
    [
        ("lenet", {}),
        ("mlp", {"depth": 4}),
        ("googlenet", {"auxiliary": True, "width": 4}),
        ("resnet_cifar", {"depth": 8}),
    ],
)
def test_features_are_what_the_last_dense_layer_is_given(architecture: str, switches: dict[str, Any]) -> None:
    images = small_runs.dataset().test
    model = models.build(small_runs.arm(architecture, **switches).model, 1, small_runs.SIZE, 4, 0)
    found = torch.from_numpy(svm.features(model, images))
    output = model.get_submodule("output")
    with torch.no_grad():
        torch.testing.assert_close(output(found), model.eval()(images.images), rtol=1e-4, atol=1e-5)


def test_without_a_dense_layer_the_class_scores_are_the_features() -> None:
    images = small_runs.dataset(size=28).test
    model = models.build(small_runs.arm("nin").model, 1, 28, 4, 0)
    assert not any(isinstance(layer, nn.Linear) for layer in model.modules())
    with torch.no_grad():
        scores = model.eval()(images.images)
    assert np.allclose(svm.features(model, images), scores.numpy(), atol=1e-6)


@pytest.mark.parametrize(("channels", "cell", "size"), [(1, 4, 28), (1, 7, 28), (3, 5, 20)])
def test_hog_is_that_of_scikit_image(channels: int, cell: int, size: int) -> None:
    from skimage.feature import hog

    images = small_runs.dataset(channels=channels, size=size).test
    expected = [
        hog(
            image.permute(1, 2, 0).numpy(),
            orientations=9,
            pixels_per_cell=(cell, cell),
            cells_per_block=(2, 2),
            channel_axis=-1,
        )
        for image in images.images
    ]
    found = svm.hog(images, cell)
    cells = size // cell
    assert found.shape == (len(images), 9 * 4 * (cells - 1) ** 2)
    assert np.allclose(found, expected, atol=1e-6)


def test_hog_is_of_images_as_they_are_scaled_whether_bytes_or_floats() -> None:
    draws, one = torch.Generator().manual_seed(0), torch.ones(1, 1, 1)
    stored = torch.randint(0, 256, (600, 1, 14, 14), generator=draws, dtype=torch.uint8)
    scaling = Scaling(30 * one, 80 * one, 0 * one, one)
    labels = torch.zeros(600, dtype=torch.int64)
    found = [svm.hog(Split(images, labels, scaling), 7) for images in (stored, scaling(stored))]
    assert np.array_equal(*found)


def test_cells_fit_into_the_images() -> None:
    assert svm._cells(28) == [4, 5, 7]
    assert svm._cells(12) == [4, 5]
    with pytest.raises(UserError, match="images of 7 pixels are too small; set image_size to 8 or more"):
        svm._cells(7)
    data = small_runs.dataset(size=12)
    images = {"train": data.train, "validation": data.validation, "test": data.test}
    assert svm.classify("hog_svm", nn.Identity(), images)["test"].error < 0.5


# The support vector machine


def test_the_svm_is_linear_on_standardized_features_with_the_best_strength_by_validation() -> None:
    data = hard()
    found = svm.classify("svm", Kept(40), data)
    arrays = {name: (split.images.flatten(1).numpy(), split.labels.numpy()) for name, split in data.items()}
    scaler = StandardScaler().fit(arrays["train"][0])
    errors, answers = {}, {}
    for strength in svm.GRID:
        machine = LinearSVC(C=strength, dual=False, max_iter=10_000).fit(
            scaler.transform(arrays["train"][0]), arrays["train"][1]
        )
        answers[strength] = {name: machine.predict(scaler.transform(values)) for name, (values, _) in arrays.items()}
        errors[strength] = {name: float((answers[strength][name] != arrays[name][1]).mean()) for name in arrays}
    best = min(svm.GRID, key=lambda strength: errors[strength]["validation"])
    assert best == pytest.approx(0.01)
    for name, answer in found.items():
        agree = (answer.predicted.numpy() == answers[best][name]).mean()
        assert agree > 0.98, name  # the dual form is the same machine but for its last digits
        assert torch.equal(answer.correct, answer.predicted == data[name].labels)
        assert answer.error == pytest.approx(errors[best][name], abs=0.02)


class Constant(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Answers with the power of ten of its strength, whatever it is shown."""

    def __init__(self, C: float, **_rest: Any) -> None:
        self.C = C

    def fit(self, inputs: Any, labels: Any) -> Constant:
        self.classes_ = np.unique(labels)
        return self

    def predict(self, inputs: Any) -> Any:
        return np.full(len(inputs), round(-math.log10(self.C)))


@pytest.mark.parametrize(
    ("validation", "chosen"),
    [([3, 3, 3, 1], 3), ([1, 1, 4, 4], 4), ([0, 2, 0, 0], 0)],  # of equals the least strength, 10 to the -4
)
def test_validation_images_alone_choose_the_strength(
    validation: list[int], chosen: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sklearn.svm.LinearSVC", Constant)
    one = torch.ones(1, 1, 1)

    def split(labels: list[int]) -> Split:
        images = torch.randn(len(labels), 1, 1, 5, generator=torch.Generator().manual_seed(0))
        return Split(images, torch.tensor(labels), Scaling(0 * one, one, 0 * one, one))

    # The training images would choose 2, the test images 5.
    data = {"train": split([2, 2, 2, 2]), "validation": split(validation), "test": split([5, 5, 5])}
    found = svm.classify("svm", Kept(5), data)
    assert found["test"].predicted.tolist() == [chosen] * 3
    assert found["validation"].accuracy == pytest.approx(validation.count(chosen) / 4)


def test_the_size_of_the_cells_is_chosen_by_validation_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only cells of 5 pixels show the class in the validation images; in the test images, those of 7 do."""
    data = splits()

    def shown(split: Split, cell: int) -> svm.Features:
        tells = split is data["train"] or cell == {id(data["validation"]): 5, id(data["test"]): 7}[id(split)]
        values = split.labels.float() if tells else 1 - split.labels.float()
        return np.asarray(values[:, None].numpy(), dtype=np.float32)

    monkeypatch.setattr(svm, "hog", shown)
    found = svm.classify("hog_svm", nn.Identity(), data)
    assert found["validation"].error == 0
    assert found["test"].error == 1


def test_hog_is_fitted_once_for_the_same_images_and_again_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def counted(split: Split, cell: int) -> svm.Features:
        calls.append(cell)
        return original(split, cell)

    original = svm.hog
    monkeypatch.setattr(svm, "hog", counted)
    same = splits()
    first, again = (svm.classify("hog_svm", nn.Identity(), same) for _ in range(2))
    assert len(calls) == 3 * len(svm.CELLS)
    assert first["test"].error == again["test"].error == 0
    assert first["test"].loss is None
    svm.classify("hog_svm", nn.Identity(), splits())
    assert len(calls) == 6 * len(svm.CELLS)


# Runs


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[int, Record]]:
    """A trained LeNet, and SVMs on its features, on those of one as initialized, and on HOG: two seeds each."""
    data = small_runs.dataset(train=200, others=80)
    monkeypatch.setattr(job.Job, "data", lambda self, seed: data)
    monkeypatch.setattr(job.Job, "card", {"checksum": "none"})
    found = {}
    for name, fields in ARMS.items():
        rate = {} if fields.get("epochs") == 0 else {"learning_rate": 0.1}
        arm = small_runs.arm("lenet", {**rate, **fields}, activation="relu")
        job.run_job(arm, paths_in(tmp_path), (0, 1), 30)
        found[name] = {
            record.seed: record for record in records.scan(paths_in(tmp_path)) if record.arm_id == arm.arm_id
        }
    torch.use_deterministic_algorithms(False)
    return found


ARMS: dict[str, dict[str, Any]] = {
    "network": {},
    "svm": {"classifier": "svm"},
    "random": {"classifier": "svm", "epochs": 0},
    "hog": {"classifier": "hog_svm", "epochs": 0},
}


def paths_in(folder: Path) -> Paths:
    return Paths(folder / "results", folder / "reports")


def test_a_run_with_a_classifier_of_its_own_leaves_the_records_of_any_run(
    runs: dict[str, dict[int, Record]], tmp_path: Path
) -> None:
    for name in ("svm", "random", "hog"):
        for record in runs[name].values():
            result, tested = record.result, record.test()
            assert tested is not None
            assert set(tested) == {"label", "correct", "predicted"}
            assert np.array_equal(tested["correct"], tested["predicted"] == tested["label"])
            assert result["test_error"] == pytest.approx(1 - tested["correct"].mean())
            for missing in ("train_loss", "validation_loss", "test_loss", "calibration_error"):
                assert result[missing] is None, missing
            for known in ("train_error", "validation_error", "test_error"):
                assert 0 <= result[known] < 0.6, known
    # The features are those of the network that is trained without it: same weights, same curves.
    for seed, record in runs["network"].items():
        other = runs["svm"][seed]
        for file in (records.WEIGHTS, records.CURVES):
            assert (record.directory / file).read_bytes() == (other.directory / file).read_bytes()
    assert runs["hog"][0].result["test_error"] == runs["hog"][1].result["test_error"]
    assert runs["hog"][0].result["parameters"] is None
    assert runs["svm"][0].result["parameters"] > 0


def test_frozen_features_are_those_of_the_weights_in_the_record(runs: dict[str, dict[int, Record]]) -> None:
    from safetensors.torch import load_file

    data = small_runs.dataset(train=200, others=80)
    images = {"train": data.train, "validation": data.validation, "test": data.test}
    for name in ("svm", "random"):
        record = runs[name][1]
        model = models.build(ArmSpec.model_validate(record.spec["arm"]).model, 1, small_runs.SIZE, 4)
        model.load_state_dict(load_file(record.weights_path))
        outcome = svm.classify("svm", model, images)["test"]
        tested = record.test()
        assert tested is not None
        assert outcome.predicted.tolist() == tested["predicted"].tolist()
    initial = models.build(small_runs.arm("lenet", activation="relu").model, 1, small_runs.SIZE, 4, 1).state_dict()
    stored = load_file(runs["random"][1].weights_path)
    assert all(torch.equal(value, stored[name]) for name, value in initial.items())


def test_a_loss_that_does_not_exist_is_no_effect_and_no_zero(runs: dict[str, dict[int, Record]]) -> None:
    arms: dict[str, Any] = {name: runs[name] for name in ("network", "svm")}
    contrast = ContrastSpec(metric="test_loss", contrast={"network": 1, "svm": -1})
    loss = effects.observe(contrast, arms, [0, 1])
    assert not loss.effects.known
    assert np.isinf(loss.effects.low).all()
    assert np.isinf(loss.effects.high).all()
    error = effects.observe(ContrastSpec(metric="test_error", contrast={"network": 1, "svm": -1}), arms, [0, 1])
    expected = [100 * (runs["network"][s].result["test_error"] - runs["svm"][s].result["test_error"]) for s in (0, 1)]
    assert error.effects.known
    assert error.effects.low.tolist() == pytest.approx(expected)
    assert effects._per_image(runs["svm"][0], METRICS["test_loss"]) is None
    assert effects._per_image(runs["network"][0], METRICS["test_loss"]) is not None


def test_weights_alone_cannot_repeat_the_answers_of_an_svm(
    runs: dict[str, dict[int, Record]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "current", lambda paths, record: True)
    with pytest.raises(UserError, match="its answers are those of svm, which is not kept") as caught:
        replay.evaluate_run(paths_in(tmp_path), runs["svm"][0], None)
    assert "\n" not in str(caught.value)


def test_diagnostics_read_the_network_below_the_classifier() -> None:
    data = small_runs.dataset(train=80, others=40)
    arm = small_runs.arm("lenet", {"classifier": "svm", "epochs": 1}, activation="relu")
    trained = loop.train(arm, data, 0, 0.1, 1, diagnostics=("activation_drift", "orientation_selectivity"))
    found = outcome.result(arm, data, trained, 1)
    assert found.values["input_drift"] > 0
    assert found.values["selectivity_gain"] != 0


STUDY = """\
study: mine
title: A title
question: Which is better?
base:
  model: {architecture: lenet, activation: relu}
  data: {name: mnist5k}
  train: {epochs: 2}
arms:
  network: {}
  other: {train: %s}
seeds: 5
"""


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("{epochs: 0, learning_rate: 0.1}", ["arms.other.train.learning_rate: nothing is trained in 0 epochs"]),
        ("{classifier: hog_svm}", ["arms.other.train.classifier: hog_svm uses no network; set epochs to 0"]),
        ("{classifier: hogsvm}", ["arms.other.train.classifier: 'hogsvm': unknown", "'hog_svm'"]),
    ],
)
def test_a_classifier_that_makes_no_sense_is_refused_in_one_line(written: str, said: list[str], tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        plan_of(tmp_path, STUDY % written)
    line = str(caught.value)
    assert "\n" not in line
    for part in ("mine.yaml:", *said):
        assert part in line, line


def test_an_edit_of_the_classifiers_retrains_only_those_that_use_them(tmp_path: Path) -> None:
    study = plan_of(tmp_path, STUDY % "{classifier: svm}").studies[0]
    from cnnlab.planning.fingerprint import fingerprint

    assert study.arms["network"].spec.fingerprint == fingerprint("lenet")
    assert study.arms["other"].spec.fingerprint == fingerprint("lenet", classifier="svm") != fingerprint("lenet")
