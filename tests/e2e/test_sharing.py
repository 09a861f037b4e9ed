"""What the page shows can be taken away, understood without a mouse, cited, and printed."""

from __future__ import annotations

import csv
import io
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from cnnlab import figures
from cnnlab.analysis.tables.io import write_tables
from cnnlab.planning.plan import Plan
from cnnlab.report import render
from tests import pdf_text, report_samples

pytestmark = [pytest.mark.e2e]

STUDIES = ("normalization", "activation", "residual")
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """A project with its tables, figures and page on disk."""
    plan = report_samples.plan(tmp_path_factory.mktemp("page"), STUDIES)
    report_samples.write_cards(plan)
    frames = report_samples.zoo_frames(plan)
    write_tables(plan.paths, frames)
    for study in plan.studies:
        figures.draw_study(study, frames, plan.paths)
    figures.draw_networks(frames, plan.paths)
    render(plan, frames, plan.paths.figures, plan.paths.report)
    return plan


@pytest.fixture
def page(browser_page_factory: Any, made: Plan) -> Any:
    """The open page; nothing was fetched and nothing complained of in the end, whatever the test does."""
    opened = browser_page_factory(width=1440)
    noise: list[str] = []
    opened.on("console", lambda message: noise.append(message.text))
    opened.on("pageerror", lambda error: noise.append(str(error)))
    opened.on("request", lambda request: noise.append(request.url))
    opened.goto(made.paths.report.as_uri())
    yield opened
    assert [line for line in noise if not line.startswith((made.paths.report.as_uri(), "blob:"))] == []
    assert opened.refused == []


def download(page: Any, what: str, kind: str) -> tuple[str, bytes]:
    """The name and the bytes of a file from the menu of `what`."""
    page.get_by_role("button", name=f"Download {what}").click()
    with page.expect_download() as waiting:
        page.locator("#panel").get_by_role("button", name=kind).click()
    return waiting.value.suggested_filename, Path(waiting.value.path()).read_bytes()


def lines_of(path: Path, study: str) -> list[bytes]:
    _, *rows = path.read_bytes().splitlines(keepends=True)
    return [row for row in rows if row.startswith(f"{study},".encode())]


def test_the_ledger_arrives_as_the_table_of_claims_byte_by_byte(page: Any, made: Plan) -> None:
    name, content = download(page, "the table “The ledger of claims”", "CSV")
    assert name == "ledger.csv"
    assert content == (made.paths.tables / "claims.csv").read_bytes()


def test_contrasts_arrive_as_the_rows_of_their_study_byte_by_byte(page: Any, made: Plan) -> None:
    name, content = download(page, "the table “Contrasts of “Batch normalization or none””", "CSV")
    assert name == "contrasts-normalization.csv"
    files = [made.paths.tables / f"{table}.csv" for table in ("contrasts", "measured/contrasts")]
    head = files[0].read_bytes().splitlines(keepends=True)[0]
    assert content == b"".join([head, *(row for file in files for row in lines_of(file, "normalization"))])


def test_a_table_of_means_arrives_in_clean_columns(page: Any) -> None:
    _, content = download(page, "the table “Arms of “Residual or plain””", "CSV")
    rows = list(csv.DictReader(io.StringIO(content.decode())))
    plain = next(row for row in rows if row["Arm"] == "Plain, 44 layers")
    assert plain["Arm, note"] == "depth 44, not residual"
    shown = [float(plain[f"Test error, %{end}"]) for end in (", low", "", ", high")]
    assert shown == sorted(shown)
    assert plain["Parameters"].isdigit()


def test_a_table_arrives_for_latex(page: Any) -> None:
    name, content = download(page, "the table “Contrasts of “Batch normalization or none””", "LaTeX")
    text = content.decode()
    assert name == "contrasts-normalization.tex"
    kinds = re.search(r"\\begin\{tabular\}\{([lr]+)\}", text)
    assert kinds
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {len(kinds[1]) - 1}
    assert "✓" not in text
    assert text[text.index(r"\begin") :].isascii()
    assert not re.search(r"(?<!\\)[%_#]", text[text.index(r"\begin") :].replace("$_2$", ""))


def test_a_figure_arrives_as_a_drawing_that_stands_alone(page: Any, made: Plan) -> None:
    name, content = download(page, "the figure “Sigmoid or ReLU: test error by arm”", "SVG")
    assert name == "activation-errors.svg"
    drawn = ET.fromstring(content)
    file = ET.parse(made.paths.figure("activation", "errors", "svg")).getroot()
    assert [path.get("d") for path in drawn.iter(f"{SVG}path")] == [path.get("d") for path in file.iter(f"{SVG}path")]
    colours = [re.findall(r"#[0-9a-f]{6}", ET.tostring(each, encoding="unicode")) for each in (drawn, file)]
    assert colours[0] == colours[1] != []
    assert b"var(" not in content
    assert (drawn.findtext(f"{SVG}title") or "").startswith("Sigmoid or ReLU: test error by arm")


def test_a_figure_arrives_with_the_runs_that_it_is_drawn_from(page: Any, made: Plan) -> None:
    name, content = download(page, "the figure “Sigmoid or ReLU: test error by arm”", "runs")
    assert name == "activation-errors-runs.csv"
    head, *rows = content.splitlines()
    file = (made.paths.tables / "runs.csv").read_bytes().splitlines()
    assert head == file[0]
    assert len(rows) == 16
    assert set(rows) <= set(file)


