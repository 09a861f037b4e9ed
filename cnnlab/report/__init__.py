"""The report: one HTML file that needs nothing beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from cnnlab.analysis.tables.frames import Tables
from cnnlab.core.files import atomic

if TYPE_CHECKING:
    import pandas as pd

    from cnnlab.planning.plan import Plan


def render(plan: Plan, tables: Mapping[str, pd.DataFrame], figures: Path, out: Path) -> None:
    """Write `out` from `tables` (by their names in `cnnlab.analysis.tables.columns.TABLES`) and
    ``figures/<study>/<figure>.svg``.

    A table or figure that is not there yet is shown as missing, so this can be called at any moment. The same input
    gives the same bytes: the page carries the dates of the runs, not that of rendering.
    """
    from cnnlab.report.page import page

    text = page(plan, Tables(tables), figures)
    with atomic(out) as aside:
        aside.write_text(text, encoding="utf-8")
