"""What several studies or files say of one thing: one run in MLflow, one name, one chapter, one selection."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from cnnlab.analysis.tables import io
from cnnlab.cli import steps
from cnnlab.cli.workflow import Rules
from cnnlab.core.errors import UserError
from cnnlab.core.paths import Paths
from cnnlab.core.strict_yaml import read_yaml
from cnnlab.planning.config import DEFAULT
from cnnlab.planning.plan import Plan
from cnnlab.planning.studies.broken import Broken
from cnnlab.report import ledger


@pytest.mark.parametrize("first", ["a", "b"])
def test_a_run_that_one_study_found_in_mlflow_has_its_id(tmp_path: Path, first: str) -> None:
    paths = Paths(tmp_path / "results", tmp_path / "reports")
    for name in ("a", "b"):
        found = ("1", "m1") if name == first else (None, None)
        row = {"run_id": "r", "arm_id": "x", "experiment_id": found[0], "mlflow_run_id": found[1]}
        io.write_tables(paths.study(name), io.tables({"measured/mlflow": [row]}))
    studies = [SimpleNamespace(name="a"), SimpleNamespace(name="b")]
    plan: Any = SimpleNamespace(paths=paths, finished=SimpleNamespace(studies=studies))
    steps.mirrored(plan)
    whole = pd.read_parquet(paths.table("measured/mlflow").with_suffix(".parquet"))
    assert whole["mlflow_run_id"].tolist() == ["m1"]


@pytest.mark.parametrize("ids", [("C1", "helps"), ("helps", "C100"), ("helps", "C06", "C1")])
def test_no_claim_is_lost_between_chapters(ids: tuple[str, ...]) -> None:
    rows = [{"id": name, "chapter": "6" if name == "C06" else None} for name in ids]
    assert sorted(row["id"] for members in ledger._chapters(rows).values() for row in members) == sorted(ids)


def test_steps_look_at_all_whatever_the_default_selects(tmp_path: Path) -> None:
    rules = Rules({**read_yaml(DEFAULT), "device": "cpu", "results": str(tmp_path)}, [])
    assert "studies" not in rules.flags()
    rules._usual = "core"
    assert "--config studies=all" in rules.flags()


def test_a_broken_study_of_the_core_is_missed(tmp_path: Path) -> None:
    for text, core in (("core: true\nclaims: []", True), ("core: false", False), ("study: x", False), ("a: [", True)):
        file = tmp_path / "x.yaml"
        file.write_text(text)
        assert Broken.of(file, UserError("no")).core is core


def test_a_second_file_of_one_name_has_no_verdicts(tmp_path: Path) -> None:
    config: Any = SimpleNamespace(paths=Paths(tmp_path / "results", tmp_path / "reports"))
    broken = tuple(Broken(name, tmp_path / name, UserError("no")) for name in ("twin", "alone"))
    for name in ("twin", "alone"):
        judged = config.paths.study(name).table("claims").with_suffix(".parquet")
        judged.parent.mkdir(parents=True)
        judged.touch()
    every: Any = (SimpleNamespace(name="twin"),)
    plan = Plan(config, every, SimpleNamespace(claims=()), every, broken)  # type: ignore[arg-type]
    assert [study.name for study in plan.broken_but_judged] == ["alone"]
