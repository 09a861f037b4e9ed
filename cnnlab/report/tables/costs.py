"""What networks and training loops cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnnlab.analysis.tables.frames import Row, Tables
from cnnlab.report.tables.runs import arm_names
from cnnlab.report.tables.view import MACS_HINT, Column, TableView, table, value
from cnnlab.wording.numbers import count, significant

if TYPE_CHECKING:
    from cnnlab.planning.plan import Plan


def sizes(missing: str) -> list[Column[Row | None]]:
    """Columns of a row of ``measured/cost``: what a network takes, on any machine."""
    return [
        Column("Parameters", value("parameters", count), numeric=True, missing=missing),
        Column("Multiply-accumulates", value("macs", count), MACS_HINT, numeric=True, missing=missing),
    ]


def speeds(missing: str) -> list[Column[Row | None]]:
    """Columns of a row of ``measured/cost``: what was measured on this machine."""
    return [
        Column(title, value(name, form), hint, numeric=True, missing=missing)
        for title, name, form, hint in (
            ("Images a second", "images_per_second", count, "Of training steps, alone on the machine, after a warm-up"),
            ("Latency, ms", "latency_ms", significant, "Of one image, forward, in evaluation mode"),
            ("Memory, MiB", "memory_mb", significant, "Weights, gradients, momentum, activations of one training step"),
        )
    ]


def build(plan: Plan, tables: Tables) -> TableView | None:
    """Every arm's; None while nothing is measured."""
    names = arm_names(plan)
    columns: list[Column[Row]] = [
        Column("Arm", lambda row: names.get(row["arm_id"], row["arm_id"])),
        Column("Network", lambda row: f"{row['architecture']} ({row['preset']})"),
        *sizes("not measured"),
        *speeds("not measured"),
        Column("Threads", value("threads", count), numeric=True, missing="not measured"),
    ]
    rows = tables.rows("measured/cost")
    return table("cost", "What each network costs", columns, rows) if rows else None


THROUGHPUT: tuple[Column[Row], ...] = (
    Column("Training loop", value("loop")),
    Column("Compared", value("compared")),
    Column("Processes", value("processes", count), numeric=True),
    Column("Threads", value("threads", count), numeric=True),
    Column("Workers", value("workers", count), "Of the DataLoader", numeric=True),
    Column(
        "Images a second",
        value("images_per_second", count),
        "Median over rounds, all processes together",
        numeric=True,
    ),
    Column(
        "Slowest to fastest",
        lambda row: (
            None
            if row["slowest"] is None or row["fastest"] is None
            else f"{count(row['slowest'])} to {count(row['fastest'])}"
        ),
        numeric=True,
    ),
    Column(
        "cnnlab is faster",
        lambda row: None if row["ratio"] is None or row["loop"] == "cnnlab" else f"{significant(row['ratio'])} times",
        "Median of the ratios of paired rounds",
        numeric=True,
        missing=lambda row: "compared with itself" if row["loop"] == "cnnlab" else "missing",
    ),
)


def throughput(tables: Tables) -> TableView | None:
    """The training loop's beside the textbook's; None where it was not measured."""
    rows = tables.rows("measured/throughput")
    return table("throughput", "Speed of the training loop beside the textbook's", THROUGHPUT, rows) if rows else None
