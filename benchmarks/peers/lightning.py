"""PyTorch Lightning, as "Lightning in 15 minutes" writes it, on the textbook's images.

Logger, progress bar, checkpoints and summary are switched off: the other loops have none of them.
"""

from __future__ import annotations

import logging
import time
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping
from task import BATCH, MOMENTUM, RATE, WEIGHT_DECAY, Task
from torch import nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import CosineAnnealingLR
from torch.utils.data import DataLoader, Subset

from .textbook import datasets, loader_settings

QUIET = {"logger": False, "enable_progress_bar": False, "enable_checkpointing": False, "enable_model_summary": False}
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)


class Classifier(L.LightningModule):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def training_step(self, batch: Any, batch_index: int) -> Any:
        images, labels = batch
        return F.cross_entropy(self.network(images), labels)

    def validation_step(self, batch: Any, batch_index: int) -> None:
        images, labels = batch
        self.log("accuracy", (self.network(images).argmax(1) == labels).float().mean())

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.SGD(self.parameters(), lr=RATE, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY)
        scheduler = CosineAnnealingLR(optimizer, int(self.trainer.estimated_stepping_batches))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}


class Clock(Callback):
    """Seconds of the epoch that was trained last, without the trainer's own start."""

    def on_train_epoch_start(self, trainer: Any, module: Any) -> None:
        self.began = time.perf_counter()

    def on_train_epoch_end(self, trainer: Any, module: Any) -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.seconds = time.perf_counter() - self.began


class Loop:
    def __init__(self, task: Task, workers: int = 0) -> None:
        self.task, self.datasets = task, datasets(task)
        self.settings = loader_settings(task.device, workers)
        self.model = Classifier(task.build())

    def trainer(self, epochs: int, *callbacks: Any) -> Any:
        accelerator = "gpu" if self.task.device == "cuda" else "cpu"
        return L.Trainer(max_epochs=epochs, accelerator=accelerator, devices=1, callbacks=list(callbacks), **QUIET)

    def loader(self, images: int) -> Any:
        subset: Any = Subset(self.datasets["train"], range(images))
        return DataLoader(subset, batch_size=BATCH, shuffle=True, **self.settings)

    def epoch(self, images: int) -> float:
        clock = Clock()
        self.trainer(1, clock).fit(self.model, self.loader(images))
        return clock.seconds

    def reach(self, accuracy: float, epochs: int, seed: int) -> tuple[float, int] | None:
        start = time.perf_counter()
        torch.manual_seed(seed)
        stop = EarlyStopping("accuracy", mode="max", stopping_threshold=accuracy, patience=epochs)
        trainer, validation = self.trainer(epochs, stop), self.datasets["validation"]
        model = Classifier(self.task.build(seed))
        trainer.fit(model, self.loader(len(self.datasets["train"])), DataLoader(validation, batch_size=BATCH))
        if float(trainer.callback_metrics["accuracy"]) < accuracy:
            return None
        return time.perf_counter() - start, trainer.current_epoch
