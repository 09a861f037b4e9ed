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


def declared(folder: Path, name: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Each file of `folder` that has a literal ``NAME = {...}``, in the order of their names, with that literal.

    Raises:
        UserError: for a file that is no Python, or whose declaration is not a literal dict.
    """
    for path in sorted(folder.glob("[!_]*.py")):
        literal = declaration(path, name)
        if literal is not None:
            yield path, literal


def declaration(path: Path, name: str) -> dict[str, Any] | None:
    """The literal ``NAME = {...}`` of one file; None if it has none."""
    return _read(path, path.stat().st_mtime_ns, name)


@lru_cache(maxsize=512)
def _read(path: Path, _mtime: int, name: str) -> dict[str, Any] | None:
    text = path.read_text(encoding="utf-8")
    if name not in text:
        return None
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        raise UserError(f"{path}, line {error.lineno}: {error.msg}; fix that line") from None
    node = next((value for statement in tree.body if (value := _value(statement, name)) is not None), None)
    if node is None:
        return None
    try:
        literal = ast.literal_eval(node)
    except ValueError:
        raise UserError(f"{path}, line {node.lineno}: {name} is not a literal; write its values out") from None
    if not isinstance(literal, dict):
        raise UserError(f"{path}, line {node.lineno}: {name} is not a dict; write it as the files beside it do")
    return literal


def _value(statement: ast.stmt, name: str) -> ast.expr | None:
    """The right side of ``NAME = ...``."""
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    named = any(isinstance(target, ast.Name) and target.id == name for target in targets)
    return statement.value if named and isinstance(statement, ast.Assign | ast.AnnAssign) else None
