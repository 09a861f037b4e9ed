"""Locked plans: what is in them, what departs from them, and how git shows that they are older than their runs."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from click.testing import CliRunner, Result

from cnnlab.analysis.tables.frames import Tables
from cnnlab.cli.main import main
from cnnlab.core.errors import UserError
from cnnlab.core.git import commits_cutting, is_ancestor
from cnnlab.core.paths import Paths
from cnnlab.core.validation import digest
from cnnlab.planning.plan import Plan
from cnnlab.planning.studies.lock import add_lock, deviations, lock_path, plan_of, plans_of_runs, read_locks
from cnnlab.planning.studies.study import Study
from cnnlab.report import locks
from cnnlab.wording.locks import departures
from tests import fakes, report_samples
from tests.report_samples import rendered, text_of
from tests.said import said, unsaid
from tests.studies import plan_of as planned
from tests.unit.test_report_sections import git
from tests.unit.test_study import STUDY

STUDIES = ("normalization", "activation")
MARGIN = "claims.C26.requires.0.margin"


def study_of(folder: Path, text: str = STUDY) -> Study:
    return planned(folder, text, min_seeds=2).studies[0]


@pytest.fixture
def locked(tmp_path: Path) -> Study:
    study = study_of(tmp_path)
    add_lock(study, "quick", None)
    return study


def changed(study: Study, text: str) -> list[str]:
    """The keys in which a study of this text departs from the lock of `study`."""
    (lock,) = read_locks(study, "quick")
    return [found.key for found in deviations(lock.plan, plan_of(study_of(study.path.parent, text), "quick"))]


def test_a_lock_is_what_was_locked(locked: Study) -> None:
    (lock,) = read_locks(locked, "quick")
    assert lock.hash == digest(plan_of(locked, "quick"))
    assert lock.plan["claims"]["C06"]["requires"][0]["margin"] == 1
    assert set(lock.plan["arms"]) == {"sigmoid", "relu"}
    assert changed(locked, STUDY) == []


# What is replaced in the study by what, and the keys that depart from the plan.
EDITS = {
    "margin": ("margin: 1", "margin: 2", ["claims.C06.requires.0.margin"]),
    "direction": ("greater", "equal", ["claims.C06.requires.0.direction"]),
    "metric": ("first_gradient_norm", "early_gradient_norm", ["claims.C06.requires.0.metric"]),
    "contrast": ("sigmoid: -1}", "sigmoid: -2, relu2: 1}", ["claims.C06.requires.0.contrast.sigmoid"]),
    "seeds": ("seeds: 6", "seeds: 7", ["seeds"]),
    "seen": ("seeds: 6", "seeds: 6\nseen: 3", ["seen"]),
    "epochs": ("epochs: 2", "epochs: 3", ["arms.sigmoid.train.epochs", "arms.relu.train.epochs"]),
    "a switch": ("{activation: relu}", "{activation: relu, pooling: max}", ["arms.relu.model.switches.pooling"]),
    "part": ("id: C06\n    ledger: true", "id: own\n    part: half", ["claims.C06", "claims.own half"]),
}  # fmt: skip


@pytest.mark.parametrize("kind", EDITS)
def test_what_decides_a_verdict_departs_from_the_plan(locked: Study, kind: str) -> None:
    old, new, keys = EDITS[kind]
    text = STUDY.replace(old, new)
    if kind == "contrast":
        text = text.replace("  relu: {", "  relu2: {model: {activation: tanh}}\n  relu: {")
        keys = [*keys, "claims.C06.requires.0.contrast.relu2", "arms.relu2"]
    assert changed(locked, text) == keys


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("title: Sigmoid or ReLU", "title: ReLU or sigmoid"),
        ("Which is better?", "Which one?"),
        ("arms:", "labels: {relu: Rectified}\narms:"),
        ("arms:", "arms:\n  tanh: {model: {activation: tanh}}"),
        ("seeds: 6", "seeds: 6\nsecondary: [{metric: test_error, contrast: {relu: 1, sigmoid: -1}}]"),
        ("margin: 1}", "margin: 1.0, label: at the start}"),
    ],
)  # fmt: skip
def test_words_and_what_gives_no_verdict_do_not(locked: Study, old: str, new: str) -> None:
    assert old in STUDY
    assert changed(locked, STUDY.replace(old, new)) == []


def test_code_torch_and_device_are_no_part_of_a_plan(locked: Study) -> None:
    arms = {
        name: replace(arm, spec=arm.spec.model_copy(update={"fingerprint": "x", "torch": "9", "device": "cuda"}))
        for name, arm in locked.arms.items()
    }
    assert plan_of(replace(locked, arms=arms), "quick") == plan_of(locked, "quick")


def test_what_came_to_the_code_since_had_its_usual_value(locked: Study) -> None:
    before, now = plan_of(locked, "quick"), plan_of(locked, "quick")
    for design in before["arms"].values():
        del design["data"]["label_noise"], design["train"]["schedule"], design["model"]["switches"]["affine"]
    assert deviations(before, now) == []
    now["arms"]["relu"]["data"]["label_noise"] = 0.2
    now["arms"]["relu"]["model"]["switches"]["affine"] = "none"
    found = departures(deviations(before, now))
    said(found, "arms.relu.model.switches.affine from both to none", "arms.relu.data.label_noise from 0 to 0.2")
    before["arms"]["relu"]["train"]["gone"] = 1  # the design cannot be completed, and is compared as it is
    assert "arms.relu.train.gone removed: 1" in departures(deviations(before, now))


def test_a_lock_follows_another_and_takes_no_byte_from_it(locked: Study) -> None:
    first = lock_path(locked).read_text()
    add_lock(study_of(locked.path.parent, STUDY.replace("margin: 1", "margin: 2")), "quick", "too small: “1”")
    assert lock_path(locked).read_text().startswith(first)
    assert [lock.reason for lock in read_locks(locked, "quick")] == [None, "too small: “1”"]


def test_each_tier_has_its_own_plan(locked: Study) -> None:
    assert read_locks(locked, "full") == []
    add_lock(locked, "full", None)
    assert [len(read_locks(locked, tier)) for tier in ("quick", "full")] == [1, 1]


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        ("margin: 1.0", "margin: 0.5", ("not the hash of its plan",)),
        ("reason", "reasn", ("locks.1.reasn", "unknown key")),
        ("plan:", "plan: [", ("not valid YAML",)),
    ],
)
def test_a_lock_that_was_edited_is_refused(locked: Study, old: str, new: str, parts: tuple[str, ...]) -> None:
    add_lock(locked, "full", "again")
    path = lock_path(locked)
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(UserError, match=str(path)) as refused:
        read_locks(locked, "quick")
    said(str(refused.value), *parts)


def test_a_record_names_the_plans_of_its_studies(tmp_path: Path) -> None:
    other = STUDY.replace("study: mine", "study: other").replace("seeds: 6", "seeds: [4, 5, 6, 7, 8, 9]")
    plan = planned(tmp_path, STUDY, other.replace("margin: 1", "margin: 2"))
    mine, others = plan.studies
    lock = add_lock(mine, "quick", None)
    add_lock(replace(others, seeds=(0, 1, 2, 3, 4, 5)), "quick", None)  # from which it departs
    plans = plans_of_runs(plan.studies, "quick", mine.arms["relu"].spec.arm_id)
    of_mine, of_other = {"hash": lock.hash}, {"hash": digest(plan_of(others, "quick"))}
    assert plans[0] == {"mine": of_mine}
    assert plans[4] == {"mine": of_mine, "other": of_other}
    assert plans[8] == {"other": of_other}
    assert plans_of_runs(plan.studies, "quick", "lenet-of-no-study") == {}


# The command.


def call(folder: Path, *arguments: str) -> Result:
    options = ("--config", f'study_paths=["{folder}"]', "--config", f"results={folder}/results")
    return CliRunner().invoke(main, ["lock", *arguments, *options])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.yaml").write_text(STUDY)
    (tmp_path / "other.yaml").write_text(STUDY.replace("study: mine", "study: other"))
    silent = yaml.safe_load(STUDY.replace("study: mine", "study: silent"))
    del silent["claims"]
    (tmp_path / "silent.yaml").write_text(yaml.safe_dump(silent))
    return tmp_path


def test_all_studies_with_claims_are_locked_once(folder: Path) -> None:
    first, again = call(folder, "--all"), call(folder, "--all")
    assert [len(result.stdout.splitlines()) for result in (first, again)] == [2, 2]
    said(first.stdout, "mine: locked as", "other: locked as", "commit it before the first run")
    said(again.stdout, "mine: as locked", "other: as locked")
    assert sorted(path.name for path in (folder / "locks").iterdir()) == ["mine.yaml", "other.yaml"]


def test_a_plan_that_changes_wants_a_reason_and_nothing_is_half_done(folder: Path) -> None:
    call(folder, "other")
    (folder / "other.yaml").write_text((folder / "other.yaml").read_text().replace("margin: 1", "margin: 0.5"))
    refused = call(folder, "--all")
    assert refused.exit_code == 2
    assert len(refused.stderr.splitlines()) == 1
    said(refused.stderr, "other", "claims.C06.requires.0.margin from 1 to 0.5", "--reason")
    assert not (folder / "locks/mine.yaml").exists()
    assert call(folder, "--all", "--reason", "a pilot").exit_code == 0
    written = yaml.safe_load((folder / "locks/other.yaml").read_text())
    assert [entry.get("reason") for entry in written] == [None, "a pilot"]
    (first,) = yaml.safe_load((folder / "locks/mine.yaml").read_text())
    assert "reason" not in first  # it took the place of none


def test_runs_that_came_before_a_lock_are_counted(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Of an earlier, smaller number of seeds, and of an arm that is not finished."""
    study = planned(tmp_path_factory.mktemp("aside"), STUDY).studies[0]
    arm = study.arms["relu"].spec
    results = Paths(folder / "results", folder / "reports")
    results.data_card(arm.data.data_id).parent.mkdir(parents=True)
    results.data_card(arm.data.data_id).write_text('{"checksum": "digits"}')
    for seed in (0, 1):
        spec = {"arm_id": arm.arm_id, "seed": seed, "data_checksum": "digits", "arm": arm.model_dump(mode="json")}
        fakes.write(fakes.record(spec=spec | {"run_id": str(seed)}), results.run_dir(str(seed)))
    said(call(folder, "mine", "--config", "device=cpu").stdout, "mine: locked as", "2 runs of it came before")


