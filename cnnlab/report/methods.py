"""How it was done: data, settings, machines and versions, commands, and every run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

from cnnlab.analysis.tables.frames import Row, Tables, distinct, values
from cnnlab.planning import plan as commands
from cnnlab.planning.plan import Plan
from cnnlab.report.tables import costs, runs, settings
from cnnlab.report.tables.view import Column
from cnnlab.wording.numbers import day, listed, plural

ANALYSIS = ("numpy", "scipy", "pandas", "seaborn", "matplotlib", "snakemake", "mlflow")


def build(plan: Plan, tables: Tables) -> dict[str, Any]:
    """What ``methods.html.j2`` shows."""
    return {
        "facts": [(fact.title, fact.of(tables.rows("measured/runs"))) for fact in FACTS],
        "commands": _commands(plan),
        "data": settings.data(plan),
        "settings": settings.settings(plan.studies),
        "runs": runs.build(plan, tables),
        "throughput": costs.throughput(tables),
        "cost": costs.build(plan, tables),
    }


def dates(measured: Sequence[Row]) -> str | None:
    """The days on which the runs started, in UTC: ``3 March 2025 to 5 March 2025``."""
    started = values(measured, "started_ms")
    ends = (min(started), max(started)) if started else ()
    return " to ".join(dict.fromkeys(day(datetime.fromtimestamp(end / 1000, UTC)) for end in ends)) or None


def _commits(measured: Sequence[Row]) -> str | None:
    commits = Counter((row["git_commit"], row["git_dirty"]) for row in measured)
    texts = (
        f"commit {commit[:12]}{' with uncommitted changes' if dirty else ''} ({plural(runs, 'run')})"
        for (commit, dirty), runs in commits.most_common()
        if commit
    )
    return "; ".join(texts) or None


def _versions(measured: Sequence[Row]) -> str | None:
    versions = [f"{name} {listed(used)}" for name in ("python", "torch") if (used := distinct(measured, name))]
    threads = [plural(number, "thread") for number in distinct(measured, "threads")]
    return ", ".join([*versions, *([f"{listed(threads)} a job"] if threads else [])]) or None


def _installed() -> str:
    """The packages of the analysis, with their versions on this machine."""
    versions = []
    for name in ANALYSIS:
        with suppress(metadata.PackageNotFoundError):
            versions.append(f"{name} {metadata.version(name)}")
    return ", ".join(versions)


def _machines(measured: Sequence[Row]) -> str | None:
    names = [row["gpu"] if row["device"] == "cuda" and row["gpu"] else row["cpu"] for row in measured]
    machines = Counter((row["device"], name) for row, name in zip(measured, names, strict=True))
    return "; ".join(f"{name or 'unknown model'} ({device})" for (device, name), _ in machines.most_common()) or None


UNKNOWN = "no finished run says"
# Of the rows of ``measured/runs``.
FACTS: tuple[Column[Sequence[Row]], ...] = (
    Column("Runs started", dates, missing=UNKNOWN),
    Column("Code", _commits, missing="the runs were not made in a git checkout"),
    Column("Trained with", _versions, missing=UNKNOWN),
    Column("Analysed with", lambda measured: _installed()),
    Column("Machine", _machines, missing=UNKNOWN),
)


def _selection(plan: Plan) -> str | list[str]:
    names = [study.name for study in plan.studies]
    return "all" if len(names) == len(plan.every) else names


def _commands(plan: Plan) -> list[tuple[str, str]]:
    return [
        (commands.run(plan, _selection(plan)), "trains what is missing and writes this page"),
        ("cnnlab verify RUN", "trains a run again and compares it bit by bit"),
        (f"cnnlab ui{commands.options(plan)}", "opens the runs in MLflow"),
        ("cnnlab show STUDY", "prints a study with its claims and margins"),
    ]
