"""What users write, checked: unknown keys and wrong values as one line that says where, what, and what to do."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from cnnlab.core.errors import UserError, nearest


class Spec(BaseModel):
    """Frozen; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def digest(value: object, length: int = 10) -> str:
    """Hash of a JSON value, independent of the order of its keys."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:length]


S = TypeVar("S", bound=BaseModel)


def validate(model: type[S], value: Any, where: str) -> S:
    """Build a `model` from parsed YAML or JSON.

    Raises:
        UserError: one line with the place, the key, what is wrong, and the nearest valid name of an unknown key.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise UserError(_first_line(model, error, where)) from None


def _first_line(model: type[BaseModel], error: ValidationError, where: str) -> str:
    problem, *others = _mistakes(error)
    key = ".".join(str(part) for part in problem["loc"] if not _is_branch(part))
    more = f" (and {len(others)} more)" if others else ""
    if problem["type"] == "extra_forbidden":
        owner = _owner(model, problem["loc"])
        hint = f"; {nearest(str(problem['loc'][-1]), owner.model_fields)}" if owner else ""
        return f"{where}: {key}: unknown key{hint}{more}"
    if problem["type"] == "missing":
        return f"{where}: {key}: missing; add it{more}"
    message = problem["msg"].removeprefix("Value error, ")
    place = f"{where}: {key}" if key else where
    return f"{place}: {message}, not {problem['input']!r}{more}" if key else f"{place}: {message}{more}"


def _mistakes(error: ValidationError) -> list[Any]:
    """Without lists that are too short only because an item of theirs is wrong; missing keys last, as a misspelt one
    leaves one missing."""
    problems: list[Any] = list(error.errors())
    containers = {problem["loc"][:depth] for problem in problems for depth in range(len(problem["loc"]))}
    own = [problem for problem in problems if problem["type"] != "too_short" or problem["loc"] not in containers]
    return sorted(own, key=lambda problem: bool(problem["type"] == "missing"))


def _is_branch(part: object) -> bool:
    """Pydantic names the branches of a union in the location; a person doesn't write them."""
    return isinstance(part, str) and (part in {"int", "float", "str", "bool"} or "[" in part)


def _owner(model: type[BaseModel], location: tuple[int | str, ...]) -> type[BaseModel] | None:
    """The model that refused the last key of `location`."""
    owner: Any = model
    for part in location[:-1]:
        if isinstance(part, int) or owner is None:
            continue
        field = owner.model_fields.get(part)
        owner = _inner_model(field.annotation) if field else None
    return owner if isinstance(owner, type) and issubclass(owner, BaseModel) else None


def _inner_model(annotation: Any) -> Any:
    """The first pydantic model within an annotation such as ``tuple[ClaimSpec, ...] | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (_inner_model(argument) for argument in getattr(annotation, "__args__", ()))
    return next((model for model in inner if model is not None), None)


def merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `over` laid on top, mapping by mapping; a list replaces a list."""
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = merge(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return merged
