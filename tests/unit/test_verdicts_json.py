"""`cnnlab report --json`: what it says of the selected studies, and the exit status."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from cnnlab.analysis.tables.frames import Row, as_rows
from cnnlab.cli import steps
from cnnlab.cli.main import main
from cnnlab.cli.verdicts import AS_CLAIMED, CONTRADICTED, OPEN, as_json
from cnnlab.core.errors import UserError
from cnnlab.planning.plan import Plan

STUDIES = ("normalization", "activation")


@pytest.fixture(scope="module")
def rows(frames: dict[str, pd.DataFrame]) -> list[Row]:
    return as_rows(frames["claims"])


def only(plan: Plan, name: str) -> Plan:
    return replace(plan.only(name), every=plan.studies)


def with_verdict(rows: list[Row], verdict: str, **more: Any) -> list[Row]:
    return [{**row, "verdict": verdict, **more} if row["study"] == "activation" else row for row in rows]


@pytest.mark.parametrize(
    ("verdict", "status"),
    [
        ("supported", AS_CLAIMED),
        ("contradicted", CONTRADICTED),
        ("equivalent", CONTRADICTED),
        ("inconclusive", OPEN),
        ("no room", OPEN),
        ("running", OPEN),
    ],
)
def test_the_status_follows_the_verdict(plan: Plan, rows: list[Row], verdict: str, status: int) -> None:
    text, found = as_json(only(plan, "activation"), with_verdict(rows, verdict))
    told = json.loads(text)
    assert found == status
    assert told["answer"] == ("as claimed", "contradicted", "open")[status]
    assert told["counts"] == {verdict: 1}
    assert [claim["id"] for claim in told["claims"]] == ["C06"]


def test_numbers_are_unrounded_and_what_is_not_known_is_not_there(plan: Plan, rows: list[Row]) -> None:
    (claim,) = json.loads(as_json(only(plan, "activation"), rows)[0])["claims"]
    (row,) = [row for row in rows if row["study"] == "activation"]
    assert {name: claim[name] for name in ("effect", "low", "high", "p", "n", "unit")} == {
        name: row[name] for name in ("effect", "low", "high", "p", "n", "unit")
    }
    assert claim["as_claimed"] is True
    assert "reason" not in claim
    json.loads(as_json(only(plan, "activation"), with_verdict(rows, "supported", high=float("inf")))[0])


def test_a_verdict_older_than_its_study_is_open(plan: Plan, rows: list[Row]) -> None:
    assert as_json(only(plan, "activation"), with_verdict(rows, "supported", outdated=True))[1] == OPEN


def test_what_was_not_begun_is_open_and_a_contradiction_comes_first(plan: Plan, rows: list[Row]) -> None:
    text, status = as_json(only(plan, "activation"), [row for row in rows if row["study"] != "activation"])
    assert status == OPEN
    assert json.loads(text)["claims"][0]["verdict"] == "not tested"
    everything = replace(plan, every=plan.studies)
    computed = [{**row, "verdict": "fails"} if row["kind"] == "exact" else row for row in rows]
    assert as_json(everything, computed)[1] == CONTRADICTED


def test_studies_without_a_claim_are_no_success(plan: Plan, rows: list[Row]) -> None:
    silent = replace(plan.studies[0], claims=())
    with pytest.raises(UserError, match="test no claim"):
        as_json(replace(plan, studies=(silent,), every=plan.studies), rows)


def test_the_command_prints_json_and_exits_with_the_status(monkeypatch: pytest.MonkeyPatch) -> None:
    from click.testing import CliRunner

    monkeypatch.setattr(steps, "verdicts_so_far", lambda plan: ('{"answer": "open"}', OPEN))
    found = CliRunner().invoke(main, ["report", "--json"])
    assert (found.stdout, found.exit_code) == ('{"answer": "open"}\n', OPEN)
    refused = CliRunner().invoke(main, ["report", "--json", "--output", "page.html"])
    assert refused.exit_code == 2
    assert "leave out --output" in refused.stderr
