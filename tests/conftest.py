"""What all tests share."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--accept-golden", action="store_true", help="take today's numbers as the golden ones")


@pytest.fixture
def accept_golden(request: pytest.FixtureRequest) -> bool:
    """Whether recorded values are to be replaced rather than compared."""
    return bool(request.config.getoption("--accept-golden"))