def test_every_menu_has_something_to_take(page: Any) -> None:
    menus = page.locator("button[aria-haspopup]:not(details:not([open]) button)").all()
    assert len(menus) > 20
    for button in (*menus[:3], *menus[-3:]):
        button.click()
        assert page.locator("#panel button").count() >= 1
        page.keyboard.press("Escape")
        assert not page.locator("#panel").is_visible()
        assert button.evaluate("(found) => found === document.activeElement")


def test_the_keyboard_reaches_what_the_columns_mean(page: Any) -> None:
    link = page.locator("a.explained[data-table=arms-activation]")
    link.focus()
    page.keyboard.press("Enter")
    panel = page.locator("#panel")
    assert "Peak of the schedule" in panel.inner_text()
    assert "Runs whose loss or weights became infinite" in panel.inner_text()
    page.keyboard.press("Escape")
    assert not panel.is_visible()
    assert link.evaluate("(found) => found === document.activeElement")


def test_a_finger_reaches_what_columns_and_gaps_mean(browser: Any, made: Plan) -> None:
    context = browser.new_context(has_touch=True, viewport={"width": 390, "height": 800})
    page = context.new_page()
    page.goto(made.paths.report.as_uri())
    page.locator("#study-activation h2 button").tap()
    page.locator("a.explained[data-table=contrasts-activation]").tap()
    assert "the number is the margin" in page.locator("#panel").inner_text()
    page.locator("#panel").press("Escape")
    page.locator("#contrasts-activation .missing").first.tap()
    assert "gives no verdict" in page.locator("#panel").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    context.close()


def test_a_citation_leads_to_its_paper(page: Any) -> None:
    page.locator("#study-normalization").get_by_role("link", name="Ioffe & Szegedy 2015").click()
    entry = page.locator("#ref-ioffe2015")
    assert entry.evaluate("(found) => found.matches(':target')")
    assert entry.get_by_role("link").get_attribute("href") == "https://arxiv.org/abs/1502.03167"


def test_the_page_can_be_cited(page: Any) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy the entry of this page as BibTeX").click()
    page.wait_for_function("document.querySelector('[data-copies=cite-this-page]').textContent === 'Copied'")
    entry = page.evaluate("navigator.clipboard.readText()")
    assert entry.startswith("@misc{cnnlab-")
    assert "code of commit 4be2f0c1d9a8" in entry
    name, content = download(page, "the entry of this page", "BibTeX")
    assert (name, content.decode()) == ("cnnlab.bib", entry)


def test_runs_are_linked_to_mlflow_when_asked_for(page: Any) -> None:
    assert page.locator("a[href*='/experiments/']").count() == 0
    page.get_by_label("Link runs to their pages in MLflow").check()
    linked = page.locator("[data-mlflow] a")
    assert linked.count() == page.locator("[data-mlflow]").count() > 10
    assert linked.first.get_attribute("href").startswith("http://127.0.0.1:5000/#/experiments/1/runs")
    address = page.get_by_label("Address of MLflow")
    address.fill("javascript:alert(1)")
    address.blur()
    assert linked.count() == 0
    address.fill("https://mlflow.example.org/")
    address.blur()
    assert linked.first.get_attribute("href").startswith("https://mlflow.example.org/#/experiments/1/runs")
    page.reload()
    assert linked.count() > 10  # as it was left
    page.get_by_label("Link runs to their pages in MLflow").uncheck()
    assert linked.count() == 0


def test_printed_pages_are_numbered_and_explain_their_columns(page: Any) -> None:
    pages = pdf_text.pages(page.pdf(prefer_css_page_size=True, format="A4"))
    assert len(pages) > 5
    for number, text in enumerate(pages, 1):
        assert f"{number}/{len(pages)}" in text
    whole = "".join(pages)
    for said in ("What the columns mean", "Peak of the schedule", "doi:10.1109/CVPR.2016.90", "Cite this page"):
        assert said.replace(" ", "") in whole


@pytest.mark.parametrize("height", range(650, 1050, 80))
def test_no_printed_page_ends_in_the_head_of_what_follows(page: Any, height: int) -> None:
    found = page.locator("main :is(h2, h3), .kicker, .table-title, thead tr").all_text_contents()
    heads = {re.sub(r"\s", "", text) for text in found} - {""}
    for text in pdf_text.pages(page.pdf(width="700px", height=f"{height}px")):
        # What stands in the margin comes first, or last.
        body = re.sub(r"Classicconvolutionalnetworks,claimbyclaim·cnnlab|\d+/\d+$", "", text)
        assert not [head for head in heads if body.endswith(head)]


def test_on_paper_the_claim_is_no_smaller_than_what_stands_beneath(page: Any) -> None:
    page.emulate_media(media="print")
    size = "(found) => parseFloat(getComputedStyle(found).fontSize)"
    claim = page.locator("#ledger tbody tr:not(.group) td:nth-child(2)").first.evaluate(size)
    for small in page.locator("#ledger :is(small, .badge)").all()[:20]:
        assert small.evaluate(size) <= claim
