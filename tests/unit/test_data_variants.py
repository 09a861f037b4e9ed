"""Variants of a data set: wrong labels, scaled pixels, channels of noise, images of random scale."""

from __future__ import annotations

import itertools
import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cnnlab.core.errors import UserError
from cnnlab.data import arrays
from cnnlab.data.dataset import Dataset, Split, load
from cnnlab.data.prepare import prepare
from cnnlab.data.variants import at_random_scale, noisy_labels, pixel_constants, with_noise_channels
from cnnlab.planning import datasets
from cnnlab.planning.specs import DataSpec
from tests.small_runs import batches
from tests.studies import plan_of

SPLITS = ("train", "validation", "test")


class Prepared:
    """Random colour images of three classes, prepared once."""

    def __init__(self, folder: Path) -> None:
        generator = np.random.default_rng(0)
        for label, name in enumerate(("cat", "dog", "emu")):
            (folder / "pets" / name).mkdir(parents=True)
            for index in range(40):
                pixels = generator.integers(0, 80 * (label + 1), (8, 8, 3)) // [1, 2, 3]
                Image.fromarray(pixels.astype(np.uint8)).save(folder / "pets" / name / f"{index}.png")
        self.fields = {"name": "folder", "root": str(folder / "pets"), "image_size": 8}
        self.data_file, self.card = folder / "data.safetensors", folder / "data.json"
        prepare(self.spec(), self.data_file, self.card)

    def spec(self, **fields: object) -> DataSpec:
        return DataSpec.model_validate({**self.fields, **fields})

    def load(self, seed: int = 0, float_bytes: int = 2**30, **fields: object) -> Dataset:
        return load(self.data_file, self.card, self.spec(**fields), seed, float_bytes)


@pytest.fixture(scope="module")
def pets(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return Prepared(tmp_path_factory.mktemp("pets"))


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def floats(split: Split) -> torch.Tensor:
    return torch.cat(list(split.chunks(1000)))


# Wrong labels


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5, 0.9])
def test_exactly_a_share_of_training_labels_is_wrong(pets: Prepared, share: float) -> None:
    clean, noisy = pets.load(), pets.load(label_noise=share)
    differs = noisy.train.labels != clean.train.labels
    assert int(differs.sum()) == round(share * len(clean.train))
    assert noisy.wrong_labels is not None
    assert torch.equal(noisy.wrong_labels, differs)
    assert set(noisy.train.labels.tolist()) == {0, 1, 2}
    assert clean.wrong_labels is None


def test_a_wrong_label_is_any_other_class_with_the_same_chance() -> None:
    labels, wrong = noisy_labels(torch.full((9000,), 3), 10, 1.0, draws())
    counts = labels.bincount(minlength=10)
    assert wrong.all()
    assert counts[3] == 0
    assert (counts[[0, 1, 2, 4, 5, 6, 7, 8, 9]] - 1000).abs().max() < 150


def test_wrong_labels_are_those_of_the_seed_in_every_arm(pets: Prepared) -> None:
    arms = [{}, {"standardize": "none"}, {"augment": ("shift:2",)}, {"scale_pixels": True}, {"noise_channels": 2}]
    first, *others = (pets.load(seed=4, label_noise=0.3, **arm).train.labels for arm in arms)
    assert all(torch.equal(first, other) for other in others)
    assert not torch.equal(first, pets.load(seed=5, label_noise=0.3).train.labels)


def test_validation_and_test_labels_stay_right(pets: Prepared) -> None:
    clean, noisy = pets.load(), pets.load(label_noise=0.9)
    assert torch.equal(clean.validation.labels, noisy.validation.labels)
    assert torch.equal(clean.test.labels, noisy.test.labels)
    assert torch.equal(clean.train.images, noisy.train.images)


# Pixels times constants


def test_constants_of_pixels_are_log_uniform_from_a_hundredth_to_a_hundred() -> None:
    constants = pixel_constants((3, 100, 100), draws())
    assert constants.min() >= 0.01
    assert constants.max() <= 100
    deciles = constants.log10().flatten().quantile(torch.linspace(0, 1, 11))
    torch.testing.assert_close(deciles, torch.linspace(-2, 2, 11), atol=0.05, rtol=0)


@pytest.mark.parametrize("standardize", ["none", "channel"])
def test_each_pixel_is_scaled_alike_in_every_image(pets: Prepared, standardize: str) -> None:
    plain = pets.load(standardize="none")
    scaled = pets.load(standardize=standardize, scale_pixels=True)
    centred = [floats(data.train) - floats(data.train).mean(0) for data in (plain, scaled)]
    factors = centred[1].flatten(1).norm(dim=0) / centred[0].flatten(1).norm(dim=0)
    for name in SPLITS:
        both = [floats(getattr(data, name)) - floats(data.train).mean(0) for data in (plain, scaled)]
        torch.testing.assert_close(both[1].flatten(1), factors * both[0].flatten(1), rtol=1e-3, atol=1e-3)
    assert factors.max() / factors.min() > 1000


