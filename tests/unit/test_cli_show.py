"""`cnnlab list` and `cnnlab show` of what was run, and of names that several bear; help, people's commands first."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cnnlab.cli.main import main
from cnnlab.planning import model_registry
from cnnlab.planning.config import load_config
from cnnlab.planning.plan import make_plan
from cnnlab.training.records import Record
from tests import fakes
from tests.studies import write_study
from tests.unit.test_registry import TOY
from tests.unit.test_study import STUDY


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


@pytest.fixture
def options(tmp_path: Path) -> tuple[str, ...]:
    """Of a project with one study, whose runs lie in a folder of their own."""
    (tmp_path / "studies").mkdir()
    write_study(tmp_path / "studies", STUDY)
    pairs = (f'study_paths=["{tmp_path}/studies"]', f"results={tmp_path}/results", "device=cpu")
    return tuple(word for pair in pairs for word in ("--config", pair))


@pytest.fixture
def run(options: tuple[str, ...]) -> Record:
    """A finished run of its arm `relu`."""
    plan = make_plan(load_config(pairs=options[1::2]))
    arm = plan.studies[0].arms["relu"].spec
    return fakes.make_record(plan.paths.results, arm=arm, seed=3)


def test_finished_runs_are_listed_with_their_studies(options: tuple[str, ...], run: Record) -> None:
    (line,) = call("list", "mine", "--runs", *options).output.splitlines()[1:]
    assert line.split()[0] == run.run_id
    assert line.endswith("mine: relu")
    assert "is in none of 1 rows" in call("list", "other", "--runs", *options).stderr


def test_a_run_is_a_dozen_lines_or_all_that_is_recorded(options: tuple[str, ...], run: Record) -> None:
    lines = call("show", run.run_id[:8], *options).output.splitlines()
    assert len(lines) <= 12
    said = {line.split("  ")[0]: line for line in lines}
    assert f"{run.run_id}: {run.arm_id}, seed 3, finished" in said["run"]
    assert said["studies"].endswith("mine: relu")
    assert "architecture lenet, preset small, activation relu" in said["model"]
    assert said["test error"].endswith(f"{100 * run.result['test_error']:.2f} %")
    whole = json.loads(call("show", run.run_id, "--json", *options).output)
    assert whole["run_id"] == run.run_id
    assert whole["test_error"] == run.result["test_error"]
    assert whole["provenance"]["device"] == "cpu"


def test_an_arm_is_a_few_lines_or_json(options: tuple[str, ...], run: Record) -> None:
    lines = call("show", run.arm_id, *options).output.splitlines()
    assert [line.split()[0] for line in lines] == ["model", "data", "train", "studies"]
    assert json.loads(call("show", run.arm_id, "--json", *options).output)["model"]["architecture"] == "lenet"


def test_a_name_that_several_bear(options: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.py").write_text(TOY)
    monkeypatch.setenv(model_registry.SEARCH_PATH, str(tmp_path))
    study = call("show", "mine", "--as", "study", *options).output
    assert study.startswith("Sigmoid or ReLU: Which is better?")
    assert "also a" not in study
    refused = call("show", "lenet", "--as", "study", *options)
    assert "no study of that name" in refused.stderr
    assert "also a" not in call("show", "lenet", *options).output


def test_what_else_bears_the_name_is_said(
    options: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_study(tmp_path / "studies", STUDY.replace("study: mine", "study: mlp"))
    output = call("show", "mlp", *options).output
    assert "multiply-accumulates" in output
    assert output.splitlines()[-1] == "also a study: cnnlab show mlp --as study"


def test_an_unknown_name_is_a_short_line(options: tuple[str, ...]) -> None:
    line = call("show", "overfiting").stderr
    assert "did you mean 'overfitting'?" in line
    assert len(line) < 300


def test_commands_for_people_come_first_and_steps_beneath() -> None:
    text = call("--help").output
    people, _, steps = text.partition("Steps, which Snakemake calls:")
    for name in ("list", "show", "new", "lock", "doctor", "ui", "report", "clean"):
        assert f"\n  {name} " in people
        assert f"\n  {name} " not in steps
    for name in ("prepare", "train", "compare", "ledger", "render", "track"):
        assert f"\n  {name} " in steps
        assert f"\n  {name} " not in people
