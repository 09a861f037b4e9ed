"""Files that declare themselves: a module-level literal, read from the parsed source without running the file.

Architectures, figures and diagnostics are found this way in their folders, so that a new one is one new file, and
planning, which imports neither torch nor matplotlib, knows what it needs of each.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from cnnlab.core.errors import UserError
from cnnlab.core.places import Key, Marks, Place


def declared(folder: Path, name: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Each file of `folder` that has a literal ``NAME = {...}``, in the order of their names, with that literal.

    Raises:
        UserError: for a file that is no Python, or whose declaration is not a literal dict.
    """
    for path in sorted(folder.glob("[!_.]*.py")):
        literal = declaration(path, name)
        if literal is not None:
            yield path, literal


def declaration(path: Path, name: str) -> dict[str, Any] | None:
    """The literal ``NAME = {...}`` of one file; None if it has none."""
    return _read(path, path.stat().st_mtime_ns, name)


def place(path: Path, name: str) -> Place:
    """The literal ``NAME = {...}`` of one file, whose keys are found by line and column."""
    return Place(f"{path}: {name}", lambda: _marks(path, path.stat().st_mtime_ns, name))


@lru_cache(maxsize=512)
def _read(path: Path, _mtime: int, name: str) -> dict[str, Any] | None:
    node = _node(path, name)
    if node is None:
        return None
    where = f"{path}:{node.lineno}:{node.col_offset + 1}: {name}"
    try:
        literal = ast.literal_eval(node)
    except (ValueError, TypeError, RecursionError):
        raise UserError(f"{where} is not a literal; write its values out") from None
    if not isinstance(literal, dict):
        raise UserError(f"{where} is not a dict; write it as the files beside it do")
    return literal


def _node(path: Path, name: str) -> ast.expr | None:
    """The right side of ``NAME = ...`` in a file; None if there is none."""
    try:
        text = path.read_text(encoding="utf-8")
        if name not in text:
            return None
        tree = ast.parse(text)
    except SyntaxError as error:
        raise UserError(f"{path}:{error.lineno or 1}:{error.offset or 1}: {error.msg}; fix that line") from None
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; check the file") from None
    except ValueError:  # of a byte that no text has
        raise UserError(f"{path}: not UTF-8 text; save it as UTF-8") from None
    return next((value for statement in tree.body if (value := _value(statement, name)) is not None), None)


def _value(statement: ast.stmt, name: str) -> ast.expr | None:
    """The right side of ``NAME = ...``."""
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    named = any(isinstance(target, ast.Name) and target.id == name for target in targets)
    return statement.value if named and isinstance(statement, ast.Assign | ast.AnnAssign) else None


@lru_cache(maxsize=64)
def _marks(path: Path, _mtime: int, name: str) -> Marks:
    node = _node(path, name)
    walked = [] if node is None else _walk(node, ())
    return {key: f"{path}:{where.lineno}:{where.col_offset + 1}: {name}" for key, where in walked}


def _walk(node: ast.expr, above: Key) -> Iterator[tuple[Key, ast.expr]]:
    """Each key below a literal, with where it stands; items of a list by their number."""
    pairs: list[tuple[object, ast.expr, ast.expr]] = []
    if isinstance(node, ast.Dict):
        keys = (
            (key, value) for key, value in zip(node.keys, node.values, strict=True) if isinstance(key, ast.Constant)
        )
        pairs = [(key.value, key, value) for key, value in keys]
    elif isinstance(node, ast.List | ast.Tuple):
        pairs = [(index, item, item) for index, item in enumerate(node.elts)]
    for name, where, value in pairs:
        yield (*above, str(name)), where
        yield from _walk(value, (*above, str(name)))
