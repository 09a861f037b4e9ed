"""Tables on disk: CSV for people, Parquet for programs, checked against their columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import pandas as pd

from cnnlab.core.files import atomic
from cnnlab.core.paths import Paths

Rows = Iterable[Mapping[str, Any]] | pd.DataFrame


def table(name: str, rows: Rows) -> pd.DataFrame:
    """Rows as a frame of the documented columns, types and order; a missing column becomes missing values.

    Raises:
        pandera.errors.SchemaError: if a value breaks the schema, which is a defect of cnnlab.
    """
    frame = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(list(rows))
    # Found by name: a rule depends on the tables that it makes, and not on all others.
    schema = import_module("cnnlab.analysis.tables.columns").TABLES[name]
    frame = frame.reindex(columns=list(schema.columns))
    checked: pd.DataFrame = schema.validate(frame)
    keys = schema.metadata["sort"] if schema.metadata else []
    return checked.sort_values(keys, kind="stable", ignore_index=True) if keys else checked.reset_index(drop=True)


def tables(rows: Mapping[str, Rows]) -> dict[str, pd.DataFrame]:
    """`table` of each, by its name."""
    return {name: table(name, of_table) for name, of_table in rows.items()}


def write_tables(paths: Paths, frames: Mapping[str, pd.DataFrame]) -> None:
    """Write each table, by its name, where `paths` has it."""
    for name, frame in frames.items():
        write(frame, paths.table(name))


def together(name: str, frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """The rows of several tables `name` in one."""
    filled = [frame for frame in frames if len(frame)]
    return table(name, pd.concat(filled) if filled else [])


def read_tables(paths: Paths, *names: str) -> dict[str, pd.DataFrame]:
    """Those of the tables `names` that have been made, by their names; every table if none is named."""
    files = sorted(paths.tables.rglob("[!.]*.parquet"))
    by_name = {file.relative_to(paths.tables).with_suffix("").as_posix(): file for file in files}
    return {name: pd.read_parquet(file) for name, file in by_name.items() if not names or name in names}


def write(frame: pd.DataFrame, base: Path) -> None:
    """``base.csv`` and ``base.parquet``, each whole or absent. Floats as Python's shortest exact form."""
    for suffix, save in ((".csv", partial(frame.to_csv, lineterminator="\n")), (".parquet", frame.to_parquet)):
        with atomic(base.with_name(base.name + suffix)) as aside:
            save(aside, index=False)


def read(base: Path) -> pd.DataFrame | None:
    """The table at `base` from its Parquet file, or None if it has not been made."""
    path = base.with_name(base.name + ".parquet")
    return pd.read_parquet(path) if path.exists() else None
