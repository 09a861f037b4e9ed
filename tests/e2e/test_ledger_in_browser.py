"""The ledger in a browser: filtered, sorted, unfolded and linked to, by mouse and by keyboard."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.e2e.sample_report import open_everything, open_report, until

pytestmark = [pytest.mark.e2e]

ROWS = "#ledger tbody tr:not(.group)"
WIDTHS = (360, 768, 900, 1024, 1400, 1920)


def shown(page: Any) -> list[str]:
    """The names of the rows that are seen, from top to bottom."""
    names = "(rows) => rows.filter((row) => row.checkVisibility()).map((row) => row.cells[0].dataset.sort)"
    return list(page.eval_on_selector_all(ROWS, names))


def said(page: Any) -> str:
    return str(page.locator("#shown").text_content())


def facet(page: Any, name: str) -> list[str]:
    """What the rows that are seen have of a facet."""
    values = f"(rows) => rows.filter((row) => row.checkVisibility()).map((row) => row.dataset.{name} ?? '')"
    return list(page.eval_on_selector_all(ROWS, values))


def verdict(page: Any, word: str) -> Any:
    return page.locator(".legend label", has_text=word)


def choose(page: Any, name: str, value: str) -> None:
    page.locator(f"#filters [name={name}]").select_option(value)


def column(page: Any, place: int) -> list[float]:
    values = f"(rows) => rows.map((row) => row.cells[{place}]?.dataset.sort).filter((value) => value !== undefined)"
    return [float(value) for value in page.eval_on_selector_all(ROWS, values)]


@pytest.fixture
def page(browser_page_factory: Any, report: Path) -> Any:
    return open_report(browser_page_factory, report, width=1400)


@pytest.mark.parametrize(
    ("name", "value"),
    [("chapter", "7.5 Batch normalization"), ("kind", "exact"), ("network", "lenet")],
)
def test_rows_are_narrowed_by_what_is_chosen(page: Any, name: str, value: str) -> None:
    everything = shown(page)
    choose(page, name, value)
    assert 0 < len(shown(page)) < len(everything)
    assert all(value in found.split("|") for found in facet(page, name))
    assert said(page).startswith(f"{len(shown(page))} of {len(everything)} rows")
    headings = page.eval_on_selector_all(
        "#ledger tr.group", "(rows) => rows.filter((row) => row.checkVisibility()).map((row) => row.textContent)"
    )
    assert set(headings) == set(facet(page, "chapter"))


def test_several_verdicts_are_shown_together_and_another_filter_narrows_them(page: Any) -> None:
    verdict(page, "supported").click()
    verdict(page, "inconclusive").click()
    assert set(facet(page, "verdict")) == {"supported", "inconclusive"}
    choose(page, "network", "lenet")
    assert set(facet(page, "verdict")) <= {"supported", "inconclusive"}
    assert all("lenet" in found.split("|") for found in facet(page, "network"))


def test_words_are_found_in_any_order_and_in_the_claim_of_a_part(page: Any) -> None:
    page.locator("#filters [name=text]").fill("CONVERGENCE speeds")
    assert shown(page) == ["C26"]
    page.locator("#filters [name=text]").fill("generally does not change the final accuracy")
    assert "C28 lenet" in shown(page)
    part = page.locator(ROWS, has_text="C28 lenet").locator("td").first
    seen = part.evaluate("(cell) => getComputedStyle(cell, '::before').content")
    assert "generally does not change the final accuracy" in seen


def test_claims_that_were_not_tested_are_filtered_too_and_counted(page: Any) -> None:
    total = page.locator("#untested tbody tr:not(.group)").count()
    page.locator("#filters [name=text]").fill("dropout on the dense layers")
    assert said(page).endswith(f"1 of {total} claims not tested yet")
    page.locator(".untested-claims > summary").click()
    assert page.locator("#untested tbody tr:visible").count() == 2  # with the heading of its chapter


@pytest.mark.parametrize(("key", "place"), [("against its margin", 3), ("p", 7), ("core-seconds", 8)])
def test_rows_are_sorted_by_a_column_and_what_is_missing_comes_last(page: Any, key: str, place: int) -> None:
    before = shown(page)
    choose(page, "sort", key)
    values = column(page, place)
    assert len(values) > 3
    assert values == sorted(values)
    page.get_by_label("reversed").check()
    assert column(page, place) == sorted(values, reverse=True)
    last = page.locator(ROWS).last
    assert last.locator(f"td:nth-child({place + 1})[data-sort]").count() == 0
    assert not page.locator("#ledger tr.group:visible").count()
    page.locator("#filters input[type=reset]").click()
    until(page, "document.querySelector('#ledger tr.group').checkVisibility()")
    assert shown(page) == before


def test_the_head_of_a_column_sorts_by_it_and_says_so(page: Any) -> None:
    head = page.locator("#ledger th", has_text="Effect")
    button = head.get_by_role("button")
    button.focus()
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    assert column(page, 4) == sorted(column(page, 4))
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "descending"
    assert page.locator("#filters [name=sort]").input_value() == "effect"


def test_a_copied_address_shows_the_same_rows(browser_page_factory: Any, report: Path, page: Any) -> None:
    verdict(page, "supported").click()
    page.locator("#filters [name=text]").fill("batch normal")
    choose(page, "sort", "p")
    page.get_by_label("reversed").check()
    other = browser_page_factory(width=1400)
    other.goto(page.url)
    assert shown(other) == shown(page)
    assert said(other) == said(page)
    for name in ("text", "sort"):
        field = f"#filters [name={name}]"
        assert other.locator(field).input_value() == page.locator(field).input_value()
    assert verdict(other, "supported").locator("input").is_checked()
    assert other.locator("#filters").evaluate("(form) => form.getBoundingClientRect().top") < 100


def test_back_and_forward_lead_through_the_views(page: Any) -> None:
    everything = shown(page)
    verdict(page, "supported").click()
    supported = shown(page)
    page.locator("#filters [name=text]").press_sequentially("batch")
    found = shown(page)
    assert len(found) < len(supported) < len(everything)
    page.locator("nav a[href='#methods']").click()
    assert shown(page) == found  # a link leaves the view as it is
    for expected in (found, supported, everything):
        page.go_back()
        assert shown(page) == expected
    page.go_forward()
    assert shown(page) == supported
    page.reload()
    assert shown(page) == supported


def test_an_address_that_names_nothing_known_shows_all(browser_page_factory: Any, report: Path, page: Any) -> None:
    other = open_report(browser_page_factory, report, width=1400, place="#ledger?sort=nothing&chapter=9&more=%zz")
    assert shown(other) == shown(page)
    assert other.problems == []


def test_every_row_has_a_link_that_leads_to_it_and_marks_it(page: Any) -> None:
    assert page.locator(f"{ROWS} a.here").count() == page.locator(ROWS).count()
    link = page.get_by_role("link", name="Link to the row of C26", exact=True)
    link.focus()
    page.keyboard.press("Enter")
    row = page.locator(ROWS, has=link)
    assert page.url.endswith("#" + row.get_attribute("id"))
    assert row.evaluate("(row) => row.matches(':target')")
    unmarked = page.locator(ROWS).first.evaluate("(row) => getComputedStyle(row).backgroundColor")
    assert row.evaluate("(row) => getComputedStyle(row).backgroundColor") != unmarked


def test_a_link_to_a_row_lifts_the_filter_that_hides_it(page: Any) -> None:
    everything = shown(page)
    name = page.locator(ROWS).last.get_attribute("id")
    choose(page, "chapter", "7.1 AlexNet")
    narrowed = shown(page)
    page.evaluate("(name) => { location.hash = name; }", name)
    until(page, f"document.getElementById('{name}').checkVisibility()")
    assert shown(page) == everything
    box = page.locator(f"#{quote(name)}").bounding_box()
    assert 0 <= box["y"] < 900
    page.go_back()
    assert shown(page) == narrowed


def test_a_row_opens_and_shows_how_to_run_it_again(page: Any) -> None:
    row = page.locator(ROWS, has=page.get_by_role("link", name="Link to the row of C26", exact=True))
    command = row.get_by_text("studies=normalization")
    assert not command.is_visible()
    button = row.get_by_role("button")
    button.focus()
    page.keyboard.press("Enter")
    assert button.get_attribute("aria-expanded") == "true"
    assert command.is_visible()
    assert row.get_by_text("ledger-wide").is_visible()
    page.keyboard.press("Enter")
    assert not command.is_visible()
    row.locator("td").nth(1).click()
    assert command.is_visible()


def test_computed_claims_are_one_line_with_what_was_found(page: Any) -> None:
    row = page.locator(ROWS, has=page.get_by_role("link", name="Link to the row of C19", exact=True))
    assert row.locator("td").count() == 3
    assert row.locator("td").last.text_content().strip() == "Stage 1 divides by 4."
    assert row.get_by_role("button").count() == 0


def test_a_long_finding_is_cut_to_two_lines_until_it_is_asked_for(
    browser_page_factory: Any, report: Path, tmp_path: Path
) -> None:
    long = tmp_path / "long.html"
    text = report.read_text(encoding="utf-8").replace(">Stage 1 divides by 4.\n", f">{30 * 'Stage 1 divides. '}\n")
    long.write_text(text, encoding="utf-8")
    page = open_report(browser_page_factory, long, width=1400)
    row = page.locator(ROWS, has=page.get_by_role("link", name="Link to the row of C19", exact=True))
    height = row.bounding_box()["height"]
    row.get_by_role("button").click()
    assert row.bounding_box()["height"] > 2 * height


@pytest.mark.parametrize("width", [900, 1024, 1400, 1920])
def test_the_ledger_is_a_table_and_its_claims_have_two_fifths_of_it(
    browser_page_factory: Any, report: Path, width: int
) -> None:
    page = open_report(browser_page_factory, report, width=width)
    boxes = page.locator(ROWS, has_text="C26").first.evaluate(
        "(row) => [row, ...row.cells].map((each) => each.getBoundingClientRect()).map((box) => [box.top, box.width])"
    )
    (_, whole), _, (top, claim), *others = boxes
    assert claim >= 0.4 * whole
    assert len({round(place) for place, size in [(top, claim), *others] if size}) == 1  # one line of cells
    assert page.locator("#ledger thead th", has_text="Effect").evaluate("(head) => head.offsetWidth") > 40


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_of_the_ledger_is_cut_and_the_page_does_not_scroll_sideways(
    browser_page_factory: Any, report: Path, width: int
) -> None:
    page = open_report(browser_page_factory, report, width=width)
    open_everything(page)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    spilt = """(cells) => cells.filter((cell) => cell.checkVisibility() && cell.scrollWidth > cell.clientWidth + 1)
      .map((cell) => [cell.textContent, cell.scrollWidth, cell.clientWidth])"""
    assert page.eval_on_selector_all("#ledger tbody :is(th, td)", spilt) == []
    frame = "document.querySelector('#ledger').closest('.scroll')"
    assert page.evaluate(f"{frame}.scrollWidth - {frame}.clientWidth") == 0


def test_in_a_frame_without_an_address_the_ledger_is_filtered_too(browser_page_factory: Any, report: Path) -> None:
    page = browser_page_factory(width=1400)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.set_content('<iframe sandbox="allow-scripts" style="width: 1300px; height: 800px"></iframe>')
    page.locator("iframe").evaluate("(frame, text) => { frame.srcdoc = text; }", report.read_text(encoding="utf-8"))
    frame = page.frame_locator("iframe")
    frame.locator("#filters [name=kind]").select_option("exact")
    assert re.match(r"\d+ of \d+ rows", str(frame.locator("#shown").text_content()))
    assert errors == []


def test_without_scripts_everything_is_shown(browser: Any, report: Path) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 1400, "height": 900})
    page = context.new_page()
    page.goto(report.as_uri())
    row = page.locator(ROWS, has_text="Batch normalization speeds up convergence")
    assert row.get_by_text("studies=normalization").is_visible()
    assert not page.locator("#filters").is_visible()
    assert page.locator("section.study").first.is_visible()
    context.close()
