"""Moving through the report in a browser: contents, folding on a phone, themes, edges of tables."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.sample_report import open_everything, open_report, until

pytestmark = [pytest.mark.e2e]

PAPER = "getComputedStyle(document.body).backgroundColor"
WHITE = "rgb(255, 255, 255)"


def top_of(page: Any, selector: str) -> float:
    return float(page.locator(selector).evaluate("(element) => element.getBoundingClientRect().top"))


def test_a_link_jumps_at_once(browser_page_factory: Any, report: Path) -> None:
    page = open_report(browser_page_factory, report, width=1400)
    page.evaluate("document.querySelector(\"nav a[href='#networks']\").click()")
    assert abs(top_of(page, "#networks")) < 60  # with no time for a motion between
    assert page.evaluate("getComputedStyle(document.documentElement).scrollBehavior") == "auto"


def test_the_contents_mark_the_section_that_is_read(browser_page_factory: Any, report: Path) -> None:
    page = open_report(browser_page_factory, report, width=1400)
    marked = "document.querySelector('nav [aria-current]')?.hash"
    for section in ("#study-residual", "#methods", "#verdicts"):
        page.evaluate("(name) => document.querySelector(name).scrollIntoView()", section)
        until(page, f"{marked} === '{section}'")
    assert page.locator("nav [aria-current]").count() == 1


def test_a_link_leads_back_to_the_top(browser_page_factory: Any, report: Path) -> None:
    page = open_report(browser_page_factory, report, width=1400)
    link = page.get_by_role("link", name="To the top")
    link.wait_for(state="hidden")
    page.evaluate("document.querySelector('#methods').scrollIntoView()")
    link.click()
    until(page, "scrollY === 0")
    link.wait_for(state="hidden")


def test_contents_on_a_small_screen_look_like_something_that_opens(browser_page_factory: Any, report: Path) -> None:
    page = open_report(browser_page_factory, report, width=768)
    summary = page.locator("nav summary")
    assert summary.evaluate("(each) => getComputedStyle(each).display") == "list-item"
    summary.click()
    assert page.locator("nav a", has_text="Sigmoid or ReLU").is_visible()


def test_sections_are_folded_on_a_phone_and_open_when_asked_for(browser_page_factory: Any, report: Path) -> None:
    page = open_report(browser_page_factory, report, width=360)
    words = page.locator("#study-residual .answer").first
    assert not words.is_visible()
    button = page.locator("#study-residual h2").get_by_role("button")
    assert button.get_attribute("aria-expanded") == "false"
    button.focus()
    page.keyboard.press("Enter")
    assert words.is_visible()
    assert button.get_attribute("aria-expanded") == "true"
    page.keyboard.press("Enter")
    assert not words.is_visible()
    page.set_viewport_size({"width": 1400, "height": 900})
    words.wait_for(state="visible")
    assert page.locator("h2 button").count() == 0


@pytest.mark.parametrize("followed", [True, False])
def test_a_link_opens_the_section_that_it_leads_into(browser_page_factory: Any, report: Path, followed: bool) -> None:
    if followed:
        page = open_report(browser_page_factory, report, width=360)
        page.locator("#ledger a[href='#claim-C39-residual']").click()
    else:
        page = open_report(browser_page_factory, report, width=360, place="#claim-C39-residual")
    page.locator("#claim-C39-residual").wait_for(state="visible")
    assert abs(top_of(page, "#claim-C39-residual")) < 60


def test_what_did_not_hold_is_short_on_a_phone(browser_page_factory: Any, report: Path, tmp_path: Path) -> None:
    text = report.read_text(encoding="utf-8")
    start = text.index("<li>", text.index('id="refuted"'))
    entry = text[start : text.index("</li>", start) + 5]
    long = tmp_path / "long.html"
    long.write_text(text.replace(entry, 9 * entry), encoding="utf-8")
    page = open_report(browser_page_factory, long, width=360, height=740)
    assert page.locator("#refuted li:visible").count() == 3
    page.get_by_role("button", name="All 9").click()
    assert page.locator("#refuted li:visible").count() == 9
    page = open_report(browser_page_factory, long, width=1400)
    assert page.locator("#refuted li:visible").count() == 9


def test_a_theme_is_chosen_kept_and_followed_by_the_figures(browser_page_factory: Any, report: Path) -> None:
    page = open_report(browser_page_factory, report, width=1400, scheme="light")
    label = "[...document.querySelectorAll('svg text')].find((text) => text.textContent === 'Sigmoid')"
    ink = f"getComputedStyle({label}).fill"
    bright, dark_ink = page.evaluate(PAPER), page.evaluate(ink)
    assert bright == WHITE
    page.get_by_label("Theme").select_option("dark")
    assert page.evaluate(PAPER) != bright
    assert page.evaluate(ink) != dark_ink
    assert page.evaluate(ink) == page.evaluate("getComputedStyle(document.body).color")
    page.reload()
    assert page.evaluate(PAPER) != bright
    page.emulate_media(media="print")
    assert page.evaluate(PAPER) == WHITE
    page.emulate_media(media="screen", color_scheme="dark")
    page.get_by_label("Theme").select_option("light")
    assert page.evaluate(PAPER) == WHITE
    page.get_by_label("Theme").select_option("system")
    assert page.evaluate(PAPER) != WHITE
    assert page.problems == []


def test_a_theme_works_where_nothing_can_be_kept(browser_page_factory: Any, report: Path) -> None:
    page = browser_page_factory(width=1400)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    refuse = "{ get() { throw new DOMException('denied', 'SecurityError'); } }"
    page.add_init_script(f"Object.defineProperty(window, 'localStorage', {refuse})")
    page.goto(report.as_uri())
    page.get_by_label("Theme").select_option("dark")
    assert page.evaluate(PAPER) != WHITE
    assert errors == []


def test_a_table_that_is_cut_has_a_shadow_where_it_goes_on(browser_page_factory: Any, report: Path) -> None:
    page = open_report(browser_page_factory, report, width=360, place="#methods")
    table = page.locator(".scroll:has(#settings)")
    until(page, "document.querySelector('.scroll:has(#settings)').classList.contains('cut-right')")
    edge = "(box, side) => getComputedStyle(box, side).content"
    assert table.evaluate(edge, "::after") != "none"
    assert table.evaluate(edge, "::before") == "none"
    table.evaluate("(box) => { box.scrollLeft = box.scrollWidth; }")
    until(page, "!document.querySelector('.scroll:has(#settings)').classList.contains('cut-right')")
    assert table.evaluate(edge, "::before") != "none"


@pytest.mark.parametrize("width", [360, 768, 1024, 1400, 1920])
def test_no_table_is_cut_without_a_sign(browser_page_factory: Any, report: Path, width: int) -> None:
    page = open_report(browser_page_factory, report, width=width)
    open_everything(page)
    unmarked = """() => [...document.querySelectorAll(".scroll")]
      .filter((box) => box.scrollWidth > box.clientWidth + 1 && !box.classList.contains("cut-right"))
      .map((box) => box.querySelector("table").id)"""
    until(page, f"({unmarked})().length === 0")
    assert page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("width", [390, 1400])
@pytest.mark.parametrize("role", ["button", "link", "combobox", "checkbox", "searchbox", "columnheader", "region"])
def test_everything_that_one_works_with_has_a_name(
    browser_page_factory: Any, report: Path, role: Any, width: int
) -> None:
    page = open_report(browser_page_factory, report, width=width)
    open_everything(page)
    every = page.get_by_role(role)
    assert every.count() > 0
    assert page.get_by_role(role, name=re.compile(r"\S")).count() == every.count()
