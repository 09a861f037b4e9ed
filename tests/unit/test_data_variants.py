"""Variants of a data set: what they change, what they leave alone, and for whom it is the same."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from cnnlab import models
from cnnlab.config import from_mapping
from cnnlab.data import catalog
from cnnlab.data.load import Dataset, Split, batches, generator
from cnnlab.data.variants import at_random_scale, noisy_labels, pixel_constants, with_noise_channels
from cnnlab.errors import UserError
from cnnlab.plan import make_plan
from cnnlab.spec import DataSpec
from tests.runs import make_arm, prepared, read

SPLITS = ("train", "validation", "test")
DATA = DataSpec(name="mnist5k", limit=600, image_size=14)
# Every variant by itself, and with what else may be asked of the images.
VARIANTS: dict[str, dict[str, Any]] = {
    "label noise": {"label_noise": 0.3},
    "scaled pixels": {"scale_pixels": True},
    "scaled, standardized by channel": {"scale_pixels": True, "standardize": "channel", "train_size": 100},
    "scaled, standardized by pixel": {"scale_pixels": True, "standardize": "pixel"},
    "scaled, raw": {"scale_pixels": True, "standardize": "none", "shuffle_pixels": True},
    "by pixel": {"standardize": "pixel"},
    "noise channels": {"noise_channels": 2, "shuffle_pixels": True, "standardize": "pixel"},
    "random scale": {"random_scale": 0.4, "augment": ("shift:2",)},
    "everything": {
        "label_noise": 0.2,
        "scale_pixels": True,
        "noise_channels": 1,
        "random_scale": 0.5,
        "train_size": 100,
        "shuffle_pixels": True,
    },
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepared(tmp_path_factory.mktemp("variants"), DATA)


def load(folder: Path, seed: int = 0, float_bytes: int = 2**30, **fields: Any) -> Dataset:
    return read(folder, DataSpec.model_validate({**DATA.model_dump(), **fields}), seed, float_bytes=float_bytes)


def images_of(split: Split) -> Tensor:
    return torch.cat(list(split.chunks(100)))


# Label noise


@given(count=st.integers(1, 400), classes=st.integers(2, 12), share=st.floats(0, 0.99), seed=st.integers(0, 99))
def test_exactly_so_many_labels_are_wrong_and_none_of_them_by_chance_right(
    count: int, classes: int, share: float, seed: int
) -> None:
    labels = torch.randint(classes, (count,), generator=generator(seed, "true"))
    given_labels, wrong = noisy_labels(labels, classes, share, generator(seed, "noise"))
    assert int(wrong.sum()) == round(share * count)
    assert torch.equal(given_labels != labels, wrong)
    assert given_labels.min() >= 0
    assert given_labels.max() < classes


def test_each_wrong_class_has_the_same_chance() -> None:
    labels = torch.arange(10).repeat(3000)
    given_labels, wrong = noisy_labels(labels, 10, 0.5, generator("test"))
    moved = (given_labels - labels)[wrong] % 10
    counts = moved.bincount(minlength=10)[1:].double()
    expected = counts.sum() / 9
    assert float(((counts - expected) ** 2 / expected).sum()) < 26.1  # chi-squared, 8 degrees of freedom, p = 0.001
    assert wrong[:15000].double().mean() == pytest.approx(0.5, abs=0.02)


def test_labels_are_wrong_for_a_seed_whatever_the_arm_and_only_in_training(folder: Path) -> None:
    plain, noisy = load(folder), load(folder, label_noise=0.3)
    assert plain.wrong_labels is None
    assert noisy.wrong_labels is not None
    assert int(noisy.wrong_labels.sum()) == round(0.3 * len(plain.train))
    assert torch.equal(noisy.train.labels != plain.train.labels, noisy.wrong_labels)
    for name in ("validation", "test"):
        assert torch.equal(getattr(noisy, name).labels, getattr(plain, name).labels)
    assert torch.equal(noisy.train.images, plain.train.images)
    other_arm = load(folder, label_noise=0.3, shuffle_pixels=True, standardize="pixel")
    assert torch.equal(other_arm.train.labels, noisy.train.labels)
    other_seed = load(folder, seed=1, label_noise=0.3)
    assert not torch.equal(other_seed.train.labels, noisy.train.labels)


def test_noise_in_a_subset_is_a_share_of_the_subset(folder: Path) -> None:
    few, clean = load(folder, label_noise=0.25, train_size=80), load(folder, train_size=80)
    assert int((few.train.labels != clean.train.labels).sum()) == 20


# Constants of pixels


def test_constants_are_log_uniform_over_four_decades() -> None:
    exponents = np.sort(pixel_constants((3, 100, 100), generator("test")).log10().flatten().numpy())
    assert -2 <= exponents[0] < -1.99
    assert 1.99 < exponents[-1] <= 2
    uniform = np.linspace(-2, 2, len(exponents))
    assert np.abs(exponents - uniform).max() / 4 < 1.95 / math.sqrt(len(exponents))  # Kolmogorov-Smirnov, p = 0.001


def test_each_pixel_is_multiplied_by_its_constant_new_for_each_seed(folder: Path) -> None:
    raw, scaled = load(folder, standardize="none"), load(folder, standardize="none", scale_pixels=True)
    constants = pixel_constants((1, 14, 14), generator(0, "pixel constants"))
    for name in SPLITS:
        found, expected = images_of(getattr(scaled, name)), images_of(getattr(raw, name)) * constants
        assert torch.allclose(found, expected, rtol=1e-5)
    other = load(folder, seed=1, standardize="none", scale_pixels=True)
    assert not torch.allclose(images_of(other.train), images_of(scaled.train))
    again = load(folder, standardize="none", scale_pixels=True, label_noise=0.1)
    assert torch.equal(images_of(again.train), images_of(scaled.train))


def test_by_channel_scaled_pixels_have_mean_0_and_sd_1_together(folder: Path) -> None:
    images = images_of(load(folder, scale_pixels=True).train).double()
    assert images.mean().item() == pytest.approx(0, abs=1e-4)
    assert images.std(correction=0).item() == pytest.approx(1, abs=1e-4)
    constants = pixel_constants((1, 14, 14), generator(0, "pixel constants"))
    raw = images_of(load(folder, standardize="none").train).double() * constants
    assert torch.allclose(images, (raw - raw.mean()) / raw.std(correction=0), atol=1e-4)


def test_by_pixel_scaled_and_unscaled_images_are_the_same(folder: Path) -> None:
    """Also where a pixel has no contrast in the training images, but has in the others."""
    plain = load(folder, standardize="pixel")
    scaled = load(folder, standardize="pixel", scale_pixels=True, seed=5)
    for name in SPLITS:
        assert torch.allclose(images_of(getattr(plain, name)), images_of(getattr(scaled, name)), rtol=1e-5, atol=1e-5)
    raw = {name: images_of(getattr(load(folder, standardize="none"), name)).double() for name in SPLITS}
    mean, sd = raw["train"].mean(0), raw["train"].std(0, correction=0)
    dull = sd == 0
    assert dull.any()
    assert (raw["test"] - mean)[:, dull].abs().max() > 0, "a pixel that is the same in training and not in the test"
    for name in SPLITS:
        expected = (raw[name] - mean) / torch.where(dull, 1, sd)
        assert torch.allclose(images_of(getattr(plain, name)).double(), expected, rtol=1e-4, atol=1e-4)


def test_black_is_what_a_black_pixel_becomes(folder: Path) -> None:
    for fields in VARIANTS.values():
        data = load(folder, **fields)
        black = data.train.scaling(torch.zeros(1, data.channels, 14, 14, dtype=torch.uint8))[0]
        assert torch.allclose(black, data.train.scaling.black.expand_as(black), rtol=1e-4, atol=1e-5)


# Noise channels


def test_noise_channels_are_the_same_for_every_seed_and_arm(folder: Path) -> None:
    first = load(folder, noise_channels=3, standardize="none")
    assert first.channels == 4
    for name in SPLITS:
        plain = images_of(getattr(load(folder, standardize="none"), name))
        images = images_of(getattr(first, name))
        assert images.shape == (len(plain), 4, 14, 14)
        assert torch.equal(images[:, :1], plain)
        other = load(folder, seed=8, noise_channels=3, standardize="none", label_noise=0.1)
        assert torch.equal(images, images_of(getattr(other, name)))
        noise = images[:, 1:].double()
        assert noise.mean().item() == pytest.approx(127.5, abs=1.5)
        assert noise.std().item() == pytest.approx(math.sqrt((256**2 - 1) / 12), abs=1.5)
        assert abs(np.corrcoef(noise[:, 0].flatten(), plain.flatten())[0, 1]) < 0.02
    kinds = [images_of(getattr(first, name))[:60, 1:] for name in SPLITS]
    assert not any(torch.equal(one, two) for one, two in itertools.combinations(kinds, 2))


def test_a_network_is_planned_and_built_for_the_channels_that_it_gets(folder: Path) -> None:
    spec = DATA.model_copy(update={"noise_channels": 3})
    assert catalog.shape(spec) == (4, 14, 14, 10)
    assert catalog.shape(spec.prepared()) == (1, 14, 14, 10)
    assert spec.data_id == DATA.data_id  # one prepared file for both
    data = load(folder, noise_channels=3)
    model = models.build(make_arm("lenet", data=spec).model, *catalog.shape(spec)[:2], data.classes, 0)
    assert model(data.train.images[:4]).shape == (4, 10)


def test_noise_is_added_behind_the_channels() -> None:
    images = torch.arange(2 * 3 * 4, dtype=torch.uint8).view(2, 1, 3, 4)
    made = with_noise_channels(images, 2, generator("test"))
    assert made.dtype == torch.uint8
    assert made.shape == (2, 3, 3, 4)
    assert torch.equal(made[:, :1], images)


# Random scale


def squares(count: int, side: int = 28) -> Tensor:
    """A bright square in the middle, five sevenths of the side."""
    images = torch.zeros(count, 1, side, side, dtype=torch.uint8)
    edge = side // 7
    images[:, :, edge:-edge, edge:-edge] = 200
    return images


def test_digits_shrink_about_their_centre_by_factors_within_the_range() -> None:
    shrunk = at_random_scale(squares(800, 112), 0.25, generator("test")).double()[:, 0]
    at = torch.arange(112) - 55.5
    total = shrunk.sum((1, 2))
    for axis in (at[:, None], at[None, :]):
        assert ((shrunk * axis).sum((1, 2)) / total).abs().max() < 0.05
    factors = (total / 200).sqrt() / 80
    assert 0.245 < factors.min() < 0.26
    assert 0.98 < factors.max() < 1.005
    exponents = np.sort((factors.log() / math.log(0.25)).numpy())
    assert np.abs(exponents - np.linspace(0, 1, 800)).max() < 1.95 / math.sqrt(800)  # log-uniform, p = 0.001
    assert (shrunk[:, 0].max(), shrunk[:, :, -1].max()) == (0, 0)  # black comes into view
    assert shrunk.max() <= 200


def test_a_factor_of_one_changes_nothing() -> None:
    images = squares(3)
    assert torch.equal(at_random_scale(images, 1.0, generator("test")), images)


def test_the_size_of_a_digit_is_the_same_in_every_run(folder: Path) -> None:
    plain, first = load(folder, standardize="none"), load(folder, standardize="none", random_scale=0.4)
    other = load(folder, seed=3, standardize="none", random_scale=0.4, label_noise=0.2)
    for name in SPLITS:
        assert torch.equal(images_of(getattr(first, name)), images_of(getattr(other, name)))
        ink = images_of(getattr(first, name)).sum((1, 2, 3)) / images_of(getattr(plain, name)).sum((1, 2, 3))
        assert ink.min() > 0.4**2 * 0.8
        assert ink.max() < 1.1
        assert ink.std() > 0.1
    subset = load(folder, standardize="none", random_scale=0.4, train_size=50)
    whole = {image.numpy().tobytes() for image in images_of(first.train)}
    assert all(image.numpy().tobytes() in whole for image in images_of(subset.train))


# All of them


@pytest.mark.parametrize("name", VARIANTS)
def test_bytes_in_memory_give_what_floats_do(name: str, folder: Path) -> None:
    fields = VARIANTS[name]
    floats, stored = load(folder, **fields), load(folder, float_bytes=0, **fields)
    assert floats.train.images.dtype == torch.float32
    assert stored.train.images.dtype == torch.uint8
    for each in SPLITS:
        assert torch.equal(images_of(getattr(floats, each)), images_of(getattr(stored, each)))
        assert torch.equal(getattr(floats, each).labels, getattr(stored, each).labels)
    augment = fields.get("augment", ())
    pairs = zip(batches(floats.train, 3, 1, 64, augment), batches(stored.train, 3, 1, 64, augment), strict=True)
    for (images, labels), (other_images, other_labels) in pairs:
        assert torch.equal(images, other_images)
        assert torch.equal(labels, other_labels)
        assert images.stride() == other_images.stride()


@pytest.mark.parametrize("name", VARIANTS)
def test_what_varies_with_the_seed_says_so(name: str, folder: Path) -> None:
    """A job that trains several seeds reads the images anew exactly where it must."""
    fields = VARIANTS[name]
    one, two = load(folder, seed=0, **fields), load(folder, seed=1, **fields)
    alike = all(
        torch.allclose(images_of(getattr(one, each)), images_of(getattr(two, each)), atol=1e-4)
        and torch.equal(getattr(one, each).labels, getattr(two, each).labels)
        for each in SPLITS
    )
    varies = DataSpec.model_validate({**DATA.model_dump(), **fields}).varies
    assert varies or alike
    if name != "scaled, standardized by pixel":  # whose constants cancel
        assert varies != alike
    again = load(folder, seed=0, **fields)
    assert all(torch.equal(images_of(getattr(one, each)), images_of(getattr(again, each))) for each in SPLITS)


@pytest.mark.parametrize("name", VARIANTS)
def test_the_global_random_state_is_left_alone(name: str, folder: Path) -> None:
    state = torch.get_rng_state()
    _ = load(folder, **VARIANTS[name]).test
    assert torch.equal(state, torch.get_rng_state())


def test_pixels_are_shuffled_after_scale_and_noise(folder: Path) -> None:
    plain = load(folder, standardize="none", random_scale=0.5, noise_channels=1)
    shuffled = load(folder, standardize="none", random_scale=0.5, noise_channels=1, shuffle_pixels=True)
    permutation = torch.randperm(196, generator=generator(0, "pixel permutation"))
    before, after = images_of(plain.test).flatten(2), images_of(shuffled.test).flatten(2)
    assert torch.equal(before[:, :, permutation], after)


STUDY = """\
study: mine
title: A title
question: Which is better?
base:
  model: {{architecture: lenet, activation: relu}}
  data: {{name: mnist5k, {data}}}
  train: {{epochs: 2}}
