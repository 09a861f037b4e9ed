"""What all tests share."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import pandas as pd

    from cnnlab.planning.plan import Plan


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
