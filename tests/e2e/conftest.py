"""A browser for the pages that people read."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

BROWSERS = ("chromium", "google-chrome", "google-chrome-stable", "chromium-browser")
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
LOCAL = ("http://127.0.0.1", "http://localhost", "file:", "data:", "blob:", "about:")

# Opens an empty page: (width, height, colour scheme). What it would fetch from elsewhere is refused, and listed in
# `page.refused`.
PageFactory = Callable[..., Any]


def browser_path() -> str | None:
    named = os.environ.get("CHROMIUM")
    return named or next((found for name in BROWSERS if (found := shutil.which(name))), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    path = browser_path()
    if path is None:
        reason = f"no browser: install one of {', '.join(BROWSERS)}, or set CHROMIUM"
        if os.environ.get("CNNLAB_REQUIRE_BROWSER") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.e2e.sample_report import write_report

    return write_report(tmp_path_factory.mktemp("page"))


@pytest.fixture
def browser_page_factory(browser: Any) -> Iterator[PageFactory]:
    contexts = []

    def open_page(width: int = 1280, height: int = 900, scheme: Literal["light", "dark"] = "light") -> Any:
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        contexts.append(context)
        page = context.new_page()
        page.refused = []

        def decide(route: Any) -> None:
            if route.request.url.startswith(LOCAL):
                route.continue_()
            else:
                page.refused.append(route.request.url)
                route.abort()

        context.route("**/*", decide)
        return page

    yield open_page
    for context in contexts:
        context.close()
