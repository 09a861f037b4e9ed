"""The documentation as a reader without a network sees it: from the disk, in a browser."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.workflow import pages

pytestmark = [pytest.mark.slow, pytest.mark.e2e]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(folder)]
    subprocess.run(command, cwd=pages.ROOT, check=True)
    return folder


@pytest.mark.parametrize("width", [390, 1280])
def test_every_page_opens_without_a_network(site: Path, browser_page_factory: Any, width: int) -> None:
    view = browser_page_factory(width=width)
    complaints: list[str] = []
    view.on("console", lambda message: complaints.append(message.text))
    view.on("pageerror", lambda error: complaints.append(str(error)))
    for page in pages.pages():
        view.goto((site / f"{page.stem}.html").as_uri())
        assert view.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.stem
        assert view.locator("h1").first.is_visible()
    assert complaints == []
    assert view.refused == []
