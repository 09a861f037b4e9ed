"""What each diagnostic measures, against another computation or a network whose answer is known."""

from __future__ import annotations

import copy
import math
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from cnnlab import models
from cnnlab.data.dataset import Dataset, Scaling, Split
from cnnlab.figures import filters
from cnnlab.models.layers.activations import ScaledSigmoid
from cnnlab.planning.specs import OPTIMIZERS
from cnnlab.training import diagnostics, evaluate, loop, outcome
from cnnlab.training.curves import Curves
from cnnlab.training.diagnostics import (
    activation_drift,
    augmentation_range,
    batchnorm_statistics,
    branch_information,
    identity_fit,
    input_weights,
    largest_learning_rate,
    linear_probes,
    memorization,
    orientation_selectivity,
    preactivation_gradients,
    saturation,
    shifts,
    update_ratios,
    weight_convergence,
)
from tests import small_runs


@pytest.fixture(autouse=True)
def _drawn_alike() -> None:
    torch.manual_seed(0)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# Selectivity of first-layer filters


def gabor(angle: float, side: int = 9) -> Tensor:
    y, x = torch.meshgrid(*2 * [torch.arange(side) - side // 2], indexing="ij")
    along = x * math.cos(angle) + y * math.sin(angle)
    return (torch.cos(2 * math.pi * 0.2 * along) * torch.exp(-(x**2 + y**2) / 18)).expand(1, 1, -1, -1)


def test_an_edge_detector_is_selective_and_a_blob_is_not() -> None:
    y, x = torch.meshgrid(*2 * [torch.arange(9) - 4], indexing="ij")
    blob = torch.exp(-(x**2 + y**2) / 4.0).expand(1, 1, -1, -1)
    edges = [
        float(orientation_selectivity._selectivity(gabor(angle))) for angle in (0.0, 0.5, math.pi / 4, math.pi / 2)
    ]
    assert min(edges) > 0.6
    assert float(orientation_selectivity._selectivity(blob)) < 0.1
    assert float(orientation_selectivity._selectivity(-blob)) < 0.1


def test_selectivity_ignores_size_mean_and_number_of_channels() -> None:
    edge = gabor(0.3)
    changed = torch.cat([2 * edge + 1, 3 * edge - 4], 1)
    torch.testing.assert_close(
        orientation_selectivity._selectivity(changed), orientation_selectivity._selectivity(edge)
    )


def test_selectivity_gain_is_of_the_trained_filters_minus_those_as_initialized() -> None:
    run = small_runs.run()
    diagnostic = orientation_selectivity.Diagnostic(run)
    assert diagnostic.finish().values == {"selectivity_gain": 0}
    before = orientation_selectivity._selectivity(diagnostics.first_weight(run.model)).mean()
    with torch.no_grad():
        diagnostics.first_weight(run.model).copy_(gabor(0.0, 5))
    after = orientation_selectivity._selectivity(gabor(0.0, 5)).mean()
    assert diagnostic.finish().values["selectivity_gain"] == pytest.approx(float(after - before))


def test_filters_are_left_as_they_were_and_as_they_are_with_what_they_return_for_the_first_test_image() -> None:
    run = small_runs.run()
    initial = diagnostics.first_weight(run.model).detach().clone()
    diagnostic = orientation_selectivity.Diagnostic(run)
    with torch.no_grad():
        diagnostics.first_weight(run.model).copy_(gabor(0.0, 5))
    found = diagnostic.finish().pictures
    torch.testing.assert_close(found[filters.INITIALIZED], initial.sum(1))
    torch.testing.assert_close(found[filters.TRAINED], gabor(0.0, 5)[0].expand_as(initial[:, 0]))
    image = next(run.data.test.chunks(1))
    torch.testing.assert_close(found[filters.IMAGE], image[:, 0])
    layer = next(layer for layer in run.model.modules() if isinstance(layer, torch.nn.Conv2d))
    torch.testing.assert_close(found[filters.MAPS], layer(image)[0].detach())


# Gradients and updates over depth


def chain(*weights: float) -> nn.Sequential:
    """Layers of one number each."""
    model = nn.Sequential(*(nn.Linear(1, 1, bias=False) for _ in weights))
    with torch.no_grad():
        for layer, weight in zip(model, weights, strict=True):
            layer.weight.fill_(weight)
    return model


def updated(diagnostic: update_ratios.Diagnostic, model: nn.Sequential, *gradients: float, step: int = 0) -> None:
    """One step on these gradients, after which the weights are put back."""
    weights = [layer.weight for layer in model]
    values = [weight.detach().clone() for weight in weights]
    for gradient, weight in zip(gradients, weights, strict=True):
        weight.grad = torch.full_like(weight, gradient)
    if diagnostic.wants(step):
        diagnostic.before_update(step)
    diagnostic.run.optimizer.step(0.1)
    if diagnostic.wants(step):
        diagnostic.after_update(step)
    with torch.no_grad():
        for value, weight in zip(values, weights, strict=True):
            weight.copy_(value)


def test_update_over_weight_of_known_gradients() -> None:
    spec = small_runs.arm(train={"momentum": 0.5, "weight_decay": 0.1, "schedule": "constant"})
    model = chain(1, 2, 2, 2, 1)
    diagnostic = update_ratios.Diagnostic(small_runs.run(spec, model=model, learning_rate=0.1))
    for step in range(6):
        updated(diagnostic, model, 7, 0.2, 2, 20, 9, step=step)
    found = diagnostic.finish()
    # Velocity is (gradient + decay * weight) * (1 + 1/2 + ...): seen at steps 0 and 5.
    sums = [sum(0.5**power for power in range(steps)) for steps in (1, 6)]
    ratios = [
        sum(math.log10(0.1 * (gradient + 0.1 * 2) * total / 2) for total in sums) / 2 for gradient in (0.2, 2, 20)
    ]
    seen = [point.value for point in found.profile if point.quantity == "update_ratio"]
    assert seen == pytest.approx(ratios, rel=1e-5)
    assert [point.position for point in found.profile if point.quantity == "gradient_norm"] == [2, 3, 4]
    assert found.values["gradient_slope"] == pytest.approx(2, abs=1e-5)
    assert found.values["update_slope"] == pytest.approx(ratios[2] - ratios[0], rel=1e-5)
    mean = sum(ratios) / 3
    assert found.values["update_spread"] == pytest.approx(
        math.sqrt(sum((ratio - mean) ** 2 for ratio in ratios) / 2), rel=1e-5
    )


def test_a_slope_downwards_has_a_sign_and_its_tilt_has_none() -> None:
    model = chain(1, 1, 1, 1)
    diagnostic = update_ratios.Diagnostic(small_runs.run(small_runs.arm(train={"weight_decay": 0}), model=model))
    updated(diagnostic, model, 1, 100, 1, 1)
    values = diagnostic.finish().values
    assert (values["update_slope"], values["update_tilt"]) == pytest.approx((-2, 2))


def test_a_gradient_that_vanished_has_no_logarithm() -> None:
    model = chain(1, 1, 1, 1)
    diagnostic = update_ratios.Diagnostic(small_runs.run(model=model))
    updated(diagnostic, model, 0, 0, 0, 0)
    assert set(diagnostic.finish().values.values()) == {None}


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_updates_are_those_of_the_optimizer(optimizer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a real run, from the weights before and after each update."""
    spec = small_runs.arm(train={"optimizer": optimizer}, activation="relu", normalization="batch")
    seen: list[list[float]] = []

    class Watching(update_ratios.Diagnostic):
        def before_update(self, step: int) -> None:
            super().before_update(step)
            self.before = [weight.detach().clone() for weight in self.weights]

        @torch.no_grad()
        def after_update(self, step: int) -> None:
            super().after_update(step)
            if step % diagnostics.EVERY == 0:
                pairs = zip(self.before, self.weights, strict=True)
                seen.append([float((now - was).norm() / was.norm()) for was, now in pairs])

    monkeypatch.setattr(update_ratios, "Diagnostic", Watching)
    rate = OPTIMIZERS[optimizer].rates[-2]
    trained = loop.train(spec, small_runs.dataset(), 0, rate, 4, diagnostics=["update_ratios"])
    watching: Any = trained.diagnostics._members[0]
    assert len(seen) == len(watching.state["update"]) == 3
    torch.testing.assert_close(torch.tensor(seen), torch.tensor(watching.state["update"]), rtol=1e-3, atol=0)


# Drift of the layers' inputs


def evaluation(step: int, train_loss: float) -> Curves:
    return Curves(torch.zeros(0), torch.zeros(0), steps=[step], train_losses=[train_loss])


def test_nothing_drifts_in_a_network_that_does_not_change() -> None:
    spec = small_runs.arm(activation="relu", normalization="batch", dropout=0.5)
    diagnostic = activation_drift.Diagnostic(small_runs.run(spec))
    diagnostic.start()
    for step in (3, 6):
        torch.rand(5)  # whatever else draws in between
        diagnostic.evaluated(evaluation(step, 0.4))
    values = diagnostic.finish().values
    for name in ("input_drift", "preactivation_drift", "input_drift_to_loss", "preactivation_drift_to_loss"):
        assert values[name] == 0


def test_drift_of_a_moved_bias_by_hand() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(196, 8), nn.Linear(8, 6), nn.Linear(6, 4))
    run = small_runs.run(model=model)
    diagnostic = activation_drift.Diagnostic(run)
    diagnostic.start()
    images = next(run.data.train.chunks(100))
    hidden = model[1](model[0](images))
    spread, out = hidden.std(0, correction=0), model[2](hidden)
    with torch.no_grad():
        model[1].bias += 2 * spread
    diagnostic.evaluated(evaluation(3, 0.8))
    diagnostic.evaluated(evaluation(6, 0.4))  # nothing moves, so the mean interval has half of it
    found = diagnostic.finish()
    moved = (model[2](model[1](model[0](images))) - out).mean(0).abs() / out.std(0, correction=0)
    second = float(moved.detach().median())  # of what the second layer returns, which is what the third is given
    assert found.values["input_drift"] == pytest.approx((2 + second) / 2 / 2, rel=1e-4)
    assert found.values["preactivation_drift"] == pytest.approx(second / 2, rel=1e-4)
    assert found.values["input_drift_to_loss"] == pytest.approx((2 + second) / 2, rel=1e-4)
    profile = {(point.quantity, point.position): point.value for point in found.profile}
    now = (hidden + 2 * spread).detach()
    for step, seen in ((0, hidden.detach()), (3, now), (6, now)):
        assert profile["input_mean 2", step] == pytest.approx(float(seen.mean()), rel=1e-4)
        assert profile["input_sd 2", step] == pytest.approx(float(spread.detach().mean()), rel=1e-4)


def test_drift_of_a_scaled_layer_is_the_log_of_the_factor_and_the_moved_mean() -> None:
    before = (torch.tensor([1.0, 5.0, 0.0]), torch.tensor([2.0, 4.0, 0.0]))
    now = (torch.tensor([2.0, 5.0, 9.0]), torch.tensor([2.0, 4 * math.e, 0.0]))
    # The third channel is dead; of two values torch's median is the lower one.
    assert activation_drift._drift(before, now) == pytest.approx(0.5)
    nothing = torch.zeros(3), torch.zeros(3)
    assert math.isnan(activation_drift._drift(nothing, now))


def test_drift_until_a_loss_that_is_never_reached_is_that_of_all_intervals() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(196, 8), nn.Linear(8, 8), nn.Linear(8, 4))
    diagnostic = activation_drift.Diagnostic(small_runs.run(model=model))
    diagnostic.start()
    for step in (3, 6, 9):
        with torch.no_grad():
            model[1].bias += 1
        diagnostic.evaluated(evaluation(step, 0.51))
    found = diagnostic.finish().values
    assert found["input_drift"] > 0
    assert found["input_drift_to_loss"] == pytest.approx(3 * found["input_drift"])


def test_dead_units_are_counted() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(196, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 4))
    with torch.no_grad():
        model[1].bias[:3] = -1e6
        model[3].bias[:5] = -1e6
        model[1].bias[3:] = 1e3
        model[3].bias[5:] = 1e4
    diagnostic = activation_drift.Diagnostic(small_runs.run(model=model))
    diagnostic.start()
    diagnostic.evaluated(evaluation(3, 1.0))
    assert diagnostic.finish().values["dead_units"] == 8 / 16


# Units whose activation is flat


def with_biases(activation: nn.Module, *biases: float) -> dict[str, float]:
    """`saturated_units` of two such layers by name, and of both: units see their bias and nothing else."""
    first, second = nn.Linear(196, len(biases)), nn.Linear(len(biases), 2)
    model = nn.Sequential(nn.Flatten(), first, activation, second, type(activation)(), nn.Linear(2, 4))
    with torch.no_grad():
        for layer in (first, second):
            layer.weight.zero_()
            layer.bias.zero_()
        first.bias.copy_(torch.tensor(biases))
    found = saturation.Diagnostic(small_runs.run(model=model)).finish()
    assert found.values["saturated_units"] is not None
    points = {point.label: point.value / 100 for point in found.profile if point.value is not None}
    return {**points, "all": found.values["saturated_units"]}


@pytest.mark.parametrize(
    ("activation", "edge"),
    # Where 4 s (1 - s) = 0.05 for a sigmoid s, and 1 - t^2 = 0.05 for a tanh t.
    [(nn.Sigmoid(), 4.357), (ScaledSigmoid(), 4.357), (nn.Tanh(), 2.178)],
)
def test_units_are_saturated_beyond_a_twentieth_of_the_largest_slope(activation: nn.Module, edge: float) -> None:
    found = with_biases(activation, -edge - 0.01, -edge + 0.01, 0, edge - 0.01, edge + 0.01)
    assert found == pytest.approx({"2": 2 / 5, "4": 0, "all": 1 / 5})


def test_relu_is_flat_where_it_is_zero() -> None:
    assert with_biases(nn.ReLU(), -1, -0.01, 0.01, 7)["2"] == 1 / 2


def test_saturation_is_counted_over_images() -> None:
    images, labels = torch.tensor([-9.0, -1.0, 0.0, 9.0]).view(4, 1, 1, 1), torch.arange(4)
    one = torch.ones(1, 1, 1)
    split = Split(images, labels, Scaling(0 * one, one, 0 * one, one))
    model = nn.Sequential(nn.Flatten(), nn.Linear(1, 1), nn.Sigmoid(), nn.Linear(1, 4))
    with torch.no_grad():
        model[1].weight.fill_(1)
        model[1].bias.zero_()
    run = small_runs.run(data=replace(small_runs.dataset(), train=split), model=model)
    before = copy.deepcopy(model.state_dict())
    assert saturation.Diagnostic(run).finish().values["saturated_units"] == 1 / 2
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


# Changed test images


class MeanPixel(nn.Module):
    """Class 0 for a dark image, 1 for a bright one."""

    def forward(self, images: Tensor) -> Tensor:
        return torch.stack([torch.zeros(len(images)), images.mean((1, 2, 3)) - 0.05], 1)


class BrightRow(nn.Module):
    """The row, of two, that is brighter: right only for an image that stays where it is."""

    def forward(self, images: Tensor) -> Tensor:
        return images[:, 0, [6, 8]].mean(2)


def squares() -> Dataset:
    """Half of the images black, half with a white square whose surroundings are black for 5 pixels."""
    data = small_runs.dataset(size=28)
    labels = torch.arange(24) % 2
    images = torch.zeros(24, 1, 28, 28)
    images[labels == 1, :, 11:17, 11:17] = 3.0
    return replace(data, make_test=lambda: Split(images, labels, data.train.scaling))


def test_shifts_cost_a_network_nothing_that_looks_at_the_mean_pixel() -> None:
    found = shifts.Diagnostic(small_runs.run(data=squares(), model=MeanPixel())).finish()
    assert found.values == {"shift_drop": 0}
    assert found.per_image["shift_drop"].tolist() == [0] * 24
    assert [point.value for point in found.profile] == [100] * 5


def test_shifts_cost_a_network_that_looks_at_one_place() -> None:
    data = small_runs.dataset()
    labels = torch.arange(24) % 2
    images = torch.zeros(24, 1, 14, 14)
    images[labels == 0, :, 6], images[labels == 1, :, 8] = 1, 1
    still = replace(data, make_test=lambda: Split(images, labels, data.train.scaling))
    found = shifts.Diagnostic(small_runs.run(data=still, model=BrightRow())).finish()
    # A row moved sideways stays. Moved up or down it leaves both places dark, and the answer is 0; but class 0 moved
    # down by two lies on the place of class 1.
    down_or_up = {0: [1, 0.5, 1, 1], 1: [0, 0, 0, 0]}
    for label in (0, 1):
        right = [(2 + 2 * share) / 4 for share in down_or_up[label]]
        drops = found.per_image["shift_drop"][labels == label]
        assert drops.tolist() == pytest.approx([1 - sum(right) / 4] * 12)


def test_shifts_go_up_down_left_and_right_by_1_to_4_pixels() -> None:
    seen: list[Tensor] = []

    class Watching(MeanPixel):
        def forward(self, images: Tensor) -> Tensor:
            seen.append(images)
            return super().forward(images)

    data = small_runs.dataset(size=21)
    image = torch.zeros(1, 1, 21, 21)
    image[:, :, 10, 10] = 1
    one = replace(data, make_test=lambda: Split(image, torch.zeros(1).long(), data.train.scaling))
    shifts.Diagnostic(small_runs.run(data=one, model=Watching())).finish()
    places = sorted(tuple(index - 10 for index in divmod(int(images.argmax()), 21)) for images in seen)
    sizes = [sign * pixels for pixels in (1, 2, 3, 4) for sign in (-1, 1)]
    assert places == sorted([(0, 0), *((down, 0) for down in sizes), *((0, across) for across in sizes)])


def test_what_comes_into_view_is_black_as_the_network_sees_it() -> None:
    data = squares()
    one = torch.ones(1, 1, 1)
    seen: list[Tensor] = []

    class Watching(nn.Module):
        def forward(self, images: Tensor) -> Tensor:
            seen.append(images)
            return torch.zeros(len(images), 2)

    scaling = Scaling(0 * one, one, -0.7 * one, 0 * one)
    grey = replace(data, make_test=lambda: Split(torch.full((3, 1, 28, 28), 0.5), torch.zeros(3).long(), scaling))
    shifts.Diagnostic(small_runs.run(data=grey, model=Watching())).finish()
    moved = torch.cat(seen)
    torch.testing.assert_close(moved.unique(), torch.tensor([-0.7, 0.5]))


def test_warps_are_the_same_in_every_run_and_beyond_is_further() -> None:
    seen: list[Tensor] = []

    class Watching(MeanPixel):
        def forward(self, images: Tensor) -> Tensor:
            seen.append(images)
            return super().forward(images)

    data = squares()
    one, other = (
        augmentation_range.Diagnostic(small_runs.run(data=data, model=Watching(), seed=seed)).finish()
        for seed in (0, 1)
    )
    half = len(seen) // 2
    assert half == 2 * augmentation_range.DRAWS
    assert all(torch.equal(first, second) for first, second in zip(seen[:half], seen[half:], strict=True))
    assert not torch.equal(seen[0], seen[1])
    assert one.values == other.values == {"warped_error": 0, "far_warped_error": 0}
    wrong = augmentation_range.Diagnostic(
        small_runs.run(data=data, model=nn.Sequential(MeanPixel(), Swapped()))
    ).finish()
    assert wrong.values == {"warped_error": 1, "far_warped_error": 1}


class Swapped(nn.Module):
    def forward(self, scores: Tensor) -> Tensor:
        return scores.flip(1)


def bar(images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Place (down, across, from the middle) and angle in degrees of what is bright in each image."""
    at = torch.arange(images.shape[-1]) - (images.shape[-1] - 1) / 2
    weight = images[:, 0] / images.sum((1, 2, 3))[:, None, None]
    down, across = (weight * at[:, None]).sum((1, 2)), (weight * at[None, :]).sum((1, 2))
    y, x = at[None, :, None] - down[:, None, None], at[None, None, :] - across[:, None, None]
    mixed, wide, high = ((weight * part).sum((1, 2)) for part in (x * y, x * x, y * y))
    return down, across, 0.5 * torch.atan2(-2 * mixed, wide - high) * 180 / math.pi


def test_warps_stay_within_their_range_and_reach_its_ends() -> None:
    seen: list[Tensor] = []

    class Watching(MeanPixel):
        def forward(self, images: Tensor) -> Tensor:
            seen.append(images)
            return super().forward(images)

    data = small_runs.dataset(size=40)
    images = torch.zeros(300, 1, 40, 40)
    images[:, :, 18:22, 12:28] = 1  # a bar through the middle
    test = replace(data, make_test=lambda: Split(images, torch.zeros(300).long(), data.train.scaling))
    augmentation_range.Diagnostic(small_runs.run(data=test, model=Watching())).finish()
    for draws, pixels, least, most in ((seen[:4], {0, 1, 2, 3}, 0, 15), (seen[4:], {4, 5}, 20, 30)):
        down, across, angle = (torch.cat(each) for each in zip(*map(bar, draws), strict=True))
        for moved in (down, across):
            assert (moved - moved.round()).abs().max() < 0.05
            assert {abs(int(value)) for value in moved.round()} == pixels
            assert 0.4 < float((moved[moved.round() != 0] > 0).float().mean()) < 0.6
        assert least - 0.5 < float(angle.abs().min()) < least + 1
        assert most - 1 < float(angle.abs().max()) < most + 0.5
        assert 0.4 < float((angle > 0).float().mean()) < 0.6


# What a probe reads


def test_a_probe_finds_what_stands_in_the_features_and_not_what_does_not() -> None:
    labels = [torch.arange(count) % 3 for count in (300, 90, 90)]
    plain = [torch.nn.functional.one_hot(each, 3).double() + 0.1 * normal(len(each), 3) for each in labels]
    noise = [normal(len(each), 3, seed=place) for place, each in enumerate(labels)]
    assert linear_probes._probe(plain, labels, 3).mean() == 1
    assert linear_probes._probe(noise, labels, 3).mean() < 0.5


def test_probe_rise_is_accuracy_at_the_last_hidden_layer_minus_at_the_first() -> None:
    """The first layer shows the classes, the second loses them."""
    data = small_runs.dataset(train=200, others=100)
    model = nn.Sequential(nn.Flatten(), nn.Linear(196, 196), nn.Linear(196, 2), nn.Linear(2, 4))
    with torch.no_grad():
        model[1].weight.copy_(torch.eye(196))
        model[2].weight.zero_()
    found = linear_probes.Diagnostic(small_runs.run(data=data, model=model)).finish()
    accuracies = [point.value for point in found.profile]
    assert accuracies[1] == accuracies[0] > 90
    assert accuracies[2] == 25  # of constant features, the first class
    assert found.values["probe_rise"] == pytest.approx((accuracies[2] - accuracies[1]) / 100)


# The largest learning rate


@pytest.mark.parametrize(
    ("errors", "largest"),
    [
        # of rates 1/8, 1/4, 1/2, ..., None: it diverged
        ([0.10, 0.10, 0.11, 0.50, 0.60, 0.0], 1 / 2),
        ([0.10, 0.13, 0.11, 0.13, 0.14, 0.0], 1 / 2),  # one failure between does not end the search
        ([0.10, None, None, 0.0], 1 / 8),
        ([0.30, 0.20, 0.10, 0.09, None, None], 1),  # two worse than the best of all at first
        ([0.10] * 20, None),  # none that was tried fails: the largest is not known
    ],
)
def test_the_largest_rate_within_two_points_of_the_best(
    errors: list[float | None], largest: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[float] = []

    def trains(arm: Any, data: Any, seed: int, rate: float, epochs: int) -> Any:
        assert (seed, epochs) == (0, 4)
        tried.append(rate)
        error = errors[len(tried)]
        return SimpleNamespace(status="diverged" if error is None else "finished", model=error)

    monkeypatch.setattr(loop, "train", trains)
    monkeypatch.setattr(evaluate, "evaluate", lambda model, split: SimpleNamespace(error=model))
    run = small_runs.run(learning_rate=1 / 8)
    found = largest_learning_rate.Diagnostic(replace(run, model=errors[0])).finish()
    assert found.values == {"largest_rate": largest}
    assert tried == [2**octave / 8 for octave in range(1, len(tried) + 1)]


# Running averages of batch normalization


def test_true_statistics_are_at_no_distance_and_moved_ones_at_theirs() -> None:
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(432, 4)).eval()
    run = small_runs.run(model=model)
    seen = model[0](next(run.data.train.chunks(100))).detach()
    with torch.no_grad():
        model[1].running_mean.copy_(seen.mean((0, 2, 3)))
        model[1].running_var.copy_(seen.var((0, 2, 3), correction=0))
    values = batchnorm_statistics.Diagnostic(run).finish().values
    assert values["statistics_distance"] == pytest.approx(0, abs=1e-5)
    assert values["statistics_shift"] == 0
    with torch.no_grad():
        spreads = (seen.var((0, 2, 3), correction=0) + 1e-5).sqrt()
        model[1].running_mean.sub_(torch.tensor([0.3, -0.6, 0.0]) * spreads)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert batchnorm_statistics.Diagnostic(run).finish().values["statistics_distance"] == pytest.approx(0.3, rel=1e-3)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_statistics_shift_is_the_error_that_running_averages_add() -> None:
    """A network that is right with true statistics and wrong with averages that turn the sign."""
    data = small_runs.dataset()

    def half(count: int) -> Split:
        labels = torch.arange(count) % 2
        values = (2.0 * labels - 1).view(-1, 1, 1, 1).expand(-1, 1, 2, 2)
        return Split(values.contiguous(), labels, data.train.scaling)

    data = replace(data, train=half(40), validation=half(24), make_test=lambda: half(24))
    model = nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(1, 2)).eval()
    with torch.no_grad():
        model[0].weight.fill_(1)
        for place in (0, 4):
            model[place].bias.zero_()
        model[4].weight.copy_(torch.tensor([[-1.0], [1.0]]))
        model[1].running_mean.fill_(-5)
    found = batchnorm_statistics.Diagnostic(small_runs.run(data=data, model=model)).finish()
    assert found.values["statistics_shift"] == pytest.approx(0.5)  # each image of class 0 is now called 1
    assert found.per_image["statistics_shift"].tolist() == [1, 0] * 12
    assert found.values["statistics_distance"] == pytest.approx(5, rel=1e-4)


# What is learned by heart


def test_wrong_labels_given_back_and_the_norm_of_the_weights_by_hand() -> None:
    data = small_runs.dataset(train=8, wrong=4)
    labels = torch.tensor([0, 0, 1, 1, 0, 1, 0, 1])
    images = torch.zeros(8, 1, 1, 1)
    images[[0, 1, 2, 4], 0, 0, 0] = -1.0  # answers: 0 for these, else 1; of the four wrong labels three agree
    images[[3, 5, 6, 7], 0, 0, 0] = 1.0
    data = replace(data, train=Split(images, labels, data.train.scaling))
    model = nn.Sequential(nn.Flatten(), nn.Linear(1, 2), nn.Linear(2, 2))
    with torch.no_grad():
        model[1].weight.copy_(torch.tensor([[3.0], [4.0]]))
        model[2].weight.copy_(torch.tensor([[-12.0, 0.0], [0.0, 0.0]]))
        model[1].bias.zero_()
        model[2].bias.fill_(9)  # of both classes, so that it decides nothing
    values = memorization.Diagnostic(small_runs.run(data=data, model=model)).finish().values
    assert values["weight_norm"] == pytest.approx(13)  # biases do not count
    assert values["noise_fitted"] == 0.75
    clean = replace(data, wrong_labels=None)
    assert memorization.Diagnostic(small_runs.run(data=clean, model=model)).finish().values["noise_fitted"] is None


# The fit of a block to the identity


def test_a_block_that_is_the_identity_has_the_advantage() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.factor = nn.Parameter(torch.tensor(0.5))

        def forward(self, values: Tensor) -> Tensor:
            return self.factor * values

    values = normal(16, 2, 7, 7).float().relu()
    block: Any = Scaled()
    assert identity_fit._fit(block, values, values, 0.1) < 1e-3
    assert identity_fit._fit(block, values, normal(16, 2, 7, 7, seed=1).float().relu(), 0.1) > 0.3
    assert identity_fit._fit(block, values, values, 1e9) == math.inf
    assert math.isnan(identity_fit._fit(block, values, 0.5 * values, 0.1))


def test_the_block_is_fitted_as_it_was_initialized(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity_fit, "STEPS", 5)
    run = small_runs.run(small_runs.arm("resnet_cifar", depth=8), small_runs.dataset(size=20))
    untouched = identity_fit.Diagnostic(run).finish().values
    diagnostic = identity_fit.Diagnostic(run)
    with torch.no_grad():
        for parameter in run.model.parameters():
            parameter.mul_(3)  # training
    assert diagnostic.finish().values == untouched
    assert identity_fit.Diagnostic(run).finish().values != untouched


def test_shortcuts_help_a_block_to_fit_the_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity_fit, "STEPS", 20)
    monkeypatch.setattr(identity_fit, "IMAGES", 16)
    data = small_runs.dataset(channels=3, size=20)
    left = {}
    for residual in (True, False):
        spec = small_runs.arm("resnet_cifar", depth=8, residual=residual)
        found = identity_fit.Diagnostic(small_runs.run(spec, data)).finish()
        remaining = {point.label: point.value for point in found.profile}
        assert found.values["identity_advantage"] == pytest.approx(
            math.log2(remaining["random"] / remaining["identity"])
        )
        left[residual] = found.values["identity_advantage"]
    assert left[True] > left[False]


# Outcomes of every run


def test_calibration_error_by_hand() -> None:
    # Bins of width 1/15: two images in (0.8, 0.8667], one right; one in (0.4667, 0.5333], right.
    confidence, right = torch.tensor([0.82, 0.84, 0.5]), torch.tensor([True, False, True])
    expected = (abs(1 - (0.82 + 0.84)) + abs(1 - 0.5)) / 3
    assert evaluate.calibration_error(confidence, right) == pytest.approx(expected, rel=1e-6)
    assert evaluate.calibration_error(torch.ones(5), torch.ones(5).bool()) == 0
    assert evaluate.calibration_error(torch.ones(5), torch.zeros(5).bool()) == 1
    assert evaluate.calibration_error(torch.zeros(2), torch.zeros(2).bool()) == 0


def test_a_network_as_sure_as_it_is_right_is_calibrated() -> None:
    confidence = torch.full((1000,), 0.7)
    right = torch.arange(1000) < 700
    assert evaluate.calibration_error(confidence, right) == pytest.approx(0, abs=1e-6)


def test_curve_area_is_the_mean_validation_accuracy_of_a_run_that_finished() -> None:
    spec, data = small_runs.arm(activation="relu"), small_runs.dataset()
    trained = loop.train(spec, data, 0, 0.1, 4)
    accuracies = trained.curves.validation_accuracies
    assert len(accuracies) == 4
    assert outcome.result(spec, data, trained, 4).values["curve_area"] == pytest.approx(sum(accuracies) / 4)
    diverged = loop.train(spec, data, 0, 1e9, 4)
    assert outcome.result(spec, data, diverged, 4).values["curve_area"] is None


# Gradients of pre-activations over depth


def relu_chain(widths: int, layers: int, scale: float) -> nn.Sequential:
    """Dense layers of equal width without biases, ReLU between them, drawn at `scale` times He's spread."""
    draws = torch.Generator().manual_seed(3)
    modules: list[nn.Module] = [nn.Flatten()]
    for place in range(layers):
        layer = nn.Linear(widths if place else 14 * 14, widths if place < layers - 1 else 4, bias=False)
        with torch.no_grad():
            fan_in = layer.weight.shape[1]
            layer.weight.copy_(scale * math.sqrt(2 / fan_in) * torch.randn(layer.weight.shape, generator=draws))
        modules += [layer, nn.ReLU()] if place < layers - 1 else [layer]
    return nn.Sequential(*modules)


def one_step(diagnostic: Any, model: nn.Sequential, data: Dataset) -> None:
    assert diagnostic.wants(0)
    model.train()
    nn.functional.cross_entropy(model(data.train.images), data.train.labels).backward()
    diagnostic.before_update(0)


def test_gradients_of_preactivations_are_those_of_autograd() -> None:
    model, data = relu_chain(16, 5, 1.0), small_runs.dataset()
    diagnostic = preactivation_gradients.Diagnostic(small_runs.run(data=data, model=model))
    one_step(diagnostic, model, data)
    found = [point.value for point in diagnostic.finish().profile]
    values, given = data.train.images, []
    for module in model:
        values = module(values)
        if isinstance(module, nn.Linear):
            given.append(values)
    loss = nn.functional.cross_entropy(values, data.train.labels)
    by_hand = [math.log10(float(gradient.norm())) for gradient in torch.autograd.grad(loss, given)]
    assert found == pytest.approx(by_hand[1:-1], rel=1e-4)


def test_the_signal_grows_where_updates_over_weights_cannot_show_it() -> None:
    """Euler: without biases, weight times gradient is the same in every layer, whatever grows."""
    for scale in (0.7, 1.4):
        model, data = relu_chain(64, 9, scale), small_runs.dataset()
        signal = preactivation_gradients.Diagnostic(small_runs.run(data=data, model=model))
        one_step(signal, model, data)
        weights = [layer.weight for layer in model if isinstance(layer, nn.Linear)]
        products = [float((weight * weight.grad).sum().detach()) for weight in weights]
        assert products == pytest.approx([products[0]] * len(products), rel=1e-3)
        values = signal.finish().values
        expected = -6 * math.log10(scale)  # of seven inner layers; a larger scale grows towards the input
        assert values["preactivation_slope"] == pytest.approx(expected, abs=0.35)
        assert values["preactivation_tilt"] == pytest.approx(abs(values["preactivation_slope"] or 0))


def test_behind_a_normalization_is_where_the_activation_reads() -> None:
    model = models.build(small_runs.arm("mlp", activation="relu", normalization="batch", depth=5).model, 1, 14, 4, 0)
    found = preactivation_gradients._given_to_activations(model, diagnostics.layers_of(model, nn.Linear))
    kinds = [type(module).__name__ for module in found.values()]
    assert kinds == ["BatchNorm1d"] * 4 + ["Linear"]


def test_a_signal_that_vanished_has_no_logarithm() -> None:
    model, data = relu_chain(8, 4, 0.0), small_runs.dataset()
    diagnostic = preactivation_gradients.Diagnostic(small_runs.run(data=data, model=model))
    one_step(diagnostic, model, data)
    assert set(diagnostic.finish().values.values()) == {None}


# Layers by their weights


def test_a_layer_is_half_way_when_half_of_its_distance_is_left() -> None:
    steps, left = [0, 10, 20, 30], [1.0, 0.6, 0.4, 0.0]
    assert weight_convergence._half_way(steps, left) == 20
    assert weight_convergence._half_way(steps, [1.0, 0.4, 0.7, 0.0]) == 30  # it had gone back
    assert weight_convergence._half_way(steps, [0.3, 0.2, 0.1, 0.0]) == 0
    assert weight_convergence._half_way(steps, [1.0, math.nan, 0.2, 0.0]) == 20


def test_the_upper_half_is_ahead_by_as_much_as_it_was_made_to_be() -> None:
    model = chain(0, 0, 0, 0)
    model.insert(0, nn.Flatten())
    diagnostic = weight_convergence.Diagnostic(small_runs.run(model=model, total_steps=100, steps_per_epoch=10))
    layers = [layer for layer in model if isinstance(layer, nn.Linear)]
    diagnostic._accuracy = lambda weights: 0.5  # type: ignore[method-assign]
    diagnostic.start()
    for step in range(10, 101, 10):
        with torch.no_grad():
            for layer, full_at in zip(layers, (100, 100, 20, 20), strict=True):
                layer.weight.fill_(min(1.0, step / full_at))
        diagnostic.evaluated(Curves(torch.zeros(0), torch.zeros(0), steps=[step]))
    assert diagnostic.finish().values["weight_lag"] == pytest.approx(0.5 - 0.1)


@pytest.mark.parametrize("steps", [(3, 6, 9), (2, 4, 6, 8, 9)])
@pytest.mark.parametrize("moved", ["lower", "upper"])
def test_the_network_of_an_epoch_ago_is_tried_with_half_of_todays_and_put_back(moved: str, steps: Any) -> None:
    """Its answer is one class for all images, which the layer that moves decides."""
    data = small_runs.dataset()
    model = nn.Sequential(nn.Flatten(), nn.Linear(14 * 14, 4), nn.Linear(4, 4))
    lower, upper = model[1], model[2]
    with torch.no_grad():
        for layer in (lower, upper):
            layer.weight.zero_()
            layer.bias.zero_()
        upper.weight.copy_(torch.eye(4))
    diagnostic = weight_convergence.Diagnostic(small_runs.run(data=data, model=model, total_steps=9, steps_per_epoch=3))
    diagnostic.start()
    for step in steps:  # of which the first in each epoch counts
        with torch.no_grad():
            (lower if moved == "lower" else upper).bias.copy_(torch.tensor([9.0, 0, 0, 0]).roll(step // 3))
        before = {name: value.clone() for name, value in model.state_dict().items()}
        diagnostic.evaluated(Curves(torch.zeros(0), torch.zeros(0), steps=[step]))
        for name, value in model.state_dict().items():
            assert torch.equal(value, before[name])
    share = [float((data.validation.labels == place % 4).double().mean()) for place in (1, 2, 3)]
    lost = ((share[0] - share[1]) + (share[1] - share[2])) / 2
    values = diagnostic.finish().values
    expected = (
        {"stale_cost": lost, "stale_cost_below": 0} if moved == "lower" else {"stale_cost": 0, "stale_cost_below": lost}
    )
    assert {name: values[name] for name in expected} == pytest.approx(expected)


# What a branch tells that another does not


def test_a_branch_that_is_a_linear_map_of_another_tells_nothing_new() -> None:
    given = normal(40, 3, 5, 5)
    mixed = torch.einsum("dc,nchw->ndhw", normal(4, 3, seed=1), given) + 2
    assert branch_information.unpredicted(mixed, given) == pytest.approx(0, abs=1e-3)
    assert branch_information.unpredicted(normal(40, 4, 5, 5, seed=2), given) == pytest.approx(1, abs=0.02)
    half = mixed / mixed.std((0, 2, 3), keepdim=True) + normal(40, 4, 5, 5, seed=3)
    assert branch_information.unpredicted(half, given) == pytest.approx(0.5, abs=0.05)
    assert branch_information.unpredicted(torch.ones(40, 2, 5, 5), given) is None


def test_novelty_is_held_out() -> None:
    """With more inputs than samples a fit predicts everything that it has seen, and nothing else."""
    assert (branch_information.unpredicted(normal(6, 2, 1, 1), normal(6, 50, 1, 1, seed=1)) or 0) > 0.7


def test_branches_of_a_network_are_compared_both_ways() -> None:
    spec = small_runs.arm("googlenet", branches="1x1+3x3")
    found = branch_information.Diagnostic(small_runs.run(spec)).finish()
    pairs = [point.label for point in found.profile]
    assert len(pairs) % 2 == 0
    assert found.values["branch_novelty"] == pytest.approx(
        sum(point.value or 0 for point in found.profile) / len(pairs)
    )


# Weights of one magnitude


def test_the_spread_of_input_weights_is_that_of_their_log2_norms() -> None:
    spec, data = small_runs.arm("mlp"), small_runs.dataset()
    model = models.build(spec.model, 1, 14, 4, 0)
    weight = diagnostics.first_weight(model)
    with torch.no_grad():
        weight.copy_(torch.ones_like(weight) * 2.0 ** (torch.arange(weight.shape[1]) % 2 * 4))  # 1 or 16
    data.train.images[:, :, 0] = 3.0  # a row that never varies
    found = input_weights.Diagnostic(small_runs.run(spec, data, model=model)).finish()
    assert found.values["input_weight_spread"] == pytest.approx(2, rel=0.01)
