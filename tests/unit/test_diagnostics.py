"""Diagnostics as a whole: they change nothing, survive a resumed run, cost little, and fit or are refused."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import Any

import pytest
import torch

from cnnlab import diagnostics, job, records, train
from cnnlab.data.load import Dataset
from cnnlab.diagnostics import Diagnostics, Findings, Point, identity
from cnnlab.errors import UserError
from cnnlab.metrics import METRICS
from cnnlab.paths import Paths
from cnnlab.schemas import TABLES
from cnnlab.spec import ArmSpec, DataSpec
from tests.runs import DATA, dataset, make_arm, noise, prepared, read, weights

FOLDER = Path(diagnostics.__file__).parent
HELPERS = ("__init__", "similarity", "transformed")
NAMES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in HELPERS)
ANY = ("inputs", "layers", "memory", "probes", "rates", "settling", "shifts", "warps")
DURING = ("inputs", "layers", "selectivity", "settling")

# A network with dropout and batch normalization each way, and every diagnostic that fits it.
FITTING: dict[str, tuple[str, dict[str, Any], tuple[str, ...]]] = {
    "lenet": ("lenet", {"normalization": "batch", "dropout": 0.3}, (*ANY, "selectivity", "statistics")),
    "mlp": ("mlp", {"depth": 4, "normalization": "ghost8", "dropout": 0.3}, (*ANY, "statistics")),
    "scratch": ("mlp", {"depth": 4, "normalization": "batch_scratch"}, (*ANY, "statistics")),
    "googlenet": (
        "googlenet",
        {"normalization": "batch", "dropout": 0.3, "auxiliary": True, "width": 4},
        (
            "branches",
            "inputs",
            "layers",
            "memory",
            "probes",
            "selectivity",
            "settling",
            "shifts",
            "statistics",
            "warps",
        ),
    ),
    "resnet": ("resnet_cifar", {"depth": 8, "width": 4}, ("identity", "inputs", "layers", "settling", "statistics")),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepared(tmp_path_factory.mktemp("images"))


@pytest.fixture
def data(folder: Path) -> Dataset:
    return read(folder, DATA.model_copy(update={"label_noise": 0.2, "train_size": 130}))


@pytest.fixture(autouse=True)
def _one_thread_and_short_fits(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    threads = torch.get_num_threads()
    train.prepare_process("cpu")
    monkeypatch.setattr(identity, "STEPS", 10)
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(False)


def arm_of(network: str, **changes: Any) -> ArmSpec:
    architecture, switches, names = FITTING[network]
    return make_arm(architecture, switches, diagnostics=names, evaluations_per_epoch=2, **changes)


def same(left: Mapping[str, Any], right: Mapping[str, Any]) -> None:
    assert left.keys() == right.keys()
    for name, value in left.items():
        assert torch.equal(value, right[name]), name


def told(findings: Findings) -> dict[str, str]:
    """Everything that was found, so that two missing values are equal."""
    points = {f"{point.quantity} {point.position} {point.label}": point.value for point in findings.profile}
    images = {f"{name} by image": values.tolist() for name, values in findings.per_image.items()}
    return {name: repr(value) for name, value in (findings.values | points | images).items()}


def test_every_diagnostic_fits_one_of_the_networks_here() -> None:
    assert {name for _, _, names in FITTING.values() for name in names} == set(NAMES)


@pytest.mark.parametrize("network", FITTING)
def test_a_run_ends_with_the_same_bits_whatever_is_read_off_it(network: str, data: Dataset) -> None:
    arm = arm_of(network)
    plain = train.train(arm, data, 3, 0.05, 2)
    watched = train.train(arm, data, 3, 0.05, 2, diagnostics=arm.diagnostics)
    same(weights(plain), weights(watched))
    assert torch.equal(plain.curves.loss, watched.curves.loss)
    assert torch.equal(plain.curves.gradient_norm, watched.curves.gradient_norm)
    for name in ("steps", "train_losses", "validation_losses", "validation_accuracies", "learning_rates"):
        assert getattr(plain.curves, name) == getattr(watched.curves, name), name
    without, with_them = (train.result(arm, data, trained, 2) for trained in (plain, watched))
    same(weights(plain), weights(watched))  # finishing them has changed nothing either
    assert without.values.items() <= with_them.values.items()
    assert without.test is not None
    assert with_them.test is not None
    assert torch.equal(without.test.loss, with_them.test.loss)  # type: ignore[arg-type]
    assert torch.equal(without.test.predicted, with_them.test.predicted)


@pytest.mark.parametrize("network", FITTING)
def test_diagnostics_measure_the_metrics_that_name_them_and_no_others(network: str, data: Dataset) -> None:
    arm = arm_of(network)
    trained = train.train(arm, data, 3, 0.05, 2, diagnostics=arm.diagnostics)
    found = trained.diagnostics.finish()
    named = {name: metric for name, metric in METRICS.items() if metric.diagnostic in arm.diagnostics}
    assert found.values.keys() == named.keys()
    assert set(TABLES["runs"].columns) >= found.values.keys()
    own_images = {metric.per_image for metric in named.values()} - {"error", "loss", None}
    assert found.per_image.keys() == own_images
    for values in found.per_image.values():
        assert values.shape == (len(data.test),)
    for name in own_images & found.values.keys():
        assert found.per_image[name].double().mean().item() == pytest.approx(found.values[name], abs=1e-12)
    missing = {name for name, value in found.values.items() if value is None}
    assert missing <= {"input_drift_to_loss", "update_slope", "update_tilt", "update_spread", "gradient_slope"}


@pytest.mark.parametrize("network", ["lenet", "googlenet"])
def test_a_resumed_run_finds_what_one_that_never_stopped_does(network: str, data: Dataset, tmp_path: Path) -> None:
    arm = arm_of(network, epochs=3)
    names = [name for name in arm.diagnostics if name not in ("rates", "branches")]  # they train runs of their own
    whole = train.train(arm, data, 5, 0.05, 3, diagnostics=names)
    checkpoint = tmp_path / "checkpoint.pt"

    class Stopped(Exception):
        pass

    def stop(curves: train.Curves) -> None:
        if len(curves.steps) == 7:
            raise Stopped

    with pytest.raises(Stopped):
        train.train(arm, data, 5, 0.05, 3, checkpoint, 0.0, evaluated=stop, diagnostics=names)
    steps: list[int] = []
    resumed = train.train(
        arm, data, 5, 0.05, 3, checkpoint, 0.0, evaluated=lambda c: steps.append(c.steps[-1]), diagnostics=names
    )
    assert len(steps) == 3, "the first two epochs came from the checkpoint"
    same(weights(whole), weights(resumed))
    first, again = told(whole.diagnostics.finish()), told(resumed.diagnostics.finish())
    assert {name: (value, again[name]) for name, value in first.items() if value != again[name]} == {}
    assert first.keys() == again.keys()


def test_the_record_holds_what_was_found_and_what_it_cost(folder: Path, tmp_path: Path) -> None:
    paths = Paths(tmp_path / "results", tmp_path / "reports")
    paths.results.mkdir()
    (paths.results / "data").symlink_to(folder)
    names = ("inputs", "settling", "shifts", "statistics")
    plain = make_arm("lenet", {"normalization": "batch"}, learning_rate=0.05)
    watched = plain.model_copy(update={"diagnostics": names})
    job.run_job(plain, paths, (0,), 30)
    job.run_job(watched, paths, (0,), 30)
    found = {record.arm_id: record for record in records.scan(paths)}
    without, with_them = found[plain.arm_id], found[watched.arm_id]
    assert without.provenance["diagnostic_cpu_seconds"] == 0
    assert not (without.directory / records.PROFILE).exists()
    assert 0 < with_them.provenance["diagnostic_cpu_seconds"] < with_them.provenance["cpu_seconds"]
    assert "diagnostic_cpu_seconds" in TABLES["measured/runs"].columns
    assert with_them.result["statistics_distance"] > 0
    assert {"input_drift", "settled_at", "shifted_accuracy"} <= {point["quantity"] for point in with_them.profile()}
    tested = with_them.test()
    assert tested is not None
    assert tested["shift_drop"].mean() == pytest.approx(with_them.result["shift_drop"])
    for name in (records.WEIGHTS, records.CURVES):
        assert (without.directory / name).read_bytes() == (with_them.directory / name).read_bytes(), name


def test_a_run_that_diverged_has_no_findings(data: Dataset) -> None:
    arm = make_arm("lenet", diagnostics=("inputs", "layers", "settling"), epochs=1)
    trained = train.train(arm, data, 0, 1e9, 1, diagnostics=arm.diagnostics)
    outcome = train.result(arm, data, trained, 1)
    assert trained.status == "diverged"
    assert outcome.findings.values == {}
    assert outcome.findings.profile == []


def test_a_point_that_is_not_a_number_is_a_missing_one() -> None:
    assert Point("q", 1, float("nan")).as_row()["value"] is None
    assert Point("q", 1, float("inf"), "here").as_row() == {
        "quantity": "q",
        "position": 1,
        "value": None,
        "label": "here",
    }


# What does not fit, and the reason that the line gives.
MISFITS: dict[str, tuple[str, dict[str, Any], int, str]] = {
    "branches": ("lenet", {}, 1, "Inception blocks of several branches"),
    "identity": ("lenet", {}, 1, "residual block"),
    "statistics": ("lenet", {}, 1, "batch normalization"),
    "selectivity": ("mlp", {}, 1, "a convolution that sees the pixels"),
    "probes": ("mlp", {}, 1, "two convolutions or dense layers before the last"),
    "layers": ("mlp", {"depth": 3}, 1, "two convolutions or dense layers between the first and the last"),
    "inputs": ("lenet", {}, 0, "epochs of 1 or more"),
    "rates": ("lenet", {}, 0, "epochs of 1 or more"),
    "settling": ("lenet", {}, 0, "epochs of 1 or more"),
}


@pytest.mark.parametrize("name", MISFITS)
def test_what_does_not_fit_is_refused_in_one_line_before_training(name: str, data: Dataset) -> None:
    architecture, switches, epochs, why = MISFITS[name]
    arm = make_arm(architecture, switches, epochs=epochs)
    metric = next(metric for metric in METRICS.values() if metric.diagnostic == name)
    with pytest.raises(UserError, match=why) as caught:
        train.train(arm, data, 0, 0.1, epochs, evaluated=lambda c: pytest.fail("trained"), diagnostics=[name])
    line = str(caught.value)
    assert "\n" not in line
    assert architecture in line
    assert metric.name in line


def test_layers_are_those_that_run_outside_of_training() -> None:
    from cnnlab import models

    arm = make_arm("googlenet", {"auxiliary": True})
    model = models.build(arm.model, 1, 14, 10, 0)
    names = list(diagnostics.weighted_layers(model))
    assert names[-1] == "output"
    assert not [name for name in names if name.startswith("auxiliary")]
    assert len(names) == len(diagnostics.weighted_layers(models.build(make_arm("googlenet").model, 1, 14, 10, 0)))


class Timed:
    """CPU time of each member of `Diagnostics`."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    def wrap(self, member: Any) -> None:
        name = type(member).__module__.rpartition(".")[2]
        for method in ("start", "before_update", "after_update", "evaluated", "finish"):
            setattr(member, method, self._timed(name, getattr(member, method)))

    def _timed(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            began = time.thread_time()
            try:
                return method(*arguments)
            finally:
                self.seconds[name] += time.thread_time() - began

        return call


@pytest.mark.slow
@pytest.mark.parametrize(
    ("architecture", "switches", "evaluations"), [("lenet", {"pooling": "max"}, 4), ("mlp", {"depth": 4}, 2)]
)
def test_what_works_during_training_takes_less_than_a_tenth_of_the_run(
    architecture: str,
    switches: dict[str, Any],
    evaluations: int,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As long as a study's runs, evaluated as often as the studies that ask for it: 8 epochs of 3,000 images."""
    spec = DataSpec(name="mnist5k")
    data = read(prepared(tmp_path_factory.mktemp("all"), spec), spec)
    names = [name for name in DURING if architecture != "mlp" or name != "selectivity"]
    arm = make_arm(architecture, switches, data=spec, evaluations_per_epoch=evaluations, epochs=8)
    shares: dict[str, list[float]] = defaultdict(list)
    for seed in range(3):
        timed, prepare = Timed(), Diagnostics.__init__

        def wrapped(self: Any, *arguments: Any, timed: Timed = timed, prepare: Any = prepare) -> None:
            prepare(self, *arguments)
            for member in self._members:
                timed.wrap(member)

        with monkeypatch.context() as patched:
            patched.setattr(Diagnostics, "__init__", wrapped)
            trained = train.train(arm, data, seed, 0.05, 8, diagnostics=names)
        alone = trained.cpu_seconds - trained.diagnostics.cpu_seconds
        trained.diagnostics.finish()
        assert sum(timed.seconds.values()) <= trained.diagnostics.cpu_seconds
        for name in names:
            shares[name].append(timed.seconds[name] / alone)
    print({name: f"{100 * median(found):.1f} %" for name, found in shares.items()})
    assert {name: median(found) for name, found in shares.items() if median(found) >= 0.1} == {}


def test_images_of_nothing_are_no_trouble() -> None:
    """A network that answers always the same has layers without any spread: missing values, no crash."""
    from cnnlab import models
    from cnnlab.diagnostics import inputs, settling

    data = dataset(noise(40, size=14))
    model = models.build(make_arm("lenet").model, 1, 14, 10, 0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    from tests.runs import watch

    run = watch(model, data)
    drift, lag = inputs.Diagnostic(run), settling.Diagnostic(run)
    for each in (drift, lag):
        each.start()
        each.evaluated(1, 2.3)
    assert drift.finish().values["dead_units"] == 1
    assert train.finite(drift.finish().values["input_drift"]) is None  # type: ignore[arg-type]
    assert all(point.as_row()["value"] is None for point in lag.finish().profile if "final" in point.quantity)
