"""What all tests share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import pandas as pd

    from cnnlab.core.paths import Paths
    from cnnlab.planning.plan import Plan
    from tests.fakes import Cards


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--accept-golden", action="store_true", help="take today's numbers and page as the golden ones")


def pytest_collection_finish() -> None:
    """One thread, as in a job: many times quicker on small networks where other processes share the cores."""
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


@pytest.fixture
def accept_golden(request: pytest.FixtureRequest) -> bool:
    """Whether recorded values are to be replaced rather than compared."""
    return bool(request.config.getoption("--accept-golden"))


@pytest.fixture(scope="module")
def plan(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """A plan of the sample studies that the module names in `STUDIES`, its prepared data described."""
    from tests import report_samples

    plan = report_samples.plan(tmp_path_factory.mktemp("plan"), request.module.STUDIES)
    report_samples.write_cards(plan)
    return plan


@pytest.fixture(scope="module")
def frames(plan: Plan) -> dict[str, pd.DataFrame]:
    """Its tables."""
    from tests import report_samples

    return report_samples.frames(plan)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the prepared images of `tests.fakes.DIGITS`, to be read only."""
    from cnnlab.data.prepare import prepare
    from tests.fakes import DIGITS

    folder = tmp_path_factory.mktemp("prepared")
    prepare(DIGITS.prepared(), folder / f"{DIGITS.data_id}.safetensors", folder / f"{DIGITS.data_id}.json")
    return folder


@pytest.fixture
def paths(tmp_path: Path, prepared: Path) -> Iterator[Paths]:
    """Folders of a project without a run, whose images are prepared."""
    import torch

    from cnnlab.core.paths import Paths

    where = Paths(tmp_path / "results", tmp_path / "reports")
    where.results.mkdir()
    (where.results / "data").symlink_to(prepared)
    yield where
    torch.use_deterministic_algorithms(False)


@pytest.fixture
def cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cards]:
    """A machine without a GPU, until the test puts one in; with leases of its own."""
    from cnnlab.planning import device
    from tests.fakes import Cards

    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")  # so that it is as it was in the end, whatever the test does
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.setenv("CNNLAB_LEASES", str(tmp_path / "leases"))
    made = Cards(tmp_path / "bin")
    monkeypatch.setenv("PATH", made.path)
    device.gpus.cache_clear()
    yield made
    device.gpus.cache_clear()
