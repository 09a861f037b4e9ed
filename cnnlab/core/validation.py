"""What users write, checked: unknown keys and wrong values, a line each that says where, what, and what to do."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from cnnlab.core import complaints
from cnnlab.core.errors import UserError, in_order
from cnnlab.core.places import Where


class Spec(BaseModel):
    """Frozen; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def digest(value: object, length: int = 10) -> str:
    """Hash of a JSON value, independent of the order of its keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:length]


S = TypeVar("S", bound=BaseModel)


def validate(model: type[S], value: Any, where: Where) -> S:
    """Build a `model` from parsed YAML or JSON.

    Raises:
        UserError: a line for each mistake, with the place, the key, what is wrong, and the nearest valid name.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise UserError(*in_order(complaints.lines(model, error, where))) from None


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `over` laid on top, mapping by mapping; a list replaces a list."""
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = merge(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return merged
