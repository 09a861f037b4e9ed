"""How it was done: data, settings, machines and versions, commands, and every run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from typing import TYPE_CHECKING

from cnnlab.analysis.tables.frames import Row, Tables, distinct, values
from cnnlab.planning import plan as commands
from cnnlab.report.tables import runs as runtables
from cnnlab.report.tables import settings as settingtables
from cnnlab.report.tables.view import Cell, TableView, shown
from cnnlab.wording.numbers import day, listed, plural

if TYPE_CHECKING:
    from cnnlab.planning.plan import Plan

ANALYSIS = ("numpy", "scipy", "pandas", "seaborn", "matplotlib", "snakemake", "mlflow")


@dataclass(frozen=True)
class MethodsView:
    facts: Sequence[tuple[str, Cell]]
    commands: Sequence[tuple[str, str]]
    data: TableView
    settings: TableView
    runs: TableView
    throughput: TableView | None
    cost: TableView | None
    folder: str


def build(plan: Plan, tables: Tables) -> MethodsView:
    return MethodsView(
        facts=_facts(tables),
        commands=_commands(plan),
        data=settingtables.data(plan),
        settings=settingtables.settings(plan.studies),
        runs=runtables.runs(plan, tables),
        throughput=runtables.throughput(tables),
        cost=runtables.cost(plan, tables),
        folder=plan.paths.tables.as_posix(),
    )


def dates(tables: Tables) -> str | None:
    """The days on which the runs started, in UTC: ``3 March 2025 to 5 March 2025``."""
    started = values(tables.rows("measured/runs"), "started_ms")
    days = [
        day(datetime.fromtimestamp(found / 1000, UTC)) for found in ((min(started), max(started)) if started else ())
    ]
    return " to ".join(dict.fromkeys(days)) or None


def _facts(tables: Tables) -> list[tuple[str, Cell]]:
    measured = tables.rows("measured/runs")
    unknown = "no finished run says"
    return [
        ("Runs started", shown(dates(tables), unknown)),
        ("Code", _commits(measured)),
        ("Trained with", shown(_versions(measured), unknown)),
        ("Analysed with", Cell(_installed())),
        ("Machine", shown(_machines(measured), unknown)),
    ]


def _commits(measured: Sequence[Row]) -> Cell:
    found = Counter((row["git_commit"], row["git_dirty"]) for row in measured)
    told = [
        f"commit {commit[:12]}{' with uncommitted changes' if dirty else ''} ({plural(runs, 'run')})"
        for (commit, dirty), runs in found.most_common()
        if commit
    ]
    return shown("; ".join(told) or None, "the runs were not made in a git checkout")


def _versions(measured: Sequence[Row]) -> str | None:
    told = [f"{name} {listed(found)}" for name in ("python", "torch") if (found := distinct(measured, name))]
    threads = [plural(number, "thread") for number in distinct(measured, "threads")]
    return ", ".join([*told, *([f"{listed(threads)} a job"] if threads else [])]) or None


def _installed() -> str:
    told = []
    for name in ANALYSIS:
        try:
            told.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    return ", ".join(told)


def _machines(measured: Sequence[Row]) -> str | None:
    names = [row["gpu"] if row["device"] == "cuda" and row["gpu"] else row["cpu"] for row in measured]
    found = Counter((row["device"], name) for row, name in zip(measured, names, strict=True))
    return "; ".join(f"{name or 'unknown model'} ({device})" for (device, name), _ in found.most_common()) or None


def _commands(plan: Plan) -> list[tuple[str, str]]:
    return [
        (commands.run(plan, plan.config.studies), "trains what is missing and writes this page"),
        ("cnnlab verify RUN", "trains a run again and compares it bit by bit"),
        (f"cnnlab ui{commands.options(plan)}", "opens the runs in MLflow"),
        ("cnnlab show STUDY", "prints a study with its claims and margins"),
    ]
