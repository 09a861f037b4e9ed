"""Where everything lies, relative to the project's root (the working directory)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

STUDIES = Path("workflow/studies")
CLAIMS = Path("workflow/claims.yaml")
PUBLISHED = Path("workflow/published.yaml")
CONFIGS = Path("workflow/config")
SCHEMAS = Path("workflow/schemas")
MLFLOW = Path("results/mlflow")


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
