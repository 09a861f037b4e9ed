"""What pydantic objects to, as lines for a person: the key, the wrong word, and what may stand there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from cnnlab.core.errors import closest, nearest
from cnnlab.core.places import Key, Place, Where, within

Problem = Mapping[str, Any]
# What to write, by what pydantic calls a value of the wrong kind.
KINDS = {
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "string_type": "text, in quotes",
    "dict_type": "keys with values, {key: value}",
    "mapping_type": "keys with values, {key: value}",
    "model_type": "keys with values, {key: value}",
    "list_type": "a list, [a, b]",
    "tuple_type": "a list, [a, b]",
    "invalid_key": "a name that is text",
}
BOUNDS = {
    "greater_than": "a number above {gt}",
    "greater_than_equal": "{ge} or more",
    "less_than": "a number below {lt}",
    "less_than_equal": "{le} or less",
    "too_short": "at least {min_length}",
    "too_long": "at most {max_length}",
    "string_too_short": "text",
    "literal_error": "{expected}",
    "enum": "{expected}",
}
LONGEST = 60  # of a wrong word that is shown


def lines(model: type[BaseModel], error: ValidationError, where: Where) -> list[str]:
    """A line for each key that is wrong."""
    groups: dict[Key, list[Problem]] = {}
    for problem in error.errors(include_url=False):
        groups.setdefault(_key(problem["loc"], where), []).append(problem)
    told = {key: problems for key, problems in groups.items() if not _follows(key, problems, groups, model)}
    return [line for key, problems in told.items() for line in _lines(model, _at(where, key), problems)]


def _key(location: Sequence[int | str], where: Where) -> Key:
    """Pydantic names the branches of a union and the keys of a mapping in the location; a person doesn't write them."""
    key: Key = ()
    for part in map(str, location):
        written = isinstance(where, Place) and _at(where, (*key, part)).written
        if written or not (part in {"int", "float", "str", "bool"} or "[" in part):
            key = (*key, part)
    return key


def _at(where: Where, key: Key) -> Any:
    if isinstance(where, str):
        return within(where, ".".join(key)) if key else where
    for part in key:
        where = where / part
    return where


def _follows(key: Key, problems: Sequence[Problem], groups: Mapping[Key, Any], model: type[BaseModel]) -> bool:
    """Whether they are wrong only because something else is: a list for its items, a missing key for a misspelt one."""
    kinds = {problem["type"] for problem in problems}
    if kinds == {"missing"}:
        misspelt = (other[-1] for other, found in groups.items() if other[:-1] == key[:-1] and _unknown(found))
        return any(closest(name, _fields(model, problems[0]["loc"])) == key[-1] for name in misspelt)
    deeper = any(len(other) > len(key) and other[: len(key)] == key for other in groups)
    return deeper and kinds <= {*KINDS, "too_short"}


def _unknown(problems: Sequence[Problem]) -> bool:
    return any(problem["type"] == "extra_forbidden" for problem in problems)


def _lines(model: type[BaseModel], place: Any, problems: Sequence[Problem]) -> list[str]:
    first, word = problems[0], _word(problems[0].get("input"))
    if _unknown(problems):
        return [f"{place}: unknown key; {nearest(str(first['loc'][-1]), _fields(model, first['loc']))}"]
    if first["type"] == "missing":
        return [f"{place}: missing; add it"]
    objections = [problem for problem in problems if problem["type"] == "value_error"]
    if objections:
        whole = isinstance(first["input"], Mapping | list | tuple) or not first["loc"]
        texts = objections[0]["ctx"]["error"].args  # a line each
        return [_about(place, text if whole else f"{word}: {text}") for text in texts]
    if first["type"] in ("literal_error", "enum") and len(problems) == 1 and isinstance(first["input"], str):
        valid = re.findall("'([^']*)'", first["ctx"]["expected"])
        return [f"{place}: {word}: unknown; {nearest(first['input'], valid)}"]
    return [f"{place}: {word}: write {', or '.join(dict.fromkeys(map(_allowed, problems)))}"]


def _about(place: Any, text: str) -> str:
    return place.about(text) if isinstance(place, Place) else f"{place}: {text}"


def _allowed(problem: Problem) -> str:
    """What may stand there."""
    kind, told = problem["type"], problem.get("ctx", {})
    if kind in KINDS:
        return KINDS[kind]
    if kind in BOUNDS:
        return BOUNDS[kind].format(**told)
    return _characters(told["pattern"]) if kind == "string_pattern_mismatch" else f"otherwise: {problem['msg']}"


def _characters(pattern: str) -> str:
    """``^[a-z][a-z0-9_]*$`` → what a name is made of."""
    names = {"a-z": "small letters", "A-Z": "capitals", "0-9": "digits"}
    allowed = re.findall(r"\[(.*?)\]", pattern)[-1:]
    if not allowed or not re.fullmatch(r"\^(\[[^\]]*\])+[*+]?\$", pattern):
        return f"what matches {pattern}"
    rest = allowed[0]
    for span in names:
        rest = rest.replace(span, "")
    said = [word for span, word in names.items() if span in allowed[0]]
    said += ["blanks" if character == " " else character for character in rest]
    first = re.findall(r"\[(.*?)\]", pattern)[0]
    begins = f"; the first is one of {first}" if first != allowed[0] else ""
    return f"{', '.join(said)} alone{begins}"


def _word(value: object) -> str:
    """The wrong word, short enough for a line."""
    text = str(value).lower() if isinstance(value, bool) else "nothing" if value is None else repr(value)
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _fields(model: type[BaseModel], location: Sequence[int | str]) -> list[str]:
    """The keys that are known where the last one of `location` stands."""
    annotation: Any = model
    for part in location[:-1]:
        annotation = _inside(annotation, part) or annotation
    owner = next(_models(annotation), None)
    return [field.alias or name for name, field in owner.model_fields.items()] if owner else []


def _inside(annotation: Any, part: int | str) -> Any:
    """The type of what lies under the key `part` of an annotation such as ``dict[str, ClaimSpec] | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields = annotation.model_fields.items()
        return next((field.annotation for name, field in fields if part in (name, field.alias)), None)
    arguments = get_args(annotation)
    if get_origin(annotation) is dict:
        return arguments[1]
    if get_origin(annotation) in (list, tuple) and isinstance(part, int):
        return arguments[0]
    found = (_inside(argument, part) for argument in arguments)
    return next((each for each in found if each is not None), None)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models(argument)
