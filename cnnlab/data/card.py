"""The card of a prepared data set: what its images are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnnlab.core.files import read_json
from cnnlab.planning.specs import PreparedSpec

if TYPE_CHECKING:
    from cnnlab.planning.plan import Plan


def card(plan: Plan, data: PreparedSpec) -> dict[str, Any] | None:
    """The description of a data set; None while it is not prepared."""
    path = plan.paths.data_card(data.data_id)
    return read_json(path) if path.exists() else None
