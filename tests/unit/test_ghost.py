"""Ghost batch normalization: statistics of groups within the batch, and otherwise PyTorch's layers."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from cnnlab import models
from cnnlab.models.layers.ghost_batchnorm import ghost
from cnnlab.training import loop
from tests import small_runs

KINDS = [(nn.BatchNorm2d, (5, 4, 3)), (nn.BatchNorm1d, (5,))]
PAIRS = [(kind, plain, shape) for images in (8, 32) for kind, (plain, shape) in zip(ghost(images), KINDS, strict=True)]


def values(count: int, shape: tuple[int, ...]) -> Tensor:
    """Images whose mean and spread grow from one to the next, so that groups differ."""
    drawn = torch.randn(count, *shape, generator=torch.Generator().manual_seed(count))
    place = torch.arange(count).view(-1, *[1] * len(shape))
    return drawn * (1 + 0.1 * place) + place


def by_hand(group: Tensor) -> Tensor:
    over = [0, *range(2, group.ndim)]
    mean = group.mean(over, keepdim=True)
    return (group - mean) / ((group - mean).square().mean(over, keepdim=True) + 1e-5).sqrt()


@pytest.mark.parametrize(("ghost", "plain", "shape"), PAIRS)
def test_a_group_that_is_the_whole_batch_is_batch_normalization(ghost: type, plain: type, shape: tuple) -> None:
    one, other = ghost(5), plain(5)
    given = values(ghost.images, shape)
    inputs = [given.clone().requires_grad_() for _ in range(2)]
    outputs = [layer(each) for layer, each in zip((one, other), inputs, strict=True)]
    assert torch.equal(*outputs)
    for output in outputs:
        output.pow(3).sum().backward()
    assert torch.equal(inputs[0].grad, inputs[1].grad)
    assert torch.equal(one.weight.grad, other.weight.grad)
    state, wanted = one.state_dict(), other.state_dict()
    assert state.keys() == wanted.keys()
    assert all(torch.equal(state[name], wanted[name]) for name in state)


@pytest.mark.parametrize(("ghost", "plain", "shape"), PAIRS)
def test_each_group_has_statistics_of_its_own(ghost: type, plain: type, shape: tuple) -> None:
    size = ghost.images
    given, layer = values(3 * size, shape), ghost(5)
    expected = torch.cat([by_hand(group) for group in given.split(size)])
    torch.testing.assert_close(layer(given), expected)
    assert not torch.allclose(plain(5)(given), expected, atol=0.1)
    mean = torch.zeros(5)
    for group in given.split(size):
        mean = 0.9 * mean + 0.1 * group.mean([0, *range(2, group.ndim)])
    torch.testing.assert_close(layer.running_mean, mean)


@pytest.mark.parametrize(("ghost", "plain", "shape"), PAIRS)
@pytest.mark.parametrize("left", [1, 2, 7])
def test_what_is_left_over_is_a_group_but_for_a_single_image(ghost: type, plain: type, shape: tuple, left: int) -> None:
    size = ghost.images
    given = values(2 * size + left, shape)
    sizes = [size, size + 1] if left == 1 else [size, size, left]
    expected = torch.cat([by_hand(group) for group in given.split(sizes)])
    torch.testing.assert_close(ghost(5)(given), expected)


def test_a_batch_smaller_than_a_group_is_one_group() -> None:
    given, (_, ghost_features) = values(5, (5,)), ghost(8)
    torch.testing.assert_close(ghost_features(5)(given), by_hand(given))
    with pytest.raises(ValueError, match="more than 1 value"):
        ghost_features(5)(given[:1])


@pytest.mark.parametrize(("ghost", "plain", "shape"), PAIRS)
def test_in_evaluation_it_is_batch_normalization(ghost: type, plain: type, shape: tuple) -> None:
    one, other = ghost(5), plain(5)
    one(values(3 * ghost.images, shape))
    other.load_state_dict(one.state_dict())
    given = values(50, shape)
    assert torch.equal(one.eval()(given), other.eval()(given))


@pytest.mark.parametrize("kind", ["ghost8", "ghost32"])
def test_a_network_has_the_weights_and_the_evaluation_of_batch_normalization(kind: str) -> None:
    ghost, plain = (
        models.build(small_runs.arm(normalization=normalization).model, 1, 14, 4, seed=0)
        for normalization in (kind, "batch")
    )
    assert ghost.state_dict().keys() == plain.state_dict().keys()
    images = torch.randn(9, 1, 14, 14, generator=torch.Generator().manual_seed(0))
    assert torch.equal(ghost.eval()(images), plain.eval()(images))


def test_groups_matter_only_where_they_are_smaller_than_the_batch() -> None:
    data, losses = small_runs.dataset(), {}
    for kind in ("batch", "ghost8", "ghost32"):
        spec = small_runs.arm(train={"batch_size": 20}, normalization=kind, activation="relu")
        losses[kind] = loop.train(spec, data, 0, 0.05, 2).curves.loss
    assert torch.equal(losses["ghost32"], losses["batch"])
    assert not torch.allclose(losses["ghost8"], losses["batch"])
