"""Where everything lies, relative to the project's root (the working directory), and where the project is."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from cnnlab.core.errors import UserError

STUDIES = Path("workflow/studies")
CLAIMS = Path("workflow/claims.yaml")
PUBLISHED = Path("workflow/published.yaml")
CONFIGS = Path("workflow/config")
DEFAULT = CONFIGS / "default.yaml"
SCHEMAS = Path("workflow/schemas")
MLFLOW = Path("results/mlflow")
LOCK = Path("requirements.lock")

PROJECT = "CNNLAB_PROJECT"  # the environment variable that names the project, whatever folder lies above
PACKAGE = Path(__file__).resolve().parents[1]
# The project that comes with the package: within it where it is installed, around it in a clone.
OURS = PACKAGE / "project" if (PACKAGE / "project").is_dir() else PACKAGE.parent


def project(folder: Path) -> Path | None:
    """The project that one works in: the one that `PROJECT` names, else the nearest from `folder` upwards."""
    if named := os.environ.get(PROJECT):
        return folder / named
    return next((each for each in (folder, *folder.parents) if (each / DEFAULT).is_file()), None)


def found(path: Path) -> Path:
    """What a project has at `path`; if the working directory is no project and has nothing there, what ours has."""
    return path if DEFAULT.exists() or path.exists() else OURS / path


def shipped(path: Path) -> Path:
    """A file that goes with the code: that of the working directory, or ours."""
    return path if path.exists() else OURS / path


def refuse_lent(path: Path) -> None:
    """Refuse to write what `found` gives of ours.

    Raises:
        UserError: if `path` is of our project, and one works in another folder.
    """
    if path.is_absolute() and path.is_relative_to(OURS) and Path.cwd() != OURS:
        raise UserError(f"{path}: comes with cnnlab and is not yours; `cnnlab init DIR --with-studies` makes copies")


def of_steps() -> dict[str, str]:
    """Environment variables for steps: they work in this folder, whatever lies above, with the code that planned them,
    whether a clone is installed or not."""
    code = str(PACKAGE.parent) if PACKAGE.parent == OURS else ""
    searched = os.pathsep.join(filter(None, [code, os.environ.get("PYTHONPATH")]))
    return {PROJECT: str(Path.cwd()), "PYTHONPATH": searched}


@dataclass(frozen=True)
class Paths:
    """The folders of one tier: machine output in ``results``, what people read in ``reports``."""

    results: Path
    reports: Path

    def data_file(self, data_id: str) -> Path:
        return self.results / "data" / f"{data_id}.safetensors"

    def data_card(self, data_id: str) -> Path:
        return self.results / "data" / f"{data_id}.json"

    def tuning_dir(self, arm_id: str) -> Path:
        return self.results / "tuning" / arm_id

    @property
    def runs(self) -> Path:
        return self.results / "runs"

    def run_dir(self, run_id: str) -> Path:
        return self.runs / run_id

    def checkpoint(self, arm_id: str, run_id: str) -> Path:
        return self.results / "checkpoints" / arm_id / f"{run_id}.pt"

    def lock(self, arm_id: str) -> Path:
        return self.results / "locks" / f"{arm_id}.lock"

    def manifest(self, arm_id: str, seeds: str) -> Path:
        return self.results / "manifests" / arm_id / f"{seeds}.json"

    @property
    def tables(self) -> Path:
        return self.results / "tables"

    def table(self, name: str) -> Path:
        """The table's path without its suffix (``.csv``, ``.parquet``)."""
        return self.tables / name

    def measured(self, name: str) -> Path:
        """A measured table's path without its suffix."""
        return self.tables / "measured" / name

    @property
    def figures(self) -> Path:
        return self.results / "figures"

    def figure(self, study: str, name: str, suffix: str) -> Path:
        return self.figures / study / f"{name}.{suffix}"

    def study(self, name: str) -> Paths:
        """The folders of one study: the tables that hold what it says alone, and the ids of its runs in MLflow."""
        return Paths(self.results / "studies" / name, self.reports)

    def looks(self, study: str) -> Path:
        """The seeds with which each verdict of the study was first computed; never deleted by a rule."""
        return self.results / "looks" / f"{study}.json"

    def train_log(self, arm_id: str, seeds: str) -> Path:
        return self.results / "logs" / "train" / arm_id / f"{seeds}.log"

    @property
    def progress(self) -> Path:
        """What the call that runs is to do, and what it has done; only for show."""
        return self.results / "progress.jsonl"

    @property
    def report(self) -> Path:
        return self.reports / "summary.html"
