"""One job: tune an arm, then train all its seeds, in one process. Whatever is finished already is not done again."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from cnnlab.core.files import read_json, write_json
from cnnlab.core.git import git_state
from cnnlab.core.paths import Paths
from cnnlab.core.validation import digest
from cnnlab.planning import device
from cnnlab.planning.specs import ArmSpec, run_id
from cnnlab.training import process, records
from cnnlab.training.learning_rate import Choice, Trial, choose, mean_trial, tuning_epochs
from cnnlab.training.lease import lease
from cnnlab.training.observer import Observer
from cnnlab.training.provenance import cpu_name, forget_peak_memory, peak_memory_mb, process_start, versions
from cnnlab.training.records import Record

if TYPE_CHECKING:
    from cnnlab.data.dataset import Dataset
    from cnnlab.training.lane import Lane
    from cnnlab.training.loop import Trained
    from cnnlab.training.outcome import Outcome

Report = Callable[[Record], None]
Outcomes = Callable[[range, Sequence[float]], list[Trial | None]]  # of tuning seeds, and rates
Item = TypeVar("Item")


class Mirror(Protocol):
    """Shows runs while they train."""

    def watch(self, spec: dict[str, Any], git: dict[str, Any] | None) -> Observer:
        """What the loop tells of the run that `spec` describes (as in its ``spec.json``)."""


@dataclass
class FirstStep(Observer):
    """How many seconds after the process began the first step of its first run was done; None before."""

    began: float = field(default_factory=process_start)
    seconds: float | None = None

    def wants(self, step: int) -> bool:
        return self.seconds is None

    def after_update(self, step: int) -> None:
        self.seconds = self.seconds or time.time() - self.began


@cache
def first_step_of_process() -> FirstStep:
    """One for all arms that the process trains."""
    return FirstStep()


@dataclass
class Job:
    """An arm, where it lies, who watches its runs, and the images that were read last."""

    arm: ArmSpec
    paths: Paths
    checkpoint_seconds: float = 30.0
    mirror: Mirror | None = None
    plans: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)  # by seed, what its record says of the studies
    first_step: FirstStep = field(default_factory=first_step_of_process)
    _data: tuple[int | None, Dataset] | None = None

    @property
    def card(self) -> dict[str, Any]:
        return read_json(self.paths.data_card(self.arm.data.data_id))

    def choices(self, seeds: Sequence[int], outcomes: Outcomes) -> dict[int, Choice | None]:
        """What each seed trains with, from `tried` or `trials`; None where a tuning run is missing."""
        tuned = {seed: self.arm.train.tune.tuning_seeds(seed) for seed in seeds}
        by_tuning = {each: choose(self.arm, partial(outcomes, each)) for each in dict.fromkeys(tuned.values())}
        return {seed: by_tuning[each] for seed, each in tuned.items()}

    def tried(self, seeds: range, rates: Sequence[float]) -> list[Trial | None]:
        """The outcomes of rates whose tuning runs, with `seeds`, are on disk, without what they cost."""
        paths = [[self._trial_path(rate, seed) for seed in seeds] for rate in rates]
        known = [all(path.exists() for path in of_rate) for of_rate in paths]
        return [
            mean_trial([read_json(path)["outcome"] for path in of_rate]) if there else None
            for of_rate, there in zip(paths, known, strict=True)
        ]

    def tuning_cpu_seconds(self, choice: Choice, seed: int) -> float | None:
        """What choosing the rate of `seed` cost, in whichever process it was done; None if that is no longer known."""
        seeds = self.arm.train.tune.tuning_seeds(seed)
        paths = [self._trial_path(trial["learning_rate"], each) for trial in choice.trials for each in seeds]
        return sum(read_json(path)["cpu_seconds"] for path in paths) if all(path.exists() for path in paths) else None

    def finished(self, choices: Mapping[int, Choice | None]) -> dict[int, Record]:
        """The runs on disk of seeds whose choice is known."""
        known = {seed: choice for seed, choice in choices.items() if choice}
        folders = {seed: self.paths.run_dir(self._run_id(choice, seed)) for seed, choice in known.items()}
        return {seed: Record(path) for seed, path in folders.items() if (path / records.SPEC).exists()}

    def trials(self, seeds: range, rates: Sequence[float]) -> list[Trial | None]:
        """The outcomes of rates, from disk or trained now."""
        for seed in seeds:
            for group in self.groups([rate for rate in rates if not self._trial_path(rate, seed).exists()]):
                self._tune(group, seed)
        return self.tried(seeds, rates)

    def _tune(self, rates: Sequence[float], seed: int) -> None:
        """Train lanes of these rates and write their outcomes."""
        from cnnlab.training import loop
        from cnnlab.training.lane import Lane

        arm, data, watch = self.arm, self.data(seed), (self.first_step,)
        lanes = [Lane(arm, data, seed, rate, tuning_epochs(arm), observers=watch) for rate in rates]
        for rate, trained in zip(rates, loop.train_lanes(lanes), strict=True):
            curves, whole = trained.curves, trained.status == "finished"
            outcome: Trial = {
                "learning_rate": rate,
                "status": trained.status,
                "validation_loss": curves.validation_losses[-1] if whole else None,
                "validation_error": 1 - curves.validation_accuracies[-1] if whole else None,
            }
            write_json(self._trial_path(rate, seed), {"outcome": outcome, "cpu_seconds": trained.cpu_seconds})

    def run(self, choices: Mapping[int, Choice]) -> list[Record]:
        """Train lanes of these seeds, each with its choice, and write their records."""
        from cnnlab.training import loop

        began, data = time.time_ns() // 1_000_000, {seed: self.data(seed) for seed in choices}
        trained = loop.train_lanes([self._lane(choice, seed, data[seed]) for seed, choice in choices.items()])
        return [
            self._record(choice, seed, data[seed], each, began)
            for (seed, choice), each in zip(choices.items(), trained, strict=True)
        ]

    def _lane(self, choice: Choice, seed: int, data: Dataset) -> Lane:
        from cnnlab.training.lane import Lane

        mirrors = (self.mirror.watch(self._spec(choice, seed), git_state()),) if self.mirror else ()
        return Lane(
            self.arm,
            data,
            seed,
            choice.learning_rate,
            self.arm.train.epochs,
            checkpoint=self._checkpoint(choice, seed),
            checkpoint_seconds=self.checkpoint_seconds,
            diagnostics=self.arm.diagnostics,
            observers=(self.first_step, *mirrors),
        )

    def _record(self, choice: Choice, seed: int, data: Dataset, trained: Trained, began: int) -> Record:
        from cnnlab.training.outcome import result

        clock = time.process_time()
        outcome = result(self.arm, data, trained, self.arm.train.epochs)
        evaluation = time.process_time() - clock
        record = records.write_record(
            self.paths,
            self._spec(choice, seed),
            outcome.values,
            self._provenance(
                trained, self.tuning_cpu_seconds(choice, seed), outcome.values, began, evaluation, len(data.train)
            )
            | {"plans": dict(self.plans.get(seed, {}))},
            _tensors(trained, outcome, data),
            [point.as_row() for point in outcome.findings.profile],
        )
        self._checkpoint(choice, seed).unlink(missing_ok=True)
        return record

    def groups(self, items: Sequence[Item]) -> list[Sequence[Item]]:
        """`items` in groups of about equal size: what trains together."""
        count = -(-len(items) // self._most_lanes) if items else 0
        return [items[place * len(items) // count : (place + 1) * len(items) // count] for place in range(count)]

    @cached_property
    def _most_lanes(self) -> int:
        """On a CPU one at a time: its caches and its memory are small."""
        from cnnlab.training.memory import free_memory, lanes_that_fit

        return lanes_that_fit(self.arm, free_memory()) if self.arm.device == "cuda" else 1

    def data(self, seed: int) -> Dataset:
        """The data set in memory; read again only where it differs from seed to seed."""
        from cnnlab.data.dataset import load

        key = seed if self.arm.data.varies else None
        if self._data is None or self._data[0] != key:
            spec = self.arm.data
            data_id = spec.data_id
            files = self.paths.data_file(data_id), self.paths.data_card(data_id)
            self._data = (key, load(*files, spec, seed).to(self.arm.device))
        return self._data[1]

    def _run_id(self, choice: Choice, seed: int) -> str:
        return run_id(self.arm.arm_id, self.card["checksum"], choice.learning_rate, seed)

    def _checkpoint(self, choice: Choice, seed: int) -> Path:
        return self.paths.checkpoint(self.arm.arm_id, self._run_id(choice, seed))

    def _trial_path(self, rate: float, seed: int) -> Path:
        key = digest([self.card["checksum"], rate, seed])
        return self.paths.tuning_dir(self.arm.arm_id) / f"{key}.json"

    def _spec(self, choice: Choice, seed: int) -> dict[str, Any]:
        return {
            "run_id": self._run_id(choice, seed),
            "arm_id": self.arm.arm_id,
            "seed": seed,
            "learning_rate": choice.learning_rate,
            "learning_rate_source": choice.source,
            "tuning": list(choice.trials),
            "tuning_edge": choice.edge,
            "data_checksum": self.card["checksum"],
            "arm": self.arm.model_dump(mode="json"),
        }

    def _provenance(
        self,
        trained: Trained,
        tuning: float | None,
        result: dict[str, Any],
        began: int,
        evaluation: float,
        images: int,
    ) -> dict[str, Any]:
        import torch

        curves = trained.curves
        target, reached = result["steps_to_target"], None
        if target is not None:
            reached = (curves.milliseconds[curves.steps.index(target)] - began) / 1000
        cpu = self.arm.device == "cpu"
        return {
            "started_ms": began,
            "ended_ms": time.time_ns() // 1_000_000,
            "seconds": trained.seconds,
            "cpu_seconds": trained.cpu_seconds + evaluation,
            "tuning_cpu_seconds": tuning,  # the same in all runs whose rate was chosen together
            "seconds_to_first_step": self.first_step.seconds,
            "diagnostic_cpu_seconds": trained.diagnostics.cpu_seconds,
            "images_per_second": trained.step / trained.steps_per_epoch * images / trained.seconds or None,
            "peak_memory_mb": peak_memory_mb() if cpu else torch.cuda.max_memory_allocated() / 2**20,
            "seconds_to_target": reached,
            "evaluation_ms": curves.milliseconds,
            "threads": torch.get_num_threads(),
            "device": self.arm.device,
            "hardware": {
                "cpu": cpu_name(),
                "cores": os.cpu_count(),
                "gpu": None if cpu else torch.cuda.get_device_name(),
            },
            "versions": versions(),
            "git": git_state(),
            "platform": platform.platform(),
        }


def run_job(
    arm: ArmSpec,
    paths: Paths,
    seeds: Sequence[int],
    checkpoint_seconds: float,
    report: Report = lambda record: None,
    mirror: Mirror | None = None,
    plans: Mapping[int, Mapping[str, Any]] | None = None,
) -> Path:
    """Tune `arm` and train `seeds`, but for what is done; return the manifest.

    `plans` says by seed under which plans of studies it runs (`studies.lock.plans_of_runs`).

    Holds the arm's lock meanwhile: the children of a killed Snakemake may still be at work on it.

    Raises:
        UserError: if the device is not there, the data do not match their card, or the disk is full.
    """
    job = Job(arm, paths, checkpoint_seconds, mirror, plans or {})
    with _locked(paths.lock(arm.arm_id), arm.arm_id):
        finished = job.finished(job.choices(seeds, job.tried))
        if len(finished) < len(seeds):
            with lease(arm.device):
                prepare(arm)
                forget_peak_memory()
                chosen = job.choices([seed for seed in seeds if seed not in finished], job.trials)
                finished |= job.finished(chosen)
                left = {seed: _made(choice) for seed, choice in chosen.items() if seed not in finished}
                for group in job.groups(list(left)):
                    for record in job.run({seed: left[seed] for seed in group}):
                        finished[record.seed] = record
                        report(record)
        return records.write_manifest(paths, arm.arm_id, finished)


def _made(choice: Choice | None) -> Choice:
    assert choice is not None, "a tuning run is missing"
    return choice


def _locked(path: Path, arm_id: str) -> AbstractContextManager[object]:
    """The lock of an arm, held until the context ends; said if another process holds it first."""
    from filelock import FileLock, Timeout

    lock = FileLock(path)
    try:
        return lock.acquire(timeout=0)
    except Timeout:
        print(f"cnnlab: {arm_id} is being trained by another process; waiting for it", flush=True)
        return lock.acquire()


def prepare(arm: ArmSpec) -> None:
    import torch

    device.check(arm.device, torch.cuda.is_available())
    process.prepare_process(arm.device)


def _tensors(trained: Trained, outcome: Outcome, data: Dataset) -> dict[str, dict[str, Any]]:
    import torch

    curves = trained.curves
    evaluations = {name: torch.tensor(values, dtype=torch.float32) for name, values in curves.by_evaluation().items()}
    steps = torch.tensor(curves.steps, dtype=torch.int64)
    files: dict[str, dict[str, Any]] = {
        records.CURVES: {
            "step.loss": curves.loss[: trained.step].float().cpu(),
            "step.gradient_norm": curves.gradient_norm[: trained.step].float().cpu(),
            **evaluations,
            "evaluation.step": steps,
            "evaluation.epoch": steps.float() / trained.steps_per_epoch,
        },
        records.WEIGHTS: {name: value.cpu() for name, value in trained.model.state_dict().items()},
    }
    test = outcome.test
    if test is not None:
        per_image = {
            "label": data.test.labels,
            "correct": test.correct.to(torch.uint8),
            "predicted": test.predicted,
            **({} if test.loss is None else {"loss": test.loss.float()}),
            **({} if test.confidence is None else {"confidence": test.confidence.float()}),
            **outcome.findings.per_image,
        }
        files[records.TEST] = {name: value.cpu() for name, value in per_image.items()}
    if outcome.findings.pictures:
        files[records.PICTURES] = outcome.findings.pictures
    return files
