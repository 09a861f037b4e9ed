"""One of each kind that CONTRIBUTING's table names, added to a copy of the project as it says; all in the report."""

from __future__ import annotations

import sys

import pandas as pd
import pytest
from project import Project

pytestmark = [pytest.mark.long, pytest.mark.slow, pytest.mark.workflow]

NEW_FILES = {
    "cnnlab/data/sources/stripes.py": '''\
"""Stripes that lie or stand, in noise."""

import numpy as np

from cnnlab.data.sources import Stored

SOURCE = {
    "title": "Stripes in noise",
    "channels": 1,
    "image_size": 16,
    "classes": ["lying", "standing"],
    "images": 240,
    "validation": 40,
    "test": 80,
    "origin": "drawn at random",
}


def read(_spec):
    random = np.random.default_rng(0)
    labels = np.arange(240) % 2
    images = random.integers(0, 120, (240, 1, 16, 16))
    images[labels == 0, :, ::4] += 100
    images[labels == 1, :, :, ::4] += 100
    return Stored(images.astype(np.uint8), labels, place="memory", remedy="run again")
''',
    "cnnlab/training/diagnostics/weights.py": '''\
"""How large the trained weights are."""

from cnnlab.training import diagnostics
from cnnlab.training.diagnostics import Findings, Point

DIAGNOSTIC = {
    "metrics": {"largest_weight": {"title": "largest weight of all", "unit": "units of weight"}},
    "profiles": {"weight_size": {"title": "largest weight of a layer", "axis": "layer, from the input"}},
    "cost_share": 0.01,
}


class Diagnostic(diagnostics.Diagnostic):
    def finish(self):
        sizes = [float(weights.abs().max()) for weights in self.run.model.parameters() if weights.dim() > 1]
        profile = [Point("weight_size", depth, size) for depth, size in enumerate(sizes, 1)]
        return Findings({"largest_weight": max(sizes)}, profile=profile)
''',
    "cnnlab/figures/arm_count.py": '''\
"""How many arms a study has."""

from matplotlib.figure import Figure

FIGURE = {
    "title": "number of arms",
    "caption": "So many arms there are in all.",
    "order": 75,
    "tables": ["arms"],
}


def draw(study, tables):
    figure = Figure((3, 1))
    count = int((tables["arms"]["study"] == study.name).sum())
    figure.text(0.5, 0.5, str(count))
    return figure, f"There are {count} arms."
''',
    "cnnlab/analysis/exact/strides.py": '''\
"""A claim about strides: C98."""

from cnnlab.analysis.exact.evidence import Evidence, claim


@claim("C98")
def a_stride_is_positive(zoo):
    trace = zoo.trace("lenet")
    smallest = min(trace.module(layer).stride[0] for layer in trace.of("Conv2d"))
    return [Evidence("lenet", "smallest stride", "pixels", smallest, ">", 0, "none")], f"The smallest is {smallest}."
''',
    "studies/fresh.yaml": """\
study: fresh
title: The signs of gradients, or gradients
question: Are weights larger if each update has the same size?
base:
  model: {architecture: mlp}
  data: {name: stripes}
  train: {epochs: 1, tune: {rates: [0.003, 0.01], extensions: 0}}
arms:
  sgd: {}
  sign: {train: {optimizer: sign}}
seeds: 2
figures: [profiles, arm_count]
claims:
  - id: mine
    statement: Updates of one size give larger weights.
    architecture: mlp
    requires:
      - {metric: largest_weight, contrast: {sign: 1, sgd: -1}, direction: greater, margin: 0.01}
""",
}
# File: what is put before what.
ADDITIONS = {
    "cnnlab/planning/specs.py": [
        ('    "adamw": OptimizerDefaults(', '    "sign": OptimizerDefaults("sign descent", {}, (1e-4, 1e-3)),\n'),
        ('"adamw"] = Field("sgd"', '"sign", '),
    ],
    "cnnlab/training/optimizers.py": [
        ('OPTIMIZERS: dict[str', '''class Sign(Optimizer):
    def _update(self) -> None:
        for parameter, gradient in zip(self.parameters, self.gradients, strict=True):
            parameter -= self.learning_rate * gradient.sign()

    def _change(self, place: int) -> Tensor:
        return self.learning_rate * self.gradients[place].sign()


'''),
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
    for name, text in NEW_FILES.items():
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
