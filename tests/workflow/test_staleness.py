"""What an edit runs again, no more and no less: a finished project, one edit after another, and the real Snakemake."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from project import DryRuns, Project

pytestmark = [pytest.mark.slow, pytest.mark.workflow]

STATEMENT, COMMENT = "\nUNUSED = 1\n", "\n# A comment.\n"
# Everything after training.
MIRROR = {"track", "mirrored", "attach"}
AFTER = {"collect", "compare", "figures", "ledger", "render"} | MIRROR
ARMS = AFTER | {"train"}
DRAWN = {"figures", "attach", "render"}
JUDGED = DRAWN | {"compare", "ledger"}
NETWORKS = {"exact", "networks", "ledger", "attach", "render"}

# File, what is replaced by what (appended where nothing is replaced), and the rules that run.
EDITS: dict[str, tuple[str, str, str, set[str]]] = {
    "style": ("cnnlab/report/styles/base.css", "", "/* A comment. */", {"render"}),
    "script": ("cnnlab/report/scripts/take.js", "", "// A comment.\n", {"render"}),
    "reference": ("workflow/references.yaml", "", COMMENT, {"render"}),
    "caption of a figure": ("workflow/report/figure.rst", "", "More.\n", set()),
    "template": ("cnnlab/report/templates/study.html.j2", "", "{# A comment. #}", {"render"}),
    "figure": ("cnnlab/figures/errors.py", "", STATEMENT, DRAWN),
    "figure of no study": ("cnnlab/figures/sweep.py", "", STATEMENT, {"render"}),
    "words of figures and page": ("cnnlab/wording/numbers.py", "", STATEMENT, DRAWN | {"networks"}),
    "words of the page": ("cnnlab/wording/answers.py", "", STATEMENT, {"render"}),
    "verdict rule": ("cnnlab/analysis/decisions.py", "", STATEMENT, JUDGED),
    "table of runs": ("cnnlab/analysis/tables/runs.py", "", STATEMENT, DRAWN | {"collect"}),
    "table as shown": ("cnnlab/report/tables/arms.py", "", STATEMENT, {"render"}),
    "tracking": ("cnnlab/tracking/mirror.py", "", STATEMENT, MIRROR | {"render"}),
    "exact claim": ("cnnlab/analysis/exact/algebra.py", "", STATEMENT, NETWORKS),
    "an architecture": ("cnnlab/models/lenet.py", "", STATEMENT, ARMS | {"exact", "networks"}),
    "an architecture of no arm": ("cnnlab/models/vgg.py", "", STATEMENT, NETWORKS),
    "loop": ("cnnlab/training/loop.py", "", STATEMENT, ARMS),
    "diagnostic of no arm": ("cnnlab/training/diagnostics/shifts.py", "", STATEMENT, set()),
    "data source": ("cnnlab/data/prepare.py", "", STATEMENT, AFTER | {"prepare", "train"}),
    "measurement of no study": ("cnnlab/training/speed.py", "", STATEMENT, set()),
    "command line": ("cnnlab/cli/show.py", "", STATEMENT, set()),
    "question": ("studies/convolution.yaml", "Which has", "Which of them has", {"render"}),
    "question as a claim": ("studies/dense.yaml", "Which has", "Which of them has", JUDGED),
    "comment in a study": ("studies/dense.yaml", "", COMMENT, {"render"}),
    "title": ("studies/dense.yaml", "Sigmoid or ReLU", "ReLU or sigmoid", DRAWN),
    "label": ("studies/dense.yaml", "", "labels: {relu: Rectified}\n", {"collect", "figures", "render"} | MIRROR),
    "margin": ("studies/dense.yaml", "margin: 1", "margin: 2", JUDGED),
    "seeds": ("studies/dense.yaml", "seeds: 2", "seeds: 3", AFTER | {"train"}),
    "rates": ("studies/dense.yaml", "rates: [0.03", "rates: [0.01", ARMS),
    "lock": ("requirements.lock", "", COMMENT, (AFTER - {"track", "mirrored"}) | {"exact", "networks"}),
}  # fmt: skip


@pytest.fixture(scope="module")
def dry_runs(finished: Callable[[Path], Project], tmp_path_factory: pytest.TempPathFactory) -> Iterator[DryRuns]:
    runs = DryRuns(finished(tmp_path_factory.mktemp("finished")))
    assert runs.planned() == {}
    yield runs
    runs.close()


@pytest.mark.parametrize("kind", EDITS)
def test_an_edit_runs_what_depends_on_it_and_nothing_else(dry_runs: DryRuns, kind: str) -> None:
    name, old, new, rules = EDITS[kind]
    text = (dry_runs.project.path / name).read_text()
    assert old in text
    with written(dry_runs.project.path / name, text.replace(old, new) if old else text + new):
        planned = dry_runs.planned()
    assert set(planned) == rules
    # There are two studies, and one edit of a study or of a network concerns its own.
    one = name.startswith(("studies/", "cnnlab/models/"))
    assert all(planned[rule] == (1 if one else 2) for rule in {"train", "compare", "figures"} & set(planned))


def test_a_lock_is_rendered_and_trains_nothing(dry_runs: DryRuns) -> None:
    dry_runs.project.cnnlab("lock", "dense")
    assert dry_runs.planned() == {"render": 1}
    (dry_runs.project.path / "studies/locks/dense.yaml").unlink()
    assert dry_runs.planned() == {}


def test_comments_and_the_time_of_files_run_nothing(dry_runs: DryRuns) -> None:
    """A comment at the end of every Python file at once, a touch of everything, and all put back."""
    path = dry_runs.project.path
    files = sorted((path / "cnnlab").rglob("*.py"))
    texts = {file: file.read_text() for file in files}
    for file, text in texts.items():
        file.write_text(text + COMMENT)
    assert dry_runs.planned() == {}
    time.sleep(1.1)
    for file, text in texts.items():
        file.write_text(text)
    for folder in ("cnnlab", "workflow", "studies", "benchmarks"):
        for file in (path / folder).rglob("*.*"):
            os.utime(file)
    for name in ("Snakefile", "requirements.lock", "environment.yml", "tiny.yaml"):
        os.utime(path / name)
    assert dry_runs.planned() == {}


@contextmanager
def written(path: Path, text: str) -> Iterator[None]:
    """The file with another text, for as long as the block runs."""
    before = path.read_text()
    path.write_text(text)
    try:
        yield
    finally:
        path.write_text(before)