def test_scaled_pixels_standardized_by_channel_have_mean_0_and_sd_1(pets: Prepared) -> None:
    images = floats(pets.load(scale_pixels=True).train)
    assert images.mean((0, 2, 3)).abs().max() < 1e-4
    assert (images.std((0, 2, 3), correction=0) - 1).abs().max() < 1e-4


def test_standardizing_each_pixel_makes_scaled_and_unscaled_pixels_equal(pets: Prepared) -> None:
    plain, scaled = (pets.load(standardize="pixel", scale_pixels=scale) for scale in (False, True))
    for name in SPLITS:
        assert torch.equal(floats(getattr(plain, name)), floats(getattr(scaled, name)))
    images = floats(plain.train)
    assert images.mean(0).abs().max() < 1e-4
    assert (images.std(0, correction=0) - 1).abs().max() < 1e-3


def test_constants_differ_from_seed_to_seed(pets: Prepared) -> None:
    one, again, other = (floats(pets.load(seed=seed, scale_pixels=True).test) for seed in (0, 0, 1))
    assert torch.equal(one, again)
    assert not torch.allclose(one, other)


# Channels of noise


def test_channels_of_noise_are_added_and_the_same_for_every_seed(pets: Prepared) -> None:
    plain, noisy, other = pets.load(), pets.load(noise_channels=2), pets.load(seed=1, noise_channels=2)
    assert noisy.channels == 5
    for name in SPLITS:
        images = floats(getattr(noisy, name))
        assert images.shape[1] == 5
        assert torch.equal(images[:, :3], floats(getattr(plain, name)))
        assert torch.equal(images, floats(getattr(other, name)))
    kinds = [floats(getattr(noisy, name))[:10, 3:] for name in SPLITS]
    assert not any(torch.equal(one, two) for one, two in itertools.combinations(kinds, 2))


def test_noise_is_uniform_and_each_image_has_its_own() -> None:
    noise = with_noise_channels(torch.zeros(200, 1, 16, 16, dtype=torch.uint8), 2, draws())[:, 1:]
    assert (noise.flatten().bincount(minlength=256) - 400).abs().max() < 120
    assert len(noise.flatten(1).unique(dim=0)) == 200
    assert not torch.equal(noise[:, 0], noise[:, 1])


def test_planning_counts_channels_of_noise(pets: Prepared) -> None:
    assert datasets.shape(pets.spec(noise_channels=4)) == (7, 8, 8, 3)
    spec = DataSpec(name="mnist5k", noise_channels=2)
    assert datasets.shape(spec) == (3, 28, 28, 10)
    assert datasets.shape(spec.prepared()) == (1, 28, 28, 10)  # the prepared file has none
    assert spec.data_id == DataSpec(name="mnist5k").data_id


# Images of random scale


def test_images_shrink_by_up_to_the_factor_about_their_centre() -> None:
    images = torch.full((500, 1, 40, 40), 200, dtype=torch.uint8)
    shrunk = at_random_scale(images, 0.5, draws())
    sides = (shrunk[:, 0, 20] > 100).sum(1).float()
    assert 19 <= sides.min() <= 22
    assert 38 <= sides.max() <= 40
    # Log-uniform: half of the factors lie below the geometric mean.
    assert float((sides < 40 * math.sqrt(0.5)).float().mean()) == pytest.approx(0.5, abs=0.1)
    assert (shrunk.flip(2) == shrunk).float().mean() > 0.99
    assert (shrunk.flip(3) == shrunk).float().mean() > 0.99


def test_an_image_at_its_own_scale_stays_as_it_is() -> None:
    images = torch.randint(0, 256, (600, 3, 9, 9), dtype=torch.uint8, generator=draws())
    assert torch.equal(at_random_scale(images, 1.0, draws(1)), images)


def test_images_are_shrunk_alike_in_every_run(pets: Prepared) -> None:
    one, other = (pets.load(seed=seed, random_scale=0.5) for seed in (0, 1))
    for name in SPLITS:
        assert torch.equal(floats(getattr(one, name)), floats(getattr(other, name)))
    assert not torch.equal(floats(one.test), floats(pets.load().test))


# Together

VARIANTS = {
    "wrong labels": {"label_noise": 0.3},
    "scaled pixels": {"scale_pixels": True},
    "scaled pixels, not standardized": {"scale_pixels": True, "standardize": "none"},
    "each pixel standardized": {"standardize": "pixel"},
    "scaled and each pixel standardized": {"scale_pixels": True, "standardize": "pixel"},
    "noise": {"noise_channels": 2},
    "random scale": {"random_scale": 0.5},
}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("beside", [{}, {"train_size": 30}, {"shuffle_pixels": True}])
def test_images_that_stay_bytes_give_the_same_batches(pets: Prepared, variant: str, beside: dict) -> None:
    ready, stored = (pets.load(2, size, **VARIANTS[variant], **beside) for size in (2**30, 0))
    assert stored.train.images.dtype == torch.uint8
    assert ready.channels == stored.channels == ready.train.images.shape[1]
    for name in SPLITS:
        assert torch.equal(floats(getattr(ready, name)), floats(getattr(stored, name)))
        assert torch.isfinite(floats(getattr(ready, name))).all()
    for one, other in zip(batches(ready.train, 0, 0, 16), batches(stored.train, 0, 0, 16), strict=True):
        assert torch.equal(one[0], other[0])
        assert torch.equal(one[1], other[1])


