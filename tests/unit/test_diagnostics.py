"""Diagnostics read and change nothing, survive a checkpoint, and refuse a run that they do not fit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from cnnlab import models
from cnnlab.core.errors import UserError
from cnnlab.core.paths import Paths
from cnnlab.data.dataset import Dataset
from cnnlab.planning import diagnostics as planning
from cnnlab.planning.metrics import METRICS
from cnnlab.planning.specs import ArmSpec
from cnnlab.training import diagnostics, job, loop, records
from cnnlab.training.curves import Curves
from cnnlab.training.observer import Observer
from cnnlab.training.outcome import Outcome, result
from tests import small_runs

DIAGNOSTICS = tuple(planning.diagnostics())
LENET: dict[str, Any] = {"normalization": "batch", "dropout": 0.4, "activation": "relu"}
# Networks that together fit every diagnostic.
NETWORKS: dict[str, tuple[ArmSpec, tuple[str, ...]]] = {
    "lenet": (
        small_runs.arm("lenet", {"evaluations_per_epoch": 3, "warmup_steps": 2}, **LENET),
        tuple(name for name in DIAGNOSTICS if name not in {"branch_information", "identity_fit", "input_weights"}),
    ),
    "mlp": (small_runs.arm("mlp", depth=4), ("input_weights", "preactivation_gradients")),
    "googlenet": (
        small_runs.arm("googlenet", {"epochs": 1, "batch_size": 20}),
        ("branch_information", "activation_drift"),
    ),
    "auxiliary": (
        small_runs.arm(
            "googlenet", {"epochs": 1, "batch_size": 20}, auxiliary=True, normalization="batch", dropout=0.4, width=4
        ),
        (
            "activation_drift",
            "update_ratios",
            "linear_probes",
            "saturation",
            "preactivation_gradients",
            "batchnorm_statistics",
        ),
    ),
    "resnet_cifar": (
        small_runs.arm("resnet_cifar", {"epochs": 1, "batch_size": 20}, depth=8),
        ("identity_fit", "update_ratios"),
    ),
}


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """What some diagnostics train themselves, for fewer steps."""
    monkeypatch.setattr("cnnlab.training.diagnostics.identity_fit.STEPS", 3)
    monkeypatch.setattr("cnnlab.training.diagnostics.largest_learning_rate.MOST_OCTAVES", 2)
    monkeypatch.setattr("cnnlab.training.diagnostics.linear_probes.STRENGTHS", (10.0, 100.0))


def data_of(spec: ArmSpec) -> Dataset:
    colours = spec.model.architecture != "lenet"
    return small_runs.dataset(channels=3, size=20) if colours else small_runs.dataset()


def outcome(spec: ArmSpec, names: tuple[str, ...], **changes: Any) -> tuple[loop.Trained, Outcome]:
    data = data_of(spec)
    trained = loop.train(spec, data, 3, 0.05, spec.train.epochs, diagnostics=names, **changes)
    return trained, result(spec, data, trained, spec.train.epochs)


def equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_every_diagnostic_is_tried_here_and_measures_the_metrics_that_name_it() -> None:
    assert {name for _, names in NETWORKS.values() for name in names} == set(DIAGNOSTICS)
    assert {metric.diagnostic for metric in METRICS.values()} - {None} == set(DIAGNOSTICS)
    for name in DIAGNOSTICS:
        assert issubclass(diagnostics.module(name).Diagnostic, diagnostics.Diagnostic)


@pytest.mark.parametrize("network", NETWORKS)
def test_a_run_ends_with_the_same_bits_with_and_without_diagnostics(network: str) -> None:
    spec, names = NETWORKS[network]
    (plain, alone), (watched, seen) = outcome(spec, ()), outcome(spec, names)
    assert equal(plain.model.state_dict(), watched.model.state_dict())
    assert torch.equal(plain.curves.loss, watched.curves.loss)
    assert torch.equal(plain.curves.gradient_norm, watched.curves.gradient_norm)
    for curve in ("steps", "train_losses", "validation_losses", "validation_accuracies", "learning_rates"):
        assert getattr(plain.curves, curve) == getattr(watched.curves, curve)
    assert alone.test is not None
    assert seen.test is not None
    assert equal(vars(alone.test), vars(seen.test))
    assert alone.values == {name: value for name, value in seen.values.items() if name in alone.values}
    asked = {name for name, metric in METRICS.items() if metric.diagnostic in names}
    assert asked == seen.values.keys() - alone.values.keys()
    for name in asked:
        per_image = METRICS[name].per_image
        assert per_image is None or seen.findings.per_image[per_image].shape == (len(data_of(spec).test),)
    check_declared(names, seen.findings)


def check_declared(names: tuple[str, ...], left: diagnostics.Findings) -> None:
    """What is drawn of a run is what its diagnostics declare: all of it, and nothing else."""
    declared = [planning.diagnostics()[name] for name in names]
    profiles = [profile for diagnostic in declared for profile in diagnostic.profiles.values()]
    quantities = {point.quantity for point in left.profile}
    for quantity in quantities:
        assert [profile.name for profile in profiles if profile.shows(quantity)], quantity
    for profile in profiles:
        assert any(map(profile.shows, quantities)), profile.name
        assert quantities >= profile.quantities.keys()
        if profile.layers:
            layers = {point.label for point in left.profile if point.quantity == profile.layers}
            assert quantities >= {f"{profile.name} {layer}" for layer in layers}
    assert left.pictures.keys() == {name for diagnostic in declared for name in diagnostic.pictures}


def test_layers_are_those_that_run_outside_of_training() -> None:
    networks = [models.build(small_runs.arm("googlenet", auxiliary=both).model, 1, 28, 4, 0) for both in (True, False)]
    names = [list(diagnostics.layers_of(network, nn.Conv2d, nn.Linear)) for network in networks]
    assert names[0] == names[1]
    assert names[0][-1] == "output"


def test_the_record_holds_what_was_found_and_what_it_cost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = Paths(tmp_path / "results", tmp_path / "reports")
    data = small_runs.dataset()
    monkeypatch.setattr(job.Job, "data", lambda self, seed: data)
    monkeypatch.setattr(job.Job, "card", {"checksum": "none"})
    found = {}
    for names in ((), ("activation_drift", "weight_convergence", "shifts", "batchnorm_statistics")):
        spec = small_runs.arm("lenet", {"learning_rate": 0.05}, **LENET).model_copy(update={"diagnostics": names})
        job.run_job(spec, paths, (0,), 30)
        found[names] = next(record for record in records.scan(paths) if record.arm_id == spec.arm_id)
    plain, watched = found.values()
    assert plain.provenance["diagnostic_cpu_seconds"] < 0.001
    assert 0.001 < watched.provenance["diagnostic_cpu_seconds"] < watched.provenance["cpu_seconds"]
    assert not (plain.directory / records.PROFILE).exists()
    assert {"input_drift", "half_way_at", "shifted_accuracy"} <= {point["quantity"] for point in watched.profile()}
    tested = watched.test()
    assert tested is not None
    assert tested["shift_drop"].mean() == pytest.approx(watched.result["shift_drop"])
    for file in (records.WEIGHTS, records.CURVES):
        assert (plain.directory / file).read_bytes() == (watched.directory / file).read_bytes(), file


def test_a_resumed_run_finds_what_an_uninterrupted_one_finds(tmp_path: Path) -> None:
    spec, names = NETWORKS["lenet"]
    checkpoint = tmp_path / "checkpoint.pt"

    class Stopped(Exception):
        pass

    class Stop(Observer):
        def evaluated(self, curves: Curves) -> None:
            if len(curves.steps) == 8:
                raise Stopped

    class Steps(Observer):
        def evaluated(self, curves: Curves) -> None:
            steps.append(curves.steps[-1])

    with pytest.raises(Stopped):
        outcome(spec, names, checkpoint=checkpoint, checkpoint_seconds=0.0, observers=[Stop()])
    steps: list[int] = []
    _, resumed = outcome(spec, names, checkpoint=checkpoint, observers=[Steps()])
    assert steps == [7, 8, 9, 10, 11, 12], "the first two epochs came from the checkpoint"
    _, whole = outcome(spec, names)
    assert whole.values == resumed.values
    assert equal(whole.findings.per_image, resumed.findings.per_image)
    assert [point.as_row() for point in whole.findings.profile] == [
        point.as_row() for point in resumed.findings.profile
    ]


def untrained() -> diagnostics.Run:
    return small_runs.run(total_steps=0)


def dense(layers: int) -> diagnostics.Run:
    """Of `layers` dense layers on flat images."""
    pixels = small_runs.SIZE**2
    middle = [nn.Linear(8, 8) for _ in range(layers - 2)]
    sizes = [nn.Linear(pixels, 8), *middle, nn.Linear(8, 4)] if layers > 1 else [nn.Linear(pixels, 4)]
    return small_runs.run(model=nn.Sequential(nn.Flatten(), *sizes))


# Diagnostic, a run that it does not fit, and what the line must ask for.
MISFITS: list[tuple[str, Callable[[], diagnostics.Run], str]] = [
    ("branch_information", small_runs.run, "Inception blocks of several branches"),
    ("identity_fit", small_runs.run, "a residual block"),
    ("input_weights", small_runs.run, "a dense layer that sees the pixels"),
    ("preactivation_gradients", lambda: dense(3), "two convolutions or dense layers between the first and the last"),
    ("preactivation_gradients", untrained, "training: epochs of 1 or more"),
    ("weight_convergence", untrained, "training: epochs of 2 or more"),
    ("weight_convergence", lambda: dense(1), "two convolutions or dense layers"),
    ("activation_drift", untrained, "training: epochs of 1 or more"),
    ("activation_drift", lambda: dense(1), "two convolutions or dense layers before the last"),
    ("activation_drift", lambda: dense(2), "two convolutions or dense layers before the last"),
    ("update_ratios", lambda: dense(1), "two convolutions or dense layers between the first and the last"),
    ("update_ratios", untrained, "training: epochs of 1 or more"),
    ("update_ratios", lambda: dense(3), "two convolutions or dense layers between the first and the last"),
    ("linear_probes", lambda: dense(2), "two convolutions or dense layers before the last"),
    ("largest_learning_rate", untrained, "training: epochs of 1 or more"),
    ("saturation", lambda: dense(3), "an activation module (sigmoid, scaled_sigmoid, tanh, relu, gelu)"),
    ("orientation_selectivity", lambda: dense(3), "a convolution that sees the pixels"),
    ("batchnorm_statistics", small_runs.run, "batch normalization"),
]


@pytest.mark.parametrize(("name", "make", "wanted"), MISFITS)
def test_a_run_that_does_not_fit_is_refused_in_one_line(
    name: str, make: Callable[[], diagnostics.Run], wanted: str
) -> None:
    with pytest.raises(UserError) as caught:
        diagnostics.Diagnostics([name], make())
    line = str(caught.value)
    assert "\n" not in line
    assert "lenet (small): " in line
    assert f"needs {wanted}" in line
    assert all(metric in line for metric, each in METRICS.items() if each.diagnostic == name)


def test_a_run_that_diverged_has_no_findings() -> None:
    spec = small_runs.arm("lenet", activation="identity")
    data = small_runs.dataset()
    trained = loop.train(spec, data, 0, 1e9, 2, diagnostics=("update_ratios", "activation_drift", "weight_convergence"))
    found = result(spec, data, trained, 2)
    assert trained.status == "diverged"
    assert found.findings.values == {}
    assert not {"update_slope", "input_drift", "weight_lag"} & found.values.keys()
