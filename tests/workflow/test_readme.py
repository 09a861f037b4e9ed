"""Every command of the README is run, the long ones at the smoke tier, in a copy of the project."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pandas as pd
import pytest
from pages import README, blocks, commands
from project import Project

pytestmark = [pytest.mark.long, pytest.mark.slow, pytest.mark.workflow]

COMMANDS = commands(README)
STUDY = next(block for block in blocks(README) if block.file)
# What a test cannot do as written: fetch the clone that it runs in, activate a shell that it does not have.
ELSEWHERE = {"git clone … && cd cnnlab", ". .venv/bin/activate"}
SMOKE = ["--configfile", "workflow/config/smoke.yaml"]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project.copy(tmp_path_factory.mktemp("readme"))


def at_the_smoke_tier(command: str) -> list[str]:
    """The command as a list, changed as little as it takes to be quick, and never installing over this environment."""
    words = shlex.split(command)
    if words[0] == "make":
        stamp = Path(sys.prefix) / ".installed"
        target = "demo" if words[1] == "report" else words[1]
        return ["make", f"VENV={sys.prefix}", "-o", str(stamp), target]
    if words[0] == "snakemake" and "--unlock" not in words:
        return [*words, *SMOKE]
    return words


def test_the_readme_has_commands_and_a_study() -> None:
    assert len(STUDY.text.splitlines()) == 10
    assert {"make report", "snakemake --cores 4 --resources gpu=1", "cnnlab ui"} <= set(COMMANDS)


def test_commands_run_in_the_order_of_the_readme(project: Project) -> None:
    written = False
    for command in COMMANDS:
        if command in ELSEWHERE:
            continue
        if "dropout" in command and not written:
            (project.path / STUDY.file).write_text(STUDY.text)
            written = True
        if command in CHECKS:
            CHECKS[command](project)
            continue
        output = project.run(*at_the_smoke_tier(command))
        assert "Traceback" not in output, command
    page = (project.path / "reports/smoke/summary.html").read_text()
    assert "dropout-helps" in page
    assert "Does dropout on the dense layers lower the test error of LeNet?" in page
    section = page.partition('id="study-dropout"')[2].partition("</section>")[0]
    assert "What would count against it" in section
    (program,) = (block.text for block in blocks(README) if block.language == "python")
    program = program.replace("cnnlab.load()", 'cnnlab.load("results/smoke")')
    assert "inconclusive" in project.run(sys.executable, "-c", program)


def check_smoke_tier(project: Project) -> None:
    """`make report`, at the smoke tier: every rule runs, every claim is listed, in no more time than it should take."""
    assert Project(project.path, tuple(SMOKE)).planned().keys() == {
        "prepare", "train", "collect", "exact", "networks", "compare", "figures", "ledger", "cost", "throughput",
        "track", "mirrored", "attach", "render",
    }  # fmt: skip
    start = time.monotonic()
    output = project.run(*at_the_smoke_tier("make report"))
    seconds = time.monotonic() - start
    assert re.search(r"cnnlab: smoke tier, 2 studies, 0 of \d+ runs, 0 of \d+ arms done", output)
    report = (project.path / "reports/smoke/summary.html").read_text()
    claims = pd.read_csv(project.path / "results/smoke/tables/claims.csv")
    assert set(claims["id"]) == {f"C{number:02d}" for number in range(1, 51)}
    assert all(claim in report for claim in claims["id"])
    runs = pd.read_csv(project.path / "results/smoke/tables/measured/runs.csv")
    assert len(set(runs["arm_id"])) <= 10
    # Two test workers share the machine with this run, so the bound on an idle machine is held by `make demo` alone.
    assert seconds < 180, f"{seconds:.0f} s"


def check_ui(project: Project) -> None:
    """The address is printed and answers."""

    ui = subprocess.Popen(
        [sys.executable, "-m", "cnnlab", "ui"],
        cwd=project.path,
        env=project.environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        assert ui.stdout
        address = next(found[0] for line in ui.stdout if (found := re.search(r"http://127\.0\.0\.1:\d+", line)))
        for attempt in range(120):
            try:
                assert urllib.request.urlopen(address, timeout=5).status == 200
                return
            except OSError:
                assert attempt < 119, "the UI never answered"
                time.sleep(0.5)
    finally:
        os.killpg(ui.pid, signal.SIGTERM)
        ui.wait()


CHECKS = {"make report": check_smoke_tier, "cnnlab ui": check_ui}
