"""The workflow from another folder, within another workflow, and installed without a clone."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path

import pytest
from project import COMMAND, Project, jobs

# What makes a table of claims.
CLAIMS = {"prepare", "train_first-gradient", "compare", "exact", "ledger"}
SNAKEMAKE = ("python", "-m", *COMMAND)  # of whichever environment comes first on the path
pytestmark = [pytest.mark.slow, pytest.mark.workflow]

# Another workflow, with folders and keys of its own, which wants the verdict of one study of ours.
OTHER = """\
configfile: "config/config.yaml"

module cnnlab:
    snakefile: "{snakefile}"
    config: config["cnnlab"]

use rule * from cnnlab as cnnlab_*

rule all:
    default_target: True
    input: "mine.txt"

rule mine:
    input: "{tables}/claims.csv"
    output: "mine.txt"
    shell: "grep first-gradient {{input}} > {{output}}"
"""
CONFIG = """\
own_key: 1
cnnlab: {study_paths: [my-studies], results: out/results, reports: out/reports, device: cpu}
"""
STUDY = """\
study: first-gradient
title: Sigmoid or ReLU
question: Which has the larger gradients?
base:
  model: {architecture: lenet}
  data: {name: mnist5k, limit: 300}
  train: {epochs: 1, learning_rate: 0.1}
arms: {sigmoid: {model: {activation: sigmoid}}, relu: {model: {activation: relu}}}
seeds: 6
claims:
  - id: first-gradient
    architecture: lenet
    requires:
      - {metric: first_gradient_norm, contrast: {relu: 1, sigmoid: -1}, direction: greater, margin: 1}
"""


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project.copy(tmp_path_factory.mktemp("clone"))


@pytest.fixture
def other(clone: Project, tmp_path: Path) -> Path:
    """The folder of another workflow."""
    for name, text in (
        ("workflow/Snakefile", OTHER.format(snakefile=clone.path / "Snakefile", tables="out/results/tables")),
        ("config/config.yaml", CONFIG),
        ("my-studies/first-gradient.yaml", STUDY),
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def run(folder: Path, *command: str, **environment: str) -> str:
    """Run to the end; everything that it printed."""
    done = subprocess.run(
        command,
        cwd=folder,
        env={**environment},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:]
    return done.stdout


def test_our_studies_run_in_another_folder(clone: Project, tmp_path: Path) -> None:
    output = run(
        tmp_path,
        *SNAKEMAKE,
        *("--snakefile", str(clone.path / "Snakefile"), "--directory", str(tmp_path / "elsewhere")),
        *("--dry-run", "--config", "studies=activation", "device=cpu"),
        **clone.environment,
    )
    planned = jobs(output)
    assert planned["train"] > 0
    assert planned["compare"] == planned["render"] == 1
    assert not (tmp_path / "elsewhere/workflow").exists()


def test_a_rule_of_another_workflow_uses_ours(clone: Project, other: Path) -> None:
    planned = jobs(run(other, *SNAKEMAKE, "--dry-run", **clone.environment))
    assert planned.keys() == {"mine", *(f"cnnlab_{rule}" for rule in CLAIMS)}


@pytest.mark.long
def test_another_workflow_has_our_verdict(clone: Project, other: Path) -> None:
    environment = {**clone.environment, "PYTHONPATH": ""}  # the clone need not be installed
    run(other, *SNAKEMAKE, **environment)
    assert ",supported," in (other / "mine.txt").read_text()
    assert {path.name for path in other.iterdir()} == {
        ".snakemake", "config", "mine.txt", "my-studies", "out", "workflow"
    }  # fmt: skip
    assert "Nothing to be done" in run(other, *SNAKEMAKE, **environment)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_an_installed_package_makes_a_project_that_runs(clone: Project, tmp_path: Path) -> None:
    """The wheel in an environment of its own, whose other packages are those of this one, far from any clone."""
    environment = installed(clone, tmp_path)
    run(tmp_path, "cnnlab", "init", "p", **environment)
    project = tmp_path / "p"
    run(project, *SNAKEMAKE, **environment)
    page = (project / "reports/summary.html").read_text()
    assert "Batch normalization lowers the test error of LeNet" in page
    assert "C06" not in page
    assert "after multiplying p" not in page
    assert "batch-norm-starts-sooner  supported" in run(project, "cnnlab", "show", "example", **environment)
    assert "Nothing to be done" in run(project, *SNAKEMAKE, "--dry-run", **environment)
    project.rename(tmp_path / "moved")
    assert "Nothing to be done" in run(tmp_path / "moved", *SNAKEMAKE, "--dry-run", **environment)


def installed(clone: Project, folder: Path) -> dict[str, str]:
    """The variables of an environment with the wheel of `clone`."""
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    offline = ("--no-build-isolation",) if find_spec("hatchling") else ()  # else it is downloaded
    run(clone.path, *pip, "wheel", "--no-deps", *offline, "--wheel-dir", str(folder), ".", **os.environ)
    (wheel,) = folder.glob("cnnlab-*.whl")
    venv = folder / "venv"
    run(folder, sys.executable, "-m", "venv", "--without-pip", str(venv), **os.environ)
    packages = venv / Path(sysconfig.get_path("purelib")).relative_to(sys.prefix)
    into = ("--python", str(venv / "bin/python"), "install", "--no-deps", "--no-index")
    run(folder, *pip, *into, str(wheel), **os.environ)
    # Comes after its own; what an editable installation hangs into that folder is not run from here.
    (packages / "shared.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    scripts = os.pathsep.join([str(venv / "bin"), os.environ["PATH"]])
    kept = {key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "VIRTUAL_ENV"}}
    return {**kept, "PATH": scripts}
