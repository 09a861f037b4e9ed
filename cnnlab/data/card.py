"""The card of a prepared data set: what its images are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnlab.planning.specs import PreparedSpec

if TYPE_CHECKING:
    from cnnlab.planning.plan import Plan


def card(plan: Plan, data: PreparedSpec) -> dict[str, Any] | None:
    """The description of a data set; None while it is not prepared."""
    path = plan.paths.data_card(data.data_id)
    return read(path) if path.exists() else None


def read(path: Path) -> dict[str, Any]:
    card: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return card
