"""From a `ModelSpec` to a network: its architecture's file, imported by path, and its switches, looked up."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from cnnlab.core.errors import UserError
from cnnlab.models.layers.blocks import Images, Layers
from cnnlab.models.layers.dropout import Dropout
from cnnlab.models.layers.initialization import initialize, scheme
from cnnlab.models.layers.switches import NOT_ARGUMENTS, look_up
from cnnlab.planning import model_registry
from cnnlab.planning.specs import ModelSpec


def build(
    spec: ModelSpec, channels: int, image_size: int | tuple[int, int], classes: int, seed: int | None = None
) -> nn.Module:
    """Build the network of `spec`, which turns images ``(N, channels, height, width)`` into ``(N, classes)``.

    In training mode one with auxiliary classifiers returns `auxiliary.Scores` instead. Convolutions are kept in
    ``channels_last`` order, which trains 1.1-1.6 times as fast on a CPU; names, shapes and values don't
    depend on it.

    Args:
        image_size: pixels, one side of a square or ``(height, width)``.
        seed: of the initial weights; without one they are whatever PyTorch draws.

    Raises:
        UserError: for an unknown name, a switch that the architecture refuses, or images that it cannot take.
    """
    where = "model"
    height, width = (image_size, image_size) if isinstance(image_size, int) else image_size
    switches = model_registry.resolve(spec.architecture, spec.preset, spec.switches, where)
    model_registry.check_image(spec.architecture, spec.preset, switches, channels, height, width, classes, where)
    architecture = model_registry.get(spec.architecture)
    images, layers = Images(channels, height, width, classes), Layers(**look_up(switches))
    arguments: dict[str, Any] = {name: value for name, value in switches.items() if name not in NOT_ARGUMENTS}
    table = architecture.presets[spec.preset].table
    if table is not None:
        arguments["table"] = table
    builder = _import(architecture.path).build
    try:
        inspect.signature(builder).bind(images, layers, **arguments)
    except TypeError as error:
        raise UserError(f"{architecture.path}: build(): {error}; it must take every declared switch") from None
    model: nn.Module = builder(images, layers, **arguments)
    for name, layer in list(model.named_modules()):
        if type(layer) is nn.Dropout:
            model.set_submodule(name, Dropout(layer.p))
        elif type(layer).__module__ == nn.Dropout.__module__:
            raise UserError(
                f"{architecture.path}: {name}: the masks of torch's {type(layer).__name__} depend on what else draws; "
                "take cnnlab.models.layers.dropout.Dropout"
            )
    if seed is not None:
        initialize(model, seed, scheme(str(switches["initialization"]), architecture.paper_initialization))
    return model.to(memory_format=torch.channels_last)


def _import(path: Path) -> ModuleType:
    """The module in `path`: ours by its name, a user's file afresh, so that an edit counts."""
    if path.parent == model_registry.MODELS:
        return importlib.import_module(f"cnnlab.models.{path.stem}")
    name = f"cnnlab_user_models.{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UserError(f"{path}: cannot be imported; it must be a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    if not hasattr(module, "build"):
        raise UserError(f"{path}: has ARCHITECTURE but no function build; write build(images, layers, ...)")
    return module
