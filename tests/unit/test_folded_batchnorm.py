"""Folded batch normalization: values, gradients and running averages of PyTorch's layer and of the one from scratch."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from cnnlab.models.layers import folded_batchnorm
from cnnlab.models.layers.batchnorm import BatchNorm
from cnnlab.models.layers.folded_batchnorm import BatchNorm1d, BatchNorm2d, Folded
from cnnlab.models.layers.switches import AFFINE, look_up
from tests.unit.test_zoo_batchnorm import assert_same, drawn, output_and_gradients, set_affine

LARGE = (64, 6, 28, 28)  # of LeNet's first block
ON_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


def last(values: Tensor) -> Tensor:
    return values.contiguous(memory_format=torch.channels_last)


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Tensor]]:
    """Every map in training is folded, however small; the list holds those that were."""
    seen: list[Tensor] = []
    original = Folded.forward

    def forward(ctx: object, images: Tensor, *others: object) -> Tensor:
        seen.append(images)
        return original(ctx, images, *others)

    monkeypatch.setattr(Folded, "forward", staticmethod(forward))
    monkeypatch.setattr(folded_batchnorm, "pays", lambda values: values.ndim == 4)
    yield seen
    assert seen, "nothing was folded"


@given(
    images=st.integers(2, 5),
    channels=st.integers(1, 9),
    height=st.integers(1, 6),
    width=st.integers(1, 6),
    momentum=st.sampled_from([0.1, 0.5, 1.0]),
    offset=st.sampled_from([0.0, 5.0, -1e3]),
)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_it_equals_the_layer_from_scratch_and_pytorchs(
    images: int, channels: int, height: int, width: int, momentum: float, offset: float
) -> None:
    for other in (BatchNorm(channels, momentum=momentum), nn.BatchNorm2d(channels, momentum=momentum)):
        folded = BatchNorm2d(channels, momentum=momentum).double()
        set_affine(folded, other.double())
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(folded_batchnorm, "pays", lambda values: True)
            for step in range(3):
                assert_same(folded, other, last(offset + 3 * drawn(images, channels, height, width, seed=step)))
        assert int(folded.num_batches_tracked) == 3


def test_its_gradients_are_those_of_finite_differences(always: list[Tensor]) -> None:
    layer = BatchNorm2d(3).double()
    set_affine(layer)
    images = last(drawn(4, 3, 3, 2)).requires_grad_()
    values = images, *layer.parameters()

    def normalized(images: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return torch.func.functional_call(layer, {"weight": weight, "bias": bias}, (images,))

    assert torch.autograd.gradcheck(normalized, values)


def errors(kind: type[nn.Module], values: Tensor) -> list[float]:
    """The largest error of each result in float32 over its largest value; PyTorch's layer in float64 is right."""
    layer, exact = kind(values.shape[1]), nn.BatchNorm2d(values.shape[1]).double()
    set_affine(layer, exact)
    results, right = output_and_gradients(layer, values), output_and_gradients(exact, values.double())
    for name in ("running_mean", "running_var"):
        results.append(layer.state_dict()[name])
        right.append(exact.state_dict()[name])
    return [float((one - two).abs().max() / two.abs().max()) for one, two in zip(results, right, strict=True)]


@pytest.mark.parametrize("offset", [0.0, 10.0, 1e3, 1e5])
def test_it_rounds_no_worse_than_pytorchs_even_where_the_mean_is_far_from_0(offset: float) -> None:
    values = last((offset + drawn(*LARGE)).float())
    assert folded_batchnorm.pays(values)
    for ours, theirs in zip(errors(BatchNorm2d, values), errors(nn.BatchNorm2d, values), strict=True):
        assert ours <= max(theirs, 2e-6)


def test_the_same_images_give_the_same_bits() -> None:
    values = last(drawn(*LARGE).float())
    once, again = (output_and_gradients(BatchNorm2d(LARGE[1]), values) for _ in range(2))
    assert all(torch.equal(*pair) for pair in zip(once, again, strict=True))


