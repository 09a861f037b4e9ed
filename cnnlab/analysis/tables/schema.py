"""What a table promises of its columns: type, unit, meaning, and in which rows a value may be missing."""

from __future__ import annotations

from typing import Any

import pandera.pandas as pa

TEXT, COUNT, NUMBER, FLAG = "string", "Int64", "float64", "boolean"

# What tables with a row per run begin with.
RUN = {
    "run_id": (TEXT, "hash of arm, data, learning rate and seed"),
    "arm_id": (TEXT, "architecture, preset, and hash of all that planning knows"),
}
# What tables with a row per part of a claim begin with.
CLAIM = {"id": (TEXT, "of the claim"), "part": (TEXT, "main, or the part's name")}


def schema(columns: dict[str, tuple[str, str]], required: tuple[str, ...], sort: tuple[str, ...]) -> pa.DataFrameSchema:
    """A strict schema of `columns` (type, meaning); a column outside `required` may be missing in a row.

    Rows are sorted by the columns `sort`, or stay in the order in which they were made.
    """
    fields: dict[str, Any] = {
        name: pa.Column(kind, nullable=name not in required, description=meaning)
        for name, (kind, meaning) in columns.items()
    }
    return pa.DataFrameSchema(fields, strict=True, coerce=True, metadata={"sort": list(sort)})
