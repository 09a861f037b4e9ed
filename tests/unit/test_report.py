"""The report: sentences made from numbers, tables that never invent one, and a page that stands alone."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import lxml.html
import pandas as pd
import pytest

from cnnlab import figures
from cnnlab.analysis.tables import io
from cnnlab.analysis.tables.columns import TABLES
from cnnlab.analysis.tables.frames import Row, Tables
from cnnlab.figures import margin_bar
from cnnlab.planning.plan import Plan
from cnnlab.report import ledger, render
from cnnlab.wording import numbers
from cnnlab.wording.answers import against, answer, conjunction
from cnnlab.wording.claims import claim_name
from cnnlab.wording.contrasts import form_of
from tests import report_samples
from tests.report_samples import rendered, text_of
from tests.said import said, unsaid

Frames = dict[str, pd.DataFrame]
STUDIES = ("normalization", "activation", "residual", "head")
PAPERS = ("https://doi.org/10.", "https://arxiv.org/abs/", "https://proceedings.mlr.press/")
SCRIPTS = Path(ledger.__file__).parent / "scripts"
LABELS = {"a": "ReLU", "b": "Sigmoid", "c": "Plain, 8 layers", "d": "Residual, 8 layers"}


def contrast_row(**changes: Any) -> Row:
    """A row of ``contrasts``: test error, claimed to be greater by 1 pp, and it is."""
    row = dict.fromkeys(TABLES["contrasts"].columns) | {
        "study": "s",
        "claim": "C06",
        "part": "main",
        "primary": True,
        "metric": "test_error",
        "unit": "pp",
        "contrast": '{"a": 1, "b": -1}',
        "direction": "greater",
        "margin": 1.0,
        "n": 8,
        "n_planned": 8,
        "estimate": 2.4,
        "low": 1.9,
        "high": 2.9,
        "low90": 2.0,
        "high90": 2.8,
        "method": "t",
        "diverged": 0,
        "censored": 0,
        "p": 0.0004,
        "verdict": "supported",
    }
    return row | changes


GRADIENT = {"metric": "first_gradient_norm", "unit": "log2 ratio"}
STEPS = {"metric": "steps_to_target", "unit": "log2 ratio", "margin": 0.32}
# What changes in the row, and what the sentence says of it, in this order.
SENTENCES: dict[str, tuple[dict[str, Any], tuple[object, ...]]] = {
    "pp": (
        {},
        ("test error", "2.4 pp higher", "ReLU", "sigmoid", "95 %", "1.9 to 2.9 pp", "n = 8", "1 pp", "supported"),
    ),
    "log2": (
        {**GRADIENT, "estimate": 5.104, "low": 4.93, "high": 5.28},
        (
            "34 times as large",
            "ReLU",
            "sigmoid",
            "log₂",
            "5.10",
            "4.93 to 5.28",
            "margin",
            1,
            "factor of 2",
            "supported",
        ),
    ),
    "nats, contradicted": (
        {
            "metric": "test_loss",
            "unit": "nats",
            "estimate": -0.089,
            "low": -0.105,
            "high": -0.073,
            "margin": 0.02,
            "verdict": "contradicted",
        },
        ("0.089 nats lower", "ReLU", "sigmoid", -0.089, "−0.105 to −0.073 nats", "margin", "0.02 nats", "contradicted"),
    ),
    "equivalent": (
        {"estimate": 0.2, "low": -0.3, "high": 0.7, "low90": -0.2, "high90": 0.6, "verdict": "equivalent"},
        (
            "not clearly differ",
            "ReLU",
            "sigmoid",
            "0.2 pp",
            "95 %",
            "−0.3 to 0.7",
            "±1 pp",
            "90 %",
            "−0.2 to 0.6",
            "equivalent",
        ),
    ),
    "claimed equal": (
        {"direction": "equal", "estimate": 0.01, "low": -0.4, "high": 0.42, "low90": -0.3, "high90": 0.3},
        (
            "not clearly differ",
            "ReLU",
            "sigmoid",
            "0.0 pp",
            "95 %",
            "−0.4 to 0.4",
            "±1 pp",
            "90 %",
            "−0.3 to 0.3",
            "supported",
        ),
    ),
    "non-inferior": (
        {"direction": "not-greater", "estimate": 0.1, "low": -0.4, "high": 0.6},
        ("not clearly differ", "ReLU", "sigmoid", "0.1 pp", "−0.4 to 0.6 pp", "margin", "1 pp", "supported"),
    ),
    "inferior": (
        {"direction": "not-greater", "verdict": "contradicted"},
        ("2.4 pp higher", "ReLU", "sigmoid", "1.9 to 2.9 pp", "margin", "1 pp", "contradicted"),
    ),
    "inconclusive": (
        {"low": 0.5, "high": 4.3, "verdict": "inconclusive", "reason": "about 14 seeds would settle it"},
        ("2.4 pp higher", "0.5 to 4.3 pp", "margin", "1 pp", "inconclusive", "About 14 seeds would settle it."),
    ),
    "censored": (
        {**STEPS, "estimate": None, "low": 0.85, "high": math.inf, "method": "sign", "diverged": 1, "censored": 3},
        ("ReLU", "at least 1.8 times", "sigmoid", "log₂", "above 0.85", "sign test", "1 run", "3 runs", 0.32, 1.25),
    ),
    "slower the other way round": (
        {**STEPS, "estimate": -0.38, "low": -0.6, "high": -0.16, "primary": False, "verdict": None},
        ("Sigmoid", "1.30 times", "ReLU", "log₂", -0.38, "−0.60 to −0.16", "n = 8"),
    ),
    "a difference of differences": (
        {"contrast": '{"a": 1, "b": -1, "c": -1, "d": 1}', "label": "with depth"},
        ("With depth", "ReLU", "sigmoid", "exceeds", "Plain, 8 layers", "Residual, 8 layers", "2.4 pp", "supported"),
    ),
    "any weights": (
        {"contrast": '{"a": 0.25, "b": 0.75, "d": -1}'},
        ("1/4 ReLU + 3/4 sigmoid − “Residual, 8 layers”", "2.4 pp", "1.9 to 2.9 pp", "margin", "1 pp", "supported"),
    ),
    "the median run diverged": (
        {
            "estimate": math.inf,
            "low": 0.4,
            "high": math.inf,
            "method": "sign",
            "diverged": 5,
            "verdict": "inconclusive",
        },
        ("at least 0.40 pp higher", "ReLU", "sigmoid", "above 0.40 pp", "sign test", "5 runs", "1 pp", "inconclusive"),
    ),
    "running": (
        {"estimate": None, "low": None, "high": None, "n": 5, "verdict": "running"},
        ("ReLU − Sigmoid", "5 of 8 seeds", "running"),
    ),
    "no number at all": (
        {
            "estimate": None,
            "low": -math.inf,
            "high": math.inf,
            "verdict": "inconclusive",
            "method": "sign",
            "diverged": 8,
            "reason": "8 runs diverged; more seeds like these would not settle it",
        },
        ("ReLU − Sigmoid", "no number", "8 runs", "inconclusive", "8 runs diverged; more seeds"),
    ),
}
VERDICTS = ("supported", "contradicted", "equivalent", "inconclusive", "running")


@pytest.mark.parametrize(("changes", "parts"), SENTENCES.values(), ids=SENTENCES)
def test_an_answer_is_a_sentence_made_from_the_numbers(changes: dict[str, Any], parts: tuple[object, ...]) -> None:
    row = contrast_row(**changes)
    sentence = str(answer(row, LABELS))
    said(sentence, *parts)
    said(sentence, *([row["verdict"]] if row["verdict"] else []))
    unsaid(sentence, "None", "nan", "inf", *(word for word in VERDICTS if word != row["verdict"]))
    if row["verdict"] == "running":
        unsaid(sentence, "pp", "95 %", "margin")
    assert sentence[0].isupper()
    assert sentence.endswith(".")


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({}, ("test error", "ReLU − Sigmoid", "1 pp or less")),
        ({"direction": "less"}, ("test error", "ReLU − Sigmoid", "−1 pp or more")),
        ({"direction": "equal"}, ("test error", "ReLU − Sigmoid", "1 pp or more", "either way")),
        ({"direction": "not-greater"}, ("test error", "ReLU − Sigmoid", "1 pp or more")),
        ({"direction": "not-less"}, ("test error", "ReLU − Sigmoid", "−1 pp or less")),
        (STEPS | {"label": "early"}, ("Early", "ReLU / Sigmoid", "log₂ 0.32", "factor of 1.25", "or less")),
        ({"metric": "probe_rise", "contrast": '{"a": 1}'}, ("ReLU", "1 pp or less")),
    ],
)
def test_what_would_count_against_a_claim_follows_from_its_direction_and_margin(
    changes: dict[str, Any], parts: tuple[object, ...]
) -> None:
    said(against([contrast_row(**changes)], LABELS), *parts)


def test_any_part_may_count_against_a_claim() -> None:
    parts = [contrast_row(), contrast_row(metric="gap", direction="not-greater", margin=2.0)]
    said(against(parts, LABELS), "test error", "1 pp or less", "or", "training error", "2 pp or more")
    assert against([], LABELS) == ""


CONJUNCTIONS = {
    "supported": (["supported", "supported"], ("2 parts", "supported")),
    "contradicted": (["supported", "contradicted"], ("2 parts", "part 2", "contradicted")),
    "inconclusive": (["supported", "inconclusive"], ("2 parts", "1 of 2", "part 2", "inconclusive", "Part 2 open.")),
    "running": (["running", "running"], ("2 parts", "running", "Part 2 open.")),
}


@pytest.mark.parametrize("verdict", CONJUNCTIONS)
def test_a_claim_of_several_parts_says_which_hold(verdict: str) -> None:
    verdicts, parts = CONJUNCTIONS[verdict]
    claim = {"verdict": verdict, "reason": "part 2 open"}
    sentence = conjunction(claim, [contrast_row(verdict=part) for part in verdicts])
    said(sentence, *parts)
    unsaid(sentence, *(word for word in VERDICTS if word != verdict))


@pytest.mark.parametrize(
    ("value", "low", "high", "expected"),
    [
        (5.104, 4.93, 5.28, "5.10 (4.93 to 5.28)"),
        (97.63, 97.2, 98.1, "97.6 (97.2 to 98.1)"),
        (0.00061, -0.0096, 0.0108, "0.001 (−0.010 to 0.011)"),
        (1234.5, 1000.0, 1469.0, "1,234 (1,000 to 1,469)"),
        (-0.04, -0.6, 0.5, "0.0 (−0.6 to 0.5)"),
        (1.2329, 1.1487, math.inf, "1.23 (above 1.15)"),
    ],
)
def test_digits_fit_the_interval(value: float, low: float, high: float, expected: str) -> None:
    shown = numbers.Quantity(value, low, high)
    assert f"{shown.value} ({shown.interval})" == expected


@pytest.mark.parametrize(
    ("log2", "expected"),
    [(5.1, "34"), (0.0589, "1.04"), (1.44, "2.7"), (10.2, "1,200"), (-1, "0.50"), (900.0, "10^270")],
)
def test_a_log2_ratio_is_told_as_a_factor(log2: float, expected: str) -> None:
    assert numbers.ratio(log2) == expected


@pytest.mark.parametrize(("p", "expected"), [(0.0004, "< 0.001"), (0.0123, "0.012"), (0.7, "0.70"), (1.0, "> 0.99")])
def test_p_values_claim_no_false_precision(p: float, expected: str) -> None:
    assert numbers.p_value(p) == expected


def test_a_ratio_below_one_is_a_division() -> None:
    assert (numbers.times(1.44), numbers.times(-0.22), numbers.times(0)) == ("×2.7", "÷1.16", "×1.00")


def test_a_contrast_is_read_from_its_weights() -> None:
    assert form_of({"b": -1, "a": 1}, LABELS).formula("log2") == "ReLU / Sigmoid"
    assert form_of({"a": -1, "b": -1, "c": 2}, LABELS).formula("linear") == "− ReLU − Sigmoid + 2 Plain, 8 layers"


def claim_row(**changes: Any) -> Row:
    row = dict.fromkeys(TABLES["claims"].columns) | {"id": "C06", "part": "main", "kind": "empirical", "study": "s"}
    numbers_of = {"metric": "test_error", "unit": "pp", "direction": "greater", "margin": 1.0, "n": 8, "p": 0.001}
    more = {"effect": 2.0, "low": 1.5, "high": 2.5, "ledger_wide_p": 0.02, "verdict": "supported", "seeds_added": False}
    return row | numbers_of | more | {"chapter": "7.1", "statement": "It helps"} | changes


def ledger_of(*rows: Row) -> ledger.LedgerView:
    made = report_samples.plan(Path("nowhere"), ())
    return ledger.build(Tables({"claims": io.table("claims", rows)}), made)


def test_the_summary_counts_claims_and_verdicts() -> None:
    view = ledger_of(
        claim_row(),
        claim_row(id="C07", part="gradients", verdict="inconclusive"),
        claim_row(id="C07", part="outputs", verdict="not tested", study=None),
        claim_row(id="C14", verdict="running"),
        claim_row(id="C02", kind="exact", verdict="not tested", study=None),
    )
    said(view.summary, "2 claims tested", "1 supported", "1 inconclusive", "1 running", "1 not yet tested")
    assert [claim_name(row) for row in view.strip["7.1"]] == ["C06", "C07 gradients", "C07 outputs", "C14", "C02"]


def test_expected_false_verdicts_add_up_by_kind_of_error() -> None:
    """Two directed claims, one of equality, one of non-inferiority; a running and an exact one do not count."""
    directions = ("greater", "less", "equal", "not-greater")
    rows = [claim_row(id=f"C{place:02}", direction=direction) for place, direction in enumerate(directions)]
    expected = ledger_of(*rows, claim_row(id="C14", verdict="running"), claim_row(id="C02", kind="exact")).expected
    assert expected.tests == 4
    assert expected.supported == numbers.significant(3 * 0.025 + 0.05)
    assert expected.contradicted == numbers.significant(4 * 0.025)
    assert expected.equivalent == numbers.significant(2 * 0.05)


@pytest.mark.parametrize(
    ("changes", "text", "note"),
    [
        ({}, "0.0010", "ledger-wide 0.020: stands"),
        ({"ledger_wide_p": 0.04}, "0.0010", "ledger-wide 0.040: does not stand"),
        ({"ledger_wide_p": 0.04, "direction": "equal"}, "0.0010", "ledger-wide 0.040: stands"),
        ({"ledger_wide_p": 1.0, "verdict": "contradicted"}, "0.0010", "ledger-wide >\N{NO-BREAK SPACE}0.99"),
        ({"ledger_wide_p": None}, "0.0010", "not of the ledger"),
    ],
)
def test_the_ledger_wide_flag_is_for_confirmed_claims(changes: Row, text: str | None, note: str) -> None:
    cell = ledger_of(claim_row(**changes)).table.rows[0][7]  # p
    assert (cell.text, cell.note) == (text, note)


def test_seeds_added_after_a_look_are_flagged() -> None:
    cell = ledger_of(claim_row(seeds_added=True)).table.rows[0][2]
    assert (cell.note, cell.warning) == ("seeds added after a first look", True)


@pytest.mark.parametrize(
    ("changes", "interval"),
    [
        ({}, "1.5 to 2.5"),
        ({"direction": "less", "effect": -2.0, "low": -2.5, "high": -1.5}, "1.5 to 2.5"),
        ({"direction": "not-greater", "effect": 0.1, "low": -0.4, "high": 0.6}, "−0.60 to 0.40"),
        ({"effect": None, "high": math.inf}, "1.5 to no bound"),
    ],
)
def test_the_small_interval_is_in_margins_and_right_is_as_claimed(changes: Row, interval: str) -> None:
    svg = lxml.html.fromstring(margin_bar.interval(claim_row(**changes)))
    said(svg.get("aria-label"), "margins", interval)


def test_no_small_interval_without_numbers() -> None:
    assert margin_bar.interval(claim_row(low=None, high=None)) == ""


@pytest.fixture(scope="module")
def page(plan: Plan, frames: Frames) -> str:
    """With figures of one study; those of the others are not drawn yet."""
    for name, drawing in figures.draw(plan.study("activation"), frames).items():
        figures.save(drawing, plan.paths.figures / "activation" / name, f"activation-{name}")
    render(plan, frames, plan.paths.figures, plan.paths.report)
    return plan.paths.report.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def document(page: str) -> Any:
    return lxml.html.document_fromstring(page)


def test_the_verdicts_come_first(document: Any) -> None:
    sections = [section.get("id") for section in document.findall(".//main/section")]
    assert sections == [
        "verdicts",
        "study-activation",
        "study-normalization",
        "study-residual",
        "study-head",
        "networks",
        "methods",
        "columns",
        "references",
    ]


def test_every_claim_of_the_registry_is_on_the_page(plan: Plan, document: Any) -> None:
    listed = text_of(document.get_element_by_id("verdicts"))
    for claim in plan.claims.claims:
        assert claim.id in listed
        assert " ".join(claim.statement.split()) in listed


def test_a_row_of_the_ledger_holds_the_numbers_of_its_claim(frames: Frames, document: Any) -> None:
    claim = frames["claims"].set_index("id").loc["C06"]
    row = next(row for row in document.get_element_by_id("ledger").iter("tr") if "ReLU passes" in text_of(row))
    shown = text_of(row)
    assert f"{claim['effect']:.2f} ({claim['low']:.2f} to {claim['high']:.2f})" in shown
    assert "supported" in shown
    assert "> 1" in shown
    seconds = frames["measured/claims"].set_index("id").loc["C06", "core_seconds"]
    assert f"{seconds:,.0f}" in shown
    assert row[1].find("a").get("href") == "#claim-C06-activation"


def test_a_running_claim_says_how_far_it_is_and_shows_no_number(document: Any) -> None:
    row = next(row for row in document.get_element_by_id("ledger").iter("tr") if "C14 over" in text_of(row))
    said(text_of(row), "running", "5 of 8")
    for place in (3, 4, 7):  # the interval, the effect, p
        assert row[place].find_class("missing"), place


def test_arms_show_what_happened_to_their_runs(document: Any) -> None:
    rows = {
        text_of(row[0]): [text_of(cell) for cell in row[1:]]
        for row in document.get_element_by_id("arms-residual").iter("tr")
    }
    plain = rows["Plain, 44 layers depth 44, not residual"]
    assert "of 5 finished" in plain[1]
    assert plain[3] == "> 329 reached by 0 of 6"
    assert plain[4] == "1 of 6"
    sigmoid = document.get_element_by_id("arms-activation").findall(".//tbody/tr")[0]
    assert "tuned, at the edge" in text_of(sigmoid)


def test_primary_contrasts_come_first_and_secondary_ones_give_no_verdict(document: Any) -> None:
    rows = document.get_element_by_id("contrasts-activation").findall(".//tbody/tr")
    assert [text_of(row[1]) for row in rows] == [
        "primary C06",
        "secondary extension of C06",
        "secondary extension of C06",
    ]
    assert [bool(row.find_class("badge")) for row in rows] == [True, False, False]


def test_what_is_missing_is_said_and_never_invented(page: str, document: Any) -> None:
    words = text_of(document.find(".//body")).split()
    assert not {"nan", "NaN", "None", "<NA>", "inf", "-inf", "NaT"} & {word.strip("(),;:.") for word in words}
    for element in document.find_class("missing"):
        assert element.get("title")
        assert element.getparent().get("data-copy") == ""
    assert "Not drawn yet." in page
    untracked = document.get_element_by_id("runs").findall(".//tbody/tr")[0]
    assert "MLflow was not reached" in text_of(untracked[-1])


def test_headings_tables_and_images_are_sound(document: Any) -> None:
    levels = [int(heading.tag[1]) for heading in document.iter("h1", "h2", "h3", "h4")]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(below - above <= 1 for above, below in pairwise(levels))
    for table in document.iter("table"):
        assert text_of(table.find("caption"))
        assert all(cell.get("scope") in {"col", "row", "rowgroup"} for cell in table.iter("th"))
        assert len({sum(int(cell.get("colspan", 1)) for cell in row) for row in table.iter("tr")}) == 1
    for image in document.iter("svg", "img"):
        assert image.get("aria-label")


def test_ids_are_unique_and_every_link_within_the_page_leads_somewhere(document: Any) -> None:
    ids = [element.get("id") for element in document.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    for link in document.iter("a", "use"):
        assert link.get("href", "#")[1:] in ids or link.get("href").startswith(PAPERS)
    for run in document.xpath("//*[@data-mlflow]"):
        assert run.get("data-mlflow").startswith("experiments/1/runs")
    for button in document.iter("button"):
        assert button.get("data-copies") in ids


def test_the_page_stands_alone(page: str, document: Any) -> None:
    assert not list(document.iter("link", "img", "iframe", "object"))
    assert not [script for script in document.iter("script") if script.get("src")]
    followed = r'<a href="https://[^"]*"|url = \{https://[^}]*|value="http://127.0.0.1:5000"|http-equiv'
    assert "http" not in re.sub(followed, "", page.partition('<template id="tables-in-full">')[0])
    assert "default-src 'none'" in page
    assert len(page) < 1_000_000


def test_the_same_tables_give_the_same_page(plan: Plan, frames: Frames, page: str, tmp_path: Path) -> None:
    render(plan, frames, plan.paths.figures, tmp_path / "again.html")
    assert (tmp_path / "again.html").read_text(encoding="utf-8") == page


@pytest.mark.parametrize("gone", ["all", *TABLES])
def test_a_report_can_be_rendered_without_any_table(plan: Plan, frames: Frames, gone: str, tmp_path: Path) -> None:
    left = {} if gone == "all" else {name: frame for name, frame in frames.items() if name != gone}
    document = rendered(plan, left, tmp_path / "figures", tmp_path / "report.html")
    assert "How it was done" in text_of(document)
    assert "nan" not in text_of(document).split()


def test_empty_tables_are_no_trouble(plan: Plan, frames: Frames, tmp_path: Path) -> None:
    render(plan, {name: frame.iloc[:0] for name, frame in frames.items()}, tmp_path, tmp_path / "report.html")
    assert "no run is finished yet" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_exact_and_structural_claims_show_their_evidence(plan: Plan, frames: Frames, tmp_path: Path) -> None:
    claims = frames["claims"].copy()
    for claim_id, verdict in (("C02", "holds"), ("C19", "fails")):
        claims.loc[claims["id"] == claim_id, ["verdict", "reason"]] = [verdict, f"156 <parameters> for {claim_id}"]
    document = rendered(plan, {**frames, "claims": claims}, tmp_path, tmp_path / "report.html")
    exact = text_of(document.get_element_by_id("exact"))
    assert "156 <parameters> for C02" in exact
    assert "fails" in exact
    assert "1 holds and 1 fails" in text_of(document.get_element_by_id("verdicts"))


def test_what_people_write_is_shown_and_not_run(plan: Plan, frames: Frames, tmp_path: Path) -> None:
    from dataclasses import replace

    attack = "<script>alert(1)</script>\"'><img src=x>"
    study = replace(plan.studies[1], title=attack, question=attack)
    label = frames["arms"]["label"].replace("ReLU", attack)
    changed = {**frames, "arms": frames["arms"].assign(label=label)}
    document = rendered(replace(plan, studies=(study, *plan.studies[2:])), changed, tmp_path, tmp_path / "report.html")
    assert len(document.findall(".//script")) == len(list(SCRIPTS.glob("*.js")))
    assert document.find(".//img") is None
    assert text_of(document.get_element_by_id("study-activation").find("h2")) == attack


def test_planning_can_name_the_figures_without_loading_anything_heavy() -> None:
    heavy = "{'pandas', 'numpy', 'torch', 'matplotlib', 'jinja2'}"
    code = f"import sys, cnnlab.planning.studies.figure_choice; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
