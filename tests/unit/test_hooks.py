"""Watching layers while a network runs."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from cnnlab.models.layers.hooks import observed


def test_layers_are_seen_with_their_inputs_and_outputs_and_only_inside() -> None:
    model = nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 2))
    images, seen = torch.randn(5, 3), dict[str, tuple[Tensor, Tensor]]()
    with observed({"first": model[0], "last": model[2]}, lambda name, *tensors: seen.update({name: tensors})):
        scores = model(images)
    assert list(seen) == ["first", "last"]
    assert seen["first"][0] is images
    assert torch.equal(seen["last"][0], seen["first"][1].relu())
    assert seen["last"][1] is scores
    seen.clear()
    model(images)
    assert seen == {}


def test_a_network_that_fails_is_no_longer_watched() -> None:
    layer = nn.Linear(3, 2)
    with pytest.raises(RuntimeError), observed({"": layer}, print):
        layer(torch.zeros(1, 4))
    assert not layer._forward_hooks
