"""YAML that refuses a key given twice: an arm that silently replaced another would be a wrong result."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from cnnlab.core.errors import UserError
from cnnlab.core.places import Key, Marks, Place

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc]
    """Constructs from the inside out, so that what holds itself is refused."""

    def construct_document(self, node: Any) -> Any:
        self.deep_construct = True
        return super().construct_document(node)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: list[Any] = []
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                problem = f"key '{key}' is given twice"
                raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
            seen.append(key)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


def read_yaml(path: Path) -> Any:
    """The parsed content of `path`.

    Raises:
        UserError: if there is no such file, or it is not YAML (with line and column).
    """
    try:
        return yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; check the name") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: not UTF-8 text; save it as UTF-8") from None
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; check the file") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        problem = " ".join(str(getattr(error, "problem", None) or "a character that no text has").split())
        raise UserError(f"{path}{place}: not valid YAML: {problem}; fix that line") from None
    except RecursionError:
        raise UserError(f"{path}: not valid YAML: too many brackets within each other; remove some") from None
    except (ValueError, OverflowError) as error:  # of a date or a number that there is not
        problem = str(error).partition(";")[0]
        raise UserError(f"{path}: not valid YAML: {problem}; correct it, or put it in quotes") from None


def place(path: Path, under: str = "") -> Place:
    """The whole of a YAML file, whose keys are found by line and column; `under`: as if they stood under that key."""
    return Place(str(path), lambda: marks(path, under))


def marks(path: Path, under: str = "") -> Marks:
    """Where each key of a YAML file stands, items of a list by their number."""
    return _marks(path, path.stat().st_mtime_ns, under)


@lru_cache(maxsize=64)
def _marks(path: Path, _mtime: int, under: str) -> Marks:
    root = yaml.compose(path.read_text(encoding="utf-8"), _Loader)
    top = (under,) if under else ()
    return {key: f"{path}:{mark.line + 1}:{mark.column + 1}" for key, mark in _walk(root, top)}


def _walk(node: Any, above: Key) -> Iterator[tuple[Key, Any]]:
    """Each key below `node`, with its mark. ``model.depth`` of a grid stands for depth within model, too."""
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            key = (*above, str(index))
            yield key, item.start_mark
            yield from _walk(item, key)
    elif isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            text = str(name.value)
            for key in dict.fromkeys([(*above, text), (*above, *text.split("."))]):
                yield key, name.start_mark
                yield from _walk(value, key)
