"""The loop of PyTorch's own tutorials (Quickstart; on a GPU the settings of pytorch/examples/mnist).

A `DataLoader` over PIL images, as `torchvision.datasets.MNIST` makes them; `ToTensor` and `Normalize` for each image.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import torch
from PIL import Image
from task import BATCH, MOMENTUM, RATE, WEIGHT_DECAY, Task
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingLR
from torch.utils.data import DataLoader, Subset
from torchvision import transforms


class PilImages:
    """What torchvision's MNIST does: an image is made, then transformed, each time that it is asked for."""

    def __init__(self, pixels: Any, labels: list[int], transform: Any) -> None:
        self.pixels, self.labels, self.transform = pixels, labels, transform

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return self.transform(Image.fromarray(self.pixels[index])), self.labels[index]


def datasets(task: Task) -> dict[str, Any]:
    """Training and validation images, standardized by the training images."""
    pixels, _ = task.raw("train")
    moments = (float(pixels.mean() / 255),), (float(pixels.std() / 255),)
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize(*moments)])
    raw = {split: task.raw(split) for split in ("train", "validation")}
    return {split: PilImages(images, labels.tolist(), transform) for split, (images, labels) in raw.items()}


def loader_settings(device: str, workers: int) -> dict[str, Any]:
    """A plain script's on a CPU, where workers are forked on Linux; the example's on a GPU."""
    if device == "cuda":
        return {"num_workers": max(1, workers), "pin_memory": True, "persistent_workers": True}
    way = "fork" if sys.platform == "linux" else "spawn"
    return {"num_workers": workers, "multiprocessing_context": way, "persistent_workers": True} if workers else {}


class Loop:
    def __init__(self, task: Task, workers: int = 0) -> None:
        self.task, self.datasets = task, datasets(task)
        self.settings = loader_settings(task.device, workers)
        self.loaders: dict[int, Any] = {}
        self.fresh(0, 1)

    def fresh(self, seed: int, epochs: int) -> None:
        torch.manual_seed(seed)
        self.model = self.task.build(seed).to(self.task.device)
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=RATE, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY)
        self.scheduler = CosineAnnealingLR(self.optimizer, epochs * len(self.loader(len(self.datasets["train"]))))

    def loader(self, images: int) -> Any:
        if images not in self.loaders:
            subset: Any = Subset(self.datasets["train"], range(images))
            self.loaders[images] = DataLoader(subset, batch_size=BATCH, shuffle=True, **self.settings)
        return self.loaders[images]

    def epoch(self, images: int) -> float:
        start = time.perf_counter()
        self.model.train()
        for batch, targets in self.loader(images):
            batch, targets = batch.to(self.task.device), targets.to(self.task.device)
            loss = self.criterion(self.model(batch), targets)
            loss.backward()
            self.optimizer.step()
            self.optimizer.zero_grad()
            self.scheduler.step()
        loss.item()  # waits for a GPU
        return time.perf_counter() - start

    def accuracy(self) -> float:
        dataset: Any = self.datasets["validation"]
        self.model.eval()
        correct = 0.0
        with torch.no_grad():
            for batch, targets in DataLoader(dataset, batch_size=BATCH):
                batch, targets = batch.to(self.task.device), targets.to(self.task.device)
                correct += (self.model(batch).argmax(1) == targets).float().sum().item()
        return correct / len(dataset)

    def reach(self, accuracy: float, epochs: int, seed: int) -> tuple[float, int] | None:
        start = time.perf_counter()
        self.fresh(seed, epochs)
        for epoch in range(1, epochs + 1):
            self.epoch(len(self.datasets["train"]))
            if self.accuracy() >= accuracy:
                return time.perf_counter() - start, epoch
        return None