def test_its_memory_format_stays_and_that_of_the_gradient_does_not_matter() -> None:
    values = last(drawn(*LARGE).float()).requires_grad_()
    out = BatchNorm2d(LARGE[1])(values)
    assert out.is_contiguous(memory_format=torch.channels_last)
    direction = drawn(*LARGE, seed=1).float()
    gradients = [torch.autograd.grad(out, values, each, retain_graph=True)[0] for each in (direction, last(direction))]
    assert torch.equal(*gradients)
    (summed,) = torch.autograd.grad(out.sum(), values)  # the gradient is one number, seen as many
    assert summed.abs().max() < 1e-4


def test_what_follows_may_overwrite_its_output() -> None:
    values = last(drawn(*LARGE).float())
    once, again = (nn.Sequential(BatchNorm2d(LARGE[1]), nn.ReLU(inplace)) for inplace in (False, True))
    for one, two in zip(output_and_gradients(once, values), output_and_gradients(again, values), strict=True):
        assert torch.equal(one, two)


@pytest.mark.parametrize("affine", AFFINE)
def test_only_a_scale_or_only_a_shift_is_learned_where_that_is_asked_for(affine: str, always: list[Tensor]) -> None:
    switches = {"normalization": "batch", "normalization_order": "before", "affine": affine}
    layer, plain = look_up(switches)["normalization"].images(5).double(), nn.BatchNorm2d(5).double()
    for name in ("weight", "bias"):
        if getattr(layer, name) is None:
            plain.register_parameter(name, None)
    set_affine(layer, plain)
    assert_same(layer, plain, last(2 + drawn(4, 5, 3, 3)))


def test_every_other_case_is_pytorchs_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Folded, "forward", None)
    large = drawn(*LARGE).float()
    cases = [
        (BatchNorm2d(6), nn.BatchNorm2d(6), large),  # not channels_last
        (BatchNorm2d(6).eval(), nn.BatchNorm2d(6).eval(), last(large)),
        (BatchNorm2d(6), nn.BatchNorm2d(6), last(large[:8])),
        (BatchNorm2d(8), nn.BatchNorm2d(8), last(drawn(64, 8, 28, 28).float())),
        (BatchNorm2d(44), nn.BatchNorm2d(44), last(drawn(32, 44, 28, 28).float())),
        (BatchNorm2d(6), nn.BatchNorm2d(6), last(large).bfloat16()),
        (BatchNorm1d(6), nn.BatchNorm1d(6), drawn(30_000, 6).float()),
    ]
    for ours, theirs, values in cases:
        assert torch.equal(ours(values), theirs(values))
        assert all(torch.equal(state, theirs.state_dict()[name]) for name, state in ours.state_dict().items())
    assert str(BatchNorm2d(6)) == str(nn.BatchNorm2d(6))
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        BatchNorm2d(3)(drawn(1, 3, 1, 1).float())


@ON_GPU
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("affine", AFFINE)
@pytest.mark.parametrize("shape", [LARGE, (32, 6)])
def test_on_cuda_every_affine_equals_the_cpu(shape: tuple[int, ...], affine: str, training: bool) -> None:
    normalization = look_up({"normalization": "batch", "affine": affine})["normalization"]
    layer = (normalization.images if len(shape) == 4 else normalization.features)(shape[1]).train(training)
    set_affine(layer)
    values = drawn(*shape).float()
    on_cpu = output_and_gradients(layer, values)
    weights = [parameter.numel() for parameter in layer.parameters()]
    on_gpu = layer.cuda()
    given = values.cuda().requires_grad_()
    out = on_gpu(given)
    loss = (out * drawn(*out.shape, seed=7).float().cuda()).sum()
    found = [out.detach(), *torch.autograd.grad(loss, [given, *on_gpu.parameters()])]
    assert weights == [parameter.numel() for parameter in on_gpu.parameters()]
    for one, two in zip(found, on_cpu, strict=True):
        torch.testing.assert_close(one.cpu(), two.to(one.dtype), rtol=1e-3, atol=1e-3)
