"""What all tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--accept-golden", action="store_true", help="take today's numbers and page as the golden ones")


@pytest.fixture
def accept_golden(request: pytest.FixtureRequest) -> bool:
    """Whether recorded values are to be replaced rather than compared."""
    return bool(request.config.getoption("--accept-golden"))


@pytest.fixture
def one_thread() -> Iterator[None]:
    """As in a job, and many times quicker on small networks where other processes share the cores."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
