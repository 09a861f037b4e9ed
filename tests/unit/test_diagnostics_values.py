"""Each diagnostic against a computation of its own, or on a network built so that the answer is known."""

from __future__ import annotations

import copy
import itertools
import math
from collections import OrderedDict
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from cnnlab import models, train
from cnnlab.diagnostics import (
    branches,
    identity,
    inputs,
    layers,
    memory,
    probes,
    rates,
    selectivity,
    settling,
    shifts,
    slope,
    statistics,
    warps,
)
from cnnlab.diagnostics.similarity import alignment, cka, kernel
from cnnlab.models.inception import InceptionBlock
from tests.runs import dataset, make_arm, noise, split, watch


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def dense(*sizes: int, seed: int = 0) -> nn.Sequential:
    """Dense layers on flattened images, with nothing between them."""
    torch.manual_seed(seed)
    made = [nn.Linear(before, after) for before, after in itertools.pairwise(sizes)]
    return nn.Sequential(nn.Flatten(), *made)


class Answer(nn.Module):
    """Class 1 where `rule` of an image says so, otherwise class 0."""

    def __init__(self, rule: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.rule = rule
        self.weight = nn.Parameter(torch.zeros(1, 1))
        self.seen: list[Tensor] = []

    def forward(self, images: Tensor) -> Tensor:
        self.seen.append(images.clone())
        yes = self.rule(images).float()
        return torch.stack([1 - yes, yes], 1)


# Similarity


@pytest.mark.parametrize(("p", "q", "count"), [(3, 5, 40), (60, 20, 30)])
def test_cka_is_the_formula_of_hsic(p: int, q: int, count: int) -> None:
    x, y = random(count, p), random(count, p, seed=1) @ random(p, q, seed=2)
    y[:, 0] += x[:, 0]
    center = np.eye(count) - 1 / count
    k, m = (features.numpy() @ features.numpy().T for features in (x, y))

    def hsic(one: Any, other: Any) -> float:
        return float(np.trace(one @ center @ other @ center)) / (count - 1) ** 2

    expected = hsic(k, m) / math.sqrt(hsic(k, k) * hsic(m, m))
    assert cka(x, y) == pytest.approx(expected, rel=1e-10)
    # and of the covariances (Kornblith et al. 2019, section 3)
    x, y = x - x.mean(0), y - y.mean(0)
    covariances = (y.T @ x).norm() ** 2 / ((x.T @ x).norm() * (y.T @ y).norm())
    assert cka(x, y) == pytest.approx(float(covariances), rel=1e-10)


def test_cka_does_not_see_rotation_scale_and_place() -> None:
    x = random(50, 8)
    rotation, _ = torch.linalg.qr(random(8, 8, seed=1))
    assert cka(x, x) == pytest.approx(1, abs=1e-12)
    assert cka(x, 3.7 * x @ rotation + 5) == pytest.approx(1, abs=1e-12)
    y = random(50, 6, seed=2)
    assert cka(x, y) == pytest.approx(cka(y, -2 * x @ rotation), abs=1e-12)
    assert cka(x, x @ torch.diag(torch.logspace(-2, 2, 8, dtype=torch.float64))) < 0.9  # but any linear map is too much


def test_cka_of_independent_features_is_about_zero_and_of_a_constant_none() -> None:
    assert cka(random(3000, 3), random(3000, 4, seed=1)) < 0.01
    assert math.isnan(cka(random(20, 3), torch.ones(20, 4)))


def test_kernels_of_floats_are_exact_enough() -> None:
    x, y = random(128, 3000), random(128, 50, seed=1)
    assert alignment(kernel(x.float()), kernel(y.float())) == pytest.approx(cka(x, y), rel=1e-4)


# Filters


def gabor(angle: float, frequency: float = 0.2, phase: float = 0.0, side: int = 11) -> Tensor:
    """``(1, 1, side, side)``, its wave running along `angle`."""
    y, x = torch.meshgrid(torch.arange(side) - side // 2, torch.arange(side) - side // 2, indexing="ij")
    along = x * math.cos(angle) + y * math.sin(angle)
    window = torch.exp(-(x**2 + y**2) / (2 * (side / 4) ** 2))
    return (window * torch.cos(2 * math.pi * frequency * along + phase))[None, None]


def blob(side: int = 11) -> Tensor:
    y, x = torch.meshgrid(torch.arange(side) - side // 2, torch.arange(side) - side // 2, indexing="ij")
    return torch.exp(-(x**2 + y**2) / 4)[None, None]


def test_a_gabor_filter_is_selective_and_a_blob_is_not() -> None:
    found = [float(selectivity._selectivity(gabor(angle))) for angle in np.linspace(0, math.pi, 7)]
    assert min(found) > 0.7
    assert float(selectivity._selectivity(blob())) < 0.05
    wide = gabor(0.4, side=41)
    assert float(selectivity._selectivity(wide)) > 0.9  # the more waves it holds, the nearer to 1
    assert float(selectivity._selectivity(7 * wide + 3)) == pytest.approx(float(selectivity._selectivity(wide)))


def test_selectivity_gained_is_that_of_the_first_layer_after_minus_before() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 11), nn.Conv2d(2, 1, 1))
    with torch.no_grad():
        model[0].weight.copy_(torch.cat([blob(), gabor(0)]))
    watcher = selectivity.Diagnostic(watch(model, dataset(noise())))
    with torch.no_grad():
        model[0].weight.copy_(torch.cat([gabor(1), gabor(0)]))
    found = watcher.finish()
    expected = float(selectivity._selectivity(gabor(1)) - selectivity._selectivity(blob())) / 2
    assert found.values == {"selectivity_gain": pytest.approx(expected)}
    assert expected > 0.3
    assert [point.quantity for point in found.profile] == ["selectivity before"] * 2 + ["selectivity after"] * 2


# Gradients and updates


def test_the_rise_of_a_line_and_of_what_is_nearly_one() -> None:
    assert slope([1, 3]) == pytest.approx(2)
    assert slope([5, 4, 3, 2]) == pytest.approx(-3)
    values = [0.3, -1.0, 2.5, 0.1, 4.0]
    assert slope(values) == pytest.approx(4 * np.polyfit(range(5), values, 1)[0])


def step(watcher: layers.Diagnostic, number: int, ratios: list[float], norms: list[float]) -> None:
    """Inner layers whose gradients have these norms, and whose updates are these shares of their weights."""
    for weight, norm in zip(watcher.weights, norms, strict=True):
        weight.grad = torch.full_like(weight, norm / math.sqrt(weight.numel()))
    watcher.before_update(number)
    with torch.no_grad():
        for weight, ratio in zip(watcher.weights, ratios, strict=True):
            weight.mul_(1 - ratio)
    watcher.after_update(number)


def test_slopes_of_gradients_and_updates_that_are_set_by_hand() -> None:
    watcher = layers.Diagnostic(watch(dense(144, 30, 20, 20, 15, 10), dataset(noise()), epochs=200))
    assert watcher.names == ["2", "3", "4"]
    step(watcher, 0, [1e-2, 1e-3, 1e-3], [1e-4, 1e-3, 1e-2])
    step(watcher, 1, [0.5, 0.5, 0.5], [9, 9, 9])  # not looked at
    step(watcher, 5, [1e-3, 1e-3, 1e-2], [1e-3, 1e-2, 1e-1])
    step(watcher, 100, [0.5, 0.5, 0.5], [9, 9, 9])  # no longer early
    found = watcher.finish()
    # log10 of updates over weights, mean of two samples: -2.5, -3, -2.5; of gradients -3.5, -2.5, -1.5
    assert found.values["update_slope"] == pytest.approx(0, abs=1e-5)
    assert found.values["gradient_slope"] == pytest.approx(2, abs=1e-5)
    assert found.values["update_spread"] == pytest.approx(0.5 / math.sqrt(3), rel=1e-4)
    assert [(point.position, point.label) for point in found.profile[:3]] == [(2, "2"), (3, "3"), (4, "4")]
    assert [point.value for point in found.profile] == pytest.approx([-2.5, -3, -2.5, -3.5, -2.5, -1.5], abs=1e-4)


def test_the_tilt_is_the_size_of_the_slope() -> None:
    watcher = layers.Diagnostic(watch(dense(144, 30, 20, 20, 10), dataset(noise())))
    step(watcher, 0, [1e-1, 1e-3], [1, 1])
    found = watcher.finish().values
    assert found["update_slope"] == pytest.approx(-2, abs=1e-4)
    assert found["update_tilt"] == pytest.approx(2, abs=1e-4)


def test_a_norm_of_zero_has_no_logarithm() -> None:
    watcher = layers.Diagnostic(watch(dense(144, 30, 20, 20, 10), dataset(noise())))
    step(watcher, 0, [1e-1, 1e-3], [0, 1])
    assert set(watcher.finish().values.values()) == {None}


# Inputs of layers


def test_nothing_drifts_while_nothing_changes() -> None:
    """Batch statistics, running averages and dropout included."""
    arm = make_arm("lenet", {"normalization": "batch", "dropout": 0.5})
    model = models.build(arm.model, 1, 12, 10, 0)
    before = copy.deepcopy(model.state_dict())
    watcher = inputs.Diagnostic(watch(model, dataset(noise()), arm))
    watcher.start()
    for number in (1, 2):
        torch.rand(7)
        watcher.evaluated(number, 2.0)
    assert watcher.finish().values["input_drift"] == 0
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_shift_counts_in_sds_and_a_scale_in_logarithms() -> None:
    model = dense(144, 6, 10)
    train_split = noise(100)
    watcher = inputs.Diagnostic(watch(model, dataset(train_split)))
    seen = (train_split.images.flatten(1) @ model[1].weight.T + model[1].bias).detach()
    mean, sd = seen.mean(0), seen.std(0, correction=0)
    watcher.start()
    with torch.no_grad():
        model[1].bias += 0.3
    watcher.evaluated(1, 2.0)
    shifted = float((0.3 / sd).mean())
    assert watcher.finish().values["input_drift"] == pytest.approx(shifted, rel=1e-4)
    with torch.no_grad():
        model[1].weight *= math.e
        model[1].bias *= math.e
    watcher.evaluated(2, 2.0)
    scaled = float(((math.e - 1) * (mean + 0.3).abs() / sd + 1).mean())
    assert watcher.finish().values["input_drift"] == pytest.approx((shifted + scaled) / 2, rel=1e-4)


def test_channels_of_maps_are_looked_at_over_images_and_pixels() -> None:
    values = random(7, 3, 5, 4).to(memory_format=torch.channels_last)
    mean, sd = inputs._channels(values)
    assert torch.allclose(mean, values.mean((0, 2, 3)))
    assert torch.allclose(sd, values.std((0, 2, 3), correction=0))


def test_drift_counts_until_the_loss_is_matched() -> None:
    model = dense(144, 6, 10)

    def run(losses: list[float]) -> dict[str, float | None]:
        watcher = inputs.Diagnostic(watch(model, dataset(noise(100))))
        watcher.start()
        for number, loss in enumerate(losses, start=1):
            with torch.no_grad():
                model[1].bias += 0.1
            watcher.evaluated(number, loss)
        return watcher.finish().values

    found = run([2.0, 0.6, 0.5, 0.2])
    assert found["input_drift"] is not None
    assert found["input_drift_to_loss"] == pytest.approx(3 * found["input_drift"], rel=1e-3)
    assert run([2.0, 1.0])["input_drift_to_loss"] is None


def test_a_unit_that_is_the_same_for_all_images_is_dead() -> None:
    model = dense(144, 8, 10)
    model.insert(2, nn.ReLU())
    with torch.no_grad():
        model[1].bias[:3] = -1000
    watcher = inputs.Diagnostic(watch(model, dataset(noise(100))))
    watcher.start()
    watcher.evaluated(1, 2.0)
    found = watcher.finish().values
    assert found["dead_units"] == 3 / 8
    assert found["input_drift"] == 0  # of those that live


# Settling


@pytest.mark.parametrize(
    ("similarities", "settled"),
    [
        ([0.95, 0.97, 1.0], 0),
        ([0.1, 0.9, 1.0], 10),
        ([0.95, 0.2, 1.0], 20),
        ([0.1, 0.89, 1.0], 20),
        ([math.nan, 0.95, 1.0], 10),
        ([math.nan] * 3, 20),
    ],
)
def test_a_layer_has_settled_when_it_stays_similar(similarities: list[float], settled: int) -> None:
    assert settling._settled([0, 10, 20], similarities) == settled


def test_the_lag_of_the_lower_half_behind_the_upper() -> None:
    watcher = settling.Diagnostic(watch(dense(144, 8, 8, 8, 8, 10), dataset(noise()), epochs=100))
    before, final = kernel(random(20, 4)), kernel(random(20, 4, seed=1))
    assert alignment(before, final) < 0.5
    when = {"1": 20, "2": 40, "3": 100, "4": 60, "5": 100}  # the third of five layers is in neither half
    watcher.state["steps"] = [0, 20, 40, 60, 100]
    watcher.state["kernels"] = [
        {name: final if at >= first else before for name, first in when.items()} for at in watcher.state["steps"]
    ]
    found = watcher.finish()
    assert found.values == {"settling_lag": pytest.approx((20 + 40 - 60 - 100) / 2 / 100)}
    assert [point.value for point in found.profile if point.quantity == "settled_at"] == [20, 40, 100, 60, 100]


def test_similarities_are_those_to_the_final_outputs() -> None:
    data = dataset(noise(90, size=16))
    model = nn.Sequential(OrderedDict(conv=nn.Conv2d(1, 3, 3), flat=nn.Flatten(), output=nn.Linear(3 * 14 * 14, 10)))
    watcher = settling.Diagnostic(watch(model, data, epochs=10))
    watcher.start()
    images, first = data.validation.images, copy.deepcopy(model)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.2 * torch.randn(parameter.shape)
    watcher.evaluated(10, 1.0)
    curves = {p.label: p.value for p in watcher.finish().profile if "final" in p.quantity and p.position == 0}
    # Every second pixel of a map of 14, every one of the rest.
    maps = [net[:1](images)[..., ::2, ::2].flatten(1).detach() for net in (first, model)]
    scores = [net(images).detach() for net in (first, model)]
    assert curves == {"conv": pytest.approx(cka(*maps), rel=1e-4), "output": pytest.approx(cka(*scores), rel=1e-4)}


# Test images that are moved


def test_a_network_that_sees_the_mean_pixel_alone_loses_nothing_to_shifts() -> None:
    images = torch.zeros(40, 1, 16, 16)
    images[:20, :, 5:11, 5:11] = 1.0  # far enough from the edge that nothing leaves the view
    test = split(images, (torch.arange(40) < 20).long())
    run = watch(Answer(lambda x: x.mean((1, 2, 3)) > 0.05), dataset(test, classes=2))
    found = shifts.Diagnostic(run).finish()
    assert found.values == {"shift_drop": 0}
    assert [point.value for point in found.profile] == [100] * 5


def test_a_network_that_sees_one_pixel_loses_what_is_moved_off_it() -> None:
    images = torch.zeros(40, 1, 16, 16)
    images[:20, :, 8, 8] = 1.0
    images[:10, :, 8, 7:10] = 1.0  # a bar: one pixel to the left or right does no harm
    test = split(images, (torch.arange(40) < 20).long())
    run = watch(Answer(lambda x: x[:, 0, 8, 8] > 0.5), dataset(test, classes=2))
    found = shifts.Diagnostic(run).finish()
    by_image = found.per_image["shift_drop"].tolist()
    assert by_image == [0.875] * 10 + [1.0] * 10 + [0.0] * 20
    assert found.values == {"shift_drop": pytest.approx((0.875 + 1) / 4)}
    assert [point.value for point in found.profile] == pytest.approx([100, 50 + 12.5, 50, 50, 50])


def test_what_comes_into_view_is_black() -> None:
    images = torch.full((8, 1, 16, 16), -0.4)
    model = Answer(lambda x: x.amax((1, 2, 3)) > -0.3)
    test = split(images, torch.zeros(8, dtype=torch.int64), black=-0.4)
    found = shifts.Diagnostic(watch(model, dataset(test, classes=2))).finish()
    assert found.values == {"shift_drop": 0}
    assert all(torch.equal(seen, images) for seen in model.seen)


def warped(images: Tensor, seed: int = 0) -> list[Tensor]:
    """All the images that the network is shown, draw by draw: within the range, then beyond it."""
    model = Answer(lambda x: x.mean((1, 2, 3)) > 9)
    data = dataset(split(images, torch.zeros(len(images), dtype=torch.int64)), classes=2)
    run = watch(model, data)
    warps.Diagnostic(SimpleNamespace(**{**vars(run), "seed": seed})).finish()  # type: ignore[arg-type]
    assert len(model.seen) == 2 * warps.DRAWS
    return model.seen


def test_warps_are_the_same_in_every_run() -> None:
    images = torch.rand(30, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    first, again = warped(images), warped(images, seed=7)
    assert all(torch.equal(one, two) for one, two in zip(first, again, strict=True))
    assert not any(torch.equal(one, two) for one, two in itertools.combinations(first, 2))


def moments(images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Place (down, across, from the middle) and angle of what is bright in each image."""
    side = images.shape[-1]
    at = torch.arange(side) - (side - 1) / 2
    weight = images[:, 0] / images.sum((1, 2, 3))[:, None, None]
    down, across = (weight * at[:, None]).sum((1, 2)), (weight * at[None, :]).sum((1, 2))
    y, x = at[None, :, None] - down[:, None, None], at[None, None, :] - across[:, None, None]
    covariance, spread_x, spread_y = ((weight * part).sum((1, 2)) for part in (x * y, x * x, y * y))
    return down, across, 0.5 * torch.atan2(-2 * covariance, spread_x - spread_y) * 180 / math.pi


def test_warps_stay_within_their_range_and_reach_its_ends() -> None:
    images = torch.zeros(300, 1, 40, 40)
    images[:, :, 18:22, 12:28] = 1.0  # a bar through the middle
    seen = warped(images)
    for draws, pixels, (least, most) in ((seen[:4], {0, 1, 2, 3}, (0, 15)), (seen[4:], {4, 5}, (20, 30))):
        down, across, angle = (torch.cat(each) for each in zip(*map(moments, draws), strict=True))
        for moved in (down, across):
            assert (moved - moved.round()).abs().max() < 0.05
            assert {abs(int(value)) for value in moved.round()} == pixels
            assert 0.4 < (moved[moved.round() != 0] > 0).float().mean() < 0.6
        assert angle.abs().min() >= least - 0.5
        assert angle.abs().max() <= most + 0.5
        assert angle.abs().max() > most - 1
        assert angle.abs().min() < least + 1
        assert 0.4 < (angle > 0).float().mean() < 0.6


def test_warped_errors_are_the_share_of_wrong_draws() -> None:
    images = torch.zeros(200, 1, 28, 28)
    images[:100, :, 13:15, 13:15] = 1.0
    test = split(images, (torch.arange(200) < 100).long())
    run = watch(Answer(lambda x: x[:, 0, 11:17, 11:17].sum((1, 2)) > 2), dataset(test, classes=2))
    found = warps.Diagnostic(run).finish()
    assert found.values["far_warped_error"] == pytest.approx(0.5)  # 4 pixels are more than enough
    errors = found.per_image["warped_error"]
    assert errors[100:].max() == 0
    assert set(errors.tolist()) <= {0, 0.25, 0.5, 0.75, 1}
    assert found.values["warped_error"] == pytest.approx(float(errors.mean()))
    # Right while the square of 2 x 2 is half within the 6 x 6: up to 3 in one direction, 2 in the other.
    draws = [abs(down) <= 2 or abs(across) <= 2 for down in range(-3, 4) for across in range(-3, 4)]
    assert 0 < float(errors[:100].mean()) < 2 * (1 - np.mean(draws)) + 0.2


# What is trained again


def stub(errors: dict[float, float], called: list[float]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """In place of training and evaluation: a network is its rate; above all known rates it diverges."""

    def trained(arm: Any, data: Any, seed: int, rate: float, epochs: int, **how: Any) -> Any:
        assert (seed, epochs, how) == (0, 3, {})
        called.append(rate)
        return SimpleNamespace(model=rate, status="finished" if round(rate, 6) in errors else "diverged")

    def evaluated(model: Any, images: Any) -> Any:
        return SimpleNamespace(error=errors[round(model, 6) if isinstance(model, float) else 0.1])

    return trained, evaluated


@pytest.mark.parametrize(
    ("errors", "largest", "tried"),
    [
        ({0.1: 0.05}, 0.1, 2),  # the run's own, then two in a row diverge
        ({0.1: 0.05, 0.2: 0.06, 0.4: 0.07, 0.8: 0.08}, 0.4, 4),
        ({0.1: 0.05, 0.2: 0.5, 0.4: 0.05}, 0.4, 4),  # one bad rate between two good ones ends nothing
        ({0.1: 0.05, 0.2: 0.02, 0.4: 0.035}, 0.4, 4),
        ({0.1: 0.9, 0.2: 0.02}, 0.2, 3),
        ({round(0.1 * 2**octave, 6): 0.05 for octave in range(30)}, 0.1 * 2**14, 14),
    ],
)
def test_the_largest_rate_is_the_last_one_near_the_best(
    errors: dict[float, float], largest: float, tried: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[float] = []
    for name, function in zip(("train", "evaluate"), stub(errors, called), strict=True):
        monkeypatch.setattr(train, name, function)
    found = rates.Diagnostic(watch(dense(144, 10), dataset(noise()), epochs=3)).finish()
    assert found.values == {"largest_rate": pytest.approx(largest)}
    assert called == [pytest.approx(0.1 * 2**octave) for octave in range(1, tried + 1)]
    assert len(found.profile) == tried + 1


def test_branches_are_compared_with_those_of_a_twin(monkeypatch: pytest.MonkeyPatch) -> None:
    arm = make_arm("googlenet", {"width": 4})
    model, twin = (models.build(arm.model, 1, 14, 10, seed) for seed in (0, 1))
    data = dataset(noise(80, size=14))
    asked: list[Any] = []

    def trained(*arguments: Any) -> Any:
        asked.append(arguments)
        return SimpleNamespace(model=twin)

    monkeypatch.setattr(train, "train", trained)
    found = branches.Diagnostic(watch(model, data, arm, epochs=3)).finish()
    assert asked == [(arm, data, 20_000, 0.1, 3)]

    def seen(net: nn.Module) -> dict[str, Tensor]:
        """What every branch returns, from calling it on the input of its block."""
        kept: dict[str, Tensor] = {}
        blocks = {name: block for name, block in net.named_modules() if isinstance(block, InceptionBlock)}
        for name, block in blocks.items():
            block.register_forward_pre_hook(
                lambda owner, given, name=name: kept.update(
                    {f"{name}.{key}": branch(given[0]) for key, branch in owner.named_children()}
                )
            )
        with torch.no_grad():
            net.eval()(data.test.images)
        return kept

    mine, other = seen(model), seen(twin)
    assert len(mine) == 16
    across = [cka(mine[name], other[name]) for name in mine]
    within = [
        cka(mine[one], mine[two])
        for one, two in itertools.combinations(mine, 2)
        if one.rpartition(".")[0] == two.rpartition(".")[0]
    ]
    assert len(within) == 24
    assert 0 < sum(map(math.isnan, across)) < 4, "a branch is dead"
    assert found.values == {"branch_similarity_gap": pytest.approx(np.nanmean(across) - np.nanmean(within))}


def block_of(residual: bool, seed: int = 0) -> tuple[Any, nn.Module]:
    arm = make_arm("resnet_cifar", {"depth": 8, "width": 4, "residual": residual, "normalization": "none"})
    return arm, models.build(arm.model, 1, 14, 10, seed)


def test_the_block_is_fitted_as_it_was_initialized(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "STEPS", 20)
    arm, model = block_of(residual=True)
    untouched = identity.Diagnostic(watch(model, dataset(noise(size=14)), arm)).finish()
    watcher = identity.Diagnostic(watch(model, dataset(noise(size=14)), arm))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3)  # training
    assert watcher.finish().values == untouched.values


def test_a_fit_is_gradient_descent_with_momentum() -> None:
    _, model = block_of(residual=False)
    block = next(part for part in model.modules() if isinstance(part, identity.Block))
    given = random(32, 4, 7, 7).float().relu()
    fitted = copy.deepcopy(block).train()
    optimizer = torch.optim.SGD(fitted.parameters(), 0.05, momentum=0.9)
    losses = []
    for _ in range(identity.STEPS):
        loss = (fitted(given) - given).square().mean()
        losses.append(float(loss.detach()))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        after = float((fitted(given) - given).square().mean())
    assert identity._fit(block, given, given, 0.05) == pytest.approx(after / losses[0], rel=1e-3)
    assert identity._fit(block, given, given, 1e6) > 1  # the units have died
    block.activation1 = block.activation2 = nn.Identity()
    assert identity._fit(block, given, given, 1e6) == math.inf


def test_residual_blocks_fit_the_identity_more_easily(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "STEPS", 60)
    found = {}
    for residual in (True, False):
        arm, model = block_of(residual)
        result = identity.Diagnostic(watch(model, dataset(noise(size=14)), arm)).finish()
        left = {point.label: point.value for point in result.profile}
        assert result.values["identity_advantage"] == pytest.approx(
            math.log2(left["random"] / left["identity"])  # type: ignore[operator]
        )
        found[residual] = result.values["identity_advantage"]
    assert found[True] > found[False] + 1  # type: ignore[operator]


def test_a_block_that_is_the_identity_already_has_no_advantage_to_measure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "STEPS", 3)
    arm, model = block_of(residual=True)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    assert identity.Diagnostic(watch(model, dataset(noise(size=14)), arm)).finish().values == {
        "identity_advantage": None
    }


# Statistics of batch normalization


def normalized(kind: str = "torch") -> nn.Sequential:
    from cnnlab.models.batchnorm import BatchNorm

    torch.manual_seed(0)
    makers = {"torch": (nn.BatchNorm2d, nn.BatchNorm1d), "scratch": (BatchNorm, BatchNorm)}
    images, features = makers[kind]
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), images(4), nn.ReLU(), nn.Flatten(), nn.Linear(400, 8), features(8), nn.Linear(8, 2)
    )


def set_true(model: nn.Sequential, seen: Tensor) -> None:
    """The running averages to the statistics of `seen`, one layer after the other."""
    model.eval()
    with torch.no_grad():
        for index, over in ((1, (0, 2, 3)), (5, (0,))):
            values = model[:index](seen).double()
            model[index].running_mean.copy_(values.mean(over))
            model[index].running_var.copy_(values.var(over, correction=0))


@pytest.mark.parametrize("kind", ["torch", "scratch"])
def test_running_averages_that_are_true_are_at_no_distance(kind: str) -> None:
    model, data = normalized(kind), dataset(noise(600, classes=2), classes=2)
    set_true(model, data.train.images)
    before = copy.deepcopy(model.state_dict())
    found = statistics.Diagnostic(watch(model, data)).finish()
    assert found.values["statistics_distance"] == pytest.approx(0, abs=1e-5)
    assert found.values["statistics_shift"] == 0
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_the_distance_is_in_sds_and_a_mean_over_layers() -> None:
    model, data = normalized(), dataset(noise(600, classes=2), classes=2)
    set_true(model, data.train.images)
    with torch.no_grad():
        model[1].running_mean += 0.5 * model[1].running_var.sqrt()
        model[5].running_mean -= 2 * model[5].running_var.sqrt()
    found = statistics.Diagnostic(watch(model, data)).finish()
    assert found.values["statistics_distance"] == pytest.approx((0.5 + 2) / 2, rel=1e-3)
    assert [point.value for point in found.profile] == pytest.approx([0.5, 2], rel=1e-3)


def test_the_shift_is_the_error_that_the_running_averages_add() -> None:
    """Right with the true mean, always class 0 with a running mean far above."""
    images = torch.ones(50, 1, 12, 12) * (torch.arange(50) % 2)[:, None, None, None]
    data = dataset(split(images, torch.arange(50) % 2), classes=2)
    model = nn.Sequential(nn.Flatten(), nn.Linear(144, 1), nn.BatchNorm1d(1), nn.Linear(1, 2))
    with torch.no_grad():
        model[1].weight.fill_(1 / 144)
        model[1].bias.zero_()
        model[3].weight.copy_(torch.tensor([[-1.0], [1.0]]))
        model[3].bias.zero_()
        model[2].running_mean.fill_(100)
    found = statistics.Diagnostic(watch(model, data)).finish()
    assert found.values["statistics_shift"] == pytest.approx(0.5)
    assert found.per_image["statistics_shift"].tolist() == [0, 1] * 25


# Memory


def test_labels_learned_by_heart_are_those_given_back() -> None:
    """The network answers with the brightest pixel of the first row."""
    told, given = torch.arange(40) % 10, torch.arange(40) % 10
    wrong = torch.zeros(40, dtype=torch.bool)
    wrong[:8] = True
    given = torch.where(wrong, (given + 1) % 10, given)
    told[:6] = given[:6]  # six of eight it has by heart
    told[20:30] += 0
    images = torch.zeros(40, 1, 12, 12)
    images[torch.arange(40), 0, 0, told] = 1
    model = nn.Sequential(nn.Flatten(), nn.Linear(144, 10))
    with torch.no_grad():
        model[1].weight.zero_()
        model[1].weight[:, :10] = 2 * torch.eye(10)
        model[1].bias.fill_(5)
    found = memory.Diagnostic(watch(model, dataset(split(images, given), wrong=wrong))).finish()
    assert found.values["noise_fitted"] == 6 / 8
    assert found.values["weight_norm"] == pytest.approx(2 * math.sqrt(10))  # biases are no weights
    clean = memory.Diagnostic(watch(model, dataset(split(images, given)))).finish()
    assert clean.values["noise_fitted"] is None


# Probes


def ridge(inputs: np.ndarray, labels: np.ndarray, tested: np.ndarray, strength: float) -> np.ndarray:
    """One against the rest in closed form, on standardized features."""
    mean, sd = inputs.mean(0), inputs.std(0)
    x, t = ((values - mean) / np.where(sd > 0, sd, 1) for values in (inputs, tested))
    targets = 2.0 * (labels[:, None] == np.arange(labels.max() + 1)) - 1
    center = targets.mean(0)
    solved = np.linalg.solve(x.T @ x + strength * np.eye(x.shape[1]), x.T @ (targets - center))
    return np.asarray((t @ solved + center).argmax(1))


def test_probes_are_ridge_classifiers_on_what_each_layer_rectified() -> None:
    torch.manual_seed(1)
    first, last = nn.Conv2d(1, 4, 3), nn.Linear(4 * 11 * 11, 12)
    model = nn.Sequential(first, nn.ReLU(), nn.AvgPool2d(1), nn.Flatten(), last, nn.Tanh(), nn.Linear(12, 3))
    draws = torch.Generator().manual_seed(0)

    def images(count: int) -> Any:
        labels = torch.randint(3, (count,), generator=draws)
        pixels = torch.randn(count, 1, 13, 13, generator=draws)
        pixels[torch.arange(count), 0, 3 * labels, 6] += 2.5
        return split(pixels, labels)

    data = dataset(images(300), images(200), classes=3)
    found = probes.Diagnostic(watch(model, data)).finish()
    with torch.no_grad():
        maps = [first(part.images).relu() for part in (data.train, data.test)]
        pooled = [nn.functional.adaptive_avg_pool2d(each, probes.SIDE).flatten(1).double().numpy() for each in maps]
        hidden = [last(each.flatten(1)).relu().double().numpy() for each in maps]
    labels, truth = data.train.labels.numpy(), data.test.labels.numpy()
    below, above = (ridge(features[0], labels, features[1], probes.STRENGTH) == truth for features in (pooled, hidden))
    assert found.per_image["probe_rise"].tolist() == (above.astype(float) - below.astype(float)).tolist()
    assert found.values["probe_rise"] == pytest.approx(above.mean() - below.mean())
    assert [point.value for point in found.profile] == pytest.approx([100 * below.mean(), 100 * above.mean()])


def test_a_layer_that_says_nothing_has_a_probe_at_chance() -> None:
    model = dense(144, 20, 20, 10)
    model.insert(2, nn.ReLU())
    with torch.no_grad():
        model[1].weight.zero_()
        model[1].bias.zero_()
    test = noise(400, seed=1)
    found = probes.Diagnostic(watch(model, dataset(noise(400), test))).finish()
    assert found.values["probe_rise"] == 0
    assert found.profile[0].value == pytest.approx(100 * float(test.labels.bincount().max()) / 400, abs=4)


# What every run has


def test_calibration_error_by_hand() -> None:
    confidence = torch.tensor([0.95, 0.95, 0.55, 0.55])
    assert train.calibration_error(confidence, torch.tensor([1, 0, 1, 0])) == pytest.approx((0.9 + 0.1) / 4, rel=1e-6)
    assert train.calibration_error(torch.ones(5), torch.ones(5)) == 0
    assert train.calibration_error(torch.ones(4), torch.zeros(4)) == 1
    certain = torch.full((100,), 0.8, dtype=torch.float64)
    assert train.calibration_error(certain, torch.arange(100) < 80) == pytest.approx(0, abs=1e-12)


def test_calibration_error_is_that_of_bins_closed_above() -> None:
    draws = np.random.default_rng(0)
    confidence, correct = draws.uniform(0.1, 1, 5000), draws.random(5000) < 0.7
    bins = np.digitize(confidence, np.linspace(0, 1, 16), right=True)
    expected = sum(
        (bins == each).mean() * abs(correct[bins == each].mean() - confidence[bins == each].mean())
        for each in np.unique(bins)
    )
    found = train.calibration_error(torch.from_numpy(confidence), torch.from_numpy(correct))
    assert found == pytest.approx(float(expected), rel=1e-9)


def test_the_area_under_the_curve_is_its_mean_over_evaluations() -> None:
    images = noise(120, size=14)
    data, arm = dataset(images), make_arm(evaluations_per_epoch=2)
    trained = train.train(arm, data, 0, 0.05, 2)
    accuracies = trained.curves.validation_accuracies
    assert len(accuracies) == 4
    assert train.result(arm, data, trained, 2).values["curve_area"] == pytest.approx(np.mean(accuracies))
    diverged = train.train(arm, data, 0, 1e9, 2)
    assert diverged.status == "diverged"
    assert train.result(arm, data, diverged, 2).values["curve_area"] is None
