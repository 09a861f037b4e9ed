"""Batch normalization from scratch equals PyTorch's; the other normalizations equal their definitions."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from cnnlab.models.layers.batchnorm import BatchNorm
from cnnlab.models.layers.switches import AFFINE, NORMALIZATIONS, Normalization, groups, look_up
from tests.unit.test_zoo import build

EPSILON = 1e-5
PRESENT = [name for name in NORMALIZATIONS if name != "none"]

# (N, C) or (N, C, H, W), with two values per channel or more
SHAPES = st.one_of(
    st.tuples(st.integers(2, 9), st.integers(1, 7)),
    st.tuples(st.integers(2, 4), st.integers(1, 7), st.integers(1, 6), st.integers(1, 6)),
    st.tuples(st.just(1), st.integers(1, 7), st.integers(2, 6), st.integers(1, 6)),
)


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def torchs(shape: tuple[int, ...], momentum: float = 0.1) -> nn.Module:
    kind = nn.BatchNorm1d if len(shape) == 2 else nn.BatchNorm2d
    return kind(shape[1], momentum=momentum).double()


def set_affine(*layers: nn.Module) -> None:
    """The same scale and shift, wherever a layer has them."""
    with torch.no_grad():
        for layer in layers:
            for seed, name in enumerate(("weight", "bias"), start=100):
                parameter = getattr(layer, name, None)
                if parameter is not None:
                    parameter.copy_(1 + drawn(*parameter.shape, seed=seed))


def pair(shape: tuple[int, ...], momentum: float = 0.1) -> tuple[BatchNorm, nn.Module]:
    ours, theirs = BatchNorm(shape[1], momentum=momentum).double(), torchs(shape, momentum)
    set_affine(ours, theirs)
    return ours, theirs


def output_and_gradients(layer: nn.Module, values: Tensor) -> list[Tensor]:
    values = values.clone().requires_grad_()
    out = layer(values)
    loss = (out * drawn(*out.shape, seed=7)).sum()
    return [out.detach(), *torch.autograd.grad(loss, [values, *layer.parameters()])]


def assert_same(ours: nn.Module, theirs: nn.Module, values: Tensor) -> None:
    """Outputs, gradients of input, scale and shift, and running statistics."""
    for one, two in zip(output_and_gradients(ours, values), output_and_gradients(theirs, values), strict=True):
        torch.testing.assert_close(one, two, rtol=1e-9, atol=1e-9)
    assert_same_states(ours, theirs)


def assert_same_states(ours: nn.Module, theirs: nn.Module) -> None:
    one, two = ours.state_dict(), theirs.state_dict()
    assert list(one) == list(two)
    for name in two:
        torch.testing.assert_close(one[name], two[name], rtol=1e-12, atol=1e-12)


@given(shape=SHAPES, momentum=st.sampled_from([0.1, 0.01, 0.5, 1.0]), offset=st.sampled_from([0.0, 5.0, -100.0]))
@settings(max_examples=80, deadline=None, derandomize=True)
def test_zoo_batchnorm_equals_torch_in_training_and_evaluation(
    shape: tuple[int, ...], momentum: float, offset: float
) -> None:
    ours, theirs = pair(shape, momentum)
    for step in range(3):
        assert_same(ours, theirs, offset + 3 * drawn(*shape, seed=step))
    assert_same(ours.eval(), theirs.eval(), offset + drawn(*shape, seed=9))


@pytest.mark.parametrize("shape", [(16, 5), (4, 5, 3, 2)])
def test_zoo_batchnorm_running_averages_agree_after_many_steps(shape: tuple[int, ...]) -> None:
    ours, theirs = pair(shape)
    for step in range(200):
        values = 2 + step / 100 + drawn(*shape, seed=step)
        ours(values)
        theirs(values)
    assert_same_states(ours, theirs)
    assert int(ours.num_batches_tracked) == 200
    assert_same(ours.eval(), theirs.eval(), drawn(*shape, seed=999))
    assert int(ours.num_batches_tracked) == 200


@pytest.mark.parametrize("m", [0.9, 0.99, 0.5])
def test_zoo_batchnorm_momentum_is_what_the_new_batch_counts(m: float) -> None:
    """The course notes write average = m * old + (1 - m) * new."""
    layer = BatchNorm(4, momentum=1 - m).double()
    mean, variance = torch.zeros(4, dtype=torch.float64), torch.ones(4, dtype=torch.float64)
    for step in range(20):
        values = drawn(6, 4, 3, 3, seed=step) + step
        layer(values)
        rows = values.movedim(1, -1).reshape(-1, 4)
        mean = m * mean + (1 - m) * rows.mean(0)
        variance = m * variance + (1 - m) * rows.var(0, unbiased=True)
    torch.testing.assert_close(layer.running_mean, mean)
    torch.testing.assert_close(layer.running_var, variance)


def test_zoo_batchnorm_may_average_the_biased_variance() -> None:
    values = drawn(8, 3, 1, 1)
    ours, biased = BatchNorm(3).double(), BatchNorm(3, unbiased=False).double()
    torch.testing.assert_close(ours(values), biased(values))
    torch.testing.assert_close(biased.running_var, 0.9 + 0.1 * values.var((0, 2, 3), unbiased=False))
    torch.testing.assert_close(ours.running_var, 0.9 + 0.1 * values.var((0, 2, 3)))


def test_zoo_batchnorm_takes_a_batch_of_one_with_a_map() -> None:
    ours, theirs = pair((1, 3, 2, 2))
    assert_same(ours, theirs, drawn(1, 3, 2, 2))


@pytest.mark.parametrize("shape", [(1, 3), (1, 3, 1, 1)])
def test_zoo_batchnorm_one_value_per_channel_raises_in_training_only(shape: tuple[int, ...]) -> None:
    ours, theirs = pair(shape)
    for layer in (ours, theirs):
        before = {name: tensor.clone() for name, tensor in layer.state_dict().items()}
        with pytest.raises(ValueError, match=r"[Oo]ne value per channel|more than 1 value per channel"):
            layer(drawn(*shape))
        if layer is ours:
            assert all(torch.equal(tensor, before[name]) for name, tensor in layer.state_dict().items())
    values = drawn(*shape)
    torch.testing.assert_close(ours.eval()(values), with_running_averages(ours, values))


def with_running_averages(layer: BatchNorm, values: Tensor) -> Tensor:
    shape = (1, -1, *[1] * (values.ndim - 2))
    states = {name: tensor.view(shape) for name, tensor in layer.state_dict().items() if tensor.ndim}
    normalized = (values - states["running_mean"]) / torch.sqrt(states["running_var"] + EPSILON)
    return states["weight"] * normalized + states["bias"]


@pytest.mark.parametrize("constant", [0.0, 3.7, -1e6])
@pytest.mark.parametrize("shape", [(8, 3), (4, 3, 5, 5)])
def test_zoo_batchnorm_constant_input_stays_finite(shape: tuple[int, ...], constant: float) -> None:
    ours, theirs = pair(shape)
    values = torch.full(shape, constant, dtype=torch.float64)
    for tensor in output_and_gradients(ours, values):
        assert tensor.isfinite().all()
    with torch.no_grad():
        out = ours(values)
    shift = ours.get_parameter("bias").detach().view(1, -1, *[1] * (len(shape) - 2))
    torch.testing.assert_close(out, shift.expand(shape), rtol=1e-5, atol=1e-5)
    for _ in range(2):
        theirs(values)
    torch.testing.assert_close(ours.running_var, theirs.running_var, rtol=1e-9, atol=1e-9)
    assert all(tensor.isfinite().all() for tensor in ours.state_dict().values())


@pytest.mark.parametrize("shape", [(8, 3), (4, 3, 5, 5)])
def test_zoo_batchnorm_states_load_in_both_directions(shape: tuple[int, ...]) -> None:
    ours, theirs = pair(shape)
    for layer, other in ((ours, torchs(shape)), (theirs, BatchNorm(shape[1]).double())):
        for step in range(3):
            layer(2 + drawn(*shape, seed=step))
        other.load_state_dict(layer.state_dict())
        values = drawn(*shape, seed=5)
        torch.testing.assert_close(other.eval()(values), layer.eval()(values))
        layer.train()
        other.train()
        torch.testing.assert_close(other(values), layer(values))
        assert_same_states(layer, other)


def over(name: str, values: Tensor) -> Tensor:
    """Normalized over what the definition says, without scale and shift."""
    if name in (
        "batch",
        "batch_scratch",
        "batch_biased",
        "ghost8",
        "ghost32",
    ):  # of up to 8 images, each a group by itself
        axes: tuple[int, ...] = (0, *range(2, values.ndim))
        return standard(values, axes)
    samples, channels = values.shape[:2]
    count = groups(channels) if name == "group" else 1
    rows = values.reshape(samples, count, -1)
    return standard(rows, (2,)).reshape(values.shape)


def standard(values: Tensor, axes: tuple[int, ...]) -> Tensor:
    mean = values.mean(axes, keepdim=True)
    variance = (values - mean).square().mean(axes, keepdim=True)
    return (values - mean) / torch.sqrt(variance + EPSILON)


def by_hand(name: str, layer: nn.Module, values: Tensor) -> Tensor:
    shape = (1, -1, *[1] * (values.ndim - 2))
    parameters = dict(layer.named_parameters())
    out = over(name, values)
    if "weight" in parameters:
        out = out * parameters["weight"].view(shape)
    return out + parameters["bias"].view(shape) if "bias" in parameters else out


def made(name: str, affine: str) -> Normalization:
    found = look_up({"normalization": name, "normalization_order": "before", "affine": affine})["normalization"]
    assert isinstance(found, Normalization)
    return found


LAYERS: list[tuple[Callable[[Normalization], nn.Module], tuple[int, ...]]] = [
    (lambda normalization: normalization.images(48), (3, 48, 4, 5)),
    (lambda normalization: normalization.features(48), (6, 48)),
]


@pytest.mark.parametrize(("make", "shape"), LAYERS, ids=["images", "features"])
@pytest.mark.parametrize("affine", AFFINE)
@pytest.mark.parametrize("name", PRESENT)
def test_zoo_batchnorm_and_others_learn_the_scale_and_shift_asked_for(
    name: str, affine: str, make: Callable[[Normalization], nn.Module], shape: tuple[int, ...]
) -> None:
    layer = make(made(name, affine)).double()
    learned = {"both": {"weight", "bias"}, "scale": {"weight"}, "shift": {"bias"}, "none": set()}[affine]
    assert set(dict(layer.named_parameters())) == learned
    assert {state for state in layer.state_dict() if state in ("weight", "bias")} == learned
    set_affine(layer)
    values = 3 + 2 * drawn(*shape)
    torch.testing.assert_close(layer(values), by_hand(name, layer, values), rtol=1e-9, atol=1e-9)
    gradients = output_and_gradients(layer, values)[1:]
    assert all(gradient.isfinite().all() and gradient.abs().max() > 0 for gradient in gradients)


@pytest.mark.parametrize("affine", AFFINE)
def test_zoo_batchnorm_none_is_the_identity_whatever_the_affine(affine: str) -> None:
    for make, shape in LAYERS:
        layer, values = make(made("none", affine)), drawn(*shape)
        assert not list(layer.parameters())
        assert torch.equal(layer(values), values)


@given(
    name=st.sampled_from(["group", "layer"]),
    samples=st.integers(1, 4),
    channels=st.integers(2, 70),
    side=st.sampled_from([None, (1, 2), (3, 3), (4, 2)]),
)
@settings(max_examples=80, deadline=None, derandomize=True)
def test_zoo_batchnorm_siblings_equal_their_definitions(
    name: str, samples: int, channels: int, side: tuple[int, int] | None
) -> None:
    """Group: a sample's channels in two groups or in those of 16 or more, with their pixels. Layer: all channels."""
    normalization = made(name, "both")
    layer = (normalization.images if side else normalization.features)(channels).double()
    set_affine(layer)
    values = 1 + drawn(samples, channels, *(side or ()))
    expected = by_hand(name, layer, values)
    for training in (True, False):
        torch.testing.assert_close(layer.train(training)(values), expected, rtol=1e-9, atol=1e-9)
    assert channels % groups(channels) == 0
    few = 1 if channels % 2 or channels < 4 else 2
    assert groups(channels) == few or channels // groups(channels) >= 16


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("before", ["conv", "normalization", "activation", "pooling"]),
        ("after", ["conv", "activation", "normalization", "pooling"]),
    ],
)
@pytest.mark.parametrize("name", PRESENT)
def test_zoo_batchnorm_runs_on_the_side_of_the_activation_asked_for(name: str, order: str, expected: list[str]) -> None:
    model = build("lenet", normalization=name, normalization_order=order, seed=0)
    called: list[str] = []
    given_to: dict[str, Tensor] = {}
    made_by: dict[str, Tensor] = {}

    def note(called_name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        def hook(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            called.append(called_name)
            given_to[called_name], made_by[called_name] = inputs[0], output

        return hook

    for layer_name, layer in model.named_modules():
        if layer_name.count(".") == 1:
            layer.register_forward_hook(note(layer_name))
    model(torch.randn(4, 1, 28, 28))
    dense = ["dense", *expected[1:3], "dropout"]
    for block, layers in {"block1": expected, "block2": expected, "dense1": dense, "dense2": dense}.items():
        assert [each.partition(".")[2] for each in called if each.startswith(block)] == layers
        for first, then in pairwise(layers):
            assert given_to[f"{block}.{then}"] is made_by[f"{block}.{first}"]
