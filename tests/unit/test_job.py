"""One job, with real images and short runs: same bits, nothing twice, nothing lost."""

from __future__ import annotations

import errno
import json
import math
import os
import threading
from pathlib import Path

import pytest
import torch
from filelock import FileLock

from cnnlab.core import files
from cnnlab.core.errors import UserError
from cnnlab.core.paths import Paths
from cnnlab.data.dataset import Dataset, load
from cnnlab.planning import model_registry
from cnnlab.planning.specs import OPTIMIZERS, TUNING_SEED, ArmSpec, ModelSpec, TrainSpec, TuneSpec
from cnnlab.training import job, loop, records, replay
from cnnlab.training.curves import Curves
from cnnlab.training.lane import Lane
from cnnlab.training.observer import Observer
from tests.fakes import DIGITS as DATA

TUNE = TuneSpec(rates=(0.03, 0.1), epochs_share=0.5, extensions=0)


def arm(architecture: str = "mlp", switches: dict[str, object] | None = None, **changes: object) -> ArmSpec:
    spec = TrainSpec(**{"epochs": 2, "tune": TUNE, **changes})  # type: ignore[arg-type]
    complete = model_registry.resolve(architecture, "small", {"activation": "relu", **(switches or {})}, "test")
    model = ModelSpec(architecture=architecture, switches=complete)
    return ArmSpec(model=model, data=DATA, train=spec, torch=torch.__version__, fingerprint="f")


@pytest.fixture
def data(prepared: Path) -> Dataset:
    return load(prepared / f"{DATA.data_id}.safetensors", prepared / f"{DATA.data_id}.json", DATA, 0)


def weights(trained: loop.Trained) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in trained.model.state_dict().items()}


def equal(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(left[name], right[name]) for name in left) and set(left) == set(right)


def test_a_job_tunes_trains_every_seed_and_writes_the_manifest(paths: Paths) -> None:
    manifest = files.read_json(job.run_job(arm(), paths, (0, 1), 30))
    assert [run["seed"] for run in manifest["runs"]] == [0, 1]
    record = records.find(paths, manifest["runs"][0]["run_id"])
    assert record.spec["learning_rate_source"] == "tuned"
    assert [trial["learning_rate"] for trial in record.spec["tuning"]] == [0.03, 0.1]
    assert record.result["steps"] == len(record.curves()["step.loss"]) == 2 * math.ceil(180 / 64)
    assert record.result["test_error"] == pytest.approx(1 - record.test()["correct"].mean())  # type: ignore[index]
    assert record.provenance["threads"] == 1
    assert record.provenance["seconds_to_first_step"] > 0


def test_a_seed_without_a_choice_is_no_seed_less(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job.Job, "trials", lambda self, seeds, rates: [None] * len(rates))
    with pytest.raises(AssertionError, match="tuning run is missing"):
        job.run_job(arm(), paths, (0, 1), 30)
    assert not list(paths.results.glob("manifests/*/*"))


def test_a_record_says_under_which_plans_of_studies_it_was_made(paths: Paths) -> None:
    plan = {"mine": {"hash": "0123456789", "locked": True, "seed_seen": False}}
    job.run_job(arm(), paths, (0, 1), 30, plans={0: plan})
    runs = list(records.scan(paths))
    assert {record.seed: record.provenance["plans"] for record in runs} == {0: plan, 1: {}}
    before = {record.run_id for record in runs}
    job.run_job(arm(), paths, (0, 1), 30, lambda record: pytest.fail("trained again"), plans={0: {}, 1: plan})
    assert {record.run_id for record in records.scan(paths)} == before


