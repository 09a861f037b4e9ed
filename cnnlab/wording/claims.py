"""What a claim is called, and where it stands in the page."""

from __future__ import annotations

from collections.abc import Iterable

from cnnlab.analysis.tables.frames import Row
from cnnlab.planning.verdicts import WHOLE


def anchor(row: Row) -> str:
    """The id of the claim's place in the page."""
    part = "" if row["part"] in (None, "main", WHOLE) else f"-{row['part']}"
    return f"claim-{row['id']}{part}" + (f"-{row['study']}" if row["study"] else "")


def claim_name(row: Row) -> str:
    part = "" if row["part"] in (None, "main", WHOLE) else f" {row['part'].replace('_', ' ')}"
    return f"{row['id']}{part}"


def heads(rows: Iterable[Row]) -> list[Row]:
    """Of rows of ``claims``, those that stand for whole claims: parts are left out where a row above them tells all."""
    listed = list(rows)
    wholes = {row["id"] for row in listed if row["kind"] == WHOLE}
    return [row for row in listed if row["kind"] == WHOLE or row["id"] not in wholes]
