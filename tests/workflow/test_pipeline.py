"""The whole pipeline with the real Snakemake: what runs, what runs again, and what survives a kill."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from project import Project

pytestmark = [pytest.mark.slow, pytest.mark.workflow]


@pytest.fixture(scope="module")
def tiny(finished: Callable[[Path], Project], tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A finished tiny project. Tests that change it put it back."""
    return finished(tmp_path_factory.mktemp("tiny"))


# What differs from call to call, and what is Snakemake's own.
CHANGING = {
    r"\d+ of 8 runs, \d of 4 arms done, about \d+ (s|min) left": "N of 8 runs, N of 4 arms done, about N s left",
    r"(lenet|mlp)-small-[0-9a-f]{10} seed \d: test error \d+\.\d %": "ARM seed N: test error N %",
    r"-?\d+\.\d+": "N",
}


def test_the_terminal_shows_progress_and_verdicts_as_they_fall(tiny: Project) -> None:
    text = (tiny.path / "terminal.txt").read_text()
    lines = [line for line in text.splitlines() if re.match(r"cnnlab: |C06|mine|computed", line)]
    for pattern, instead in CHANGING.items():
        lines = [re.sub(pattern, instead, line) for line in lines]
    assert lines[0] == "cnnlab: tiny tier, 2 studies, 0 of 8 runs, 0 of 4 arms done"
    progress = [line for line in lines if "arms done, about" in line]
    assert progress
    assert set(progress) == {"cnnlab: N of 8 runs, N of 4 arms done, about N s left   ARM seed N: test error N %"}
    verdicts = [line for line in lines[1:] if line not in progress]
    assert sorted(verdicts[:2]) == [
        "cnnlab: C06  inconclusive  N (N to N) log₂ ratio, n = 2",
        "cnnlab: mine  inconclusive  N (N to N) log₂ ratio, n = 2",
    ]
    assert verdicts[2:] == [
        "C06   inconclusive  N (N to N) log₂ ratio, n = 2",
        "mine  inconclusive  N (N to N) log₂ ratio, n = 2",
        "computed, not trained: 26 hold, 2 fail (C12 memory, C18 stages)",
        "cnnlab: done. Open reports/tiny/summary.html, or run `cnnlab ui`.",
    ]
    # A verdict falls before the last study is trained, or drawn.
    assert text.index("cnnlab: ", text.index(" inconclusive ") - 20) < text.index("Rule: render")


