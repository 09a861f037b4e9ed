"""A person's own images: a folder per class, any size and mode, to a verdict."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from project import Project

pytestmark = [pytest.mark.long, pytest.mark.slow, pytest.mark.workflow]

STUDY = """\
study: colours
title: ReLU or sigmoid on coloured stripes
question: Does ReLU have a lower test error?
base:
  model: {architecture: lenet, normalization: batch}
  data: {name: folder, title: Noisy stripes, root: stripes, image_size: 16, channels: 3}
  train: {epochs: 2, batch_size: 16, learning_rate: 0.05}
arms:
  sigmoid: {model: {activation: sigmoid}}
  relu: {model: {activation: relu}}
seeds: 6
claims:
  - id: relu-wins
    architecture: lenet
    requires: [{metric: test_error, contrast: {sigmoid: 1, relu: -1}, direction: greater, margin: 1}]
"""


def draw(folder: Path, per_class: int = 40) -> None:
    """Noisy stripes: red ones across, green ones down, blue ones none; sizes and modes as they come."""
    generator = np.random.default_rng(0)
    for channel, name in enumerate(("red across", "green down", "blue plain")):
        (folder / name).mkdir(parents=True)
        for index in range(per_class):
            height, width = generator.integers(14, 40, 2)
            pixels = generator.integers(0, 90, (height, width, 3), dtype=np.uint8)
            stripes = (slice(None, None, 4),) if channel == 0 else (slice(None), slice(None, None, 4))
            if channel < 2:
                pixels[stripes] = 255
            pixels[..., channel] = np.maximum(pixels[..., channel], 120)
            image = Image.fromarray(pixels)
            if index % 4 == 1:
                image = image.convert("RGBA")
            suffix = "jpg" if index % 4 == 2 else "png"
            image.save(folder / name / f"{index}.{suffix}")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project.tiny(tmp_path_factory.mktemp("own"))
    for study in (project.path / "studies").iterdir():
        study.unlink()
    (project.path / "studies/colours.yaml").write_text(STUDY)
    draw(project.path / "stripes")
    return project


def test_a_folder_of_images_goes_through_a_study_to_a_verdict(project: Project) -> None:
    project.snakemake()
    claims = pd.read_csv(project.path / "results/tiny/tables/claims.csv").set_index("id")
    claim = claims.loc["relu-wins"]
    assert claim["verdict"] in {"supported", "contradicted", "equivalent", "inconclusive"}
    assert claim["n"] == 6
    assert claim["low"] < claim["effect"] < claim["high"]
    runs = pd.read_csv(project.path / "results/tiny/tables/runs.csv")
    assert set(runs["learning_rate_source"]) == {"fixed"}
    assert (runs["test_error"] < 2 / 3).any(), "nothing was learned from three plainly different classes"
    page = (project.path / "reports/tiny/summary.html").read_text()
    assert "relu-wins" in page
    assert "Noisy stripes: no group was given" in page


def test_the_report_shows_the_images_and_the_worst_mistakes(project: Project) -> None:
    images = pd.read_csv(project.path / "results/tiny/tables/images.csv")
    assert images["arm_id"].isna().sum() == 6, "two of each class"
    wrong = images.dropna(subset=["arm_id"])
    assert (wrong["name"] != wrong["answer_name"]).all()
    assert wrong["wrong"].between(1, 6).all()
    assert wrong.groupby("arm_id")["wrong"].is_monotonic_decreasing.all()
    page = (project.path / "reports/tiny/summary.html").read_text()
    assert "Images of blue plain, green down, red across." in page


def test_a_new_image_is_noticed_and_a_broken_one_is_one_line(project: Project) -> None:
    assert project.planned() == {}
    broken = project.path / "stripes/red across/broken.png"
    broken.write_bytes(b"not an image")
    try:
        assert project.planned()["prepare"] == 1
        output = project.snakemake(status=1)
        line = next(line for line in output.splitlines() if line.startswith("error:"))
        assert "stripes/red across/broken.png" in line
        assert "Traceback" not in output
    finally:
        broken.unlink()


def test_a_folder_that_is_not_there_is_one_line(project: Project) -> None:
    output = project.snakemake("--dry-run", "--config", 'override={"data": {"root": "strips"}}', status=1)
    line = next(line for line in output.splitlines() if line.startswith("error:"))
    assert "strips" in line
    assert "Traceback" not in output
