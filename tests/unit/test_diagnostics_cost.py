"""What is read off a network while it trains takes less than a tenth of the run, each diagnostic by itself."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import pytest
import torch

from cnnlab.core import paths
from cnnlab.data.dataset import Dataset, load
from cnnlab.data.prepare import prepare
from cnnlab.planning.config import load_config
from cnnlab.planning.plan import make_plan
from cnnlab.planning.specs import ArmSpec, DataSpec
from cnnlab.training import loop, process
from cnnlab.training.diagnostics import Diagnostics

DURING = {"activation_drift", "update_ratios", "orientation_selectivity", "weight_convergence"}
RUNS, MOST = 3, 0.10


def watched() -> dict[str, ArmSpec]:
    """The first arm of each study that watches a network train, at the tier that people run; and who watches least."""
    plan = make_plan(load_config([paths.CONFIGS / "default.yaml"], ["device=cpu"]))
    found: dict[str, ArmSpec] = {}
    for study in plan.studies:
        for arm in study.arms.values():
            during = tuple(name for name in arm.spec.diagnostics if name in DURING)
            if during:
                found.setdefault(
                    f"{study.name}: {', '.join(during)}", arm.spec.model_copy(update={"diagnostics": during})
                )
    return found


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """3,000 to train on and 500 for validation, as in the quick tier."""
    spec, folder = DataSpec(name="mnist5k"), tmp_path_factory.mktemp("images")
    files: tuple[Path, Path] = folder / "images.safetensors", folder / "images.json"
    prepare(spec, *files)
    return load(*files, spec, 0)


@pytest.fixture(autouse=True)
def _as_in_a_job() -> Iterator[None]:
    process.prepare_process("cpu")
    yield
    torch.use_deterministic_algorithms(False)


class Stopwatch:
    """CPU seconds of each diagnostic; a method that another one calls is counted once."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.running = False

    def watch(self, member: Any) -> None:
        for method in ("start", "before_update", "after_update", "evaluated", "finish"):
            name = type(member).__module__.rpartition(".")[2]
            setattr(member, method, self._timed(name, getattr(member, method)))

    def _timed(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            if self.running:
                return method(*arguments)
            began, self.running = time.thread_time(), True
            try:
                return method(*arguments)
            finally:
                self.seconds[name] += time.thread_time() - began
                self.running = False

        return call


@pytest.mark.slow
@pytest.mark.parametrize("study", watched())
def test_watching_takes_less_than_a_tenth_of_the_run(
    study: str, images: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = watched()[study]
    shares: dict[str, list[float]] = defaultdict(list)
    prepared = Diagnostics.__init__
    for seed in range(RUNS):
        stopwatch = Stopwatch()

        def timed(self: Any, *arguments: Any, stopwatch: Stopwatch = stopwatch) -> None:
            prepared(self, *arguments)
            for member in self._members:
                stopwatch.watch(member)

        monkeypatch.setattr(Diagnostics, "__init__", timed)
        rate = spec.train.learning_rate or 0.05
        trained = loop.train(spec, images, seed, rate, spec.train.epochs, diagnostics=spec.diagnostics)
        whole = trained.cpu_seconds
        trained.diagnostics.finish()
        stated = trained.diagnostics.cpu_seconds
        assert 0.5 * stated < sum(stopwatch.seconds.values()) <= stated, "the record states all of it"
        for name in spec.diagnostics:
            shares[name].append(stopwatch.seconds[name] / whole)
    found = {name: median(values) for name, values in shares.items()}
    print({name: f"{100 * share:.1f} %" for name, share in found.items()})
    assert {name: share for name, share in found.items() if share >= MOST} == {}
