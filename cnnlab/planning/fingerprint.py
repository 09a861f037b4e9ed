"""The hash of the code that trains an arm: comments, docstrings, layout and where a module of ours lies don't count."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from cnnlab.core.errors import UserError
from cnnlab.planning import dependencies, model_registry

PACKAGE = Path(__file__).parents[1]
# The loop, the data path within the job, and the blocks that all architectures share.
SHARED = (
    "training/loop.py",
    "training/evaluate.py",
    "training/outcome.py",
    "training/process.py",
    "training/checkpoint.py",
    "training/optimizers.py",
    "training/learning_rate.py",
    "training/diagnostics/__init__.py",
    "data/arrays.py",
    "data/dataset.py",
    "data/batches.py",
    "data/random_streams.py",
    "data/augment.py",
    "data/variants.py",
    "models/__init__.py",
    "models/layers/switches.py",
    "models/layers/blocks.py",
    "models/layers/activations.py",
    "models/layers/initialization.py",
    "models/layers/batchnorm.py",
    "models/layers/ghost_batchnorm.py",
    "models/layers/auxiliary.py",
)


def fingerprint(architecture: str, diagnostics: Iterable[str] = (), classifier: str = "network") -> str:
    """The code that decides the numbers of every arm of `architecture`, as a short hash.

    That is what all arms share, the architecture's file, and the files of other blocks that it imports; and those of
    the diagnostics that an arm asks for, with what they import of each other, and of a classifier other than the
    network itself.
    """
    own = model_registry.source_file(architecture)
    blocks = [path for path in dependencies.closure(own) if path == own or model_registry.MODELS in path.parents]
    readers = [path for name in sorted(diagnostics) for path in _diagnostic(name)]
    if classifier != "network":
        readers.append(PACKAGE / "training/svm.py")
    files = dict.fromkeys([*(PACKAGE / name for name in SHARED), *sorted(blocks), *readers])
    parts = sorted(_code(path, path.stat().st_mtime_ns) for path in files)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


@lru_cache
def _diagnostic(name: str) -> tuple[Path, ...]:
    """The file of a diagnostic and those beside it that it imports."""
    folder = PACKAGE / "training/diagnostics"
    return tuple(sorted(path for path in dependencies.closure(folder / f"{name}.py") if path.parent == folder))


@lru_cache(maxsize=256)
def _code(path: Path, _mtime: int) -> str:
    """The source without comments, docstrings and imports of cnnlab itself; `ast.unparse` normalises the layout.

    So a module that moves trains nothing again.
    """
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except SyntaxError as error:
        raise UserError(f"{path}, line {error.lineno}: {error.msg}; fix that line") from None
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [item for item in node.body if not (_is_text(item) or _is_ours(item))] or [ast.Pass()]
    return ast.unparse(tree)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _is_ours(node: ast.stmt) -> bool:
    """Whether it imports modules of cnnlab, and nothing else."""
    if isinstance(node, ast.ImportFrom):
        return (node.module or "").partition(".")[0] == "cnnlab"
    return isinstance(node, ast.Import) and all(alias.name.partition(".")[0] == "cnnlab" for alias in node.names)