arms:
  one: {{}}
seeds: 5
"""
REFUSED = {
    "augment: [shift:2], shuffle_pixels: true": ["augment", "shuffle_pixels"],
    "augment: [shift:2], scale_pixels: true": ["augment", "scale_pixels"],
    "augment: [flip], standardize: pixel": ["augment", "standardize: pixel"],
    "label_noise: 1.0": ["label_noise", "less than 1"],
    "label_noise: -0.1": ["label_noise", "greater than or equal to 0"],
    "noise_channels: -1": ["noise_channels"],
    "random_scale: 0": ["random_scale", "greater than 0"],
    "random_scale: 1.5": ["random_scale", "less than or equal to 1"],
    "standardize: pixels": ["standardize", "'channel', 'pixel' or 'none'"],
    "scale_pixel: true": ["scale_pixel", "'scale_pixels'"],
}


@pytest.mark.parametrize("data", REFUSED)
def test_what_makes_no_sense_is_refused_in_one_line(data: str, tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(STUDY.format(data=data))
    given_config = {"tier": "quick", "results": "results", "reports": "reports", "device": "cpu"}
    with pytest.raises(UserError) as caught:
        make_plan(from_mapping({**given_config, "study_paths": [str(tmp_path)]}))
    line = str(caught.value)
    assert "\n" not in line
    for part in ("study.yaml: arms.one: data", *REFUSED[data]):
        assert part in line, line
