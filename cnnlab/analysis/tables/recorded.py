"""The tables that are made of records alone."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from cnnlab.analysis.tables import classes, curves, images, io, runs
from cnnlab.planning.plan import Plan
from cnnlab.training.records import Records

ROWS: dict[str, Callable[[Plan, Records], io.Rows]] = {
    "runs": runs.runs,
    "arms": runs.arms,
    "curves": curves.curves,
    "profiles": curves.profiles,
    "pictures": curves.pictures,
    "classes": classes.rows,
    "confusion": classes.confusion_rows,
    "images": images.rows,
    "measured/runs": runs.measured_runs,
    "measured/claims": runs.measured_claims,
}


def recorded_tables(plan: Plan, records: Records) -> dict[str, pd.DataFrame]:
    """The tables of `records` (by arm id and seed), by name."""
    return io.tables({name: rows(plan, records) for name, rows in ROWS.items()})