@pytest.mark.parametrize("variant", VARIANTS)
def test_made_in_pieces_of_any_size_the_images_are_the_same(
    pets: Prepared, variant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = pets.load(2, 0, **VARIANTS[variant])
    monkeypatch.setattr(arrays, "CHUNK_PIXELS", 1500)
    pieces = pets.load(2, 0, **VARIANTS[variant])
    for name in SPLITS:
        assert torch.equal(floats(getattr(whole, name)), floats(getattr(pieces, name)))
    for part in ("offset", "scale", "black", "average"):
        assert torch.equal(getattr(whole.train.scaling, part), getattr(pieces.train.scaling, part))


def test_noise_is_one_stream_of_draws() -> None:
    images = torch.zeros(3000, 1, 28, 28, dtype=torch.uint8)
    at_once = torch.randint(0, 256, images.shape, generator=draws(), dtype=torch.uint8)
    assert torch.equal(with_noise_channels(images, 1, draws())[:, 1:], at_once)


def test_each_pixel_is_standardized_by_its_exact_mean_and_sd(pets: Prepared) -> None:
    data = pets.load(0, 0, standardize="pixel")
    pixels = data.train.images.double()
    mean = pixels.mean(0)
    assert torch.equal(data.train.scaling.offset, mean.float())
    spread = (pixels.square().mean(0) - mean.square()).clamp(min=0).sqrt().float()
    assert torch.equal(data.train.scaling.scale, torch.where(spread > 0, spread, torch.inf))


def test_a_share_of_fewer_training_images_is_wrong(pets: Prepared) -> None:
    clean, noisy = (pets.load(train_size=30, label_noise=share) for share in (0.0, 0.2))
    assert torch.equal(clean.train.images, noisy.train.images)
    assert int((clean.train.labels != noisy.train.labels).sum()) == 6
    assert noisy.wrong_labels is not None
    assert len(noisy.wrong_labels) == 30


def test_shuffling_moves_all_channels_alike(pets: Prepared) -> None:
    plain = floats(pets.load(seed=3, noise_channels=1).test)
    shuffled = floats(pets.load(seed=3, noise_channels=1, shuffle_pixels=True).test)
    pixels = [image.flatten(2).permute(0, 2, 1) for image in (plain, shuffled)]
    for before, after in zip(*pixels, strict=True):
        assert torch.equal(before.unique(dim=0), after.unique(dim=0))
    assert not torch.equal(plain, shuffled)


def test_pixels_standardized_one_by_one_do_not_care_about_their_order(pets: Prepared) -> None:
    plain, shuffled = (
        floats(pets.load(standardize="pixel", scale_pixels=True, shuffle_pixels=shuffle).test)
        for shuffle in (False, True)
    )
    torch.testing.assert_close(plain.flatten(2).sort(2).values, shuffled.flatten(2).sort(2).values)


def test_data_that_differ_from_seed_to_seed_say_so(pets: Prepared) -> None:
    for variant, fields in VARIANTS.items():
        spec = pets.spec(**fields)
        one, other = (pets.load(seed, **fields) for seed in (0, 1))
        differs = not torch.equal(floats(one.train), floats(other.train)) or not torch.equal(
            one.train.labels, other.train.labels
        )
        assert spec.varies >= differs, variant  # a job would give the seeds the same images


REFUSED = {
    "augment and shuffle_pixels": ({"augment": ["shift:2"], "shuffle_pixels": True}, "drop augment or shuffle_pixels"),
    "augment and scale_pixels": ({"augment": ["flip"], "scale_pixels": True}, "cannot be moved; drop augment"),
    "augment and pixel": ({"augment": ["flip"], "standardize": "pixel"}, "cannot be moved; drop augment"),
    "all labels wrong": ({"label_noise": 1.0}, "data: label_noise"),
    "no scale": ({"random_scale": 0.0}, "data: random_scale"),
    "larger than the image": ({"random_scale": 1.5}, "data: random_scale"),
    "fewer than no channels": ({"noise_channels": -1}, "data: noise_channels"),
    "another standard": ({"standardize": "image"}, "data: standardize"),
}


@pytest.mark.parametrize("mistake", REFUSED)
def test_what_makes_no_sense_is_refused_in_one_line(mistake: str, tmp_path: Path) -> None:
    fields, said = REFUSED[mistake]
    text = (
        "study: mine\ntitle: t\nquestion: q\nseeds: 5\n"
        f"base: {{model: {{architecture: mlp}}, data: {{name: mnist5k}}, train: {{epochs: 1}}}}\n"
        f"arms: {{one: {{data: {fields}}}, two: {{}}}}\n"
    )
    with pytest.raises(UserError) as caught:
        plan_of(tmp_path, text)
    line = str(caught.value)
    assert "\n" not in line
    assert re.search(r"mine\.yaml:6:\d+: arms\.one\.", line), line
    assert said.replace(": ", ".") in line, line
