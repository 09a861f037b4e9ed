"""MNIST, Fashion-MNIST and CIFAR-10 through torchvision, without its noise."""

from __future__ import annotations

import contextlib
import io
import queue
import sys
import threading
import time
import urllib.request
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from cnnlab.core.errors import UserError
from cnnlab.data.arrays import Bytes, Integers
from cnnlab.planning.datasets import DEFAULT_ROOT, KNOWN

CLASSES = {"mnist": "MNIST", "fashion-mnist": "FashionMNIST", "cifar10": "CIFAR10"}
PROBE_SECONDS = 8.0


def read_official(name: str, root: str | None) -> tuple[Bytes, Integers, int]:
    """Images ``(N, C, H, W)``, labels, and how many of them, from the start, are official training images.

    Read from `root` if they lie there, else downloaded into it.

    Raises:
        UserError: if they neither lie there nor can be downloaded, or what lies there is damaged.
    """
    folder = Path(root or DEFAULT_ROOT)
    with _quiet():
        from torchvision import datasets
    source: Any = getattr(datasets, CLASSES[name])
    parts = _read(name, source, folder) or _download(name, source, folder)
    images = np.concatenate([_planes(np.asarray(part.data)) for part in parts])
    labels = np.concatenate([np.asarray(part.targets, np.int64) for part in parts])
    if len(images) != KNOWN[name].images or len(labels) != len(images):
        raise UserError(_damaged(name, folder, ValueError(f"{len(images)} images, {len(labels)} labels")))
    return images, labels, len(parts[0])


def _read(name: str, source: Any, folder: Path) -> list[Any] | None:
    """Training and test images, or None if they are not there."""
    with contextlib.suppress(OSError):  # a folder that others own may be read-only
        if _lock(name, folder).exists():
            with FileLock(_lock(name, folder)):
                pass  # somebody who downloads has finished
    try:
        with _quiet():
            return [source(folder, train=train, download=False) for train in (True, False)]
    except Exception as error:
        # These are torchvision's words, also for a CIFAR-10 whose MD5 is wrong.
        if "Dataset not found" in str(error):
            return None
        raise UserError(_damaged(name, folder, error)) from None


def _lock(name: str, folder: Path) -> Path:
    return folder / f".{name}.lock"


def _download(name: str, source: Any, folder: Path) -> list[Any]:
    missing = f"{name}: not in {folder}/ and cannot be downloaded"
    remedy = "connect to the network, or write in data.root the folder that holds it"
    if not _archives_present(source, folder) and not _reachable(_addresses(source)):
        raise UserError(f"{missing} (no server answers); {remedy}")
    print(f"{name}: downloading into {folder}/", file=sys.stderr)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Two preparations may want the same files at once; the second finds them and asks no server.
        with FileLock(_lock(name, folder)), _quiet():
            return [source(folder, train=train, download=True) for train in (True, False)]
    except Exception as error:
        raise UserError(f"{missing} ({_first_line(error)}); {remedy}") from None


def _addresses(source: Any) -> list[str]:
    if hasattr(source, "mirrors"):
        return [mirror + source.resources[0][0] for mirror in source.mirrors]
    return [source.url]


def _archives_present(source: Any, folder: Path) -> bool:
    """Archives that lie there already only need unpacking, for which torchvision asks no server."""
    raw, names = folder, [getattr(source, "filename", "")]
    if hasattr(source, "mirrors"):
        raw, names = folder / source.__name__ / "raw", [file for file, _ in source.resources]
    return all((raw / name).exists() for name in names)


def _reachable(addresses: list[str]) -> bool:
    """Whether a server answers in seconds: left to itself, a download without network can hang."""
    answers: queue.Queue[bool] = queue.Queue()

    def ask(address: str) -> None:
        try:
            request = urllib.request.Request(address, method="HEAD")
            with urllib.request.urlopen(request, timeout=PROBE_SECONDS):
                answers.put(True)
        except Exception:
            answers.put(False)

    for address in addresses:
        threading.Thread(target=ask, args=(address,), daemon=True).start()
    end = time.monotonic() + PROBE_SECONDS
    try:
        return any(answers.get(timeout=max(0.0, end - time.monotonic())) for _ in addresses)
    except queue.Empty:
        return False


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep progress bars, retries and warnings from the person who waits."""
    silence = io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(silence), contextlib.redirect_stderr(silence):
        warnings.simplefilter("ignore")
        yield


def _planes(images: Any) -> Bytes:
    """``(N, H, W)`` or ``(N, H, W, C)`` → ``(N, C, H, W)``."""
    planes: Bytes = images[:, None] if images.ndim == 3 else images.transpose(0, 3, 1, 2)
    return planes


def _damaged(name: str, folder: Path, error: Exception) -> str:
    return f"{folder}: {name} there is damaged ({_first_line(error)}); delete it and run again"


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
