"""A copy of the project in a folder of its own, in which tests run the real Snakemake."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SMOKE = ("--configfile", "workflow/config/smoke.yaml")
COMMAND = ("snakemake", "--cores", "4", "--resources", "gpu=1")

TINY = ("--configfile", "tiny.yaml")
TINY_CONFIG = """\
tier: tiny
results: results/tiny
reports: reports/tiny
study_paths: [studies]
seeds: null
min_seeds: 2
device: cpu
benchmark_images: 256
"""
TINY_STUDY = """\
study: {name}
title: Sigmoid or ReLU
question: Which has the larger gradients?
base:
  model: {{architecture: {architecture}}}
  data: {{name: mnist5k, limit: 300}}
  train: {{epochs: 1, tune: {{rates: [0.03, 0.1], extensions: 0}}}}
arms:
  sigmoid: {{model: {{activation: sigmoid}}}}
  relu: {{model: {{activation: relu}}}}
seeds: {seeds}
claims:
  - id: {claim}
    architecture: {architecture}
    requires:
      - {{metric: first_gradient_norm, contrast: {{relu: 1, sigmoid: -1}}, direction: greater, margin: 1}}
"""


@dataclass
class Project:
    """The copy at `path`, and how it is called."""

    path: Path
    options: tuple[str, ...] = ()

    @classmethod
    def copy(cls, path: Path, *options: str) -> Project:
        """The files that git tracks or would track, so that machine output stays behind."""
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        for name in listed.stdout.splitlines():
            if (ROOT / name).is_file():
                (path / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, path / name)
        return cls(path, options)

    @classmethod
    def of(cls, other: Path, path: Path) -> Project:
        """A copy of a finished tiny project, with the times of its files."""
        shutil.copytree(other, path, dirs_exist_ok=True, symlinks=True, ignore=shutil.ignore_patterns("mlflow"))
        return cls(path, TINY)

    @classmethod
    def tiny(cls, path: Path) -> Project:
        """With two studies of its own, of a LeNet and of an MLP, each of two arms and a few seconds."""
        project = cls.copy(path, *TINY)
        (path / "tiny.yaml").write_text(TINY_CONFIG)
        (path / "studies").mkdir()
        project.study("convolution", architecture="lenet", claim="C06")
        project.study("dense", architecture="mlp", claim="mine")
        return project

    def study(self, name: str, seeds: int = 2, architecture: str = "lenet", claim: str = "C06") -> None:
        named = f"{claim}\n    ledger: true" if re.fullmatch(r"C\d\d", claim) else claim
        text = TINY_STUDY.format(name=name, seeds=seeds, architecture=architecture, claim=named)
        (self.path / f"studies/{name}.yaml").write_text(text)

    @property
    def environment(self) -> dict[str, str]:
        """The copy's code, whatever is installed; this interpreter's programs first."""
        folders = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        kept = {key: value for key, value in os.environ.items() if not key.startswith("MLFLOW_")}
        return {**kept, "PATH": folders, "PYTHONPATH": str(self.path)}

    def run(self, *command: str, status: int | None = 0, **environment: str) -> str:
        """Run to the end; everything that it printed."""
        done = subprocess.run(
            command,
            cwd=self.path,
            env={**self.environment, **environment},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        assert status is None or done.returncode == status, done.stdout[-8000:]
        return done.stdout

    def watched(self, *command: str) -> str:
        """Run to the end on a terminal; everything that it shows."""
        terminal, inside = pty.openpty()
        with subprocess.Popen(command, cwd=self.path, env=self.environment, stdout=inside, stderr=inside) as process:
            os.close(inside)
            shown = b""
            with suppress(OSError):  # Linux's way to say that the last writer has closed it
                while piece := os.read(terminal, 65536):
                    shown += piece
            os.close(terminal)
        text = shown.decode().replace("\r\n", "\n")
        assert process.returncode == 0, text[-8000:]
        return re.sub(r"\x1b\[[0-9;]*m", "", text)

    def snakemake(self, *more: str, status: int | None = 0, **environment: str) -> str:
        return self.run(*COMMAND, *self.options, *more, status=status, **environment)

    def cnnlab(self, *arguments: str, status: int | None = 0, **environment: str) -> str:
        command = (sys.executable, "-m", "cnnlab", *arguments, *self.options)
        return self.run(*command, status=status, **environment)

    def planned(self, *more: str) -> dict[str, int]:
        """Jobs that a call would run, by rule; empty if there is nothing to be done. Rules made for a batch or a study
        count together as `train` and `figures`."""
        return jobs(self.snakemake("--dry-run", *more))

    def start(self, *more: str) -> subprocess.Popen[bytes]:
        """Snakemake in a process group of its own, to be killed."""
        log = (self.path / "started.log").open("wb")
        return subprocess.Popen(
            [*COMMAND, *self.options, *more],
            cwd=self.path,
            env=self.environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """kill -9 of the whole group."""
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def runs(self) -> dict[str, int]:
        """Finished runs and when each was written: what must not change."""
        folder = next(self.path.glob("results/*/runs"), None)
        found = [path for path in folder.glob("[!.]*") if (path / "spec.json").exists()] if folder else []
        return {path.name: path.stat().st_mtime_ns for path in found}

    def tables(self) -> dict[str, bytes]:
        """The deterministic tables."""
        return {path.name: path.read_bytes() for path in self.path.glob("results/*/tables/*.csv")}


def jobs(output: str) -> dict[str, int]:
    """What a dry run printed, as `Project.planned` gives it."""
    if "Nothing to be done" in output:
        return {}
    table = output.partition("Job stats:")[2].partition("\n\n")[0]
    assert table, output[-4000:]
    counts: Counter[str] = Counter()
    for rule, count in re.findall(r"^([\w.-]+) +(\d+)$", table, flags=re.M):
        counts[re.sub("^(train|figures)_.*", r"\1", rule)] += int(count)
    return {rule: count for rule, count in counts.items() if rule not in {"all", "total"}}


# Reads a call a line and runs it in a child of its own, so that Snakemake is imported once.
PATIENT = """
import json, os, sys
import snakemake.cli
for line in sys.stdin:
    arguments, output = json.loads(line)
    if (child := os.fork()) == 0:
        file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, 1), os.dup2(file, 2)
        sys.argv = ["snakemake", *arguments]
        snakemake.cli.main()
        os._exit(1)  # main does not return
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class DryRuns:
    """Many dry runs of the real Snakemake on one project, each from its files as they are then."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.process = subprocess.Popen(
            [sys.executable, "-c", PATIENT],
            cwd=project.path,
            env=project.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def planned(self, *more: str) -> dict[str, int]:
        """As `Project.planned`."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        output = self.project.path / "dry-run.log"
        call = [*COMMAND[1:], *self.project.options, "--dry-run", *more]
        self.process.stdin.write(json.dumps([call, str(output)]) + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "0\n", output.read_text()[-4000:]
        return jobs(output.read_text())

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def wait_for(condition: object, seconds: float = 120) -> None:
    """Poll until `condition` is true."""
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)
