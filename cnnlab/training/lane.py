"""One run as it stands: all that training changes, and so what a checkpoint holds."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from cnnlab.training.curves import Curves
from cnnlab.training.diagnostics import Diagnostics
from cnnlab.training.optimizers import Optimizer


@dataclass
class Stopwatch:
    """Seconds of the wall clock and of the CPU, with those from before a checkpoint."""

    seconds_before: float = 0.0
    cpu_seconds_before: float = 0.0
    began: float = field(default_factory=time.perf_counter)
    cpu_began: float = field(default_factory=time.process_time)

    @property
    def seconds(self) -> float:
        return self.seconds_before + time.perf_counter() - self.began

    @property
    def cpu_seconds(self) -> float:
        return self.cpu_seconds_before + time.process_time() - self.cpu_began


@dataclass
class Lane:
    """Network, optimizer, curves, what diagnostics remember, time spent, and how many steps and epochs are done."""

    model: nn.Module
    optimizer: Optimizer
    curves: Curves
    diagnostics: Diagnostics
    watch: Stopwatch = field(default_factory=Stopwatch)
    step: int = 0
    epoch: int = 0

    def state_dict(self) -> dict[str, Any]:
        members = {name: getattr(self, name).state_dict() for name in ("model", "optimizer", "diagnostics")}
        spent = {"seconds": self.watch.seconds, "cpu_seconds": self.watch.cpu_seconds}
        return {**members, **spent, "curves": self.curves, "step": self.step, "epoch": self.epoch}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        for name in ("model", "optimizer", "diagnostics"):
            getattr(self, name).load_state_dict(saved[name])
        self.curves, self.step, self.epoch = saved["curves"], saved["step"], saved["epoch"]
        self.watch = Stopwatch(saved["seconds"], saved["cpu_seconds"])
