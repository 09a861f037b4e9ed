"""MNIST: LeCun, Bottou, Bengio & Haffner 1998, in the files of ``MNIST/raw`` below `root`, or downloaded there."""

from __future__ import annotations

from cnnlab.data.idx import read_official
from cnnlab.data.sources import Stored
from cnnlab.planning.specs import PreparedSpec

SOURCE = {
    "title": "MNIST",
    "channels": 1,
    "image_size": 28,
    "classes": ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
    "images": 70_000,
    "validation": 5_000,
    "test": 10_000,
    "origin": "MNIST, official training and test images",
    "checksum": "fb99a8096049baff633cdd5b90d4c381f787e8c0d9bb47aab4cbf0f8770dce19",
}


def read(spec: PreparedSpec) -> Stored:
    return read_official(spec, "MNIST")
