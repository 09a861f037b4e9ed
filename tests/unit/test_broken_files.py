"""A study or a network that cannot be read stops who asks for it, and nobody else."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from cnnlab.analysis.tables import io
from cnnlab.cli import clean, steps
from cnnlab.cli.main import main
from cnnlab.cli.workflow import Rules
from cnnlab.core.errors import UserError
from cnnlab.core.strict_yaml import read_yaml
from cnnlab.planning import model_registry
from cnnlab.planning.config import DEFAULT
from tests.studies import plan_with_broken
from tests.unit.test_registry import TOY
from tests.unit.test_study import STUDY

OTHER = STUDY.replace("study: mine", "study: other").replace("C06\n    ledger: true", "my-claim")
BROKEN = STUDY.replace("epochs: 2", "epoch: 2").replace("margin: 1", "marign: 1")


def test_it_is_left_out_with_a_line_and_refused_with_all_lines_by_name_or_claim(tmp_path: Path) -> None:
    plan = plan_with_broken(tmp_path, BROKEN, OTHER)
    assert [study.name for study in plan.studies] == [study.name for study in plan.every] == ["other"]
    (line,) = plan.warnings
    assert line.startswith(
        f"warning: the study 'mine' is left out: {tmp_path}/mine.yaml:17:93: claims.0.requires.0.marign"
    )
    for asked in ("mine", "C06", "other,mine"):
        with pytest.raises(UserError, match=r"marign: unknown key"):
            plan_with_broken(tmp_path, studies=asked)
    assert plan_with_broken(tmp_path, studies="other").warnings == [line]
    with pytest.raises(UserError, match=r"marign: unknown key"):
        plan.only("mine")


def test_more_mistakes_than_one_are_counted_in_the_warning(tmp_path: Path) -> None:
    (line,) = plan_with_broken(tmp_path, BROKEN.replace("title:", "titel:")).warnings
    assert line.endswith("(and 1 more: cnnlab show mine)")


def test_a_network_that_cannot_be_read_takes_with_it_the_studies_that_use_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toys, studies = tmp_path / "toys", tmp_path / "studies"
    toys.mkdir()
    studies.mkdir()
    (toys / "toy.py").write_text(TOY.replace('"title"', '"titel"'))
    (toys / "unfinished.py").write_text("ARCHITECTURE = {")
    monkeypatch.setenv(model_registry.SEARCH_PATH, str(toys))
    uses = STUDY.replace("study: mine", "study: uses").replace("lenet", "toy").replace("sigmoid", "tanh")
    plan = plan_with_broken(studies, uses, OTHER)
    assert {"toy", "unfinished"}.isdisjoint(model_registry.architectures())
    assert [study.name for study in plan.studies] == ["other"]
    starts = [line.partition(" is left out: ")[0] for line in plan.warnings]
    assert starts == ["warning: the network 'toy'", "warning: the network 'unfinished'", "warning: the study 'uses'"]
    assert "toy.py:3:" in plan.warnings[2]
    (toys / "toy.py").write_text(TOY)
    assert [study.name for study in plan_with_broken(studies).studies] == ["other", "uses"]


def test_a_network_of_a_name_that_is_taken_is_neither(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lenet.py").write_text(TOY)
    monkeypatch.setenv(model_registry.SEARCH_PATH, str(tmp_path))
    assert "lenet" not in model_registry.architectures()
    with pytest.raises(UserError, match=r"architecture 'lenet' is defined by .* already; rename one of them"):
        model_registry.get("lenet")
    assert model_registry.get("mlp").name == "mlp"


def call(folder: Path, *arguments: str) -> Result:
    options = ("--config", f'study_paths=["{folder}"]', "--config", f"results={folder}/results")
    return CliRunner().invoke(main, [*arguments, *options])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    plan_with_broken(tmp_path, BROKEN, OTHER)
    return tmp_path


@pytest.mark.parametrize(
    "arguments", [("list",), ("list", "lenet"), ("show", "lenet"), ("show", "other"), ("list", "--cost")]
)
def test_commands_go_on_with_a_warning(folder: Path, arguments: tuple[str, ...]) -> None:
    result = call(folder, *arguments)
    assert result.exit_code == 0
    assert result.stderr.startswith("warning: the study 'mine' is left out: ")
    assert len(result.stderr.splitlines()) == 1


def test_a_step_says_nothing_of_it(folder: Path) -> None:
    result = call(folder, "train", "lenet-small-0")
    assert "no study asks for this arm" in result.stderr
    assert "warning" not in result.stderr


def test_show_says_all_of_it(folder: Path) -> None:
    result = call(folder, "show", "mine")
    assert result.exit_code == 2
    assert [line[:7] for line in result.stderr.splitlines()] == ["warning", "error: "]


def test_doctor_says_that_it_is_missing(folder: Path) -> None:
    result = call(folder, "doctor")
    assert result.exit_code == 1
    assert "MISSING  the study 'mine' is left out: " in result.output


def test_nothing_is_cleaned_while_it_is_not_known_what_is_needed(folder: Path) -> None:
    with pytest.raises(UserError, match=r"mine\.yaml: cannot be read, so that what is needed is not known"):
        clean.unused(plan_with_broken(folder))
    assert clean.unused(plan_with_broken(folder, STUDY, results=str(folder / "none")))[0] == []


def test_its_verdicts_stay_with_a_mark(folder: Path) -> None:
    plan = plan_with_broken(folder, results=str(folder / "results"))
    rows = [{"id": "C06", "part": "main", "kind": "empirical", "verdict": "supported", "study": "mine"}]
    frames = io.tables({name: rows if name == "claims" else [] for name in steps_tables()})
    assert plan.broken_but_judged == ()
    io.write_tables(plan.paths.study("mine"), frames)
    assert [study.name for study in plan.broken_but_judged] == ["mine"]
    steps.ledger(plan)
    claims = pd.read_csv(plan.paths.table("claims").with_suffix(".csv")).set_index("id")
    assert claims.loc["C06", ["verdict", "outdated"]].tolist() == ["supported", True]
    assert claims.loc["C26", "verdict"] == "not tested"


def steps_tables() -> tuple[str, ...]:
    return ("contrasts", "claims", "robustness", "measured/contrasts")


def test_the_workflow_warns_and_runs_the_rest_or_refuses(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = {**read_yaml(DEFAULT), "device": "cpu", "study_paths": [str(folder)], "results": str(folder / "results")}
    rules = Rules(given, [])
    assert capsys.readouterr().err.startswith("warning: the study 'mine' is left out")
    assert [study.name for study in rules.plan.studies] == ["other"]
    assert rules.done().splitlines()[-1].startswith("warning: the study 'mine' is left out")
    with pytest.raises(SystemExit, match="1"):
        rules.leave()
    Rules({**given, "studies": "other"}, []).leave()
    with pytest.raises(SystemExit, match=r"^error: .*marign: unknown key"):
        Rules({**given, "studies": "mine"}, [])
    (folder / "other.yaml").unlink()
    with pytest.raises(SystemExit, match=r"^error: .*marign: unknown key"):
        Rules(given, [])
