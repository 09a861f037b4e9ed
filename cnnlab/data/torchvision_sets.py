"""Data sets that torchvision downloads, without its noise."""

from __future__ import annotations

import contextlib
import io
import sys
import threading
import urllib.request
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from filelock import FileLock

from cnnlab.core.errors import UserError
from cnnlab.data.sources import damaged, first_line, root
from cnnlab.planning.specs import PreparedSpec

PROBE_SECONDS = 8.0


def read(spec: PreparedSpec, name: str) -> list[Any]:
    """Training and test images as torchvision's class `name` has them, downloaded if they are not there.

    Raises:
        UserError: if they neither lie there nor can be downloaded, or what lies there is damaged.
    """
    wait(spec)
    try:
        return _parts(spec, name, download=False)
    except Exception as error:
        # These are torchvision's words, also for a CIFAR-10 whose MD5 is wrong.
        if "Dataset not found" not in str(error):
            raise damaged(spec, root(spec), error) from None
    return download(spec, name)


def download(spec: PreparedSpec, name: str) -> list[Any]:
    """The same, from torchvision's servers.

    Raises:
        UserError: in seconds if no server answers.
    """
    folder = root(spec)
    missing = f"{spec.name}: not in {folder}/ and cannot be downloaded"
    remedy = "connect to the network, or write in data.root the folder that holds it"
    if not _unpacks_only(name, folder) and not _reachable(_addresses(name)):
        raise UserError(f"{missing} (no server answers); {remedy}")
    print(f"{spec.name}: downloading into {folder}/", file=sys.stderr)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Two preparations may want the same files at once; the second finds them and asks no server.
        with _lock(spec):
            return _parts(spec, name, download=True)
    except Exception as error:
        raise UserError(f"{missing} ({first_line(error)}); {remedy}") from None


def wait(spec: PreparedSpec) -> None:
    """Until whoever downloads the same files has finished."""
    lock = _lock(spec)
    with contextlib.suppress(OSError):  # a folder that others own may be read-only
        if Path(lock.lock_file).exists():
            with lock:
                pass


def _lock(spec: PreparedSpec) -> FileLock:
    return FileLock(root(spec) / f".{spec.name}.lock")


def _parts(spec: PreparedSpec, name: str, download: bool) -> list[Any]:
    with _quiet():
        return [_source(name)(root(spec), train=train, download=download) for train in (True, False)]


def _source(name: str) -> Any:
    with _quiet():
        from torchvision import datasets
    return getattr(datasets, name)


def _addresses(name: str) -> list[str]:
    source = _source(name)
    if hasattr(source, "mirrors"):
        return [mirror + source.resources[0][0] for mirror in source.mirrors]
    return [source.url]


def _unpacks_only(name: str, folder: Path) -> bool:
    """Whether the archive lies there already, and torchvision asks no server."""
    archive = getattr(_source(name), "filename", None)
    return archive is not None and (folder / archive).exists()


def _reachable(addresses: list[str]) -> bool:
    """Whether a server answers in seconds: left to itself, a download without network can hang.

    In threads that nobody waits for, as looking up a name knows no timeout.
    """
    answered = threading.Event()

    def ask(address: str) -> None:
        request = urllib.request.Request(address, method="HEAD")
        with contextlib.suppress(Exception), urllib.request.urlopen(request, timeout=PROBE_SECONDS):
            answered.set()

    threads = [threading.Thread(target=ask, args=(address,), daemon=True) for address in addresses]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(0 if answered.is_set() else PROBE_SECONDS / len(threads))
    return answered.is_set()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep progress bars, retries and warnings from the person who waits."""
    silence = io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(silence), contextlib.redirect_stderr(silence):
        warnings.simplefilter("ignore")
        yield
