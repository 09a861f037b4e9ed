"""One of each kind that docs/adding.md shows, added to a copy of the project as it says; all in the report."""

from __future__ import annotations

import sys

import pandas as pd
import pytest
from pages import ROOT, blocks
from project import Project

pytestmark = [pytest.mark.long, pytest.mark.slow, pytest.mark.workflow]

# What docs/adding.md shows, by the file that it is; the optimizer stands in one that is there.
SHOWN = {block.file: block.text for block in blocks(ROOT / "docs/adding.md") if block.file}
OPTIMIZERS = "cnnlab/training/optimizers.py"
STUDY = "workflow/studies/fresh.yaml"
# File: what is put before what.
ADDITIONS = {
    "cnnlab/planning/specs.py": [
        ('    "adamw": OptimizerDefaults(', '    "sign": OptimizerDefaults("sign descent", {}, (1e-4, 1e-3)),\n'),
        ('"adamw"] = Field("sgd"', '"sign", '),
    ],
    OPTIMIZERS: [
        ("OPTIMIZERS: dict[str", SHOWN[OPTIMIZERS] + "\n\n"),
        ('"adamw": AdamW}', '"sign": Sign, '),
    ],
    "workflow/claims.yaml": [
        ("- ", "- {id: C98, chapter: none, statement: Strides are positive., parts: {main: exact}}\n"),
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project.tiny(tmp_path_factory.mktemp("extended"))
    for name in ("convolution", "dense"):
        (project.path / f"studies/{name}.yaml").unlink()
    for name, text in SHOWN.items():
        if name == STUDY:
            (project.path / "studies/fresh.yaml").write_text(text.replace("seeds: 6", "seeds: 2"))
        elif name != OPTIMIZERS:
            (project.path / name).write_text(text)
    for name, additions in ADDITIONS.items():
        text = (project.path / name).read_text()
        for before, addition in additions:
            assert before in text, (name, before)
            text = text.replace(before, addition + before, 1)
        (project.path / name).write_text(text)
    project.snakemake()
    return project


def test_one_of_each_kind_is_in_the_report(extended: Project) -> None:
    page = (extended.path / "reports/tiny/summary.html").read_text()
    said = {
        "network": "Toy network",
        "data source": "Stripes in noise",
        "metric": "largest weight of all",
        "figure": "There are 2 arms.",
        "caption": "So many arms there are in all.",
        "exact claim": "The smallest is 1.",
        "optimizer": "sign descent",
        "claim of the study": "Updates of one size give larger weights.",
    }
    assert [kind for kind, text in said.items() if text not in page] == []


def test_their_numbers_are_in_the_tables(extended: Project) -> None:
    tables = extended.path / "results/tiny/tables"
    runs = pd.read_csv(tables / "runs.csv")
    claims = pd.read_csv(tables / "claims.csv").set_index("id")
    assert (runs["largest_weight"] > 0).all()
    assert claims.loc["C98", "verdict"] == "holds"
    assert claims.loc["mine", "metric"] == "largest_weight"
    assert set(pd.read_csv(tables / "profiles.csv")["quantity"]) == {"weight_size"}


def test_lists_and_the_schema_for_editors_know_them(extended: Project) -> None:
    assert "largest weight of all" in extended.cnnlab("list", "--metrics")
    schema = extended.path / "workflow/schemas/study.schema.json"
    before = schema.read_text()
    extended.run(sys.executable, "-m", "cnnlab", "schema")
    assert '"sign"' not in before
    assert '"sign"' in schema.read_text()
