"""The picture in the README: the top of reports/summary.html as Chromium shows it.   make picture"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]
BROWSERS = ("chromium", "google-chrome", "google-chrome-stable", "chromium-browser")


def main() -> None:
    report = ROOT / "reports/summary.html"
    browser = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if browser is None or not report.exists():
        sys.exit("error: docs/picture.py: wants Chromium on the path and a report; run `make report` first")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox", "--disable-gpu"])
        page = chromium.new_page(viewport={"width": 1440, "height": 1100}, color_scheme="light")
        page.goto(report.as_uri())
        page.screenshot(path=ROOT / "docs/report.png")
        chromium.close()


if __name__ == "__main__":
    main()
