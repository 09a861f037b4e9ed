"""Arms that one job trains: each once, whole studies together, about a minute, whatever is selected."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnlab.cli.workflow import Rules
from cnnlab.core.strict_yaml import read_yaml
from cnnlab.planning.batches import SECONDS, Batch, Manifest, batches, selected
from cnnlab.planning.config import DEFAULT, load_config
from cnnlab.planning.plan import make_plan
from cnnlab.planning.studies import figure_choice


def study(name: str, *arm_ids: str, seeds: tuple[int, ...] = (0, 1)) -> Any:
    arms = {arm_id: SimpleNamespace(spec=SimpleNamespace(arm_id=arm_id)) for arm_id in arm_ids}
    return SimpleNamespace(name=name, arms=arms, seeds=seeds)


def manifests(of: list[Batch]) -> list[Manifest]:
    return [manifest for batch in of for manifest in batch.manifests]


STUDIES = st.lists(st.lists(st.integers(0, 12), min_size=1, max_size=8, unique=True), min_size=1, max_size=6).map(
    lambda lists: [study(f"s{place}", *map(str, arms)) for place, arms in enumerate(lists)]
)


@given(STUDIES, st.lists(st.floats(0.0, 100.0), min_size=13, max_size=13), st.booleans())
def test_every_arm_is_in_one_batch_and_names_are_unique(
    studies: list[Any], seconds: list[float], together: bool
) -> None:
    cost = {(str(arm), (0, 1)): each for arm, each in enumerate(seconds)}
    found = batches(studies, cost, together)
    wanted = {(arm_id, one.seeds) for one in studies for arm_id in one.arms}
    assert sorted(manifests(found)) == sorted(wanted)
    assert len({batch.name for batch in found}) == len(found)
    # A name decides a rule and a log: not that of another study either, whatever it is called.
    assert not {batch.name for batch in found} & {f"{one.name}-{place}" for one in studies for place in range(9)}
    assert all(batch.seconds == pytest.approx(sum(cost[each] for each in batch.manifests)) for batch in found)


def test_long_studies_are_cut_into_about_a_minute() -> None:
    arms = [str(place) for place in range(12)]
    found = batches([study("long", *arms)], {(arm, (0, 1)): 20.0 for arm in arms}, together=False)
    assert [batch.seconds for batch in found] == [SECONDS] * 4
    assert [batch.name for batch in found] == ["long.1", "long.2", "long.3", "long.4"]


def test_a_study_alone_fills_two_cores_unless_it_is_short() -> None:
    for each, count in ((12.0, 2), (4.0, 1)):
        cost = {(arm, (0, 1)): each for arm in "abc"}
        assert len(batches([study("one", *"abc")], cost, together=False)) == count


def test_an_edit_of_a_study_changes_no_batch_of_another() -> None:
    studies = [study("a", "1", "2"), study("b", "2", "3"), study("c", "4")]
    cost = {(str(arm), seeds): 30.0 * len(seeds) for arm in range(9) for seeds in ((0, 1), (0, 1, 2))}
    before = {batch.name: batch for batch in batches(studies, cost, together=False)}
    studies[1] = study("b", "2", "3", "5", seeds=(0, 1, 2))
    after = {batch.name: batch for batch in batches(studies, cost, together=False)}
    assert all(after[name] == batch for name, batch in before.items() if not name.startswith("b"))
    assert sorted(manifests(list(after.values()))) == sorted(
        [("1", (0, 1)), ("2", (0, 1)), ("2", (0, 1, 2)), ("3", (0, 1, 2)), ("5", (0, 1, 2)), ("4", (0, 1))]
    )


def test_small_studies_share_a_batch_on_a_gpu() -> None:
    studies = [study(f"s{place}", str(place)) for place in range(20)]
    cost = {(str(place), (0, 1)): 6.0 for place in range(20)}
    assert len(batches(studies, cost, together=False)) == 20
    assert len(batches(studies, cost, together=True)) <= 2


def test_a_selection_takes_arms_out_of_batches_and_changes_none() -> None:
    whole, core = (make_plan(load_config(pairs=["device=cpu", f"studies={name}"])) for name in ("all", "core"))
    assert core.batches == whole.batches
    chosen = selected(core.batches, core.manifests())
    assert sorted(manifest for _, some in chosen for manifest in some) == core.manifests()
    assert len(chosen) < len(whole.batches) < len(whole.arms()) * 0.6


def test_whatever_study_is_selected_its_jobs_find_their_data() -> None:
    """Also those of arms that train in the batch of another study, beside arms of other images."""
    rules = Rules({**read_yaml(DEFAULT), "device": "cpu"}, [])
    for study in rules.plan.every:
        rules.plan = rules.shown = rules.plan.whole.only(study.name)
        assert {name for job in rules.batches for name in job.manifests} == set(rules.manifests)
        for job in rules.batches:
            assert all(rules.reader(Path(card).stem) for card in job.cards)
        assert max(job.priority for job in rules.batches) >= 10_000 or not study.claims


def test_names_of_studies_do_not_make_the_names_of_jobs_meet() -> None:
    """Of a study that is cut in two, and of others that are called as its pieces might be."""
    studies = [study("a", "1", "2"), study("a-1", "3"), study("a_1", "4")]
    found = batches(studies, {(arm, (0, 1)): 60.0 for arm in "1234"}, together=False)
    assert [batch.name for batch in found] == ["a.1", "a.2", "a-1", "a_1"]


def test_a_figure_is_given_the_tables_that_it_declares(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those that are not of the study's own runs: they must be made before, and read."""
    kind = figure_choice.kinds()["errors"]
    both = {**figure_choice.kinds(), "errors": kind.model_copy(update={"tables": ("runs", "layers", "exact")})}
    monkeypatch.setattr(figure_choice, "kinds", lambda: both)
    drawn: Any = SimpleNamespace(figures=("errors",))
    assert figure_choice.tables_beside(drawn) == ["layers", "exact"]
    assert not figure_choice.shows_cost(drawn)


def test_what_is_shown_is_all_that_is_finished_whatever_is_selected(tmp_path: Path) -> None:
    plan = make_plan(load_config(pairs=["device=cpu", "studies=pooling", f"results={tmp_path}"]))
    names = [study.name for study in plan.studies]
    assert names == [study.name for study in plan.to_show.studies] == ["pooling"]
    assert not plan.finished.studies
    depth = plan.whole.only("depth")
    for file in map(Path, depth.manifest_files()):
        file.parent.mkdir(parents=True)
        file.write_text("{}")
    twins = {"depth", "residual"}  # which have the same arms
    assert {study.name for study in plan.finished.studies} == twins
    assert {study.name for study in plan.to_show.studies} == {"pooling", *twins}
    assert not plan.to_show.outdated
    judged = plan.paths.study("kernels").table("claims").with_suffix(".parquet")
    judged.parent.mkdir(parents=True)
    judged.touch()
    assert [study.name for study in plan.to_show.outdated] == ["kernels"]
    assert not plan.whole.outdated


def test_only_who_compares_costs_waits_for_the_clock(tmp_path: Path) -> None:
    def rules(studies: str) -> Rules:
        return Rules({**read_yaml(DEFAULT), "device": "cpu", "results": str(tmp_path), "studies": studies}, [])

    assert rules("benchmark").measures
    assert not rules("pooling").measures
    for file in map(Path, rules("benchmark").plan.manifest_files()):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("{}")
    assert rules("pooling").measures  # the page shows the benchmark, and nothing was measured
    for file in map(Path, rules("benchmark").measured):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    assert not rules("pooling").measures
    assert rules("pooling").measured == rules("benchmark").measured
