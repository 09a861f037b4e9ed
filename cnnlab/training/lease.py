"""A GPU of one's own for as long as a job trains: a locked file per GPU, in a folder that all users of a machine share.

The kernel frees a lock when its holder ends, however it ends. Nothing is written into the files, and they stay.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cnnlab.core.errors import UserError
from cnnlab.planning import device

FOLDER = "CNNLAB_LEASES"
DEFAULT = "/tmp/cnnlab-leases"  # not $TMPDIR, which may be each user's own
LISTING_SECONDS = 300.0  # the plan knows that there are GPUs; a busy machine may take its time to list them
RETRY_SECONDS = 1.0


@contextmanager
def lease(asked: str) -> Iterator[str | None]:
    """Hold one of the GPUs that this process may use, the only one that CUDA will see; its UUID, or None on a CPU.

    Processes that see different GPUs, or call them by other numbers, agree: a lock is named by the UUID. Call this
    before CUDA starts; from then on the process stays with its GPU, so CUDA_VISIBLE_DEVICES stays too.

    Raises:
        UserError: if the GPUs cannot be listed, or the folder of locks is not shared.
    """
    found = device.visible(LISTING_SECONDS) if asked == "cuda" else ()
    if not found:
        yield None
        return
    uuid, descriptor = _wait([gpu.uuid for gpu in found])
    try:
        if len(found) > 1 or "CUDA_VISIBLE_DEVICES" in os.environ:  # whose numbers CUDA might count in another order
            os.environ["CUDA_VISIBLE_DEVICES"] = uuid
        yield uuid
    finally:
        os.close(descriptor)


def _wait(uuids: list[str]) -> tuple[str, int]:
    """The first of the GPUs that nobody holds, and the descriptor of its lock, as soon as there is one."""
    folder, said = _folder(), False
    while True:
        for uuid in uuids:
            descriptor = _take(folder / f"{uuid}.lock")
            if descriptor is not None:
                return uuid, descriptor
        if not said:
            others = "the GPU is" if len(uuids) == 1 else f"all {len(uuids)} GPUs are"
            print(f"cnnlab: {others} in use by other jobs ({folder}); waiting", flush=True)
            said = True
        time.sleep(RETRY_SECONDS)


def _folder() -> Path:
    """The folder of locks, where every user may add some and nobody may remove those of others."""
    folder = Path(os.environ.get(FOLDER) or DEFAULT)
    with _for_all(), suppress(OSError):  # the locks themselves say what is wrong
        folder.mkdir(mode=0o1777)
    return folder


def _take(path: Path) -> int | None:
    """A descriptor that holds the lock of this file; None if another process holds it."""
    try:
        descriptor = _opened(path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise
    except BlockingIOError:
        return None
    except OSError as error:
        raise UserError(
            f"{path}: no lock for a GPU ({error.strerror}); let its owner make the folder writable (chmod 1777) and "
            f"the file readable, or state another folder in {FOLDER}, the same for all users"
        ) from None
    return descriptor


def _opened(path: Path) -> int:
    """Read-only, which suffices for a lock, so that it may be anybody's file.

    A file that is there is opened without O_CREAT: with it, Linux refuses files of other users in a sticky folder
    (sysctl fs.protected_regular).
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW
    while True:
        with suppress(FileNotFoundError):
            return os.open(path, flags)
        with _for_all(), suppress(FileExistsError):
            return os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o666)


@contextmanager
def _for_all() -> Iterator[None]:
    """What is made here is for all users, whatever the umask."""
    before = os.umask(0)
    try:
        yield
    finally:
        os.umask(before)
