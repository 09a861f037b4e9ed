"""What a network costs: parameters and multiply-accumulates, counted layer by layer, and what an arm costs.

Convention: one multiply-accumulate (MAC) is one product added to a sum, half of what FLOP counters report.
Counted per image, forward, for convolutions and dense layers, without biases; everything else counts 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from cnnlab import models
from cnnlab.planning import catalog, device
from cnnlab.planning.spec import ArmSpec, DataSpec, ModelSpec, digest
from cnnlab.training import diagnostics
from cnnlab.training.speed import measure

if TYPE_CHECKING:
    from cnnlab.planning.plan import Plan

# Of a training step on one core of an ordinary machine: dispatch, arithmetic, and traffic of one activation.
# Fitted to 140 arms of both tiers: four of five within 15 % below and 45 % above what was measured.
SECONDS_PER_LAYER, SECONDS_PER_MAC, SECONDS_PER_ACTIVATION = 2.3e-5, 3.5e-11, 3.1e-9
# Of a tuned linear SVM on the features of a network. On HOG it takes ten times as long, but once for all seeds.
SECONDS_PER_SVM_IMAGE = 1e-3
MEASURED = ("images_per_second", "latency_ms", "memory_mb", "threads", "device")

Shape = tuple[int, ...]


@dataclass(frozen=True)
class LayerCost:
    """One layer, for one image: shapes without the batch, the layer's own parameters counted once."""

    name: str
    kind: str
    input_shape: Shape
    output_shape: Shape
    parameters: int
    macs: int

    @property
    def stage(self) -> str:
        """The part of the network that it belongs to: the beginning of its name."""
        return self.name.partition(".")[0]

    @property
    def parameter_bytes(self) -> int:
        """In float32."""
        return 4 * self.parameters

    @property
    def activation_bytes(self) -> int:
        """Of its output for one image, in float32."""
        return 4 * prod(self.output_shape)


def parameters(model: nn.Module) -> int:
    """Trained numbers; shared ones count once, buffers such as running statistics not at all."""
    return sum(parameter.numel() for parameter in model.parameters())


def macs(model: nn.Module, input_shape: Shape) -> int:
    """Multiply-accumulates per image of shape ``(channels, height, width)``, forward."""
    return sum(layer.macs for layer in describe(model, input_shape))


def describe(model: nn.Module, input_shape: Shape) -> list[LayerCost]:
    """The layers in the order in which they run, but for identities.

    One image is sent through the network where its weights are. Built on the ``meta`` device, the largest
    take milliseconds and no memory, but the first operation there imports for 2 s.

    Args:
        input_shape: ``(channels, height, width)``.
    """
    layers: list[LayerCost] = []
    seen: set[int] = set()

    def record(name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        def hook(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            own = 0 if id(module) in seen else parameters(module)
            seen.add(id(module))
            shapes = tuple(inputs[0].shape[1:]), tuple(output.shape[1:])
            layers.append(LayerCost(name, type(module).__name__, *shapes, own, _layer_macs(module, output)))

        return hook

    hooks = [
        module.register_forward_hook(record(name))
        for name, module in model.named_modules()
        if next(module.children(), None) is None and not isinstance(module, nn.Identity)
    ]
    try:
        with _evaluation(model):
            model(torch.zeros(1, *input_shape, device=next(model.parameters()).device))
    finally:
        for handle in hooks:
            handle.remove()
    return layers


def _layer_macs(module: nn.Module, output: Tensor) -> int:
    """Every output number is a sum of as many products as one output has weights."""
    if isinstance(module, nn.Conv2d | nn.Linear):
        return output[0].numel() * module.weight[0].numel()
    return 0


@contextmanager
def _evaluation(model: nn.Module) -> Iterator[None]:
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(training)


def measure_arms(plan: Plan) -> list[dict[str, Any]]:
    """The rows of ``measured/cost``. Arms of the same network, images and device share one measurement."""
    measured: dict[str, dict[str, Any]] = {}
    for arm in plan.arms().values():
        device.check(arm.device, torch.cuda.is_available())
    return [
        {
            "arm_id": arm_id,
            "architecture": arm.model.architecture,
            "preset": arm.model.preset,
            **_measured(arm, measured),
        }
        for arm_id, arm in plan.arms().items()
    ]


def _measured(arm: ArmSpec, known: dict[str, dict[str, Any]]) -> dict[str, Any]:
    channels, height, width, classes = catalog.shape(arm.data)
    batch_size = arm.train.batch_size
    model_spec = arm.model.model_dump(mode="json")
    key = digest([model_spec, channels, height, width, classes, batch_size, arm.device])
    if key not in known:
        model = models.build(arm.model, channels, (height, width), classes, seed=0)
        shape = (channels, height, width)
        counted = {"parameters": parameters(model), "macs": macs(model, shape)}
        speed = measure(model, shape, classes, batch_size=batch_size, device=arm.device)
        known[key] = counted | {name: asdict(speed)[name] for name in MEASURED}
    return known[key]


def estimate_seconds(arm: ArmSpec) -> float:
    """About how long one run of `arm` takes on one core, its diagnostics included: for planning, from counts alone."""
    spec = arm.train
    batch = spec.batch_size
    layers, arithmetic, activations = _size(arm.model.model_dump_json(), catalog.shape(arm.data))
    per_image = arithmetic * SECONDS_PER_MAC + activations * SECONDS_PER_ACTIVATION
    step = layers * SECONDS_PER_LAYER + batch * per_image
    images, validation, test = split_sizes(arm.data)
    # A forward pass is about a third of a step; at the end the training and the test images are evaluated.
    evaluated = spec.epochs * spec.evaluations_per_epoch * validation + images + test
    diagnosed = 1 + sum(float(diagnostics.module(name).Diagnostic.share) for name in arm.diagnostics)
    svm = images * SECONDS_PER_SVM_IMAGE * (spec.classifier != "network")
    return step / batch * (spec.epochs * images + evaluated / 3) * diagnosed + svm


@lru_cache(maxsize=512)
def _size(model_json: str, shape: tuple[int, int, int, int]) -> tuple[int, int, int]:
    """Number of layers; MACs and activations of one image."""
    channels, height, width, classes = shape
    spec = ModelSpec.model_validate_json(model_json)
    with torch.device("meta"):
        layers = describe(models.build(spec, channels, (height, width), classes), (channels, height, width))
    return len(layers), sum(layer.macs for layer in layers), sum(prod(layer.output_shape) for layer in layers)


def split_sizes(data: DataSpec) -> tuple[int, int, int]:
    """About how many images are trained on, validated on and tested on."""
    if data.name == "folder":
        total = len(catalog.folder_files(Path(str(data.root))))
        usual = catalog.FOLDER_VALIDATION, catalog.FOLDER_TEST
    else:
        known = catalog.find(data.name)
        total, usual = known.images, (known.validation / known.images, known.test / known.images)
    total = min(total, data.limit or total)
    wanted = (data.validation, data.test)
    shares = [share if given is None else given for given, share in zip(wanted, usual, strict=True)]
    validation, test = (round(total * share) if isinstance(share, float) else share for share in shares)
    return data.train_size or max(1, total - validation - test), validation, test
