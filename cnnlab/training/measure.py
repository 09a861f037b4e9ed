"""The rows of ``measured/cost``: counts, speed and memory of each network of a plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch

from cnnlab import models
from cnnlab.core.validation import digest
from cnnlab.models.cost import macs, parameters
from cnnlab.planning import datasets, device
from cnnlab.planning.specs import ArmSpec
from cnnlab.training.speed import measure

MEASURED = ("images_per_second", "latency_ms", "memory_mb", "threads", "device")


def measure_arms(arms: Mapping[str, ArmSpec]) -> list[dict[str, Any]]:
    """The rows of ``measured/cost``, of arms by id. Those of one network, images, optimizer and device share one."""
    measured: dict[str, dict[str, Any]] = {}
    for arm in arms.values():
        device.check(arm.device, torch.cuda.is_available())
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