def test_what_is_finished_is_not_trained_again(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    job.run_job(arm(), paths, (0, 1), 30)
    before = {record.run_id: record.directory.stat().st_mtime_ns for record in records.scan(paths)}
    reported: list[int] = []
    job.run_job(arm(), paths, (0, 1, 2), 30, lambda record: reported.append(record.seed))
    assert reported == [2]
    monkeypatch.setattr(loop, "train_lanes", lambda *a, **k: pytest.fail("trained"))
    job.run_job(arm(), paths, (0, 1, 2), 30, lambda record: pytest.fail("trained"))
    after = {record.run_id: record.directory.stat().st_mtime_ns for record in records.scan(paths)}
    assert before.items() <= after.items()


def test_rates_are_tuned_with_as_many_seeds_as_asked_for(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = arm(tune=TUNE.model_copy(update={"seeds": 3}))
    tuning = paths.tuning_dir(spec.arm_id)
    job.run_job(spec, paths, (0,), 30)
    assert len(list(tuning.glob("*.json"))) == 2 * 3
    record = next(records.scan(paths))
    losses = [trial["validation_losses"] for trial in record.spec["tuning"]]
    assert [len(set(of_rate)) for of_rate in losses] == [3, 3]
    assert [trial["validation_loss"] for trial in record.spec["tuning"]] == pytest.approx([sum(x) / 3 for x in losses])
    # One that is missing is trained alone.
    next(tuning.glob("*.json")).unlink()
    trained: list[int] = []
    train_lanes = loop.train_lanes
    monkeypatch.setattr(loop, "train_lanes", lambda lanes: trained.append(len(lanes)) or train_lanes(lanes))
    job.run_job(spec, paths, (1,), 30)
    assert trained == [1, 1]  # the trial, and the run


def test_each_seed_may_be_tuned_by_itself(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = arm(tune=TUNE.model_copy(update={"per": "seed", "metric": "validation_loss"}))
    trained: list[list[tuple[int, float]]] = []
    train_lanes = loop.train_lanes
    monkeypatch.setattr(job.Job, "_most_lanes", 8)  # as on a GPU: all rates of a seed train together
    monkeypatch.setattr(
        loop, "train_lanes", lambda lanes: trained.append([lane_of(lane) for lane in lanes]) or train_lanes(lanes)
    )
    job.run_job(spec, paths, (0, 1), 30)
    by_seed = {record.seed: record for record in records.scan(paths)}
    assert trained[:2] == [[(seed, rate) for rate in TUNE.rates] for seed in (TUNING_SEED, TUNING_SEED + 1)]
    assert trained[2:] == [[(seed, by_seed[seed].spec["learning_rate"]) for seed in (0, 1)]]
    losses = {seed: {t["learning_rate"]: t["validation_loss"] for t in by_seed[seed].spec["tuning"]} for seed in (0, 1)}
    assert not set(losses[0].values()) & set(losses[1].values())
    for seed, record in by_seed.items():
        assert record.spec["learning_rate"] == min(losses[seed], key=losses[seed].__getitem__)
        assert "equal bit for bit" in replay.verify(paths, record.run_id)
    # Of a seed that is added, its own tuning and its run are trained, and nothing else.
    trained.clear()
    job.run_job(spec, paths, (0, 1, 2), 30)
    assert [[seed for seed, _ in lanes] for lanes in trained] == [[TUNING_SEED + 2] * 2, [2]]
    monkeypatch.setattr(loop, "train_lanes", lambda lanes: pytest.fail("trained"))
    job.run_job(spec, paths, (0, 1, 2), 30)


def lane_of(lane: Lane) -> tuple[int, float]:
    """Its seed, and the peak of its rate."""
    return lane.seed, max(lane.rates)


def test_each_seed_trains_with_the_rate_of_its_own_tuning(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tuning is made up so that even seeds prefer one rate and odd seeds the other."""
    spec = arm(tune=TUNE.model_copy(update={"per": "seed", "seeds": 2}))
    seeds = {tuning_seed: seed for seed in (4, 7) for tuning_seed in spec.train.tune.tuning_seeds(seed)}

    def tune(self: job.Job, rates: list[float], seed: int) -> None:
        (rate,) = rates
        loss = abs(rate - TUNE.rates[seeds[seed] % 2])
        outcome = {"learning_rate": rate, "status": "finished", "validation_loss": loss, "validation_error": 0.1}
        files.write_json(self._trial_path(rate, seed), {"outcome": outcome, "cpu_seconds": 1.0 + seeds[seed]})

    monkeypatch.setattr(job.Job, "_tune", tune)
    manifest = files.read_json(job.run_job(spec, paths, (4, 7), 30))
    assert [run["seed"] for run in manifest["runs"]] == [4, 7]
    by_seed = {record.seed: record for record in records.scan(paths)}
    assert {seed: record.spec["learning_rate"] for seed, record in by_seed.items()} == {4: 0.03, 7: 0.1}
    assert [by_seed[seed].provenance["tuning_cpu_seconds"] for seed in (4, 7)] == [4 * 5.0, 4 * 8.0]
    assert by_seed[4].tuned_by != by_seed[7].tuned_by


def test_equal_jobs_give_equal_bytes(paths: Paths, tmp_path: Path) -> None:
    other = Paths(tmp_path / "other", tmp_path)
    other.results.mkdir()
    (other.results / "data").symlink_to(paths.results / "data")
    for where in (paths, other):
        job.run_job(arm(), where, (3,), 30)
    first, second = (next(records.scan(where)).directory for where in (paths, other))
    for name in (records.SPEC, records.RESULT, records.CURVES, records.TEST, records.WEIGHTS):
        assert (first / name).read_bytes() == (second / name).read_bytes(), name


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_resumed_run_ends_with_the_bits_of_one_that_never_stopped(
    data: Dataset, tmp_path: Path, optimizer: str
) -> None:
    spec = arm("mlp", {"dropout": 0.3, "normalization": "batch"}, epochs=4, optimizer=optimizer)
    whole = loop.train(spec, data, 5, 0.1, 4)
    checkpoint = tmp_path / "checkpoint.pt"

    class Stopped(Exception):
        pass

    class Stop(Observer):
        def evaluated(self, curves: Curves) -> None:
            if len(curves.steps) == 3:
                raise Stopped

    class Steps(Observer):
        def evaluated(self, curves: Curves) -> None:
            steps.append(curves.steps[-1])

    with pytest.raises(Stopped):
        loop.train(spec, data, 5, 0.1, 4, checkpoint, 0.0, observers=[Stop()])
    assert checkpoint.exists()
    steps: list[int] = []
    resumed = loop.train(spec, data, 5, 0.1, 4, checkpoint, 0.0, observers=[Steps()])
    assert len(steps) == 2, "the first two epochs came from the checkpoint"
    assert equal(weights(whole), weights(resumed))
    assert torch.equal(whole.curves.loss, resumed.curves.loss)
    assert whole.curves.validation_losses == resumed.curves.validation_losses


def test_an_arm_with_another_optimizer_is_tuned_over_its_own_rates(paths: Paths) -> None:
    job.run_job(arm(optimizer="adamw", tune={"extensions": 0}), paths, (0,), 30)
    record = next(records.scan(paths))
    assert [trial["learning_rate"] for trial in record.spec["tuning"]] == list(OPTIMIZERS["adamw"].rates)
    assert "equal bit for bit" in replay.verify(paths, record.run_id)


def test_divergence_is_a_result(paths: Paths) -> None:
    spec = arm(learning_rate=1e8, switches={"activation": "identity"})
    record = next(iter(records.scan(paths)), None)
    assert record is None
    job.run_job(spec, paths, (0,), 30)
    record = next(records.scan(paths))
    assert record.result["status"] == "diverged"
    assert record.result["test_error"] is None
    assert 1 <= record.result["diverged_at_step"] <= record.result["steps"]
    assert record.result["first_gradient_norm"] > 0
    assert record.test() is None


def test_a_time_limit_is_a_result(data: Dataset) -> None:
    trained = loop.train(arm(epochs=50, time_limit_seconds=1e-6), data, 0, 0.1, 50)
    assert (trained.status, trained.step) == ("timed_out", 3)


def test_arms_of_a_seed_share_order_and_initial_weights(data: Dataset) -> None:
    plain, normalized = (loop.train(arm("mlp", {"normalization": n}), data, 1, 1e-12, 1) for n in ("none", "batch"))
    for name, value in weights(plain).items():
        assert torch.allclose(value, weights(normalized)[name], atol=1e-6), name


def test_a_full_disk_is_one_line_and_loses_nothing(paths: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    job.run_job(arm(), paths, (0,), 30)

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="no space left on the disk; free some") as caught:
        job.run_job(arm(), paths, (0, 1), 30)
    assert "\n" not in str(caught.value)
    monkeypatch.undo()
    assert [record.seed for record in records.scan(paths)] == [0]
    assert not [path for path in paths.runs.iterdir() if path.name.startswith(".")]
    job.run_job(arm(), paths, (0, 1), 30)
    assert {record.seed for record in records.scan(paths)} == {0, 1}


def test_a_job_waits_for_the_one_that_holds_its_arm(paths: Paths) -> None:
    spec = arm()
    lock = paths.lock(spec.arm_id)
    lock.parent.mkdir(parents=True)
    worker = threading.Thread(target=job.run_job, args=(spec, paths, (0,), 30))
    with FileLock(lock):
        worker.start()
        worker.join(0.5)
        assert worker.is_alive()
        assert not paths.runs.exists()
    worker.join()
    assert len(list(records.scan(paths))) == 1


def test_cuda_asked_for_and_absent_is_one_line(paths: Paths) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    with pytest.raises(UserError, match="device: cuda is asked for, but torch finds no CUDA device; use --config"):
        job.run_job(arm().model_copy(update={"device": "cuda"}), paths, (0,), 30)


def test_changed_images_are_refused(paths: Paths, tmp_path: Path) -> None:
    source = paths.results / "data"
    other = Paths(tmp_path / "changed", tmp_path)
    (other.results / "data").mkdir(parents=True)
    for file in source.iterdir():
        content = bytearray(file.read_bytes())
        if file.suffix == ".safetensors":
            content[-1] ^= 1
        (other.results / "data" / file.name).write_bytes(content)
    with pytest.raises(UserError, match="checksum differs"):
        job.run_job(arm(), other, (0,), 30)


def test_runs_on_other_images_do_not_count_as_done(paths: Paths, tmp_path: Path) -> None:
    spec = arm()
    job.run_job(spec, paths, (0,), 30)
    wanted = [(spec.arm_id, (0, 1))]
    assert records.so_far(paths, wanted)[spec.arm_id].keys() == {0}
    card = json.loads(paths.data_card(DATA.data_id).read_text())
    (paths.results / "data").unlink()
    (paths.results / "data").mkdir()
    paths.data_card(DATA.data_id).write_text(json.dumps({**card, "checksum": "of other images"}))
    assert records.so_far(paths, wanted) == {}


def test_a_checkpoint_that_cannot_be_read_starts_the_run_again(data: Dataset, tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint.pt"
    checkpoint.write_bytes(b"")
    trained = loop.train(arm(), data, 5, 0.1, 2, checkpoint)
    assert equal(weights(trained), weights(loop.train(arm(), data, 5, 0.1, 2)))


def test_verify_trains_again_and_compares_bits(paths: Paths) -> None:
    job.run_job(arm(), paths, (0,), 30)
    record = next(records.scan(paths))
    assert "equal bit for bit" in replay.verify(paths, record.run_id[:8])
    result = json.loads((record.directory / records.RESULT).read_text())
    (record.directory / records.RESULT).write_text(json.dumps({**result, "test_loss": 0.0}))
    with pytest.raises(UserError, match=r"result\.json differ"):
        replay.verify(paths, record.run_id)


def test_curves_hold_a_value_per_step_and_per_evaluation(data: Dataset) -> None:
    trained = loop.train(arm(evaluations_per_epoch=3), data, 0, 0.1, 2)
    assert trained.interval == 1
    assert trained.curves.steps == [1, 2, 3, 4, 5, 6]
    assert trained.curves.loss.shape == (6,)
