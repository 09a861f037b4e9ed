"""What stands around an answer: how it was tested, what would count against it, how robust it is, what threatens it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from cnnlab.analysis.tables.frames import Row, Tables
from cnnlab.core.git import last_commit
from cnnlab.planning.plan import Plan
from cnnlab.wording import robustness, threats
from cnnlab.wording.numbers import moment
from tests import report_samples
from tests.report_samples import rendered, text_of
from tests.said import said, unsaid

Frames = dict[str, pd.DataFrame]
STUDIES = ("normalization", "activation", "dropout")
CLAIM = {"id": "C26", "part": "main", "study": "normalization"}
ROBUST: Row = CLAIM | {
    "verdict": "supported",
    "margin_halved": "supported",
    "margin_doubled": "inconclusive",
    "leave_one_out": json.dumps({"supported": 8}),
    "leave_one_out_same": 8,
    "n": 8,
    "stands_ledger_wide": True,
}
LINES: dict[str, tuple[Row, tuple[object, ...], tuple[object, ...]]] = {
    "all the same": ({}, ("half", "supported", "twice", "inconclusive", "8 of 8", "stands"), ("does not stand",)),
    "it hangs on a seed, and does not stand": (
        {
            "leave_one_out": json.dumps({"supported": 6, "inconclusive": 2}),
            "leave_one_out_same": 6,
            "stands_ledger_wide": False,
        },
        ("half", "supported", "twice", "inconclusive", "6 of 8", "inconclusive", 2, "does not stand"),
        (),
    ),
    "there is nothing that could stand": (
        {"verdict": "contradicted", "leave_one_out": json.dumps({"contradicted": 8}), "stands_ledger_wide": None},
        ("half", "supported", "twice", "inconclusive", "8 of 8"),
        ("stands", "stand"),
    ),
    "it hangs on the learning rate": (
        {
            "rate_lower": "inconclusive",
            "rate_chosen": "supported",
            "rate_higher": "equivalent",
            "rate_seeds": 8,
            "tuning_share": 0.5,
            "validation_images": 500,
        },
        ("8 of 8", "50 %", 500, "lower, as chosen and a step higher", "inconclusive, supported and equivalent"),
        ("fewest",),
    ),
    "one side of the rate is not known": (
        {
            "rate_chosen": "supported",
            "rate_higher": "supported",
            "rate_seeds": 7,
            "tuning_share": 1.0,
            "validation_images": 500,
        },
        ("100 %", "7 seeds at the fewest", "as chosen and a step higher: supported and supported"),
        ("lower",),
    ),
    "some columns are missing": (
        {"margin_halved": None, "leave_one_out_same": None, "leave_one_out": None, "stands_ledger_wide": None},
        ("twice", "inconclusive"),
        ("half", "supported", 8, "stands", "stand", "None", "nan"),
    ),
}


@pytest.mark.parametrize(("changes", "parts", "left_out"), LINES.values(), ids=LINES)
def test_robustness_is_one_line(changes: Row, parts: tuple[object, ...], left_out: tuple[object, ...]) -> None:
    line = robustness.line(CLAIM, Tables({"robustness": pd.DataFrame([ROBUST | changes])}))
    said(line, *parts)
    unsaid(line, *left_out)


def test_without_its_table_nothing_is_said_of_robustness() -> None:
    assert robustness.line(CLAIM, Tables({})) == ""
    assert robustness.line({**CLAIM, "id": "C27"}, Tables({"robustness": pd.DataFrame([ROBUST])})) == ""


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    done = subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_the_commit_of_a_file_is_that_of_its_last_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(tmp_path, "init", "--quiet")
    study, other = tmp_path / "study.yaml", tmp_path / "other.yaml"
    assert last_commit(study) is None  # not there
    study.write_text("1")
    assert last_commit(study) is None  # not tracked
    git(tmp_path, "add", "study.yaml")
    monkeypatch.setenv("GIT_COMMITTER_DATE", "2025-03-03T01:30:00+02:00")
    git(tmp_path, "commit", "--quiet", "-m", "study")
    first = git(tmp_path, "rev-parse", "--short", "HEAD")
    other.write_text("2")
    git(tmp_path, "add", "other.yaml")
    git(tmp_path, "commit", "--quiet", "-m", "other")
    found = last_commit(study)
    assert found is not None
    assert (found.name, moment(found.date)) == (first, "2 March 2025, 23:30 UTC")
    study.write_text("changed")
    assert last_commit(study) is None
    (tmp_path / ".gitignore").write_text("ignored.yaml")
    (tmp_path / "ignored.yaml").write_text("3")
    assert last_commit(tmp_path / "ignored.yaml") is None


def test_outside_a_checkout_there_is_no_commit(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text("1")
    assert last_commit(tmp_path / "study.yaml") is None


@pytest.fixture(scope="module")
def frames(plan: Plan) -> Frames:
    return report_samples.frames(plan) | {"robustness": pd.DataFrame([ROBUST])}


@pytest.fixture(scope="module")
def document(plan: Plan, frames: Frames) -> Any:
    unversioned = replace(plan.study("normalization"), path=plan.paths.reports / "normalization.yaml")
    studies = tuple(unversioned if study.name == "normalization" else study for study in plan.studies)
    return rendered(replace(plan, studies=studies), frames, plan.paths.figures)


def test_a_section_says_how_it_was_tested_and_what_would_count_against_it(document: Any) -> None:
    section = document.get_element_by_id("study-normalization")
    written = report_samples.STUDIES["normalization"]
    said(text_of(section.find_class("design")[0]), written["design"])
    article = document.get_element_by_id("claim-C26-normalization")
    said(text_of(article.find_class("against")[0]), written["against"]["C26"])
    said(text_of(article), "8 of 8")
    (made,) = document.get_element_by_id("claim-C28-lenet-normalization").find_class("against")
    said(text_of(made), "test error", "No normalization − Batch normalization", "1 pp or more")
    assert not document.get_element_by_id("study-activation").find_class("design")


def test_threats_are_the_studys_own_and_what_every_study_has_to_say(document: Any) -> None:
    listed = document.get_element_by_id("study-normalization").find_class("threats")[0]
    own, data, networks, runs, rates = [text_of(item) for item in listed.iter("li")]
    assert own == "Digits are easy: at a plateau hardly an error is left."
    said(data, "MNIST, 5,000 images", 3_000, 1_500, "28×28", "quick")
    said(networks, "LeNet-5 (small)", "20 epochs", 64)
    said(runs, "8 seeds")
    said(rates, 4)


def test_threats_name_what_a_study_does_otherwise(plan: Plan, frames: Frames) -> None:
    few = " ".join(threats.generated(plan.study("dropout"), plan, Tables(frames)))
    said(few, "MNIST, 5,000 images", 500, 1_500, "fixed", 0.05)
    edge = threats.generated(plan.study("activation"), plan, Tables(frames))[-1]
    said(edge, "Sigmoid")
    unsaid(edge, "ReLU")


@pytest.mark.parametrize(
    ("seen", "parts"),
    [
        (range(8), ("0–7", "all are used again")),
        (range(4, 12), ("4–11", "4–7 are used again")),
        ((20, 21, 30), ("20–21, 30", "none is used again")),
    ],
)
def test_seeds_of_an_earlier_design_are_a_threat(plan: Plan, seen: Sequence[int], parts: tuple[str, ...]) -> None:
    known = threats.generated(replace(plan.study("dropout"), seen=tuple(seen)), plan, Tables({}))
    assert len(known) == 1 + len(threats.generated(plan.study("dropout"), plan, Tables({})))
    said(known[0], parts[0], "earlier design", parts[1])


def test_threats_need_no_prepared_data(plan: Plan, tmp_path: Path) -> None:
    elsewhere = replace(plan, config=plan.config.model_copy(update={"results": str(tmp_path)}))
    said(threats.generated(plan.study("dropout"), elsewhere, Tables({}))[0], "mnist5k", "quick")


def test_runs_that_learned_little_are_a_threat(plan: Plan, frames: Frames) -> None:
    study = plan.study("normalization")
    arm = next(iter(study.arms.values()))
    runs = frames["runs"].copy()
    of_arm = runs.index[(runs["arm_id"] == arm.spec.arm_id) & runs["seed"].isin(study.seeds)]

    def little(number: int) -> list[str]:
        bad = runs.copy()
        bad.loc[of_arm[:number], "test_error"] = 0.71
        bad.loc[of_arm[:number], "failed"] = False
        found = threats.generated(study, plan, Tables(frames | {"runs": bad}))
        return [sentence for sentence in found if "learned little" in sentence]

    assert little(0) == []
    said(little(1)[0], arm.label, f"1 of {len(of_arm)} runs", "71 %", "counts")
    said(little(2)[0], f"2 of {len(of_arm)} runs", "71 % and 71 %")
    assert little(len(of_arm)) == [], "an arm that did not train at all says so elsewhere"


def test_the_commit_that_fixed_a_study_is_named_or_said_to_be_missing(document: Any) -> None:
    committed = text_of(document.get_element_by_id("study-activation").findall("p")[-1])
    found = last_commit(Path("workflow/studies/activation.yaml"))
    said(committed, *((found.name, moment(found.date)) if found else ("not committed",)), "3 March 2025, 11:06 UTC")
    assert "not committed" in text_of(document.get_element_by_id("study-normalization").findall("p")[-1])


def test_the_page_of_a_pilot_says_what_was_tested(tmp_path: Path) -> None:
    sample = report_samples.plan(tmp_path, ("activation",))
    study, tested = sample.study("activation"), {"tested": "validation"}
    specs = {name: arm.spec for name, arm in study.arms.items()}
    specs = {
        name: spec.model_copy(update={"data": spec.data.model_copy(update=tested)}) for name, spec in specs.items()
    }
    study = replace(study, arms={name: replace(arm, spec=specs[name]) for name, arm in study.arms.items()})
    pilot = replace(sample, config=sample.config.model_copy(update={"pilot": True}), studies=(study,))
    pages = []
    for made in (pilot, sample):
        report_samples.write_cards(made)
        pages.append(text_of(rendered(made, report_samples.frames(made), tmp_path, tmp_path / "page.html")))
    said(pages[0], "A pilot, no study", "500 of validation to test", "have chosen the rates")
    unsaid(pages[0], "1,500 to test", "Test images choose nothing")
    said(pages[1], "1,500 to test", "Test images choose nothing")
    unsaid(pages[1], "A pilot, no study")


def test_a_tier_that_decides_nothing_says_so_and_how_many_images_it_used(tmp_path: Path) -> None:
    sample = report_samples.plan(tmp_path, ("activation",))
    study = sample.study("activation")
    arms = {
        name: replace(arm, spec=arm.spec.model_copy(update={"data": arm.spec.data.model_copy(update={"limit": 500})}))
        for name, arm in study.arms.items()
    }
    config = sample.config.model_copy(update={"tier": "smoke", "min_seeds": 2})
    smoke = replace(sample, config=config, studies=(replace(study, arms=arms),))
    pages = []
    for made in (smoke, sample):
        report_samples.write_cards(made)
        pages.append(text_of(rendered(made, report_samples.frames(made), tmp_path, tmp_path / "page.html")))
    said(pages[0], "500 images of MNIST", "too few and too short to decide")
    assert "snakemake --cores 4 --resources gpu=1 --configfile workflow/config/smoke.yaml --config" in pages[0]
    unsaid(pages[1], "too few and too short", "500 images of")
