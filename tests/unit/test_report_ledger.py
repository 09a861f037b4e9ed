"""The ledger: every part of every claim in one table, how to run what was not, and what several studies say of one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pandas as pd
import pytest

from cnnlab.analysis.tables import io
from cnnlab.analysis.tables.columns import TABLES
from cnnlab.analysis.tables.frames import Row, Tables
from cnnlab.planning.plan import Plan
from cnnlab.report import ledger
from cnnlab.report.tables.view import Cell
from cnnlab.tracking import saved_views
from cnnlab.tracking.addresses import server
from cnnlab.wording import beside
from tests import report_samples
from tests.report_samples import rendered
from tests.said import said

Frames = dict[str, pd.DataFrame]


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """Three studies in this call; another tests C09."""
    made = report_samples.plan(tmp_path_factory.mktemp("ledger"), ("normalization", "residual", "head"))
    return replace(made, every=report_samples.testing(("C09", "main"), ("C26", "main"), ("C07", "gradients")))


@pytest.fixture(scope="module")
def frames(plan: Plan) -> Frames:
    return report_samples.zoo_frames(plan)


@pytest.fixture(scope="module")
def view(plan: Plan, frames: Frames) -> ledger.LedgerView:
    return ledger.build(Tables(frames), plan)


@pytest.fixture(scope="module")
def rows(view: ledger.LedgerView) -> dict[str, list[Cell]]:
    return {str(row[0].text): list(row) for row in [*view.table.rows, *view.untested.rows]}


def test_every_part_of_a_claim_that_was_tested_has_a_row_and_every_other_claim_one(
    plan: Plan, view: ledger.LedgerView, frames: Frames
) -> None:
    tested = frames["claims"].query("verdict != 'not tested' and kind != 'whole'")["id"].unique()
    begun = [claim for claim in plan.claims.claims if claim.id in tested]
    others = [claim for claim in plan.claims.claims if claim.id not in tested]
    parts = [claim for claim in begun for _ in (["whole"] * (len(claim.parts) > 1) + [*claim.parts])]
    for table, claims in ((view.table, parts), (view.untested, others)):
        assert [str(row[0].text).split()[0] for row in table.rows] == [claim.id for claim in claims]
        assert list(table.groups.values()) == list(dict.fromkeys(claim.chapter for claim in claims))
        assert all(sum(cell.span for cell in row) == len(table.columns) for row in table.rows)
    assert view.untested_summary.startswith(f"{len(others)} claims not tested yet")
    assert view.run_all == "snakemake --cores 4 --resources gpu=1"


def test_what_was_not_run_says_how_to_run_it(rows: dict[str, list[Cell]]) -> None:
    command = rows["C09"][2]
    assert (command.text, command.code) == ("snakemake --cores 4 --resources gpu=1 --config studies=C09", True)
    for claim in ("C27", "C03"):  # no study tests the one, the other's evidence is not in the tables
        assert rows[claim][2].text
        assert not rows[claim][2].code
    assert rows["C27"][2].text != rows["C03"][2].text


def test_another_tier_is_named_in_the_command_unless_it_decides_nothing(plan: Plan, frames: Frames) -> None:
    def command(**config: object) -> str:
        other = replace(plan, config=plan.config.model_copy(update=config))
        found = {str(row[0].text): row for row in ledger.build(Tables(frames), other).untested.rows}
        return str(found["C09"][2].text)

    assert "--configfile workflow/config/full.yaml --config studies=C09" in command(tier="full")
    assert "--configfile" not in command(tier="smoke", min_seeds=2)


def test_links_lead_to_the_section_or_from_elsewhere_to_the_row(view: ledger.LedgerView, rows: Any) -> None:
    assert rows["C26"][1].link == "claim-C26-normalization"
    assert rows["C02"][1].link == "claim-C02"
    assert rows["C09"][1].link == ""
    assert "claim-C09" in view.untested.ids.values()
    assert "claim-C02" not in view.table.ids.values()


def test_a_verdict_that_is_older_than_its_study_is_marked_and_leads_nowhere(plan: Plan, frames: Frames) -> None:
    claims = frames["claims"].assign(outdated=frames["claims"]["id"] == "C26")
    found = ledger.build(Tables({**frames, "claims": claims}), plan).table
    row = next(row for row in found.rows if row[0].text == "C26")
    said(row[2].note, "older than its study file")
    assert row[2].warning
    assert row[1].link == ""
    assert "claim-C26-normalization" in found.ids.values()


def test_what_did_not_hold_is_said_with_its_number_however_old_it_is(plan: Plan, frames: Frames) -> None:
    refuted = frames["claims"]["id"] == "C26"
    claims = frames["claims"].assign(verdict=frames["claims"]["verdict"].mask(refuted, "contradicted"))
    number = f"{claims.loc[refuted, 'effect'].iloc[0]:.1f}"
    for tables in (frames, {**frames, "contrasts": frames["contrasts"].query("claim != 'C26'")}):
        found = ledger.build(Tables({**tables, "claims": claims}), plan).refuted
        (told,) = [each.found for each in found if each.row["id"] == "C26"]
        assert number in told
        assert "margin" not in told


def test_claims_of_ones_own_come_first(plan: Plan, frames: Frames) -> None:
    claims = frames["claims"].copy()
    claims.loc[claims["id"] == "C26", ["id", "chapter"]] = ["mine", None]
    found = ledger.build(Tables({**frames, "claims": claims}), plan)
    assert str(found.table.rows[0][0].text) == "mine"
    assert next(iter(found.table.groups.values())) == ledger.OWN == next(iter(found.strip))


def test_runs_lead_into_mlflow_where_their_ids_are_known(rows: dict[str, list[Cell]], plan: Plan) -> None:
    cell = rows["C26"][9]  # of each arm, the run of seed 0 was not tracked
    assert cell.text == "14 of 16 runs"
    assert cell.address.startswith("http://127.0.0.1:5000/#/experiments/1/runs?workflowType=machine_learning&")
    (view,) = parse_qs(urlsplit(cell.address).fragment.partition("?")[2])["viewStateShareKey"]
    saved = saved_views(plan, plan.arms())[view]
    assert saved.tags == {"kind": "run", "claim.C26": "true", "study.normalization": "true"}
    assert saved.metrics[0] == "steps_to_target"
    assert saved.parameters[:1] == ("model.normalization",)


def test_another_server_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://me:secret@mlflow.example/base/")
    assert server() == "https://mlflow.example/base"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///x.db")
    assert server() == "http://127.0.0.1:5000"


def test_without_ids_the_cell_says_so(plan: Plan, frames: Frames) -> None:
    untracked = frames["measured/mlflow"].assign(mlflow_run_id=None)
    found = ledger.build(Tables({**frames, "measured/mlflow": untracked}), plan).table.rows
    cell = next(row for row in found if row[0].text == "C26")[9]
    assert cell.missing
    assert "MLflow was not reached" in cell.hint


def claim_row(study: str, verdict: str, **changes: Any) -> Row:
    given = {"id": "C26", "part": "main", "kind": "empirical", "study": study, "verdict": verdict}
    numbers = {"metric": "test_error", "unit": "pp", "direction": "greater", "margin": 1.0, "n": 8, "p": 0.001}
    return dict.fromkeys(TABLES["claims"].columns) | given | numbers | {"seeds_added": False} | changes


STUDIES = {name: name.upper() * 3 for name in "abcdef"}
SEVERAL: dict[str, tuple[list[str], tuple[object, ...]]] = {
    "all kinds": (
        ["supported", "contradicted", "supported", "inconclusive", "running", "equivalent"],
        (
            *("6 studies", 2, "AAA", "supported", "CCC", "supported", 2, "BBB", "contradicted", "FFF", "equivalent"),
            *(2, "DDD", "inconclusive", "EEE", "running"),
        ),
    ),
    "one against one": (
        ["supported", "contradicted"],
        ("2 studies", 1, "AAA", "supported", 1, "BBB", "contradicted", "none"),
    ),
}


@pytest.mark.parametrize(("verdicts", "parts"), SEVERAL.values(), ids=SEVERAL)
def test_several_studies_of_a_claim_are_counted_and_named(verdicts: list[str], parts: tuple[object, ...]) -> None:
    """On each side of it; a claim of a single study is not."""
    rows = [claim_row(name, verdict) for name, verdict in zip(STUDIES, verdicts, strict=False)]
    ((claim, text),) = beside.across_studies([*rows, claim_row("a", "supported", id="C28")], STUDIES).items()
    assert claim == ("C26", "main")
    said(text, *parts)


def test_each_study_of_a_claim_has_its_own_row_and_is_named_there(plan: Plan) -> None:
    frame = io.table("claims", [claim_row("normalization", "supported"), claim_row("residual", "inconclusive")])
    view = ledger.build(Tables({"claims": frame}), plan)
    for row, study in zip(view.table.rows, ("normalization", "residual"), strict=True):
        said(row[1].note, "test error", plan.study(study).title)
    assert list(view.wholes) == ["C26"]


def test_the_page_shows_what_several_studies_say(plan: Plan, frames: Frames, tmp_path: Path) -> None:
    twice = frames["claims"].query("id == 'C26'").assign(study="residual", verdict="inconclusive")
    both = pd.concat([frames["claims"], twice], ignore_index=True)
    document = rendered(plan, {**frames, "claims": both}, tmp_path, tmp_path / "report.html")
    (listed,) = document.get_element_by_id("verdicts").find_class("wholes")
    for element in (listed, document.get_element_by_id("claim-C26-normalization")):
        said(element.text_content(), "2 studies", 1, "supported", 1, "Residual or plain", "inconclusive")


def test_every_row_is_a_place_of_its_own(view: ledger.LedgerView) -> None:
    places = [*view.table.ids.values(), *view.untested.ids.values()]
    assert len(places) == len(view.table.rows) + len(view.untested.rows) == len(set(places))


def test_a_row_can_be_filtered_by_what_it_is(view: ledger.LedgerView, plan: Plan) -> None:
    facets = {str(row[0].text): view.table.facets[place] for place, row in enumerate(view.table.rows)}
    networks = {claim.id: claim.architectures for claim in plan.study("normalization").claims}
    assert facets["C26"]["verdict"] == "supported"
    assert facets["C26"]["kind"] == "empirical"
    assert facets["C26"]["network"].split("|") == sorted(networks["C26"])
    assert facets["C02"]["kind"] == "exact"
    assert facets["C02"]["network"] == ""
    assert facets["C28 lenet"]["of"].startswith("Batch normalization generally does not")
    # A whole claim is found by what any of its parts is.
    assert facets["C28"]["kind"] == "empirical"
    assert set(facets["C28 lenet"]["network"].split("|")) <= set(facets["C28"]["network"].split("|"))
    for name, offered in (("chapter", view.choices.chapters), ("kind", view.choices.kinds)):
        borne = [*view.table.facets.values(), *view.untested.facets.values()]
        assert set(offered) == {value for row in borne for value in row[name].split("|")}


def test_the_order_of_a_column_is_that_of_its_numbers(view: ledger.LedgerView, frames: Frames) -> None:
    claim = frames["claims"].query("id == 'C26'").iloc[0]
    row = next(row for row in view.table.rows if row[0].text == "C26")
    assert [row[place].sort for place in (4, 6, 7)] == [claim["effect"], claim["n"], claim["p"]]
    assert row[3].sort == pytest.approx(claim["effect"] / claim["margin"])
    assert [column.key for column in view.table.columns if column.sort][3:6] == [
        "against its margin",
        "effect",
        "claimed",
    ]


def test_a_claim_that_fewer_is_better_for_is_turned_before_it_is_sorted(plan: Plan) -> None:
    rows = [claim_row("normalization", "supported", direction="less", effect=-2.0, low=-2.5, high=-1.5)]
    view = ledger.build(Tables({"claims": io.table("claims", rows)}), plan)
    assert view.table.rows[0][3].sort == pytest.approx(2.0)


def test_a_row_says_how_to_run_it_again(rows: dict[str, list[Cell]]) -> None:
    assert rows["C26"][10].text == "snakemake --cores 4 --resources gpu=1 --config studies=normalization"


def test_a_verdict_of_an_earlier_version_has_no_place_in_the_order_of_verdicts(plan: Plan) -> None:
    view = ledger.build(Tables({"claims": io.table("claims", [claim_row("normalization", "proven")])}), plan)
    assert view.table.rows[0][2].sort is None
