"""Commands find their project upwards, need none for networks, and write into no other folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import cnnlab
from cnnlab.cli.main import main
from cnnlab.core import paths
from cnnlab.core.errors import UserError
from cnnlab.planning.config import load_config
from cnnlab.planning.plan import make_plan
from cnnlab.planning.studies.lock import add_lock

ROOT = Path(__file__).parents[2]


def call(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of nobody, to work in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def project(here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new project, to work in."""
    assert call("init", "mine").exit_code == 0
    monkeypatch.chdir(here / "mine")
    return here / "mine"


class TestNoProject:
    NEEDED = (
        ("list", "--cost"), ("list", "--runs"), ("show", "C26"), ("show", "activation"), ("new", "study", "mine"),
        ("lock", "activation"), ("ui",), ("report",), ("clean", "--unused"), ("verify", "x"), ("evaluate", "x"),
        ("train", "x"), ("render",), ("track",), ("schema",),
    )  # fmt: skip

    @pytest.mark.parametrize("arguments", NEEDED, ids=" ".join)
    def test_a_command_says_what_to_do_and_writes_nothing(self, arguments: tuple[str, ...], here: Path) -> None:
        result = call(*arguments)
        assert result.exit_code == 2
        (line,) = result.stderr.splitlines()
        assert "no cnnlab project here or above; `cnnlab init DIR` makes one, or change to the folder of yours" in line
        assert files(here) == set()

    def test_networks_need_none(self, here: Path) -> None:
        assert "61,706 parameters" in call("show", "lenet").output
        output = call("list").output
        assert "lenet: LeNet-5" in output
        assert "no cnnlab project here or above, so no studies" in output
        assert "test_error" in call("list", "--metrics").output
        assert call("list", "--settings").exit_code == call("--version").exit_code == 0
        assert files(here) == set()

    def test_doctor_looks_at_the_machine(self, here: Path) -> None:
        result = call("doctor")
        assert "no cnnlab project here or above; `cnnlab init DIR`" in result.output
        assert result.exit_code == 0, result.output


class TestWithin:
    def test_a_command_finds_the_project_from_any_folder_of_it(
        self, project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (project / "notes/week1").mkdir(parents=True)
        at_root = call("list", "--cost").output
        monkeypatch.chdir(project / "notes/week1")
        assert "example" in at_root
        assert call("list", "--cost").output == at_root

    def test_a_file_is_named_as_seen_from_there_or_from_the_project(
        self, project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (project / "notes").mkdir()
        (project / "notes/tier.yaml").write_text("studies: nothing-of-this-name\n")
        for name, status in (("tier.yaml", 2), ("workflow/config/full.yaml", 0), ("missing.yaml", 2)):
            monkeypatch.chdir(project / "notes")
            result = call("list", "--configfile", name)
            assert result.exit_code == status, result.output
            assert name != "tier.yaml" or "nothing-of-this-name" in result.stderr

    def test_what_is_written_lies_in_the_project(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        before = files(project)
        for command in (("new", "study", "another"), ("lock", "example"), ("schema",)):
            monkeypatch.chdir(project / "workflow/config")
            assert call(*command).exit_code == 0
        assert files(project) - before == {"workflow/studies/another.yaml", "workflow/studies/locks/example.yaml"}

    def test_results_are_loaded_from_there(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (project / "notes").mkdir()
        monkeypatch.chdir(project / "notes")
        with pytest.raises(UserError, match=f"{project}/results/tables: no table"):
            cnnlab.load()

    def test_the_project_that_is_named_counts(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(ROOT)
        monkeypatch.setenv(paths.PROJECT, str(project))
        assert "batch-norm-starts-sooner" in call("list").output
        monkeypatch.setenv(paths.PROJECT, str(project / "nowhere"))
        assert "CNNLAB_PROJECT" in call("list", "--cost").stderr


class TestInit:
    def test_the_example_is_planned_with_no_ledger(self, project: Path) -> None:
        plan = make_plan(load_config())
        assert [study.name for study in plan.studies] == ["example"]
        assert plan.claims.claims == ()
        assert "batch-norm-starts-sooner holds if" in call("show", "example").output
        for tier in ("full", "pilot"):
            assert call("show", "example", "--configfile", f"workflow/config/{tier}.yaml").exit_code == 0

    def test_it_has_a_snakefile_and_keeps_output_out_of_git(self, project: Path) -> None:
        assert "include: SNAKEFILE" in (project / "Snakefile").read_text()
        assert "/results/" in (project / ".gitignore").read_text()
        assert (project / "profiles/default/config.yaml").exists()
        assert (project / "workflow/schemas/study.schema.json").exists()

    def test_our_studies_come_on_request(self, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        assert "--config studies=example" in call("init", "mine", "--with-studies").output
        monkeypatch.chdir(here / "mine")
        plan = make_plan(load_config())
        ours = {path.stem for path in (ROOT / "workflow/studies").glob("*.yaml")}
        assert {study.path.stem for study in plan.studies} == {*ours, "example"}
        assert "tests nothing" not in call("show", "C06").output
        assert "activation" in call("show", "C06").output
        assert call("list", "--configfile", "workflow/config/book.yaml").exit_code == 0

    def test_a_study_of_our_ledger_says_where_that_is(self, project: Path) -> None:
        shutil.copy(ROOT / "workflow/studies/activation.yaml", paths.STUDIES)
        assert "`cnnlab init DIR --with-studies` copies it" in call("list", "--cost").stderr

    def test_nothing_is_written_over(self, project: Path) -> None:
        study = project / "workflow/studies/example.yaml"
        study.write_text("mine\n")
        for folder in (".", str(project)):
            result = call("init", folder)
            assert result.exit_code == 2
            assert "there already; choose a new folder" in result.stderr
        assert study.read_text() == "mine\n"

    def test_a_folder_that_cannot_be_made_is_one_line(self, here: Path) -> None:
        (here / "file").write_text("")
        result = call("init", "file/within")
        assert result.exit_code == 2
        assert len(result.stderr.splitlines()) == 1


def test_in_a_folder_of_another_workflow_ours_is_read_and_not_written(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a step that its rules call, for which its folder is named."""
    monkeypatch.setenv(paths.PROJECT, str(here))
    plan = make_plan(load_config(pairs=("studies=activation",)))
    assert plan.studies[0].path == paths.OURS / "workflow/studies/activation.yaml"
    assert plan.paths.report == Path("reports/summary.html")
    ours = files(paths.OURS / "workflow")
    with pytest.raises(UserError, match="comes with cnnlab and is not yours"):
        add_lock(plan.studies[0], plan.tier, None)
    result = call("new", "study", "mine")
    assert result.exit_code == 2
    assert "comes with cnnlab and is not yours" in result.stderr
    assert files(paths.OURS / "workflow") == ours
    assert files(here) == set()


def test_a_study_of_ones_own_project_may_lie_anywhere(tmp_path: Path) -> None:
    paths.refuse_lent(tmp_path / "mine.yaml")
    paths.refuse_lent(paths.STUDIES / "mine.yaml")
    paths.refuse_lent(paths.OURS / "workflow/studies/mine.yaml")  # here it is one's own


def test_what_lies_elsewhere_is_refused(here: Path) -> None:
    with pytest.raises(UserError, match="--with-studies"):
        paths.refuse_lent(paths.found(paths.STUDIES) / "mine.yaml")
