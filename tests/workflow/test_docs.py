"""Every block of every page of the documentation is run, page by page as a reader would, in a copy of the project.

The study of docs/study.md is run as it is written. What else would train is planned and no more: test_readme.py runs
such calls, at the smoke tier. What a page says that a command prints is what it prints; `--accept-golden` takes it in.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from pages import ROOT, Block, agree, blocks, pages, taken
from project import Project
from test_readme import COMMANDS, ELSEWHERE

pytestmark = [pytest.mark.long, pytest.mark.slow, pytest.mark.workflow]

PAGES = [page for page in pages() if blocks(page) and page.name != "adding.md"]  # that is test_extensions.py's
AS_WRITTEN = {"studies=batch-size", "--dry-run", "--unlock"}  # of the calls of Snakemake
READER = {f"GIT_{role}_{key}": "reader" for role in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project.copy(tmp_path_factory.mktemp("docs"))
    for command in ("init --quiet", "add --all", "commit --quiet --message cloned"):
        project.run("git", *command.split(), **READER)
    return project


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_of_a_page_runs(project: Project, page: Path, accept_golden: bool) -> None:
    for block in blocks(page):
        if block.file:
            (project.path / block.file).write_text(block.text)
        elif block.language == "python":
            project.run(sys.executable, "-c", block.text)
        elif block.language == "console":
            _run(project, page, block, accept_golden)
        else:
            assert block.language == "text", f"{page.name}: nothing runs a block of {block.language}"


def _run(project: Project, page: Path, block: Block, accept_golden: bool) -> None:
    for command, said in block.steps:
        if command in {*COMMANDS, *ELSEWHERE, "make demo"}:
            continue  # test_readme.py has run it
        printed = project.run(*_planned(command), status=0 if said is None else None, **READER)
        assert "Traceback" not in printed, command
        if said is not None and accept_golden:
            taken(page, said, command, printed)
        elif said is not None:
            assert agree(said, printed), f"{page.name}: {command} prints (accept it with --accept-golden?)\n{printed}"


def _planned(command: str) -> list[str]:
    words = shlex.split(command)
    return words if words[0] != "snakemake" or AS_WRITTEN & set(words) else [*words, "--dry-run"]


def test_the_notebook_runs(project: Project) -> None:
    """On what the study has found."""
    notebook = nbformat.read(ROOT / "docs/results.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert not any(cell.outputs for cell in notebook.cells if cell.cell_type == "code"), "clear its outputs"
    client = NotebookClient(notebook, resources={"metadata": {"path": project.path}}, kernel_name="python3")
    client.execute(env=project.environment)
    pictures = [
        output for cell in notebook.cells for output in cell.get("outputs", []) if "image/png" in output.get("data", {})
    ]
    assert len(pictures) >= 2


def test_the_workflow_catalog_finds_the_same_workflow(project: Project) -> None:
    study = ("--config", "studies=activation")
    planned = project.planned(*study)
    assert planned["train"]
    assert project.planned("--snakefile", "workflow/Snakefile", *study) == {**planned, "everything": 1}
