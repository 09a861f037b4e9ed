"""Saved weights into a built network. The names in a ``state_dict`` are stable: weights saved today load tomorrow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from cnnlab.core.errors import UserError


def load_weights(model: nn.Module, path: Path, network: str) -> None:
    """Set every parameter and buffer of `model` in place from the safetensors file at `path`.

    Args:
        network: what `model` is, for the message.

    Raises:
        UserError: if there is no such file, or names or shapes are not those of `model`.
    """
    try:
        saved = load_file(path)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; give the weights.safetensors of a run") from None
    except (OSError, SafetensorError):
        raise UserError(f"{path}: not a file of weights; give the weights.safetensors of a run") from None
    wrong = _difference(model.state_dict(), saved)
    if wrong:
        raise UserError(f"{path}: weights of another network than {network}: {wrong}; give those of the same network")
    model.load_state_dict(saved)


def _difference(expected: Mapping[str, Tensor], saved: Mapping[str, Tensor]) -> str | None:
    """The first name or shape that is not as expected."""
    for name, tensor in expected.items():
        if name not in saved:
            return f"there is no {name} in it"
        if saved[name].shape != tensor.shape:
            return f"{name} is {_size(saved[name])}, not {_size(tensor)}"
    extra = next((name for name in sorted(saved) if name not in expected), None)
    return f"it has {extra} beside what is needed" if extra else None


def _size(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "a number"