def test_a_pilot_locks_nothing(folder: Path) -> None:
    result = call(folder, "--all", "--config", "pilot=true")
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
    said(result.stderr, "pilot")
    assert not (folder / "locks").exists()


MISTAKES = {(): "say which", ("mine", "--all"): "say which", ("minr",): "did you mean 'mine'", ("silent",): "no claim"}


@pytest.mark.parametrize("arguments", MISTAKES)
def test_what_cannot_be_locked_is_one_line(folder: Path, arguments: tuple[str, ...]) -> None:
    result = call(folder, *arguments)
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
    assert MISTAKES[arguments] in result.stderr


# What the page shows, from a repository of its own.


class Repository:
    """The sample study `normalization`, whose file and locks lie in a repository, with tables of its runs."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        others = [replace(study, path=folder / study.path.name) for study in plan.studies]  # beside none of our locks
        self.folder, self.whole = folder, replace(plan, studies=tuple(others))
        self.study = replace(plan.study("normalization"), path=folder / "normalization.yaml")
        git(folder, "init", "--quiet")
        self.commit("nothing yet")

    def commit(self, message: str) -> str:
        git(self.folder, "add", "--all")
        git(self.folder, "commit", "--quiet", "--allow-empty", "-m", message)
        return git(self.folder, "rev-parse", "HEAD")

    def lock(self, reason: str | None = None, margin: float | None = None) -> None:
        if margin is not None:
            self.depart(margin)
        add_lock(self.study, "quick", reason)

    def depart(self, margin: float) -> None:
        first, *others = self.study.claims
        contrasts = tuple(contrast.model_copy(update={"margin": margin}) for contrast in first.requires)
        self.study = replace(self.study, claims=(first.model_copy(update={"requires": contrasts}), *others))

    def runs(self, *commits: str | None, dirty: bool = False, hashes: Sequence[str | None] = ()) -> dict[str, Any]:
        """The tables, a share of the runs at each commit and, as their records say, under each plan."""
        frames = report_samples.frames(self.whole)
        measured = frames["measured/runs"].assign(git_dirty=dirty)
        of_study = measured["arm_id"].isin([arm.spec.arm_id for arm in self.study.arms.values()])
        rows = measured.index[of_study]
        assert len(rows) == 16
        for place, row in enumerate(rows):
            measured.loc[row, "git_commit"] = commits[place * len(commits) // len(rows)]
            found = hashes[place * len(hashes) // len(rows)] if hashes else None
            measured.loc[row, "plans"] = json.dumps({self.study.name: {"hash": found}}) if found else None
        return {**frames, "measured/runs": measured}

    def read(self, frames: dict[str, pd.DataFrame]) -> locks.LockHistory:
        return locks.read(self.study, "quick", Tables(frames))

    def page(self, frames: dict[str, pd.DataFrame]) -> Any:
        studies = tuple(self.study if study.name == self.study.name else study for study in self.whole.studies)
        return rendered(replace(self.whole, studies=studies), frames, self.folder, self.folder / "page.html")

    @property
    def hash(self) -> str:
        return read_locks(self.study, "quick")[-1].hash


@pytest.fixture
def repository(plan: Plan, tmp_path: Path) -> Repository:
    return Repository(plan, tmp_path)


def test_a_lock_is_older_than_runs_whose_commits_hold_it(repository: Repository) -> None:
    before = repository.commit("before")
    repository.lock()
    held = repository.commit("lock")
    later = repository.commit("later")
    history = repository.read(repository.runs(held, later, hashes=[repository.hash]))
    (entry,) = history.entries
    assert entry.commit
    assert held.startswith(entry.commit.name)
    said(entry.age, "older than its 16 runs", "each record bears its hash")
    unsaid(entry.age, "do not", "differed")
    assert (history.bound, history.departures) == (True, "")
    history = repository.read(repository.runs(before, held, dirty=True, hashes=[repository.hash, "other"]))
    said(
        history.entries[0].age, "older than 8", "the commits of 8 do not hold it", "differed", "of 8 bear another plan"
    )
    assert not history.bound


def test_what_git_or_a_record_does_not_know_is_not_taken_for_shown(repository: Repository) -> None:
    repository.lock()
    assert repository.read(repository.runs("0" * 40)).entries[0].age == locks.UNCOMMITTED
    held = repository.commit("lock")
    for commits in ((held, "0" * 40), (held, None)):
        history = repository.read(repository.runs(*commits, hashes=[repository.hash]))
        said(history.entries[0].age, "older than 8", "the commits of 8 are not known here")
        assert not history.bound
    history = repository.read(repository.runs(held))
    said(history.entries[0].age, "older than its 16 runs", "the records of 16 bear none")
    assert not history.bound


def test_without_git_nothing_is_shown(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    repository.lock()
    held = repository.commit("lock")
    frames = repository.runs(held, hashes=[repository.hash])
    monkeypatch.setattr(locks, "git_state", lambda: {"commit": None, "dirty": None})
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: (_ for _ in ()).throw(FileNotFoundError("git")))
    history = repository.read(frames)
    assert history.entries[0].age == locks.NO_CHECKOUT
    assert not history.bound


def test_a_lock_anew_has_its_own_commit_even_where_the_first_plan_comes_back(repository: Repository) -> None:
    commits = []
    for margin in (0.32, 0.5, 0.32):
        repository.lock(f"margin {margin}", margin)
        commits.append(repository.commit("lock"))
    history = repository.read(repository.runs(commits[1]))
    for entry, commit in zip(history.entries, commits, strict=True):
        assert entry.commit
        assert commit.startswith(entry.commit.name)
    assert [entry.age.split("; ")[0] for entry in history.entries[1:]] == [
        "older than its 16 runs, whose commits hold it",
        "shown to be older than none of its 16 runs",
    ]
    said(history.entries[2].changed, f"{MARGIN} from 0.5 to 0.32")


def test_a_lock_file_that_lost_lines_binds_nothing(repository: Repository) -> None:
    repository.lock(margin=0.5)
    repository.commit("lock")
    assert commits_cutting(lock_path(repository.study)) == []
    lock_path(repository.study).unlink()
    repository.lock(margin=0.32)
    held = repository.commit("another plan, as if it had been the first")
    history = repository.read(repository.runs(held, hashes=[repository.hash]))
    assert [held.startswith(commit.name) for commit in history.cuts] == [True]
    assert not history.bound
    assert "took lines" in text_of(section(repository.page(repository.runs(held))))


def test_a_cut_that_is_not_committed_binds_nothing(repository: Repository) -> None:
    repository.lock(margin=0.32)
    repository.commit("lock")
    before, path = lock_path(repository.study).read_text(), lock_path(repository.study)
    first = repository.study
    repository.lock("a pilot left no room", margin=0.5)
    held = repository.commit("lock anew")
    path.write_text(before)
    repository.study = first
    history = repository.read(repository.runs(held, hashes=[repository.hash]))
    assert (history.departures, history.cuts) == ("", [])
    assert not history.bound


def test_the_mark_says_what_a_lock_does_not_prove(repository: Repository) -> None:
    """After a look a plan can be locked anew, and its runs be made again; an earlier design may have had the seeds."""
    repository.study = replace(repository.study, seen=())
    repository.lock(margin=0.32)
    held = repository.commit("lock")
    assert repository.read(repository.runs(held, hashes=[repository.hash])).mark == "locked before its runs"
    repository.lock("a look", margin=0.5)
    held = repository.commit("lock anew")
    assert repository.read(repository.runs(held, hashes=[repository.hash])).mark == "locked anew"
    repository.study = replace(repository.study, seen=repository.study.seeds[:1])
    repository.lock("seeds")
    held = repository.commit("and again")
    history = repository.read(repository.runs(held, hashes=[repository.hash]))
    assert history.mark == "locked anew, on seeds seen before"


def test_ancestry(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")

    def commit(message: str) -> str:
        git(tmp_path, "commit", "--quiet", "--allow-empty", "-m", message)
        return git(tmp_path, "rev-parse", "HEAD")

    first, second = commit("first"), commit("second")
    git(tmp_path, "checkout", "--quiet", "-b", "aside", first)
    aside = commit("aside")
    assert is_ancestor(first, second, tmp_path) is True
    assert is_ancestor(first, aside, tmp_path) is True
    assert is_ancestor(second, second, tmp_path) is True
    assert is_ancestor(second, first, tmp_path) is False
    assert is_ancestor(second, aside, tmp_path) is False
    assert is_ancestor(first, "0" * 40, tmp_path) is None
    assert is_ancestor(first, second, tmp_path.parent) is None


def section(document: Any) -> Any:
    return document.get_element_by_id("study-normalization")


def lines(document: Any) -> list[str]:
    return [text_of(line) for line in section(document).find_class("plan")]


def verdicts(document: Any) -> list[str]:
    """What stands in the ledger of the claims of the study."""
    return [text_of(row) for row in document.get_element_by_id("ledger").iter("tr") if "normalization" in text_of(row)]


def test_the_page_says_whether_a_plan_was_locked(repository: Repository) -> None:
    document = repository.page(repository.runs(None))
    assert lines(document) == ["Its plan is not locked at this tier."]
    repository.lock()
    held = repository.commit("lock")
    document = repository.page(repository.runs(held, hashes=[repository.hash]))
    (line,) = lines(document)
    said(line, repository.hash, held[:7], "older than its 16 runs")
    ledger = text_of(document.get_element_by_id("ledger"))
    assert ledger.count("locked before its runs") == len(repository.study.claims)


def test_the_page_lists_every_departure_with_its_commit_and_reason(repository: Repository) -> None:
    repository.lock()
    first = repository.commit("lock")
    repository.lock("a pilot left no room", margin=0.5)
    second = repository.commit("lock anew")
    repository.depart(0.7)
    document = repository.page(repository.runs(first))
    opening, anew, now = lines(document)
    said(opening, first[:7], "older than its 16 runs")
    said(anew, second[:7], "the commits of 16 do not hold it", "a pilot left no room.", f"{MARGIN} from 0.32 to 0.5")
    said(now, "without a reason", f"{MARGIN} from 0.5 to 0.7")
    ledger = text_of(document.get_element_by_id("ledger"))
    assert ledger.count("departs from its locked plan") == len(repository.study.claims)
    unsaid(ledger, "locked before its runs")
