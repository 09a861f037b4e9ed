"""A finished tiny project, made once for all test processes and copied to each that needs one."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock
from project import COMMAND, Project


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Project]:
    """Copies it to a folder; what the terminal showed is in its ``terminal.txt``. MLflow's store, which holds the path
    that it was made in, stays behind."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "finished-tiny"
    with FileLock(shared.with_suffix(".lock")):
        if not (shared / "terminal.txt").exists():
            project = Project.tiny(shared)
            (shared / "terminal.txt").write_text(project.watched(*COMMAND, *project.options))
    return lambda folder: Project.of(shared, folder)
