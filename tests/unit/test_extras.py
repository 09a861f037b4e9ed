"""`pip install cnnlab` is enough for networks, verdicts and tables; what else is missing says how to install it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pandas as pd
import pytest
from packaging.utils import canonicalize_name

from cnnlab.analysis.tables import io
from cnnlab.cli.extras import RUN, remedy
from cnnlab.planning.plan import Plan

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
STUDIES = ("normalization",)

pytestmark = pytest.mark.slow

# As in an environment with the base alone: what the extra `run` installs cannot be imported.
BASE_ALONE = f"""
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {sorted(RUN)}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Missing())
"""


def names(requirements: list[str]) -> set[str]:
    return {str(canonicalize_name(re.split(r"[^\w.-]", text)[0])) for text in requirements}


def base_alone(program: str, folder: Path, status: int = 0) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", BASE_ALONE + program]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr
    return done


def test_the_modules_are_those_of_the_extra() -> None:
    owners = packages_distributions()
    provided = {str(canonicalize_name(owner)) for name in RUN for owner in owners[name]}
    assert names(PROJECT["optional-dependencies"]["run"]) - provided == {"snakemake-executor-plugin-slurm"}
    assert not names(PROJECT["dependencies"]) & provided
    assert "cnnlab[run]" in PROJECT["optional-dependencies"]["dev"]


def test_networks_verdicts_and_tables_need_no_more(plan: Plan, frames: dict[str, pd.DataFrame], tmp_path: Path) -> None:
    io.write_tables(plan.paths, frames)
    program = f"""
import cnnlab, torch
assert cnnlab.build("resnet")(torch.zeros(2, 1, 28, 28)).shape == (2, 10)
assert cnnlab.load({str(plan.paths.results)!r}).runs["test_error"].notna().any()
print(cnnlab.verdict([1.0, 1.1, 1.2, 1.1, 1.0, 0.9], [0.0, 0.1, 0.0, 0.1, 0.0, 0.1], margin=0.5))
"""
    assert "supported" in base_alone(program, tmp_path).stdout


def test_commands_of_the_base_run(tmp_path: Path) -> None:
    program = """
from click.testing import CliRunner
from cnnlab.cli.main import main
for command in ("show lenet", "list", "list --metrics", "list --columns", "init p", "--version"):
    result = CliRunner().invoke(main, command.split())
    assert result.exit_code == 0, (command, result.output, result.exception)
"""
    base_alone(program, tmp_path)


def test_a_command_that_lacks_an_extra_says_which(tmp_path: Path) -> None:
    program = "from cnnlab.cli.main import main\nmain({}, prog_name='cnnlab')"
    base_alone(program.format(["init", "."]), tmp_path)
    done = base_alone(program.format(["report"]), tmp_path, status=2)
    assert re.fullmatch(r"error: \w+ is not installed; pip install 'cnnlab\[run\]'\n", done.stderr)


def test_a_module_of_somebody_else_is_not_ours_to_install() -> None:
    assert remedy(ModuleNotFoundError("No module named 'timm'", name="timm")) is None
    assert remedy(ModuleNotFoundError("No module named 'PIL.Image'", name="PIL.Image")) is not None
