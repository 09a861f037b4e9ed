"""How fast a network is and how much memory it holds: measured, so the machine should do nothing else.

A training step is forward, cross-entropy, backward and the optimizer's update, in float32, on synthetic images
that lie in memory; the latency is that of one image in evaluation mode without gradients. Each is the median
of several repetitions after one that warms up outside the clock. Memory is what one training step holds
between forward and backward: weights, gradients, what the optimizer remembers (momentum), and every tensor saved for
the backward pass; not workspaces, nor PyTorch.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from cnnlab import models
from cnnlab.core.validation import digest
from cnnlab.models.cost import macs, parameters
from cnnlab.models.layers.auxiliary import cross_entropy
from cnnlab.planning import datasets
from cnnlab.planning import device as devices
from cnnlab.planning.specs import ArmSpec, TrainSpec
from cnnlab.training.lease import lease
from cnnlab.training.optimizers import Optimizer, build_optimizer

REPETITION_SECONDS = 0.05
MEASURED = ("images_per_second", "latency_ms", "memory_mb", "threads", "device")


@dataclass(frozen=True)
class Speed:
    """What was measured, and under which conditions."""

    images_per_second: float
    latency_ms: float
    memory_mb: float
    threads: int
    batch_size: int
    device: str


def measure_arms(arms: Mapping[str, ArmSpec]) -> list[dict[str, Any]]:
    """The rows of ``measured/cost``, of arms by id. Those of one network, images, optimizer and device share one."""
    measured: dict[str, dict[str, Any]] = {}
    with lease("cuda" if any(arm.device == "cuda" for arm in arms.values()) else "cpu"):
        for arm in arms.values():
            devices.check(arm.device, torch.cuda.is_available())
        return [
            {
                "arm_id": arm_id,
                "architecture": arm.model.architecture,
                "preset": arm.model.preset,
                **_measured(arm, measured),
            }
            for arm_id, arm in arms.items()
        ]


def _measured(arm: ArmSpec, measured: dict[str, dict[str, Any]]) -> dict[str, Any]:
    channels, height, width, classes = datasets.shape(arm.data)
    train = arm.train.model_dump(mode="json", include={"batch_size", "optimizer"})
    key = digest([arm.model.model_dump(mode="json"), channels, height, width, classes, train, arm.device])
    if key not in measured:
        model = models.build(arm.model, channels, (height, width), classes, seed=0)
        shape = (channels, height, width)
        counted = {"parameters": parameters(model), "macs": macs(model, shape)}
        speed = measure(model, shape, classes, arm.train, device=arm.device)
        measured[key] = counted | {name: asdict(speed)[name] for name in MEASURED}
    return measured[key]


def measure(
    model: nn.Module,
    input_shape: tuple[int, ...],
    classes: int,
    train: TrainSpec,
    *,
    threads: int = 1,
    repeats: int = 3,
    device: str = "cpu",
) -> Speed:
    """Speed and memory of `model`, by the conventions above. It is trained on noise, so give it a copy.

    Args:
        input_shape: ``(channels, height, width)``.
        train: its batch size and its optimizer are those of the step.
        repeats: timed repetitions; each takes as many steps as fit into 0.05 s, at least one.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        model = model.to(device)
        images = torch.randn(train.batch_size, *input_shape, device=device)
        labels = torch.arange(train.batch_size, device=device) % classes
        optimizer = build_optimizer(train, model.parameters())
        step = _training_step(model.train(), optimizer, images, labels)
        memory = _memory(optimizer, step)
        step_s = _time(step, repeats, device)
        model.eval()
        with torch.inference_mode():
            latency_s = _time(lambda: model(images[:1]), repeats, device)
    finally:
        torch.set_num_threads(before)
    return Speed(train.batch_size / step_s, latency_s * 1e3, memory, threads, train.batch_size, device)


def _training_step(model: nn.Module, optimizer: Optimizer, images: Tensor, labels: Tensor) -> Callable[[], object]:
    def step() -> None:
        optimizer.zero_grad()
        torch.autograd.backward(cross_entropy(model(images), labels))
        optimizer.step(1e-4)  # a small rate: the time of a step must not depend on numbers that overflow

    return step


def _memory(optimizer: Optimizer, step: Callable[[], object]) -> float:
    """MiB held by one training step; storages that several operations save count once."""
    sizes = {parameter.untyped_storage().data_ptr(): 0 for parameter in optimizer.parameters}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        sizes.setdefault(storage.data_ptr(), storage.nbytes())
        return tensor

    with saved_tensors_hooks(note, lambda tensor: tensor):
        step()
    weights = sum(parameter.numel() * parameter.element_size() for parameter in optimizer.parameters)
    return ((2 + len(optimizer.state)) * weights + sum(sizes.values())) / 2**20


def _time(call: Callable[[], object], repeats: int, device: str) -> float:
    """Seconds of one call: the median over `repeats` of the mean within each."""
    _seconds(call, 1, device)
    steps = max(1, round(REPETITION_SECONDS / _seconds(call, 3, device)))
    return median(_seconds(call, steps, device) for _ in range(repeats))


def _seconds(call: Callable[[], object], steps: int, device: str) -> float:
    """Seconds of one call, the mean of `steps`."""
    _wait(device)
    start = time.perf_counter()
    for _ in range(steps):
        call()
    _wait(device)
    return (time.perf_counter() - start) / steps


def _wait(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
