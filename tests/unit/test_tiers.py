"""What is said of the same claims at other tiers: which tiers count, and what the page says of them."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from itertools import product
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
from cnnlab.planning.verdicts import REFUTED, UNDECIDED, Verdict
from cnnlab.report import ledger, render
from cnnlab.wording import beside
from tests import report_samples
from tests.said import said

ROOT = Path(__file__).resolve().parents[2]
EMPIRICAL = (Verdict.SUPPORTED, *REFUTED, Verdict.INCONCLUSIVE)


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
    assert read(config("quick")).keys() == {"published"}
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


@pytest.mark.parametrize("verdict", Verdict)
def test_a_claim_is_told_with_its_weakest_effect_at_each_other_tier(verdict: Verdict) -> None:
    """Once there is a verdict here and there."""
    there = claim("full", verdict=verdict, effect=0.02, low=-0.1, high=0.14, n=10)
    line = beside.line(claim(), made([claim()], [there, claim("huge")]))
    said(line, "the huge tier: supported, 2.5 (2.0 to 3.0) pp, n = 8.")
    if verdict in UNDECIDED:
        assert "full" not in line
        assert beside.summary(made([claim()], [there])) == []
        assert beside.line(claim(verdict=verdict), made([], [claim("full")])) == ""
    else:
        said(line, f"the full tier: {verdict}, 0.02 (−0.10 to 0.14) pp, n = 10.", "huge")


def test_bounds_and_ratios_are_told_as_such() -> None:
    ratio = {"unit": "log2 ratio", "metric": "steps_to_target"}
    said(beside.result(claim(**ratio, effect=1.0, low=0.9, high=1.1)), "1.00 (0.90 to 1.10) log₂ ratio, ×2.0", "n = 8")
    said(beside.result(claim(**ratio, effect=None, low=0.9, high=None)), "supported, above 0.90 log₂ ratio, n = 8")


@pytest.mark.parametrize("changes", [{"study": "residual"}, {"part": "second"}])
def test_only_the_same_question_is_compared(changes: dict[str, Any]) -> None:
    tables = made([claim()], [claim("full", **changes)])
    assert (beside.line(claim(), tables), beside.summary(tables)) == ("", [])


def test_tiers_are_counted_and_disagreement_is_named() -> None:
    """Every verdict here against every verdict there: for, against and open are counted on either side."""
    pairs = {f"C{place:02}": pair for place, pair in enumerate(product(EMPIRICAL, EMPIRICAL), 10)}
    quick = [claim(id=key, verdict=here) for key, (here, _) in pairs.items()]
    full = [claim("full", id=key, verdict=there) for key, (_, there) in pairs.items()]
    changed = [f"{key} ({here} here, {there} there)" for key, (here, there) in pairs.items() if here != there]
    (text,) = beside.summary(made(quick, full))
    said(text, "The full tier", "16 parts", "4 with the same verdict", "12 with another", *changed)
    said(text, "There, 4 for the claim (4 here)", "8 against it (8 here)", "4 open (4 here)")
    (text,) = beside.summary(made(quick[:4], full[:4]))
    said(text, "There, 1 for the claim (4 here)", "2 against it (0 here)", "1 open (0 here)")


def test_the_page_shows_other_tiers_beside_a_claim_and_beneath_the_ledger(tmp_path: Path) -> None:
    plan = report_samples.plan(tmp_path, ("normalization",))
    frames = report_samples.frames(plan)
    mine = frames["claims"].query("study == 'normalization'")
    full = mine.assign(tier="full", verdict="inconclusive")
    render(plan, {**frames, "tiers": full}, plan.paths.figures, plan.paths.report)
    page: Any = lxml.html.document_fromstring(plan.paths.report.read_text(encoding="utf-8"))
    section = page.get_element_by_id("study-normalization").text_content()
    assert section.count("At the full tier: inconclusive") == len(mine) == 2
    (text,) = ledger.build(Tables({**frames, "tiers": full}), plan).tiers
    verdicts = page.get_element_by_id("verdicts").text_content()
    said(*(shown.replace("\N{NO-BREAK SPACE}", " ") for shown in (verdicts, text)))
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
