"""Files that are whole or absent: written aside, flushed to disk, renamed."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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
    with atomic(path) as aside:
        aside.write_text(json.dumps(value, indent=1, allow_nan=False) + "\n", encoding="utf-8")


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A name beside `path` to write a file or a folder to: flushed to disk, then renamed to `path`, or nothing is left.

    So `path` is whole or absent, even after a power cut. A folder that another process has put there meanwhile stays.

    Raises:
        UserError: one line, if the disk is full or the folder cannot be written.
    """
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield aside
        for written in (*(aside.iterdir() if aside.is_dir() else ()), aside):
            _flush(written)
        try:
            os.replace(aside, path)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        _flush(path.parent)
    except Exception as error:
        refusal = _refusal(path, error)
        if refusal is None:
            raise
        raise refusal from None
    finally:
        with suppress(OSError):
            if aside.is_dir():
                shutil.rmtree(aside)
            else:
                aside.unlink()


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _refusal(path: Path, error: Exception) -> UserError | None:
    """What the system objects to, which libraries wrap in errors of their own; None if it is something else."""
    wrapped = re.search(r"os error (\d+)", str(error))
    number = error.errno if isinstance(error, OSError) else int(wrapped[1]) if wrapped else None
    if number in (errno.ENOSPC, errno.EDQUOT) or "No space left" in str(error):
        reason, remedy = "no space left on the disk", "free some (`cnnlab clean --unused`)"
    elif number is not None:
        reason, remedy = os.strerror(number), "check the folder"
    else:
        return None
    return UserError(f"{path}: cannot be written: {reason}; {remedy} and run snakemake again")
