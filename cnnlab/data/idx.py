"""The IDX files of MNIST and Fashion-MNIST, plain or gzipped.

The format is that of http://yann.lecun.com/exdb/mnist: two zeros, the type (8: unsigned byte), the number of
dimensions, each as a big-endian 32-bit integer, then the values, the last dimension running fastest.
"""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

from cnnlab.data import torchvision_sets
from cnnlab.data.arrays import Bytes
from cnnlab.data.sources import Stored, damaged, official, root
from cnnlab.planning.specs import PreparedSpec

PARTS = ("train", "t10k")
KINDS = {"images": 3, "labels": 1}  # and their dimensions


def read_official(spec: PreparedSpec, name: str, elsewhere: Path | None = None, remedy: str = "") -> Stored:
    """The four files in torchvision's folder `name` below the root, else those in `elsewhere`, else downloaded.

    Raises:
        UserError: if they cannot be had, or are damaged; `remedy` is what helps `elsewhere`.
    """
    below = root(spec) / name / "raw"
    torchvision_sets.wait(spec)
    if not _complete(below):
        if elsewhere is not None and _complete(elsewhere):
            return _read(spec, elsewhere, elsewhere, remedy)
        torchvision_sets.download(spec, name)
    return _read(spec, below, root(spec), Stored.remedy)


def _complete(folder: Path) -> bool:
    return all(_file(folder, part, kind).exists() for part in PARTS for kind in KINDS)


def _file(folder: Path, part: str, kind: str) -> Path:
    plain = folder / f"{part}-{kind}-idx{KINDS[kind]}-ubyte"
    return plain if plain.exists() else plain.with_name(f"{plain.name}.gz")


def _read(spec: PreparedSpec, folder: Path, place: Path, remedy: str) -> Stored:
    try:
        images, labels = ([read_idx(_file(folder, part, kind), KINDS[kind]) for part in PARTS] for kind in KINDS)
        sizes = {f"{height}x{width}" for _, height, width in (part.shape for part in images)}
        if len(sizes) > 1:
            raise ValueError(f"images of {' and '.join(sorted(sizes))} pixels")
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise damaged(spec, place, error, remedy) from None
    return official(
        spec, [(part[:, None], of_part) for part, of_part in zip(images, labels, strict=True)], place, remedy
    )


def read_idx(path: Path, dimensions: int) -> Bytes:
    """The array of unsigned bytes in one file.

    Raises:
        ValueError: if it is not of that type and number of dimensions, or not as long as it says.
        OSError, EOFError, zlib.error: if it cannot be read or unpacked.
    """
    content = path.read_bytes()
    content = gzip.decompress(content) if path.suffix == ".gz" else content
    start = 4 + 4 * dimensions
    if content[:4] != bytes([0, 0, 8, dimensions]) or len(content) < start:
        raise ValueError(f"{path.name}: no IDX file of bytes in {dimensions} dimensions")
    shape = tuple(int(size) for size in np.frombuffer(content, ">u4", dimensions, offset=4))
    if len(content) - start != math.prod(shape):
        raise ValueError(f"{path.name}: {len(content) - start} bytes where its header says {math.prod(shape)}")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)
