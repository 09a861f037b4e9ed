"""CIFAR-10: Krizhevsky 2009, below `root` as torchvision keeps it, or downloaded there."""

from __future__ import annotations

from cnnlab.data import torchvision_sets
from cnnlab.data.sources import Stored, official, root
from cnnlab.planning.specs import PreparedSpec

SOURCE = {
    "title": "CIFAR-10",
    "channels": 3,
    "image_size": 32,
    "classes": ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"],
    "images": 60_000,
    "validation": 5_000,
    "test": 10_000,
    "origin": "CIFAR-10, official training and test images, read by torchvision",
}


def read(spec: PreparedSpec) -> Stored:
    parts = torchvision_sets.read(spec, "CIFAR10")
    return official(spec, [(part.data.transpose(0, 3, 1, 2), part.targets) for part in parts], root(spec))
