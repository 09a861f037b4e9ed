"""A study that cannot be read any more: the others run on, and nothing that was found is lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from project import Project

pytestmark = [pytest.mark.slow, pytest.mark.workflow]


@pytest.fixture(scope="module")
def broken(finished: Callable[[Path], Project], tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A finished tiny project, in one of whose two studies a key was misspelt since."""
    project = finished(tmp_path_factory.mktemp("broken"))
    edit(project, "activation: relu", "activaton: relu")
    return project


def edit(project: Project, old: str, new: str) -> None:
    study = project.path / "studies/dense.yaml"
    text = study.read_text()
    assert old in text
    study.write_text(text.replace(old, new))


WARNING = "warning: the study 'dense' is left out: studies/dense.yaml:10:18: arms.relu.model.activaton: unknown switch"


def test_the_others_run_and_the_end_says_that_one_did_not(broken: Project) -> None:
    before, runs = broken.tables(), broken.runs()
    output = broken.snakemake(status=1)
    lines = [line for line in output.splitlines() if line.strip()]
    assert WARNING in next(line for line in lines if line.startswith("warning: "))
    done = next(place for place, line in enumerate(lines) if line.startswith("cnnlab: done."))
    assert lines[done + 1].startswith(WARNING)
    assert "Traceback" not in output
    claims = pd.read_csv(broken.path / "results/tiny/tables/claims.csv").set_index("id")
    assert claims.loc["mine", ["verdict", "outdated"]].tolist() == ["inconclusive", True]
    assert not claims.loc["C06", "outdated"]
    assert "older than its study file" in (broken.path / "reports/tiny/summary.html").read_text()
    assert broken.runs() == runs
    broken.snakemake("--config", "studies=convolution")
    edit(broken, "activaton: relu", "activation: relu")
    broken.snakemake()
    assert (broken.tables(), broken.runs()) == (before, runs)
    edit(broken, "activation: relu", "activaton: relu")


def test_commands_go_on_without_it(broken: Project) -> None:
    assert WARNING in broken.cnnlab("list")
    assert "convolution: " in broken.cnnlab("list", "convolution")
    assert "layer" in broken.cnnlab("show", "lenet")
    output = broken.cnnlab("show", "dense", status=2)
    assert "error: studies/dense.yaml:10:18: arms.relu.model.activaton: unknown switch" in output
    assert "convolution: locked as" in broken.cnnlab("lock", "--all")
    assert not (broken.path / "studies/locks/dense.yaml").exists()
    assert broken.cnnlab("report").rstrip().endswith("partial.html")


def test_what_it_needs_is_not_known_and_so_not_cleaned(broken: Project) -> None:
    before = broken.runs()
    assert "error: clean: studies/dense.yaml: cannot be read" in broken.cnnlab("clean", "--unused", "--yes", status=2)
    assert broken.runs() == before


def test_if_none_can_be_read_nothing_is_run(tmp_path: Path) -> None:
    project = Project.tiny(tmp_path)
    for study in (project.path / "studies").iterdir():
        study.write_text(study.read_text().replace("seeds:", "seads:"))
    output = project.snakemake("--dry-run", status=1)
    errors = [line for line in output.splitlines() if line.startswith("error: ")]
    assert [line.partition(":")[2].partition(":")[0] for line in errors] == [
        " studies/convolution.yaml",
        " studies/dense.yaml",
    ]
    assert all("seads: unknown key; did you mean 'seeds'?" in line for line in errors)
