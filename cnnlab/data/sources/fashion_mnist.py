"""Fashion-MNIST: Xiao, Rasul & Vollgraf 2017, in ``FashionMNIST/raw`` below `root`, in Debian's folder, or downloaded.

Debian has compressed the files anew; what is in them is the same.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cnnlab.data.idx import read_official
from cnnlab.data.sources import Stored
from cnnlab.planning.specs import PreparedSpec

SOURCE: dict[str, Any] = {
    "title": "Fashion-MNIST",
    "channels": 1,
    "image_size": 28,
    "classes": ["t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"],
    "images": 70_000,
    "validation": 5_000,
    "test": 10_000,
    "origin": "Fashion-MNIST, official training and test images",
    "checksum": "42e93be04686b64203e1d0b772e16d1435a657e57ef7c42c8c1669440c704dce",
    "debian_package": "dataset-fashion-mnist",
    "debian_folder": "/usr/share/datasets/fashion-mnist",
}


def read(spec: PreparedSpec) -> Stored:
    return read_official(
        spec, "FashionMNIST", Path(SOURCE["debian_folder"]), remedy=f"install {SOURCE['debian_package']} again"
    )