class TestFinished:
    def test_nothing_is_left_to_be_done(self, tiny: Project) -> None:
        assert tiny.planned() == {}

    def test_a_selection_trains_less_and_loses_nothing(self, tiny: Project) -> None:
        """Tables, figures and report are of all that is finished."""
        assert tiny.planned("--config", "studies=dense") == {}
        assert tiny.planned("--config", "studies=C06") == {}
        before = tiny.tables()
        tiny.study("third", architecture="mlp", claim="third")  # the arms of another: nothing is to be trained
        assert tiny.planned("--config", "studies=dense").keys() == tiny.planned("--config", "studies=third").keys()
        tiny.snakemake("--config", "studies=third")
        claims = pd.read_csv(tiny.path / "results/tiny/tables/claims.csv")
        assert {"C06", "mine", "third"} < set(claims["id"])
        page = (tiny.path / "reports/tiny/summary.html").read_text()
        assert all(f'id="study-{name}"' in page for name in ("convolution", "dense", "third"))
        (tiny.path / "studies/third.yaml").unlink()
        tiny.snakemake("--config", "studies=dense")
        assert tiny.tables() == before
        assert tiny.planned() == {}

    def test_a_study_that_has_changed_keeps_its_verdict_with_a_mark_until_it_is_run_again(self, tiny: Project) -> None:
        before, runs = tiny.tables(), tiny.runs()
        tiny.study("dense", seeds=3, architecture="mlp", claim="mine")
        tiny.snakemake("--config", "studies=convolution")
        claims = pd.read_csv(tiny.path / "results/tiny/tables/claims.csv").set_index("id")
        assert claims.loc["mine", ["n", "outdated"]].tolist() == [2, True]
        assert not claims.loc["C06", "outdated"]
        assert "older than its study file" in (tiny.path / "reports/tiny/summary.html").read_text()
        tiny.study("dense", architecture="mlp", claim="mine")
        tiny.snakemake("--config", "studies=convolution")
        assert (tiny.tables(), tiny.runs()) == (before, runs)

    def test_a_new_seed_in_one_study_trains_the_new_runs_and_is_flagged(self, tiny: Project) -> None:
        before = tiny.runs()
        tiny.study("dense", seeds=3, architecture="mlp", claim="mine")
        assert tiny.planned()["train"] == 1  # one batch
        output = tiny.snakemake()
        after = tiny.runs()
        assert len(after) == len(before) + 2
        assert before.items() <= after.items()
        claims = pd.read_csv(tiny.path / "results/tiny/tables/claims.csv").set_index("id")
        assert claims.loc["mine", "seeds_added"]
        assert not claims.loc["C06", "seeds_added"]
        # Where nobody watches, verdicts are told, and of runs only their logs.
        told = [line.split()[1] for line in output.splitlines() if line.startswith("cnnlab: ")]
        assert told == ["tiny", "mine", "done."]
        logs = [path.read_text() for path in tiny.path.glob("results/tiny/logs/train/mlp-*/0-2.log")]
        assert len(logs) == 2
        assert all("seed 2: test error" in log for log in logs)

    def test_a_deleted_table_is_made_again(self, tiny: Project) -> None:
        before = tiny.tables()
        (tiny.path / "results/tiny/tables/claims.csv").unlink()
        assert tiny.planned().keys() == {"ledger", "attach", "render"}
        tiny.snakemake()
        assert tiny.tables() == before

    def test_a_report_in_mid_course_says_what_is_running(self, tiny: Project) -> None:
        manifest = next(path for path in tiny.path.glob("results/tiny/manifests/lenet*/*.json"))
        text = manifest.read_text()
        run = json.loads(text)["runs"][0]["run_id"]
        run_folder, aside = tiny.path / f"results/tiny/runs/{run}", tiny.path / "aside"
        manifest.unlink()
        run_folder.rename(aside)
        try:
            tiny.cnnlab("report")
            page = (tiny.path / "reports/tiny/partial.html").read_text()
            assert re.search(r"running", page)
            assert "1 of 2 seeds" in page
        finally:
            manifest.write_text(text)
            aside.rename(run_folder)

    def test_clean_unused_frees_what_no_study_asks_for(self, tiny: Project) -> None:
        whole = tiny.runs()
        assert tiny.cnnlab("clean", "--unused", "--yes").startswith("2 unused")  # of dense, the lists of two seeds
        assert tiny.cnnlab("clean", "--unused", "--yes").startswith("0 unused")
        assert tiny.runs() == whole
        assert tiny.planned() == {}
        study = tiny.path / "studies/dense.yaml"
        text = study.read_text()
        study.unlink()
        before = tiny.runs()
        output = tiny.cnnlab("clean", "--unused", "--yes")
        assert not output.startswith("0 unused")
        assert 0 < len(tiny.runs()) < len(before)
        study.write_text(text)
        assert tiny.planned()["train"] == 1
        tiny.snakemake()
        assert tiny.runs().keys() == before.keys()


def test_a_mistake_in_a_study_that_is_asked_for_is_one_line(tmp_path: Path) -> None:
    project = Project.tiny(tmp_path)
    study = project.path / "studies/dense.yaml"
    study.write_text(study.read_text().replace("{activation: relu}", "{activaton: relu}"))
    output = project.snakemake("--dry-run", "--config", "studies=dense", status=1)
    line = next(line for line in output.splitlines() if line.startswith("error:"))
    assert "studies/dense.yaml:10:18: arms.relu.model.activaton: " in line
    assert "did you mean 'activation'?" in line
    assert "Traceback" not in output


def test_cuda_asked_for_and_absent_fails_in_one_line(tmp_path: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    project = Project.tiny(tmp_path)
    (project.path / "studies/convolution.yaml").unlink()
    output = project.snakemake("--config", "device=cuda", "precision=float32", status=1)
    assert "error: device: cuda is asked for, but torch finds no CUDA device" in output
    assert "Traceback" not in output
    assert "gpu" in output


def test_lint_and_format() -> None:
    root = Path(__file__).parents[2]
    project = Project(root)
    assert "good condition" in project.run("snakemake", "--lint")
    project.run("snakefmt", "--check", "Snakefile", "workflow/rules")
