"""Tables on disk: CSV for people, Parquet for programs, checked against their columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from cnnlab.analysis.tables.columns import TABLES
from cnnlab.core.files import atomic


def table(name: str, rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows as a frame of the documented columns, types and order."""
    return conform(name, pd.DataFrame(list(rows)))


def conform(name: str, frame: pd.DataFrame) -> pd.DataFrame:
    """Add missing columns as missing, check every value against the schema, and sort.

    Raises:
        pandera.errors.SchemaError: if a value breaks the schema, which is a defect of cnnlab.
    """
    schema = TABLES[name]
    frame = frame.reindex(columns=list(schema.columns))
    checked: pd.DataFrame = schema.validate(frame)
    keys = schema.metadata["sort"] if schema.metadata else []
    return checked.sort_values(keys, kind="stable", ignore_index=True) if keys else checked.reset_index(drop=True)


def write(frame: pd.DataFrame, base: Path) -> None:
    """``base.csv`` and ``base.parquet``, each whole or absent. Floats as Python's shortest exact form."""
    for suffix, save in ((".csv", _save_csv), (".parquet", _save_parquet)):
        with atomic(base.with_name(base.name + suffix)) as aside:
            save(frame, aside)


def read(base: Path) -> pd.DataFrame | None:
    """The table at `base` from its Parquet file, or None if it has not been made."""
    path = base.with_name(base.name + ".parquet")
    return pd.read_parquet(path) if path.exists() else None


def _save_csv(frame: pd.DataFrame, path: Path) -> None:
    frame.to_csv(path, index=False, lineterminator="\n")


def _save_parquet(frame: pd.DataFrame, path: Path) -> None:
    frame.to_parquet(path, index=False)
