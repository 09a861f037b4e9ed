"""GPUs that several jobs and users share, with an `nvidia-smi` that the test writes: no two jobs hold one."""

from __future__ import annotations

import fcntl
import itertools
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cnnlab.core.errors import UserError
from cnnlab.core.paths import Paths
from cnnlab.planning import device
from cnnlab.training import lease as module
from cnnlab.training.lease import lease
from tests.fakes import Cards

ROOT = Path(__file__).parents[2]
A, B = "GPU-aaaaaaaa-1", "GPU-bbbbbbbb-2"
NOBODY = 65_534
LOCK = f"{B}.lock"

# Says what it holds, and holds it for as long as it is told, or until its input ends.
HOLDER = """
import os, sys, time
seconds, user = float(sys.argv[1]), int(sys.argv[2])
from cnnlab.training import lease as module
if user:
    os.setgroups([])
    os.setgid(user)
    os.setuid(user)
module.RETRY_SECONDS = 0.02
with module.lease("cuda") as uuid:
    began = time.monotonic()
    print("held", uuid, os.environ.get("CUDA_VISIBLE_DEVICES"), began, flush=True)
    time.sleep(seconds) if seconds else sys.stdin.read()
    print("until", time.monotonic(), flush=True)
"""


def start(visible: str | None = None, seconds: float = 0.0, user: int = 0) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    if visible is not None:
        environment["CUDA_VISIBLE_DEVICES"] = visible
    command = [sys.executable, "-c", HOLDER, str(seconds), str(user)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    return subprocess.Popen(command, env=environment, text=True, **pipes)  # type: ignore[call-overload]


@contextmanager
def holding(visible: str | None = None, user: int = 0) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A job that holds a GPU, as soon as it does; and which."""
    with start(visible, user=user) as job:
        try:
            assert job.stdout
            yield job, job.stdout.readline().split()[1]
        finally:
            job.kill()


def put_in_two(cards: Cards) -> None:
    cards.put_in([(A, "card", "81920", "8.0"), (B, "card", "81920", "8.0")])


def test_no_two_jobs_share_a_card(cards: Cards) -> None:
    put_in_two(cards)
    jobs = [start(seconds=0.3) for _ in range(6)]
    held: dict[str, list[tuple[float, float]]] = {A: [], B: []}
    for job in jobs:
        lines = job.communicate(timeout=60)[0].splitlines()
        (_, uuid, seen, began), (_, until) = (line.split() for line in lines if not line.startswith("cnnlab:"))
        assert seen == uuid
        held[uuid].append((float(began), float(until)))
    assert min(map(len, held.values())) > 0, "both cards are used"
    for spans in held.values():
        assert all(until <= began for (_, until), (began, _) in itertools.pairwise(sorted(spans)))


def test_a_killed_job_frees_its_card(cards: Cards) -> None:
    cards.put_in([(A, "card", "81920", "8.0")])
    with holding() as (first, uuid), start() as second:
        assert uuid == A
        assert second.stdout
        assert second.stdout.readline().startswith("cnnlab: the GPU is in use by other jobs (")
        first.kill()
        assert second.stdout.readline().split()[:2] == ["held", A]
        second.kill()


def test_cards_are_the_same_by_any_name(cards: Cards) -> None:
    put_in_two(cards)
    with holding("1") as (_, second), holding() as (_, first):
        assert (first, second) == (A, B)
        for visible in ("0", "1", "1,0", B[:8], "0,1"):
            with start(visible) as job:
                assert job.stdout
                assert job.stdout.readline().startswith("cnnlab: ")
                job.kill()


def test_a_job_takes_no_card_that_it_may_not_see(cards: Cards, monkeypatch: pytest.MonkeyPatch) -> None:
    put_in_two(cards)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    with lease("cuda") as uuid:
        assert uuid == os.environ["CUDA_VISIBLE_DEVICES"] == B
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with lease("cuda") as uuid:
        assert uuid is None
        assert os.environ["CUDA_VISIBLE_DEVICES"] == ""


def test_a_cpu_needs_no_lease(cards: Cards) -> None:
    put_in_two(cards)
    with lease("cpu") as uuid:
        assert uuid is None
    assert cards.calls == 0
    assert not Path(os.environ[module.FOLDER]).exists()


def test_folder_and_locks_are_for_all_users(cards: Cards) -> None:
    put_in_two(cards)
    before = os.umask(0o077)
    try:
        with lease("cuda"):
            folder = Path(os.environ[module.FOLDER])
            assert stat.S_IMODE(folder.stat().st_mode) == 0o1777
            (lock,) = folder.iterdir()
            assert (lock.name, stat.S_IMODE(lock.stat().st_mode)) == (f"{A}.lock", 0o666)
        assert os.umask(0o077) == 0o077
    finally:
        os.umask(before)


def test_a_lock_that_may_only_be_read_is_respected(cards: Cards) -> None:
    put_in_two(cards)
    folder = Path(os.environ[module.FOLDER])
    folder.mkdir()
    lock = folder / f"{A}.lock"
    lock.touch(0o444)
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with lease("cuda") as uuid:
            assert uuid == B
    with lease("cuda") as uuid:
        assert uuid == os.environ["CUDA_VISIBLE_DEVICES"] == B, "CUDA is bound to the card that it saw first"


@pytest.fixture
def for_all(cards: Cards, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of leases, and cards, that any user can reach; pytest's own folders cannot."""
    if os.geteuid():
        pytest.skip("only root can be two users")
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    shutil.copytree(cards.folder, folder / "bin", symlinks=True)
    script = folder / "bin/nvidia-smi"
    script.write_text(f"#!/bin/sh\necho '{A}, card, 81920, 8.0'\necho '{B}, card, 81920, 8.0'\n")
    script.chmod(0o755)
    (folder / "leases").mkdir()
    (folder / "leases").chmod(0o1777)
    monkeypatch.setenv("PATH", str(folder / "bin"))
    monkeypatch.setenv(module.FOLDER, str(folder / "leases"))
    yield folder / "leases"
    shutil.rmtree(folder)


def test_the_leases_of_another_user_are_respected(for_all: Path) -> None:
    with holding(user=NOBODY) as (theirs, first), holding() as (_, second):
        assert (first, second) == (A, B)
        assert (for_all / f"{A}.lock").stat().st_uid == NOBODY
        with start() as waiting:
            assert waiting.stdout
            assert waiting.stdout.readline().startswith("cnnlab: all 2 GPUs are in use by other jobs")
            theirs.kill()
            assert waiting.stdout.readline().split()[:2] == ["held", A]
            waiting.kill()
    (for_all / f"{B}.lock").chmod(0o644)  # of root: nobody else may write it
    with holding(user=NOBODY) as (_, first), holding(user=NOBODY) as (_, second):
        assert (first, second) == (A, B)


def test_a_folder_that_is_not_shared_is_one_line(cards: Cards, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_in_two(cards)
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "missing/leases"):
        monkeypatch.setenv(module.FOLDER, str(folder))
        expected = r"no lock for a GPU .*; let its owner .* CNNLAB_LEASES"
        with pytest.raises(UserError, match=expected) as error, lease("cuda"):
            pass
        assert "\n" not in str(error.value)


def test_a_lock_is_no_link_to_another_file(cards: Cards, tmp_path: Path) -> None:
    put_in_two(cards)
    folder = Path(os.environ[module.FOLDER])
    folder.mkdir()
    (folder / f"{A}.lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="no lock for a GPU"), lease("cuda"):
        pass
    assert not (tmp_path / "elsewhere").exists()


def test_a_job_waits_for_a_slow_nvidia_smi(cards: Cards, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "PLANNING_SECONDS", 0.2)
    cards.answer(f"sleep 0.5; echo '{A}, card, 81920, 8.0'")
    with lease("cuda") as uuid:
        assert uuid == A
    monkeypatch.setattr(module, "LISTING_SECONDS", 0.2)
    cards.answer("exec sleep 20")
    with pytest.raises(UserError, match="nvidia-smi does not answer"), lease("cuda"):
        pass


def test_a_job_holds_a_card_while_it_trains(paths: Paths, cards: Cards, monkeypatch: pytest.MonkeyPatch) -> None:
    from cnnlab.training import job
    from tests.fakes import DIGITS
    from tests.small_runs import arm

    put_in_two(cards)
    locks = Path(os.environ[module.FOLDER])

    def prepare(_: object) -> None:
        assert os.environ["CUDA_VISIBLE_DEVICES"] == A
        with (locks / f"{A}.lock").open() as lock, pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        raise UserError("far enough")

    monkeypatch.setattr(job, "prepare", prepare)
    with pytest.raises(UserError, match="far enough"):
        job.run_job(arm().model_copy(update={"device": "cuda", "data": DIGITS}), paths, (0,), 30)
    with (locks / f"{A}.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
