"""A new figure is one new file: named by a study, drawn with its title, captioned in the page."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cnnlab.core.errors import UserError
from cnnlab.planning.studies import figure_choice

ROOT = Path(__file__).resolve().parents[2]
FIGURE = """
from matplotlib.figure import Figure

FIGURE = {"title": "number of arms", "caption": "How many arms there are.", "order": 75, "tables": ["arms"]}


def draw(study, tables):
    assert set(tables) == {"arms"}
    figure = Figure()
    figure.text(0.5, 0.5, f"{len(tables['arms'])} arms")
    return figure, f"{len(tables['arms'])} arms."
"""
STUDY = """
study: mine
title: My study
question: Why?
base: {model: {architecture: lenet}, data: {name: mnist5k}, train: {epochs: 1}}
arms: {a: {}, b: {model: {activation: relu}}}
seeds: 5
figures: [arm_count]
"""
STEPS = """
import sys
import pandas as pd
from cnnlab import figures, report
from cnnlab.planning.config import from_mapping
from cnnlab.planning.plan import make_plan

given = {"tier": "quick", "device": "cpu", "study_paths": ["studies"], "results": "results", "reports": "reports"}
plan = make_plan(from_mapping(given))
tables = {"arms": pd.DataFrame({"study": ["mine", "mine"]}), "runs": pd.DataFrame()}
for name, drawing in figures.draw(plan.studies[0], tables).items():
    figures.save(drawing, plan.paths.figures / "mine" / name, name)
report.render(plan, {}, plan.paths.figures, plan.paths.report)
print(plan.paths.report)
"""


def test_a_new_figure_is_one_new_file(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "cnnlab", tmp_path / "cnnlab", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("workflow", "requirements.lock"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "studies").mkdir()
    written = {"cnnlab/figures/arm_count.py": FIGURE, "studies/mine.yaml": STUDY, "steps.py": STEPS}
    for name, text in written.items():
        (tmp_path / name).write_text(text)
    command = [sys.executable, str(tmp_path / "steps.py")]
    done = subprocess.run(command, cwd=tmp_path, env={"PATH": ""}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / done.stdout.strip()).read_text(encoding="utf-8")
    assert 'aria-label="My study: number of arms. 2 arms."' in page
    assert "How many arms there are." in page


WRONG = {
    "title": ('"title": "number of arms", ', "", "title: missing"),
    "unknown key": ('"title"', '"titel"', "titel: unknown key; did you mean 'title'"),
    "no number": ("75", '"last"', "order: "),
    "for nobody": ('"order"', '"default_for": "everybody", "order"', "default_for: "),
    "no literal": ("75", "len('x')", "not a literal"),
}


@pytest.mark.parametrize(("right", "wrong", "said"), WRONG.values(), ids=WRONG)
def test_a_wrong_declaration_is_one_line(
    right: str, wrong: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "arm_count.py").write_text(FIGURE.replace(right, wrong))
    monkeypatch.setattr(figure_choice, "FOLDER", tmp_path)
    with pytest.raises(UserError) as caught:
        figure_choice.kinds()
    line = str(caught.value)
    assert "\n" not in line
    assert "arm_count.py" in line
    assert "FIGURE" in line
    assert said in line
