"""The report in a browser: nothing fetched, readable on a phone and on paper, by day and by night."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from cnnlab import figures
from cnnlab.report import render
from tests import report_samples
from tests.e2e.sample_report import STUDIES, open_everything, open_report

pytestmark = [pytest.mark.e2e]

# Contrast of each text with what lies behind it (WCAG 2): the least, with the element it belongs to.
CONTRASTS = """
() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const luminance = (colour) => channels(colour).slice(0, 3).map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor;
      if ((channels(colour)[3] ?? 1) > 0) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const shown = (e) => e.offsetParent !== null && !e.closest("svg") && !e.closest(".unseen")
    && [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
  return [...document.body.querySelectorAll("*")].filter(shown).map((e) => {
    const [low, high] = [getComputedStyle(e).color, behind(e)].map(luminance).sort((a, b) => a - b);
    return [(high + 0.05) / (low + 0.05), `${e.tagName}.${e.className}: ${e.textContent.slice(0, 40)}`];
  });
}
"""


def seconds_to_open(browser_page_factory: Any, report: Path) -> float:
    """The least of three openings: CPU seconds of the page's main thread, which does nearly all of the work and does
    not slow down when other tests share the cores."""
    seconds = []
    for _ in range(3):
        page = browser_page_factory()
        counters = page.context.new_cdp_session(page)
        counters.send("Performance.enable", {"timeDomain": "threadTicks"})
        page.goto(report.as_uri())
        found = {each["name"]: each["value"] for each in counters.send("Performance.getMetrics")["metrics"]}
        seconds.append(found["TaskDuration"])
        page.close()
    return min(seconds)


def test_the_page_fetches_nothing_and_complains_of_nothing(browser_page_factory: Any, report: Path) -> None:
    page = browser_page_factory()
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: requests.append(message.text))
    page.on("pageerror", lambda error: requests.append(str(error)))
    page.goto(report.as_uri())
    assert requests == [report.as_uri()]
    assert page.refused == []


def test_a_page_of_many_studies_is_small_and_opens_fast(
    browser_page_factory: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """As many studies as the whole ledger takes, each with figures of every kind."""
    plan, frames = report_samples.many(tmp_path_factory.mktemp("many"), 27)
    first, *others = plan.studies
    figures.draw_study(first, frames, plan.paths)
    for name in first.figures:
        drawn = plan.paths.figure(first.name, name, "svg").read_text()
        for other in others:
            path = plan.paths.figure(other.name, name, "svg")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(drawn.replace(f"{first.name}-{name}", f"{other.name}-{name}"))
    render(plan, frames, plan.paths.figures, plan.paths.report)
    assert plan.paths.report.stat().st_size < 8_000_000
    # Beside a plain table of 100,000 elements: how fast a machine is differs by more than two, even from hour to hour.
    table = plan.paths.reports / "table.html"
    table.write_text(f"<!doctype html><table>{20_000 * '<tr><td>1<td>2<td>3<td>4'}</table>", encoding="utf-8")
    plain, whole = (seconds_to_open(browser_page_factory, path) for path in (table, plan.paths.report))
    assert 0.1 < whole < 2 * plain, (whole, plain)
    page = open_report(browser_page_factory, plan.paths.report)
    assert page.locator("section.study").count() == 27


@pytest.mark.parametrize("width", [360, 768, 1200, 1440])
def test_the_page_never_scrolls_sideways(browser_page_factory: Any, report: Path, width: int) -> None:
    page = open_report(browser_page_factory, report, width=width)
    open_everything(page)
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_the_ledger_is_wholly_visible_without_scrolling(browser_page_factory: Any, report: Path) -> None:
    for width in (360, 768, 1024, 1057, 1200, 1280, 1312, 1440):
        page = open_report(browser_page_factory, report, width=width)
        table = "document.querySelector('#ledger')"
        assert page.evaluate(f"{table}.closest('.cards').clientWidth - {table}.scrollWidth") >= 0, width


def test_the_ledger_is_seen_before_the_matrix(browser_page_factory: Any, report: Path) -> None:
    for width in (360, 1440):
        page = open_report(browser_page_factory, report, width=width)
        below = "(selector) => document.querySelector(selector).getBoundingClientRect().top"
        strip, ledger, matrix = (page.evaluate(below, name) for name in (".strip", "#ledger", "figure.opening svg"))
        assert strip < ledger < matrix, width


def test_the_link_beneath_the_matrix_opens_its_table(browser_page_factory: Any, report: Path) -> None:
    page = open_report(browser_page_factory, report)
    assert not page.locator("#cells-matrix").is_visible()
    page.get_by_role("link", name="Every cell in every metric").click()
    page.locator("#cells-matrix").wait_for(state="visible")


@pytest.mark.parametrize(
    "figure",
    [
        "figure.opening svg",
        "#network-googlenet svg",
        ".figure-frontier svg",
        ".figure-profiles svg",
        ".figure-sweep svg",
    ],
)
def test_text_of_a_figure_stays_within_it_and_is_large_enough_on_a_phone(
    browser_page_factory: Any, report: Path, figure: str
) -> None:
    page = open_report(browser_page_factory, report, width=400)
    open_everything(page)
    inside = """(svg) => {
      const frame = svg.getBoundingClientRect();
      return [...svg.querySelectorAll("text")].map((text) => text.getBoundingClientRect())
        .map((box) => [box.left - frame.left, frame.right - box.right, box.height]);
    }"""
    for left, right, height in page.locator(figure).first.evaluate(inside):
        assert min(left, right) > -4
        assert height > 8


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_by_day_and_by_night(browser_page_factory: Any, report: Path, scheme: str) -> None:
    page = open_report(browser_page_factory, report, scheme=scheme)
    open_everything(page)
    contrasts = page.evaluate(CONTRASTS)
    assert len(contrasts) > 500
    assert not [found for found in contrasts if found[0] < 4.5]


def test_figures_take_the_colours_of_the_page(browser_page_factory: Any, report: Path) -> None:
    seen = {}
    for scheme in ("light", "dark"):
        page = open_report(browser_page_factory, report, scheme=scheme)
        label = "[...document.querySelectorAll('svg text')].find((text) => text.textContent === 'Sigmoid')"
        style = f"getComputedStyle({label}).fill"
        body = "getComputedStyle(document.body).color"
        assert page.evaluate(style) == page.evaluate(body)
        seen[scheme] = page.evaluate(style)
    assert seen["light"] != seen["dark"]


def test_every_image_has_a_name(browser_page_factory: Any, report: Path) -> None:
    page = open_report(browser_page_factory, report, width=1440)  # with the contents unfolded
    images = page.locator("svg, [role=img], img")
    assert images.count() > 4 * len(STUDIES)
    assert page.get_by_role("img", name=re.compile(r"\S")).count() == images.count()
    assert page.get_by_role("img", name=re.compile("Sigmoid or ReLU: test error by arm. .*ReLU 3")).count() == 1


def test_a_table_is_copied_as_tab_separated_values(browser_page_factory: Any, report: Path) -> None:
    page = open_report(browser_page_factory, report)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    button = page.get_by_role("button", name="Copy the table “The ledger of claims”")
    button.click()
    page.wait_for_function("document.querySelector('[data-copies=ledger]').textContent === 'Copied'")
    lines = page.evaluate("navigator.clipboard.readText()").strip("\n").split("\n")
    table = [line.split("\t") for line in lines]
    assert table[0][:3] == ["Id", "Claim", "Verdict"]
    assert len(table) == 1 + page.locator("#ledger tbody tr:not(.group)").count()
    assert {"Id, note", "Verdict, note", "Group"} < set(table[0])
    assert not [cell for row in table for cell in row if "✓" in cell]
    assert {len(row) for row in table} == {len(table[0])}
    running = next(row for row in table if "C14" in row[0])
    assert running[4] == ""  # a missing value stays empty
    assert page.problems == []


def test_copying_works_where_the_clipboard_is_not_allowed(browser_page_factory: Any, report: Path) -> None:
    page = open_report(browser_page_factory, report)
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('not allowed')); }")
    page.evaluate("document.addEventListener('copy', () => { window.copied = String(document.activeElement.value); })")
    page.get_by_role("button", name="Copy the table “The ledger of claims”").click()
    page.wait_for_function("window.copied && window.copied.startsWith('Id\\tClaim')")


def test_a_square_leads_to_its_claim_tested_or_not(browser_page_factory: Any, report: Path) -> None:
    page = open_report(browser_page_factory, report)
    for name, place in (
        ("C04: not tested", "#untested tr#claim-C04"),
        ("C26: supported", "article#claim-C26-normalization"),
    ):
        page.get_by_role("link", name=name).click()
        assert page.locator(place).evaluate("(found) => found.matches(':target')")


def test_the_contents_are_folded_on_a_phone_only(browser_page_factory: Any, report: Path) -> None:
    for width, unfolded in ((360, False), (1440, True)):
        page = open_report(browser_page_factory, report, width=width)
        assert page.locator("nav a", has_text="Sigmoid or ReLU").is_visible() == unfolded


def test_everything_important_is_printed_on_white(browser_page_factory: Any, report: Path) -> None:
    page = open_report(browser_page_factory, report, scheme="dark", width=690)
    assert page.pdf(format="A4", print_background=True).startswith(b"%PDF")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert page.evaluate("document.documentElement.scrollWidth") <= 690
    assert not page.locator("button").first.is_visible()
    assert not page.locator("nav").is_visible()
    assert page.locator("#claim-C26-normalization").is_visible()
    assert page.locator(".untested-claims > summary").is_visible()
