"""The book tier, on few images for few epochs: its runs, and where the page puts the printed figures beside them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from project import Project

pytestmark = [pytest.mark.long, pytest.mark.slow, pytest.mark.workflow]

FOLDER = Path("/usr/share/datasets/fashion-mnist")
SHORT = """\
seeds: 5
device: cpu
override:
  data: {limit: 1000}
  train: {epochs: 4, batch_size: 16}
"""


@pytest.mark.skipif(not FOLDER.is_dir(), reason="needs Debian's package dataset-fashion-mnist")
def test_the_books_networks_are_run_and_its_figures_placed(tmp_path: Path) -> None:
    project = Project.copy(tmp_path, "--configfile", "workflow/config/book.yaml", "short.yaml")
    (tmp_path / "short.yaml").write_text(SHORT)
    project.snakemake()
    page = (tmp_path / "reports/book/summary.html").read_text()
    section = page.partition('<section id="published"')[2].partition("</section>")[0]
    said = re.search(r"Of (\d+) figures in print, (\d+) can be held against runs of the same recipe here", section)
    assert said
    assert int(said[1]) > 30
    # On so few images the plain LeNet learns nothing: its runs are told, and are no spread to be within.
    assert said[2] == "2"
    assert section.count("our 5 runs between") == 2
    assert "--config studies=book-large" in section
    # Test images were looked at along training, as the book does, and the last look is the final error.
    assert project.planned() == {}
    published = tmp_path / "workflow/published.yaml"
    published.write_text(published.read_text().replace("test_accuracy: 77.9", "test_accuracy: 78.9"))
    assert project.planned().keys() == {"render"}
