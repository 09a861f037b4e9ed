"""What a claim is called, and where it stands in the page."""

from __future__ import annotations

from cnnlab.analysis.tables.frames import Row


def anchor(row: Row) -> str:
    """The id of the claim's place in the page."""
    part = "" if row["part"] in (None, "main") else f"-{row['part']}"
    return f"claim-{row['id']}{part}" + (f"-{row['study']}" if row["study"] else "")


def claim_name(row: Row) -> str:
    part = "" if row["part"] in (None, "main") else f" {row['part'].replace('_', ' ')}"
    return f"{row['id']}{part}"
