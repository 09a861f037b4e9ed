"""What every loop is given: a network, the images of MNIST-5k, a device, and the same settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnlab.planning import model_registry
from cnnlab.planning.specs import ArmSpec, DataSpec, ModelSpec, TrainSpec

if TYPE_CHECKING:
    from torch import nn

BATCH, RATE, MOMENTUM, WEIGHT_DECAY = 64, 0.1, 0.9, 5e-4  # the rate falls to 0 along half a cosine


@dataclass(frozen=True)
class Network:
    """An architecture at its preset `small`, its switches, and the pixels a side of its images (28 if None)."""

    architecture: str
    switches: Mapping[str, Any] = field(default_factory=dict)
    image_size: int | None = None


NETWORKS = {
    "LeNet": Network("lenet", {"activation": "relu", "pooling": "max"}),
    "LeNet + BN": Network("lenet", {"activation": "relu", "pooling": "max", "normalization": "batch"}),
    "VGG-11": Network("vgg", {"normalization": "batch"}),
    "GoogLeNet": Network("googlenet", {"normalization": "batch"}),
    "ResNet-18": Network("resnet"),
    "ResNet-32": Network("resnet_cifar", {"depth": 32}, 14),
}


@dataclass(frozen=True)
class Task:
    """A network by its name in `NETWORKS`, the folder of the prepared images, and where to train."""

    network: str
    folder: Path
    device: str = "cpu"

    @property
    def data(self) -> DataSpec:
        return DataSpec(name="mnist5k", image_size=NETWORKS[self.network].image_size)

    @property
    def files(self) -> tuple[Path, Path]:
        """The prepared images and their card."""
        return self.folder / f"{self.data.data_id}.safetensors", self.folder / f"{self.data.data_id}.json"

    def prepare(self) -> None:
        """Write its images, unless they are there."""
        from cnnlab.data.prepare import prepare

        if not self.files[1].exists():
            prepare(self.data.prepared(), *self.files)

    @property
    def arm(self) -> ArmSpec:
        """Itself as a study would have it."""
        network = NETWORKS[self.network]
        switches = model_registry.resolve(network.architecture, "small", network.switches, "benchmark")
        model = ModelSpec(architecture=network.architecture, preset="small", switches=switches)
        train = TrainSpec(epochs=1, batch_size=BATCH, learning_rate=RATE)
        device: Any = self.device
        return ArmSpec(model=model, data=self.data, train=train, device=device, torch="", fingerprint="")

    def build(self, seed: int = 0) -> nn.Module:
        """The network with its first weights, in PyTorch's usual memory format."""
        import torch

        from cnnlab.models import build

        size = NETWORKS[self.network].image_size or 28
        return build(self.arm.model, 1, size, 10, seed).to(memory_format=torch.contiguous_format)

    def raw(self, split: str) -> tuple[Any, Any]:
        """Pixels uint8 ``(N, H, W)`` and labels of a split."""
        from safetensors.numpy import load_file

        found = load_file(self.files[0])
        first = 0 if split == "train" else len(found["train"])
        rows = slice(first, first + len(found[split]))
        return found["images"][rows, 0], found["labels"][rows]
