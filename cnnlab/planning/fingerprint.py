"""Hashes of code: what trains an arm, and what each step is made of.

Comments, docstrings, layout and where a module of ours lies don't count; every statement does, but for what a
diagnostic declares: that is no part of how an arm is trained, but of what names and draws it. Imports are read from the
syntax tree, so that nothing is imported to know them.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from pathlib import Path

from cnnlab.core.errors import UserError
from cnnlab.core.validation import digest
from cnnlab.planning import model_registry
from cnnlab.planning.declarations import declared

PACKAGE = Path(__file__).parents[1]
# What decides the numbers of every arm: the loop, what is read off its end, the learning rate, images and process.
TRAINING = (
    "training/loop.py",
    "training/outcome.py",
    "training/learning_rate.py",
    "training/process.py",
    "data/dataset.py",
    "models/__init__.py",
)
# Of the stages that it imports, these decide no number of a run.
NO_NUMBERS = ("core", "planning", "training/records.py")
# Imported by what all arms share, but a part of those arms alone that ask for it.
CLASSIFIER = PACKAGE / "training/svm.py"
DIAGNOSTICS = PACKAGE / "training/diagnostics"
READS_DIAGNOSTICS = PACKAGE / "planning/diagnostics.py"


def fingerprint(architecture: str, diagnostics: Iterable[str] = (), classifier: str = "network") -> str:
    """The code that decides the numbers of every arm of `architecture`, as a short hash."""
    return _hash(training_files(architecture, diagnostics, classifier))


def training_files(architecture: str, diagnostics: Iterable[str] = (), classifier: str = "network") -> list[Path]:
    """The files behind `fingerprint`: what all arms share, the architecture's, and what it imports.

    And those of the diagnostics that an arm asks for, and of a classifier other than the network itself.
    """
    own = model_registry.source_file(architecture)
    asked = [DIAGNOSTICS / f"{name}.py" for name in sorted(diagnostics)]
    classifiers = [CLASSIFIER] if classifier != "network" else []

    def decides(path: Path) -> bool:
        return _decides_numbers(path) and (path != CLASSIFIER or bool(classifiers))

    return closure([*(PACKAGE / name for name in TRAINING), own, *asked, *classifiers], decides)


def code(*modules: str) -> str:
    """The code of `modules` and of everything in cnnlab that they import, as one short hash for each stage.

    What the diagnostics declare is part of it if it is read: titles, units, axes.
    A package stands for every file in its folder, as some of them are found there and never imported by name.
    """
    roots = [path for module in modules for path in _files(module)]
    stages: dict[str, list[Path]] = {}
    for path in sorted(closure(roots)):
        stages.setdefault(path.relative_to(PACKAGE).parts[0], []).append(path)
    hashes = {stage: _hash(files) for stage, files in stages.items()}
    if READS_DIAGNOSTICS in stages.get("planning", ()):
        hashes["diagnostics"] = digest([literal for _, literal in declared(DIAGNOSTICS, "DIAGNOSTIC")])
    return " ".join(f"{stage}:{value}" for stage, value in hashes.items())


def statements(files: Iterable[Path]) -> str:
    """The code of `files` and of everything in cnnlab that they import, as one short hash."""
    return _hash(closure(files))


def closure(roots: Iterable[Path], follow: Callable[[Path], bool] = lambda path: True) -> list[Path]:
    """`roots`, and every file of cnnlab that they import, at any depth, as far as `follow` says so."""
    files: dict[Path, None] = {}
    waiting = list(roots)
    while waiting:
        path = waiting.pop()
        if path not in files:
            files[path] = None
            waiting += filter(follow, _read(path, path.stat().st_mtime_ns)[0])
    return list(files)


def _hash(files: Iterable[Path]) -> str:
    statements = sorted(_read(path, path.stat().st_mtime_ns)[1] for path in files)
    return hashlib.sha256("\n".join(statements).encode()).hexdigest()[:12]


@lru_cache
def _decides_numbers(path: Path) -> bool:
    return not path.relative_to(PACKAGE).as_posix().startswith(NO_NUMBERS)


def _files(module: str) -> list[Path]:
    folder = PACKAGE.parent.joinpath(*module.split("."))
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]


@lru_cache(maxsize=4096)
def _file(module: str) -> Path | None:
    base = PACKAGE.parent.joinpath(*module.split("."))
    return next((path for path in (base / "__init__.py", base.with_suffix(".py")) if path.exists()), None)


@lru_cache(maxsize=1024)
def _read(path: Path, _mtime: int) -> tuple[tuple[Path, ...], str]:
    """The files of ours that a file imports; and its statements, without comments, docstrings and those imports."""
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except SyntaxError as error:
        raise UserError(f"{path}:{error.lineno}:{error.offset}: {error.msg}; fix that line") from None
    imports = tuple(dict.fromkeys(file for name in _imports(tree) if (file := _file(name))))
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [item for item in node.body if not any(each(item) for each in LEFT_OUT)] or [ast.Pass()]
    return imports, ast.unparse(tree)


def _imports(tree: ast.AST) -> Iterator[str]:
    """Every module of cnnlab that `tree` imports, but for types; ``from a import b`` names a and a.b.

    What a step is given, such as the plan, is a parameter of its rule rather than part of its code.
    """
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if _is_cnnlab(alias.name))
        elif isinstance(node, ast.ImportFrom) and _is_cnnlab(node.module or ""):
            yield from (name for name in (str(node.module), *_members(node)) if name != "cnnlab")
        elif not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            yield from _imports(node)


def _members(node: ast.ImportFrom) -> Iterator[str]:
    return (f"{node.module}.{alias.name}" for alias in node.names)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _is_ours(node: ast.stmt) -> bool:
    """Whether it imports modules of cnnlab, and nothing else."""
    if isinstance(node, ast.ImportFrom):
        return _is_cnnlab(node.module or "")
    return isinstance(node, ast.Import) and all(_is_cnnlab(alias.name) for alias in node.names)


def _is_cnnlab(module: str) -> bool:
    return module.partition(".")[0] == "cnnlab"


def _is_declaration(node: ast.stmt) -> bool:
    """``DIAGNOSTIC = {...}``."""
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "DIAGNOSTIC"


LEFT_OUT = (_is_text, _is_ours, _is_declaration)
