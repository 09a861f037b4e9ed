"""What is said of the same claims at other tiers: which tiers count, and what the page says of them."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path
from typing import Any

import lxml.html
import pandas as pd
import pytest

from cnnlab.analysis.tables import io
from cnnlab.analysis.tables.columns import TABLES
from cnnlab.analysis.tables.frames import Row, Tables
from cnnlab.analysis.tables.tiers import read
from cnnlab.planning import tiers
from cnnlab.planning.config import Config, load_config
from cnnlab.report import ledger, render
from cnnlab.wording import beside
from tests import report_samples

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(ROOT / "workflow/config", tmp_path / "workflow/config")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def config(tier: str) -> Config:
    return load_config([] if tier == "quick" else [f"workflow/config/{tier}.yaml"])


def claim(tier: str | None = None, **changes: Any) -> Row:
    numbers = {"metric": "test_error", "unit": "pp", "direction": "greater", "margin": 1.0, "n": 8}
    effect = {"effect": 2.5, "low": 2.01, "high": 3.0, "verdict": "supported"}
    given = {"id": "C28", "part": "main", "kind": "empirical", "study": "normalization", "seeds_added": False}
    row = dict.fromkeys(TABLES["claims"].columns) | given | numbers | effect | changes
    return row if tier is None else row | {"tier": tier}


def made(quick: list[Row], others: list[Row]) -> Tables:
    return Tables({"claims": io.table("claims", quick), "tiers": pd.DataFrame(others)})


def test_the_tiers_whose_verdicts_have_been_made_are_read(project: Path) -> None:
    assert tiers.elsewhere(config("quick")) == {}
    assert read(config("quick")) == {}
    for tier in ("quick", "full", "smoke"):
        io.write(io.table("claims", [claim(n=len(tier))]), config(tier).paths.table("claims"))
    assert tiers.files(config("quick")) == ["results/full/tables/claims.parquet"]
    assert tiers.files(config("full")) == ["results/tables/claims.parquet"]
    found = read(config("full"))["tiers"]
    assert (found["tier"].tolist(), found["n"].tolist()) == (["quick"], [5])


def test_a_tier_that_decides_nothing_says_and_hears_nothing(project: Path) -> None:
    for tier in ("quick", "smoke"):
        io.write(io.table("claims", [claim()]), config(tier).paths.table("claims"))
    assert tiers.files(config("smoke")) == []
    assert tiers.files(config("quick")) == []


def test_a_claim_is_told_with_its_weakest_effect_at_each_other_tier() -> None:
    mine = claim()
    found = made([mine], [claim("full", verdict="equivalent", effect=0.02, low=-0.1, high=0.14, n=10), claim("huge")])
    expected = (
        "At the full tier: equivalent, 0.02 (\N{MINUS SIGN}0.10 to 0.14) pp, n = 10. "
        "At the huge tier: supported, 2.5 (2.0 to 3.0) pp, n = 8."
    )
    assert beside.line(mine, found) == expected


def test_bounds_and_ratios_are_told_as_such() -> None:
    ratio = {"unit": "log2 ratio", "metric": "steps_to_target"}
    assert (
        beside.result(claim(**ratio, effect=1.0, low=0.9, high=1.1))
        == "supported, 1.00 (0.90 to 1.10) log₂ ratio, ×2.0, n = 8"
    )
    assert beside.result(claim(**ratio, effect=None, low=0.9, high=None)) == "supported, above 0.90 log₂ ratio, n = 8"


OPEN: dict[str, dict[str, Any]] = {
    "another study": {"study": "residual"},
    "another part": {"part": "second"},
    "not tested there": {"verdict": "not tested"},
    "running there": {"verdict": "running"},
}


@pytest.mark.parametrize("changes", OPEN.values(), ids=OPEN)
def test_only_the_same_question_with_an_answer_is_compared(changes: dict[str, Any]) -> None:
    found = made([claim()], [claim("full", **changes)])
    assert beside.line(claim(), found) == ""
    assert beside.summary(found) == []


def test_tiers_are_counted_and_disagreement_is_named() -> None:
    verdicts = {
        "C01": ("supported", "supported"),
        "C26": ("supported", "equivalent"),
        "C39": ("inconclusive", "supported"),
    }
    found = made(
        [claim(id=key, verdict=quick) for key, (quick, _) in verdicts.items()],
        [claim("full", id=key, verdict=full) for key, (_, full) in verdicts.items()],
    )
    assert beside.summary(found) == [
        "The full tier tested 3 parts of these claims too: 1 with the same verdict, 2 with another: C26 (supported "
        "here, equivalent there) and C39 (inconclusive here, supported there). There, 2 for the claim (2 here), 1 "
        "against it (0 here) and 0 open (1 here)."
    ]


def test_the_page_shows_other_tiers_beside_a_claim_and_beneath_the_ledger(tmp_path: Path) -> None:
    plan = report_samples.plan(tmp_path, ("normalization",))
    frames = report_samples.frames(plan)
    mine = frames["claims"].query("study == 'normalization'")
    full = mine.assign(tier="full", verdict="inconclusive")
    render(plan, {**frames, "tiers": full}, plan.paths.figures, plan.paths.report)
    page: Any = lxml.html.document_fromstring(plan.paths.report.read_text(encoding="utf-8"))
    section = page.get_element_by_id("study-normalization").text_content()
    assert section.count("At the full tier: inconclusive") == len(mine) == 2
    (told,) = ledger.build(Tables({**frames, "tiers": full}), plan).tiers
    assert told.replace("\N{NO-BREAK SPACE}", " ") in page.get_element_by_id("verdicts").text_content().replace(
        "\N{NO-BREAK SPACE}", " "
    )
    render(plan, frames, plan.paths.figures, plan.paths.report)
    assert "tier:" not in plan.paths.report.read_text(encoding="utf-8").partition("<body")[2]


def test_the_note_on_the_full_tier_has_every_claim_with_both_verdicts(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("full_tier", ROOT / "docs/full_tier.py")
    assert spec is not None
    assert spec.loader is not None
    full_tier: Any = importlib.util.module_from_spec(spec)
    sys.modules["full_tier"] = full_tier  # for its dataclasses
    spec.loader.exec_module(full_tier)
    frames = report_samples.frames(report_samples.plan(tmp_path, ("normalization", "spatial")))
    claims = frames["claims"]
    changed = claims.assign(verdict=claims["verdict"].mask(claims["id"] == "C26", "inconclusive"))
    found = {"quick": frames, "full": {**frames, "claims": changed}}
    quick, full = (full_tier.Tier(name, name, Tables(each)) for name, each in found.items())
    text = full_tier.note(quick, full)
    for row in claims[claims["study"].isin(("normalization", "spatial"))].to_dict("records"):
        section = text.partition(f"\n## {row['id']}")[2].partition("\n## ")[0]
        assert section.startswith(": another verdict") == (row["id"] == "C26")
        there = "inconclusive" if row["id"] == "C26" else row["verdict"]
        assert f"| quick | {row['verdict']}, {row['effect']:.1f}" in section
        assert f"| full | {there}, {row['effect']:.1f}" in section
    with pytest.raises(SystemExit, match="no claim has been tested at both tiers"):
        full_tier.note(quick, full_tier.Tier("full", "full", Tables({})))
