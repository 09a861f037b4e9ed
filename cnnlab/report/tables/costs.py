"""What networks and training loops cost."""

from __future__ import annotations

from cnnlab.analysis.tables.frames import Row, Tables
from cnnlab.planning.plan import Plan
from cnnlab.report.tables.runs import arm_names
from cnnlab.report.tables.view import MACS_HINT, Column, Number, TableView, table, value
from cnnlab.wording.numbers import count, significant


def sizes(missing: str) -> list[Column[Row | None]]:
    """Columns of a row of ``measured/cost``: what a network takes, on any machine."""
    return [
        Number("Parameters", value("parameters", count), missing=missing),
        Number("Multiply-accumulates", value("macs", count), MACS_HINT, missing=missing),
    ]


def speeds(missing: str) -> list[Column[Row | None]]:
    """Columns of a row of ``measured/cost``: what was measured on this machine."""
    return [
        Number(title, value(name, form), hint, missing=missing)
        for title, name, form, hint in (
            ("Images a second", "images_per_second", count, "Of training steps, alone on the machine, after a warm-up"),
            ("Latency, ms", "latency_ms", significant, "Of one image, forward, in evaluation mode"),
            ("Memory, MiB", "memory_mb", significant, "Weights, gradients, momentum, activations of one training step"),
        )
    ]


def build(plan: Plan, tables: Tables) -> TableView:
    """Every arm's that is measured."""
    names = arm_names(plan)
    columns: list[Column[Row]] = [
        Column("Arm", lambda row: names.get(row["arm_id"], row["arm_id"])),
        Column("Network", lambda row: f"{row['architecture']} ({row['preset']})"),
        *sizes("not measured"),
        *speeds("not measured"),
        Number("Threads", value("threads", count), missing="not measured"),
    ]
    return table("cost", "What each network costs", columns, tables.rows("measured/cost"))


THROUGHPUT: tuple[Column[Row], ...] = (
    Column("Training loop", value("loop")),
    Column("Compared", value("compared")),
    Number("Processes", value("processes", count)),
    Number("Threads", value("threads", count)),
    Number("Workers", value("workers", count), "Of the DataLoader"),
    Number("Images a second", value("images_per_second", count), "Median over rounds, all processes together"),
    Number(
        "Slowest to fastest",
        lambda row: (
            None
            if row["slowest"] is None or row["fastest"] is None
            else f"{count(row['slowest'])} to {count(row['fastest'])}"
        ),
    ),
    Number(
        "cnnlab is faster",
        lambda row: None if row["ratio"] is None or row["loop"] == "cnnlab" else f"{significant(row['ratio'])} times",
        "Median of the ratios of paired rounds",
        missing=lambda row: "compared with itself" if row["loop"] == "cnnlab" else "missing",
    ),
)


def throughput(tables: Tables) -> TableView:
    caption = "Speed of the training loop beside the textbook's"
    return table("throughput", caption, THROUGHPUT, tables.rows("measured/throughput"))
