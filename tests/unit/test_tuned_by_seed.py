"""Rates that each seed chooses for itself: what is planned for them, and what tables and the page say of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cnnlab.analysis.tables import runs
from cnnlab.analysis.tables.frames import Tables
from cnnlab.analysis.tables.recorded import recorded_tables
from cnnlab.cli import listing
from cnnlab.core.errors import UserError
from cnnlab.planning.plan import Plan
from cnnlab.planning.specs import parse_seeds
from cnnlab.report import study_section
from cnnlab.report.tables import arms, settings
from cnnlab.training.records import Record
from cnnlab.wording import threats
from tests import fakes
from tests.said import said, unsaid
from tests.studies import plan_of
from tests.unit.test_study import STUDY

FIVE = STUDY.replace("seeds: 6", "seeds: 5")
RATES = {0: 0.03, 1: 0.01, 2: 0.03, 3: 0.01, 4: 0.01}


def tuned(folder: Path, tune: str = "{rates: [0.01, 0.03], per: seed}", study: str = FIVE, *more: str) -> Plan:
    folder.mkdir(exist_ok=True)
    return plan_of(
        folder, *(text.replace("{epochs: 2}", f"{{epochs: 2, tune: {tune}}}") for text in (study, *more)), min_seeds=5
    )


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return tuned(tmp_path / "studies")


@pytest.fixture
def records(plan: Plan, tmp_path: Path) -> dict[str, dict[int, Record]]:
    """Each seed of an arm with its rate, whose choice took as many seconds as the seed says, and one."""
    made: dict[str, dict[int, Record]] = {}
    for arm_id, spec in plan.arms().items():
        for seed, rate in RATES.items():
            run = fakes.make_record(tmp_path, arm=spec, seed=seed, learning_rate=rate)
            provenance = {**run.provenance, "cpu_seconds": 10.0, "tuning_cpu_seconds": 1.0 + seed}
            made.setdefault(arm_id, {})[seed] = fakes.changed(run, provenance=provenance)
    return made


@pytest.fixture
def tables(plan: Plan, records: Any) -> Tables:
    return Tables(recorded_tables(plan, records))


def planned(plan: Plan) -> float:
    """The core-seconds that `cnnlab list --cost` comes to."""
    return float(listing.costs(plan).rpartition("about ")[2].split()[0])


def test_each_seed_pays_for_its_own_tuning(tmp_path: Path) -> None:
    """Of 2 rates for a third of the epochs: 2/3 runs for all seeds, or 2/3 for each of five."""
    once, apart = (tuned(tmp_path / per, f"{{rates: [0.01, 0.03], per: {per}}}") for per in ("arm", "seed"))
    (first, *_), (second, *_) = once.arms(), apart.arms()
    assert once.trials(first, range(5)) == (2, 1 / 3)
    assert apart.trials(second, range(5)) == (10, 1 / 3)
    assert once.tuning_runs(first, range(5)) == pytest.approx(2 / 3)
    assert apart.tuning_runs(second, range(5)) == pytest.approx(10 / 3)
    assert apart.seconds(second, range(5)) == pytest.approx(apart.run_seconds(second) * (5 + 10 / 3))


def test_more_seeds_of_another_study_pay_for_their_own_alone(tmp_path: Path) -> None:
    longer = FIVE.replace("study: mine", "study: longer").replace("seeds: 5", "seeds: 8")
    apart = tuned(tmp_path / "seed", "{rates: [0.01, 0.03], per: seed}", FIVE, longer)
    seconds = sum(apart.seconds(arm_id, range(8)) for arm_id in apart.arms())
    assert planned(apart) == pytest.approx(seconds, abs=0.5)


def test_the_table_of_arms_counts_the_rates(tables: Tables) -> None:
    for row in tables.rows("arms"):
        assert row["learning_rate"] == 0.01
        assert json.loads(row["learning_rates"]) == {"0.01": 3, "0.03": 2}


def test_of_rates_as_frequent_the_least_stands_first(plan: Plan, records: Any) -> None:
    (study,) = plan.studies
    four = replace(plan, studies=(replace(study, seeds=(0, 1, 2, 3)),))
    assert {row["learning_rate"] for row in runs.arms(four, records)} == {0.01}


def test_a_rate_at_an_edge_in_one_seed_is_told(plan: Plan, records: Any) -> None:
    first, run = next(iter(records)), records[next(iter(records))][3]
    records[first][3] = fakes.changed(run, spec={**run.spec, "tuning_edge": True})
    assert {row["arm_id"]: row["tuning_edge"] for row in runs.arms(plan, records)} == {
        arm_id: arm_id == first for arm_id in records
    }


def test_every_choice_of_a_rate_is_paid_for_once(plan: Plan, records: Any, tmp_path: Path) -> None:
    """Five runs of 10 s in each of two arms, and 1 + 2 + 3 + 4 + 5 s of tuning in each; shared, that of the last."""
    (row,) = runs.measured_claims(plan, records)
    assert row["core_seconds"] == 2 * (50 + 15)
    for of_arm in records.values():
        for seed, run in of_arm.items():
            train = run.spec["arm"]["train"]
            shared = {**run.spec["arm"], "train": {**train, "tune": {**train["tune"], "per": "arm"}}}
            provenance = {**run.provenance, "tuning_cpu_seconds": 3.0}
            of_arm[seed] = fakes.changed(run, spec={**run.spec, "arm": shared}, provenance=provenance)
    (row,) = runs.measured_claims(plan, records)
    assert row["core_seconds"] == 2 * (50 + 3)


def test_what_a_choice_took_counts_once_and_stays_missing_where_it_is() -> None:
    def spent(*took: tuple[str, float, float | None]) -> tuple[float | None, float | None]:
        return runs.core_seconds((arm, {"cpu_seconds": own, "tuning_cpu_seconds": tuning}) for arm, own, tuning in took)

    assert spent(("a", 2.0, 5.0), ("a", 3.0, 5.0), ("b", 4.0, 0.0)) == (9.0, 5.0)
    assert spent(("a", 2.0, 5.0), ("b", 4.0, None)) == (6.0, None)


def test_the_page_says_what_each_choice_took(plan: Plan, records: Any, tables: Tables) -> None:
    (study,) = plan.studies
    assert study_section._cost(arms.read(study, tables)) == "10 runs, 100 core-seconds of training and 30 of tuning"
    assert len(set(tables.rows("measured/runs")[0]["tuned_by"].split())) == 2


def test_the_page_says_which_rates_and_how_they_were_chosen(plan: Plan, tables: Tables) -> None:
    (study,) = plan.studies
    view = arms.build(study, arms.read(study, tables))
    place = [column.title for column in view.columns].index("Learning rate")
    assert [row[place].text for row in view.rows] == ["0.01 in 3 seeds, 0.03 in 2"] * 2
    table = settings.settings(plan.studies)
    told = dict(zip((column.title for column in table.columns), (cell.text for cell in table.rows[0]), strict=True))
    assert told["Tuned for"] == "33 %, each seed"
    said(" ".join(threats.generated(study, plan, tables)), "learning rates, seeds and", "for each seed the best of 2")


def test_rates_chosen_once_for_all_are_in_no_interval(tmp_path: Path) -> None:
    plan = tuned(tmp_path / "arm", "{rates: [0.01, 0.03]}")
    words = " ".join(threats.generated(plan.studies[0], plan, Tables({})))
    said(words, "the sampling of seeds and test images", "for each arm the best of 2")
    unsaid(words, "sampling of learning rates")


def test_arms_of_a_contrast_are_tuned_alike(tmp_path: Path) -> None:
    one = FIVE.replace("relu: {model: {activation: relu}}", "relu: {model: {activation: relu}, train: {epochs: 2}}")
    with pytest.raises(UserError, match=r"tuned on different grids; give them the same train\.tune"):
        tuned(tmp_path, study=one.replace("train: {epochs: 2}}", "train: {tune: {per: arm, rates: [0.01, 0.03]}}}"))


def test_seeds_of_the_plan_are_those_of_all_studies(tmp_path: Path) -> None:
    other = FIVE.replace("study: mine", "study: other").replace("seeds: 5", "seeds: [3, 20, 21, 22, 23]")
    plan = tuned(tmp_path / "seed", "{per: seed}", FIVE, other)
    assert set(map(frozenset, plan.seeds().values())) == {frozenset(parse_seeds("0-4_20-23"))}
