"""A report of sample studies, and how it is opened in a browser."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from cnnlab import figures
from cnnlab.report import render
from tests import report_samples

STUDIES = ("normalization", "activation", "residual", "head", "gradients", "amount", "matrix", "benchmark")


def write_report(folder: Path) -> Path:
    """The report of all `STUDIES` with their figures, below `folder`."""
    plan = report_samples.plan(folder, STUDIES)
    report_samples.write_cards(plan)
    frames = report_samples.zoo_frames(plan)
    for study in plan.studies:
        figures.draw_study(study, frames, plan.paths)
    figures.draw_networks(frames, plan.paths)
    render(plan, frames, plan.paths.figures, plan.paths.report)
    return plan.paths.report


def open_report(browser_page_factory: Any, report: Path, place: str = "", **how: Any) -> Any:
    """A page with the report, at a `place` such as ``#methods``; what the console says is in its `problems`."""
    page = browser_page_factory(**how)
    page.problems = []
    page.on("console", lambda message: page.problems.append(message.text))
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.goto(report.as_uri() + place)
    return page


def open_everything(page: Any) -> None:
    """Folded tables, sections that are folded on a phone, and rows of the ledger."""
    page.evaluate("""() => {
      document.querySelectorAll("details").forEach((part) => { part.open = true; });
      document.querySelectorAll("main button[aria-expanded=false]").forEach((button) => button.click());
    }""")


def until(page: Any, condition: str, seconds: float = 10) -> None:
    """Wait for a condition in JavaScript. The page's content security policy forbids `page.wait_for_function` to ask
    more than once."""
    deadline = time.monotonic() + seconds
    while not page.evaluate(condition):
        assert time.monotonic() < deadline, condition
        page.wait_for_timeout(20)
