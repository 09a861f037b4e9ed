"""Files that are whole or absent: written aside, flushed to disk, renamed."""

from __future__ import annotations

import errno
import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cnnlab.core.errors import UserError


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in `path`.

    Raises:
        UserError: if the file is missing or is not JSON.
    """
    try:
        value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; run snakemake to make it") from None
    except json.JSONDecodeError:
        raise UserError(f"{path}: not valid JSON; delete it and run snakemake again") from None
    return value


def write_json(path: Path, value: Any) -> None:
    """Written aside, then renamed."""
    with disk_space(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
        aside.write_text(json.dumps(value, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        flush(aside)
        os.replace(aside, path)


@contextmanager
def disk_space(where: Path) -> Iterator[None]:
    """A full disk is one clear line; files are written aside, so nothing finished is harmed."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise _full(where) from None
    except Exception as error:  # safetensors wraps the system's error in its own
        if "os error 28" not in str(error) and "No space left" not in str(error):
            raise
        raise _full(where) from None


def _full(where: Path) -> UserError:
    return UserError(f"{where}: no space left on the disk; free some (`cnnlab clean --unused`) and run snakemake again")


def flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
