"""A person's own network: one file in a folder of theirs, found without being listed, to a report."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from project import SMOKE, Project

from cnnlab.planning.model_registry import SEARCH_PATH

pytestmark = [pytest.mark.long, pytest.mark.slow, pytest.mark.workflow]

NETWORK = '''\
"""One convolution and a dense layer."""

from cnnlab.models.layers.blocks import Pool, with_head

ARCHITECTURE = {
    "title": "Toy network",
    "paper": "none",
    "switches": {"common": {}, "pooling": "max", "width": 4},
    "presets": {"small": {"input": [1, 28, 10]}},
    "smallest_image": 4,
    "refuses": {"residual": "it has one convolution"},
}


def build(images, layers, *, width):
    body = {"block": layers.conv(images.channels, width, 3, pool=Pool(4, 4))}
    return with_head(body, "dense", width, images, layers)
'''
STUDY = """\
study: toy
title: The toy network beside LeNet
question: What do its parts do?
figures: [matrix]
base: {data: {name: mnist5k}, train: {epochs: 1}}
matrix:
  families:
    toy: {label: Toy, model: {architecture: toy}}
  switches:
    pooling: {levels: [average, max], effects: [{metric: test_error, contrast: {average: 1, max: -1}}]}
    residual: {levels: [false, true], effects: [{metric: test_error, contrast: {"false": 1, "true": -1}}]}
seeds: 6
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project.copy(tmp_path_factory.mktemp("network"), *SMOKE, "--config", "studies=toy")
    (project.path / "networks").mkdir()
    (project.path / "networks/toy.py").write_text(NETWORK)
    (project.path / "workflow/studies/toy.yaml").write_text(STUDY)
    return project


@pytest.fixture(autouse=True)
def search_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SEARCH_PATH, "networks")


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_zoo_a_network_in_one_file_is_trained_and_shown(project: Project) -> None:
    assert "Toy network" in project.cnnlab("show", "toy")
    project.snakemake()
    runs = pd.read_csv(project.path / "results/smoke/tables/runs.csv")
    assert set(runs["architecture"]) == {"toy"}
    assert list(runs["status"]) == ["finished"] * 4
    layers = pd.read_csv(project.path / "results/smoke/tables/layers.csv").query("architecture == 'toy'")
    assert layers["parameters"].sum() == runs["parameters"].iloc[0] == 4 * 9 + 4 + 4 * 49 * 10 + 10
    page = (project.path / "reports/smoke/summary.html").read_text()
    assert "Toy network" in page
    assert "it has one convolution" in page


def test_zoo_its_code_retrains_it_and_a_comment_does_not(project: Project) -> None:
    path = project.path / "networks/toy.py"
    edit(path, "One convolution and a dense layer.", "A convolution, then a dense layer.")
    assert project.planned() == {}
    edit(path, "Pool(4, 4)", "Pool(2, 2)")
    assert project.planned()["train"] == 1


def test_zoo_a_switch_that_it_refuses_is_one_line(project: Project) -> None:
    edit(project.path / "workflow/studies/toy.yaml", "{architecture: toy}", "{architecture: toy, residual: true}")
    output = project.snakemake("--dry-run", status=1)
    line = next(line for line in output.splitlines() if line.startswith("error:"))
    assert "toy does not take 'residual' (it has one convolution); it takes activation" in line
    assert "Traceback" not in output
