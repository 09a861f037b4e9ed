"""The programs in ``benchmarks/``: what they compare is the same, and the page keeps what other machines measured."""

from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest
import torch
from torch import nn

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/performance.md"


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """A module of the folder, as its own programs import it."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module


def test_a_machine_writes_its_own_section_of_the_page(program: Callable[[str], ModuleType], tmp_path: Path) -> None:
    performance, page = program("performance"), tmp_path / "new" / "performance.md"
    performance.write(page, "b, 2 cores", "| 1 |\n")
    performance.write(page, "a, GPU", "| 2 |\n")
    performance.write(page, "b, 2 cores", "| 3 |\n\nand more")
    text = page.read_text()
    assert text.startswith(performance.HEAD)
    bodies = {name: body.strip() for name, body in performance.sections(text).items()}
    assert bodies == {"a, GPU": "| 2 |", "b, 2 cores": "| 3 |\n\nand more"}
    performance.write(page, "a, GPU", "| 2 |\n")
    assert page.read_text() == text


def test_several_values_are_told_by_median_and_range(program: Callable[[str], ModuleType]) -> None:
    spread = program("performance").spread
    assert spread([1000.4, 3000, 2000]) == "2,000 (1,000–3,000)"
    assert spread([1.25], 1) == "1.2"
    assert spread([]) == "–"


@pytest.mark.parametrize("name", ["LeNet", "LeNet + BN", "VGG-11", "GoogLeNet", "ResNet-18", "ResNet-32"])
def test_every_loop_is_given_the_same_network_and_settings(
    name: str, program: Callable[[str], ModuleType], tmp_path: Path
) -> None:
    task = program("task")
    one = task.Task(name, tmp_path)
    train, again = one.arm.train, one.build()
    settings = task.BATCH, task.RATE, task.MOMENTUM, task.WEIGHT_DECAY
    assert (train.batch_size, train.learning_rate, train.momentum, train.weight_decay) == settings
    assert (train.optimizer, train.schedule, one.arm.precision) == ("sgd", "cosine", "float32")
    weights = one.build().state_dict()
    assert all(torch.equal(weights[key], value) for key, value in again.state_dict().items())
    alone = program("peers.layers").Loop(one)
    assert len(alone.calls) == sum(isinstance(layer, nn.Conv2d | nn.Linear) for layer in again.modules())
    assert [given.requires_grad for _, given, _ in alone.calls] == [False, *[True] * (len(alone.calls) - 1)]
    assert alone.epoch(1) > 0
    torch.use_deterministic_algorithms(False)


def test_every_loop_reads_the_same_images(program: Callable[[str], ModuleType], tmp_path: Path) -> None:
    one = program("task").Task("ResNet-32", tmp_path)
    one.prepare()
    ours = program("peers.ours").Loop(one).data
    textbooks = program("peers.textbook").datasets(one)
    for split in ("train", "validation"):
        mine, theirs = getattr(ours, split), textbooks[split]
        assert len(mine) == len(theirs)
        for index in (0, len(mine) - 1):
            image, label = theirs[index]
            assert label == mine.labels[index]
            torch.testing.assert_close(image, mine.images[index], rtol=1e-3, atol=1e-3)
    torch.use_deterministic_algorithms(False)


def test_the_script_for_a_gpu_is_a_script() -> None:
    subprocess.run(["bash", "-n", ROOT / "benchmarks/gpu.sh"], check=True)


@pytest.mark.slow
def test_the_comparison_runs_and_says_what_is_not_installed() -> None:
    before = PAGE.read_bytes() if PAGE.exists() else None
    command = [sys.executable, "benchmarks/bench.py", "--quick", "--device", "cpu"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = [line.split(" | ") for line in done.stdout.splitlines() if line.startswith("| LeNet")]
    rates = {row[1]: row[2] for row in rows}
    assert set(rates) == {"cnnlab", "textbook", "Lightning", "layers alone"}
    assert (rates["Lightning"] == "not installed") == (find_spec("lightning") is None)
    assert all(rate == "not installed" or float(rate.replace(",", "")) > 0 for rate in rates.values())
    assert (PAGE.read_bytes() if PAGE.exists() else None) == before
