"""Which files of cnnlab a step is made of, so that Snakemake runs it again when one of them changes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
ROOT = PACKAGE.parent


def sources(module: str) -> list[str]:
    """The files of `module` and of everything in cnnlab that it imports, at any depth, relative to the project.

    Templates and style sheets in a package's folder count as part of it.
    """
    found: dict[Path, None] = {}
    _collect(module, found)
    data = [file for path in found if path.name == "__init__.py" for file in _beside(path.parent)]
    return sorted({_relative(path) for path in (*found, *data)})


def closure(path: Path) -> list[Path]:
    """The file at `path`, and every file of cnnlab that it imports, at any depth."""
    found: dict[Path, None] = {path: None}
    for name in _imports(path):
        _collect(name, found)
    return list(found)


def _collect(module: str, found: dict[Path, None]) -> None:
    path = _file(module)
    if path is not None and path not in found:
        found[path] = None
        for name in _imports(path):
            _collect(name, found)


def _file(module: str) -> Path | None:
    base = ROOT.joinpath(*module.split("."))
    return next((path for path in (base / "__init__.py", base.with_suffix(".py")) if path.exists()), None)


@cache
def _imports(path: Path) -> tuple[str, ...]:
    """The modules of cnnlab that a file imports; of a package that imports by name what lies in its folder, all."""
    text = path.read_text(encoding="utf-8")
    package = ".".join(path.parent.relative_to(ROOT).parts) if 'import_module(f"{__name__}.' in text else None
    beside = [f"{package}.{file.stem}" for file in path.parent.glob("[!_]*.py")] if package else []
    return tuple(name for name in (*_names(ast.parse(text)), *beside) if name.startswith("cnnlab"))


def _names(tree: ast.AST) -> Iterator[str]:
    """Every module that `tree` may import; ``from a import b`` names both a and a.b, as b may be a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _beside(folder: Path) -> list[Path]:
    kinds = {".j2", ".css", ".js"}
    return [path for path in folder.rglob("*") if path.suffix in kinds] if folder != PACKAGE else []


def _relative(path: Path) -> str:
    """Relative to the working directory where that is the project, as Snakemake likes its paths."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
