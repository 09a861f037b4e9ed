"""`snakemake --report` and `cnnlab report --json` on a finished project."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from project import Project

pytestmark = [pytest.mark.slow, pytest.mark.workflow]


@pytest.fixture(scope="module")
def project(finished: Callable[[Path], Project], tmp_path_factory: pytest.TempPathFactory) -> Project:
    return finished(tmp_path_factory.mktemp("reported"))


def test_page_figures_and_tables_are_in_the_report_of_snakemake(project: Project) -> None:
    project.snakemake("--report", "report.zip")
    names = project.run("python", "-m", "zipfile", "--list", "report.zip")
    for name in ("summary.html", "errors.svg", "differences.svg", "lenet-small.svg", "claims.csv", "runs.csv"):
        assert name in names, name
    project.run("python", "-m", "zipfile", "--extract", "report.zip", "extracted")
    listed = (project.path / "extracted/report/report.html").read_text()
    for words in ("The page", "Figures", "Networks", "Tables", "Sigmoid or ReLU", "test error by arm", "unrounded"):
        assert words in listed, words


def test_verdicts_come_as_json_with_a_status(project: Project) -> None:
    """Two claims that are computed fail; two seeds decide nothing."""
    told = json.loads(project.cnnlab("report", "--json", status=1))
    assert told["answer"] == "contradicted"
    own = [claim for claim in told["claims"] if claim["kind"] == "empirical"]
    assert {(claim["study"], claim["verdict"]) for claim in own} == {
        ("convolution", "inconclusive"),
        ("dense", "inconclusive"),
    }
    assert any(claim["verdict"] == "holds" for claim in told["claims"])
    alone = json.loads(project.cnnlab("report", "--json", "--config", "studies=dense", status=2))
    assert [claim["id"] for claim in alone["claims"]] == ["mine"]
