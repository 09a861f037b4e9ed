"""Files are whole or absent, and what the system refuses is one line."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from cnnlab.core.errors import UserError
from cnnlab.core.files import atomic, read_json, write_json


def test_a_file_appears_whole_and_replaces_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "new/folder/a.json"
    for value in ({"a": 1}, {"b": [2]}):
        write_json(path, value)
        assert read_json(path) == value
    with atomic(path) as aside:
        aside.write_text("half")
        assert read_json(path) == value
    assert path.read_text() == "half"
    assert list(path.parent.iterdir()) == [path]


def interrupted(path: Path, error: BaseException, folder: bool = False) -> None:
    with atomic(path) as aside:
        if folder:
            aside.mkdir()
        (aside / "file" if folder else aside).write_text("half")
        raise error


@pytest.mark.parametrize("folder", [False, True])
def test_what_is_interrupted_leaves_nothing_behind(tmp_path: Path, folder: bool) -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupted(tmp_path / "a", KeyboardInterrupt(), folder)
    assert list(tmp_path.iterdir()) == []


def test_of_two_folders_the_first_stays(tmp_path: Path) -> None:
    for text in ("first", "second"):
        with atomic(tmp_path / "a") as aside:
            aside.mkdir()
            (aside / "file").write_text(text)
    assert (tmp_path / "a/file").read_text() == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), r"no space left on the disk; free some \(`cnnlab clean"),
        (RuntimeError("Io(Os { code: 28 }): No space left on device (os error 28)"), "no space left on the disk"),
        (OSError(errno.EACCES, os.strerror(errno.EACCES)), "Permission denied; check the folder"),
    ],
)
def test_what_the_system_refuses_is_one_line(tmp_path: Path, error: Exception, reason: str) -> None:
    with pytest.raises(UserError, match=rf"a\.json: cannot be written: {reason}.*and run snakemake again") as caught:
        interrupted(tmp_path / "a.json", error)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_the_writer_is_its_own(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a defect"):
        interrupted(tmp_path / "a", ValueError("a defect"))
