"""What a training job reads: standardized tensors, batches in a fixed order, and files that are checked."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from cnnlab.core.errors import UserError
from cnnlab.data.batches import batch_sizes, order
from cnnlab.data.dataset import Dataset, Split, _scaling, load
from cnnlab.data.prepare import prepare
from cnnlab.planning.specs import DataSpec
from tests.small_runs import batches

SPLITS = ("train", "validation", "test")


class Prepared:
    """A prepared data set of random images and what it was made of."""

    def __init__(self, folder: Path, spec: DataSpec) -> None:
        self.spec, self.data_file, self.card = spec, folder / "data.safetensors", folder / "data.json"
        prepare(spec, self.data_file, self.card)

    def load(self, seed: int = 0, float_bytes: int = 2**30, **fields: object) -> Dataset:
        spec = DataSpec.model_validate({**self.spec.model_dump(), **fields})
        return load(self.data_file, self.card, spec, seed, float_bytes)


def colours(root: Path, per_class: int = 30) -> DataSpec:
    generator = np.random.default_rng(0)
    for label, name in enumerate(("cat", "dog", "emu")):
        (root / name).mkdir(parents=True)
        for index in range(per_class):
            pixels = generator.integers(0, 80 * (label + 1), (7, 7, 3)) // [1, 2, 3]
            Image.fromarray(pixels.astype(np.uint8)).save(root / name / f"{index}.png")
    return DataSpec(name="folder", root=str(root), image_size=7)


@pytest.fixture(scope="module")
def colour(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    folder = tmp_path_factory.mktemp("colour")
    return Prepared(folder, colours(folder / "pets"))


@pytest.fixture(scope="module")
def mnist5k(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return Prepared(tmp_path_factory.mktemp("mnist5k"), DataSpec(name="mnist5k"))


def same(first: Split, second: Split) -> bool:
    pairs = zip(first.chunks(1000), second.chunks(1000), strict=True)
    return torch.equal(first.labels, second.labels) and all(torch.equal(one, two) for one, two in pairs)


def test_shapes_and_types(mnist5k: Prepared, colour: Prepared) -> None:
    digits = mnist5k.load()
    assert [len(getattr(digits, name)) for name in SPLITS] == [3000, 500, 1500]
    assert (digits.channels, digits.image_size, digits.classes) == (1, 28, 10)
    assert digits.test.images.shape == (1500, 1, 28, 28)
    assert digits.train.images.dtype == torch.float32
    assert digits.train.labels.dtype == torch.int64
    pets = colour.load()
    assert pets.train.images.shape == (54, 3, 7, 7)
    assert pets.train.images.is_contiguous(memory_format=torch.channels_last)
    assert pets.class_names == ("cat", "dog", "emu")


def test_standardized_by_the_training_images(colour: Prepared) -> None:
    data = colour.load()
    assert data.train.images.mean((0, 2, 3)).abs().max() < 1e-5
    assert (data.train.images.std((0, 2, 3)) - 1).abs().max() < 1e-2
    assert data.test.images.mean((0, 2, 3)).abs().max() > 1e-4  # by the training images, not its own
    plain = colour.load(standardize="none")
    assert plain.train.images.min() == 0
    assert 100 < plain.train.images.max() <= 255
    back = data.train.images * data.train.scaling.scale + data.train.scaling.offset
    assert torch.allclose(back, plain.train.images, atol=1e-3)


def test_black_and_average_are_on_the_scale_of_the_images(colour: Prepared) -> None:
    for data in (colour.load(), colour.load(standardize="none")):
        scaling = data.train.scaling
        assert torch.allclose(scaling.black.flatten(), data.train.images.amin((0, 2, 3)), atol=1e-5)
        assert torch.allclose(scaling.average.flatten(), data.train.images.mean((0, 2, 3)), atol=1e-3)


def test_a_channel_without_contrast_stays_finite(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for index in range(10):
            Image.new("RGB", (7, 7), (200, 0, 20 * index)).save(tmp_path / "pets" / name / f"{index}.png")
    data = Prepared(tmp_path, DataSpec(name="folder", root=str(tmp_path / "pets"), image_size=7)).load()
    assert torch.isfinite(data.train.images).all()
    assert (data.train.images[:, :2] == 0).all()


def test_a_pixel_without_contrast_in_training_is_0_in_every_image() -> None:
    train = torch.tensor([[[[0, 0], [10, 20]]], [[[0, 9], [30, 40]]]], dtype=torch.uint8)
    scaling = _scaling(train, DataSpec(name="mnist5k", standardize="pixel", scale_pixels=True), seed=0)
    seen = scaling(torch.full_like(train, 255))
    assert (seen[:, :, 0, 0] == 0).all()
    assert (seen.flatten(1)[:, 1:] > 1).all()


@pytest.mark.parametrize("fields", [{}, {"shuffle_pixels": True}, {"train_size": 9}, {"standardize": "none"}])
def test_large_images_stay_bytes_with_the_same_result(colour: Prepared, fields: dict) -> None:
    floats, stored = colour.load(**fields), colour.load(float_bytes=0, **fields)
    assert stored.train.images.dtype == torch.uint8
    for name in SPLITS:
        assert same(getattr(floats, name), getattr(stored, name))
    pairs = zip(batches(floats.train, 3, 1, 16), batches(stored.train, 3, 1, 16), strict=True)
    for (images, labels), (other_images, other_labels) in pairs:
        assert torch.equal(images, other_images)
        assert torch.equal(labels, other_labels)
        assert images.stride() == other_images.stride()


def test_batches_are_the_images_in_order(colour: Prepared) -> None:
    train = colour.load().train
    rows = order(len(train), 5, 2)
    made = list(batches(train, 5, 2, 16))
    assert [len(labels) for _, labels in made] == [16, 16, 16, 6]
    assert torch.equal(torch.cat([images for images, _ in made]), train.images[rows])
    assert torch.equal(torch.cat([labels for _, labels in made]), train.labels[rows])
    assert made[0][0].is_contiguous(memory_format=torch.channels_last)


def test_the_order_is_a_function_of_seed_and_epoch_alone() -> None:
    first = order(1000, 0, 0)
    assert sorted(first.tolist()) == list(range(1000))
    torch.manual_seed(99)
    torch.rand(7)
    order(1000, 8, 8)
    assert torch.equal(first, order(1000, 0, 0))
    others = [order(1000, *key) for key in ((0, 1), (1, 0), (10, 0), (0, 10))]
    assert all(not torch.equal(first, other) for other in others)


def test_the_global_random_state_is_left_alone(colour: Prepared) -> None:
    state = torch.get_rng_state()
    for _ in batches(colour.load(shuffle_pixels=True, train_size=9).train, 0, 0, 4, ("shift:2", "rotate:9", "flip")):
        pass
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize("augment", [(), ("shift:2", "rotate:15"), ("crop:2", "flip", "cutout:3")])
def test_batches_are_reproducible(colour: Prepared, augment: tuple[str, ...]) -> None:
    train = colour.load().train
    first, again = (list(batches(train, 1, 3, 16, augment)) for _ in range(2))
    assert all(torch.equal(one, two) for (one, _), (two, _) in zip(first, again, strict=True))


def test_augmentation_draws_anew_in_each_epoch_and_for_each_seed(colour: Prepared) -> None:
    train = colour.load().train
    alike = Split(train.images[:1].expand(54, -1, -1, -1), train.labels, train.scaling)
    draws = [next(iter(batches(alike, *key, 54, ("shift:2",))))[0] for key in ((0, 0), (0, 1), (1, 0))]
    assert not any(torch.equal(draws[0], other) for other in draws[1:])


def test_augmentation_changes_images_but_neither_order_nor_memory(colour: Prepared) -> None:
    train = colour.load().train
    before = train.images.clone()
    plain, augmented = (list(batches(train, 1, 3, 16, augment)) for augment in ((), ("shift:2", "cutout:3")))
    assert all(torch.equal(one, two) for (_, one), (_, two) in zip(plain, augmented, strict=True))
    assert not any(torch.equal(one, two) for (one, _), (two, _) in zip(plain, augmented, strict=True))
    assert torch.equal(train.images, before)


def test_shuffled_pixels_are_one_permutation_for_all(colour: Prepared) -> None:
    plain, shuffled = colour.load(), colour.load(seed=4, shuffle_pixels=True)
    codes = torch.arange(49)
    assert not torch.equal(plain.train.images, shuffled.train.images)
    # the permutation, read off the first channel of all training images together
    columns = plain.train.images[:, 0].flatten(1)
    moved = shuffled.train.images[:, 0].flatten(1)
    permutation = torch.stack([(columns == moved[:, [pixel]]).all(0).float().argmax() for pixel in codes])
    assert sorted(permutation.tolist()) == codes.tolist()
    for name in SPLITS:
        before, after = getattr(plain, name).images.flatten(2), getattr(shuffled, name).images.flatten(2)
        assert torch.equal(before[:, :, permutation], after)


def test_the_permutation_is_new_for_each_seed_and_equal_for_each_arm(colour: Prepared) -> None:
    seeds = [colour.load(seed=seed, shuffle_pixels=True).validation.images for seed in (0, 0, 1)]
    assert torch.equal(seeds[0], seeds[1])
    assert not torch.equal(seeds[0], seeds[2])
    few = colour.load(seed=0, shuffle_pixels=True, train_size=9, standardize="none").validation.images
    all_of_them = colour.load(seed=0, shuffle_pixels=True, standardize="none").validation.images
    assert torch.equal(few, all_of_them)


def test_the_seed_changes_nothing_else(colour: Prepared) -> None:
    assert same(colour.load(seed=0, train_size=9).train, colour.load(seed=1, train_size=9).train)


def test_each_seed_may_draw_training_images_of_its_own(mnist5k: Prepared) -> None:
    zero, again, one = (mnist5k.load(seed=seed, train_size=500, train_draw="seed") for seed in (0, 0, 1))
    assert same(zero.train, again.train)
    assert not torch.equal(zero.train.images, one.train.images)
    assert torch.bincount(one.train.labels).tolist() == [50] * 10
    assert torch.equal(zero.test.labels, one.test.labels)
    assert DataSpec(name="mnist5k", train_size=500, train_draw="seed").varies


def test_pixels_can_be_0_to_1(mnist5k: Prepared) -> None:
    raw, unit = (mnist5k.load(standardize=way).train.images for way in ("none", "unit"))
    assert (float(unit.min()), float(unit.max())) == (0, 1)
    assert torch.equal(unit, raw / 255)


def test_without_validation_images_the_test_images_are_looked_at(tmp_path: Path) -> None:
    usual = Prepared(tmp_path, colours(tmp_path / "pets"))
    none = Prepared(tmp_path / "none", usual.spec.model_copy(update={"validation": 0}))
    data = none.load()
    assert same(data.validation, data.test)
    assert len(data.test) == len(usual.load().test)
    assert len(data.train) + len(data.test) == 90
    assert usual.spec.data_id != none.spec.data_id


def test_a_pilot_is_tested_on_validation_images_and_trains_on_the_same(colour: Prepared) -> None:
    usual, pilot = colour.load(), colour.load(tested="validation")
    assert same(pilot.test, usual.validation)
    assert same(pilot.train, usual.train)
    assert not any(torch.equal(seen, image) for seen in pilot.test.images for image in usual.test.images)
    with pytest.raises(ValueError, match="tested: validation: there are no validation images"):
        DataSpec(name="mnist5k", validation=0, tested="validation")


def test_a_training_subset_is_stratified_and_sets_the_scale(mnist5k: Prepared) -> None:
    few = mnist5k.load(train_size=500)
    assert torch.bincount(few.train.labels).tolist() == [50] * 10
    assert few.train.images.mean().abs() < 1e-5
    assert [len(few.validation), len(few.test)] == [500, 1500]
    rows = {image.numpy().tobytes() for image in mnist5k.load(standardize="none").train.images}
    assert all(
        image.numpy().tobytes() in rows for image in mnist5k.load(train_size=500, standardize="none").train.images
    )
    with pytest.raises(UserError, match="data: train_size: 3001 of 3000 training images"):
        mnist5k.load(train_size=3001)


def test_test_images_are_made_only_when_asked_for(colour: Prepared) -> None:
    data = colour.load()
    assert "test" not in vars(data)
    assert data.test is data.test


def test_to_moves_everything(colour: Prepared) -> None:
    data = colour.load().to("meta")
    tensors = [data.train.images, data.validation.labels, data.test.images, data.test.scaling.black]
    assert {tensor.device.type for tensor in tensors} == {"meta"}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_gpu_sees_the_same_batches(colour: Prepared) -> None:
    data = colour.load()
    pairs = zip(
        batches(data.train, 0, 0, 16, ("shift:2", "flip")),
        batches(data.to("cuda").train, 0, 0, 16, ("shift:2", "flip")),
        strict=True,
    )
    assert all(torch.equal(host[0], device[0].cpu()) for host, device in pairs)


def test_loading_is_quick(mnist5k: Prepared) -> None:
    seconds = []
    for _ in range(3):
        started = time.thread_time()
        mnist5k.load()
        seconds.append(time.thread_time() - started)
    assert min(seconds) < 0.15


def damaged(colour: Prepared, tmp_path: Path) -> tuple[Path, Path]:
    data_file, card = tmp_path / "d.safetensors", tmp_path / "d.json"
    data_file.write_bytes(colour.data_file.read_bytes())
    card.write_bytes(colour.card.read_bytes())
    return data_file, card


def test_a_changed_pixel_is_noticed(colour: Prepared, tmp_path: Path) -> None:
    data_file, card = damaged(colour, tmp_path)
    content = bytearray(data_file.read_bytes())
    content[-100] ^= 1
    data_file.write_bytes(content)
    with pytest.raises(UserError, match=r"d\.safetensors: checksum differs from .*d\.json; delete it and run again"):
        load(data_file, card, colour.spec, 0)


@pytest.mark.parametrize("size", [0, 5, 500, 5000])
def test_a_truncated_file_is_noticed(colour: Prepared, tmp_path: Path, size: int) -> None:
    data_file, card = damaged(colour, tmp_path)
    data_file.write_bytes(data_file.read_bytes()[:size])
    with pytest.raises(UserError, match=r"d\.safetensors: missing or damaged; delete it and run again"):
        load(data_file, card, colour.spec, 0)


def test_missing_and_foreign_files(colour: Prepared, mnist5k: Prepared, tmp_path: Path) -> None:
    data_file, card = damaged(colour, tmp_path)
    with pytest.raises(UserError, match=r"d\.json: describes folder-.*, not mnist5k-"):
        load(data_file, card, mnist5k.spec, 0)
    data_file.unlink()
    with pytest.raises(UserError, match=r"d\.safetensors: missing or damaged"):
        load(data_file, card, colour.spec, 0)
    card.write_text("{")
    with pytest.raises(UserError, match=r"d\.json: missing or damaged"):
        load(data_file, card, colour.spec, 0)


@given(count=st.integers(1, 300), batch_size=st.integers(2, 70))
def test_no_batch_of_a_single_image_is_left_over(count: int, batch_size: int) -> None:
    sizes = batch_sizes(count, batch_size)
    assert sum(sizes) == count
    assert min(sizes) > 1 or count == 1
    assert max(sizes) <= batch_size + 1
    assert len(sizes) in (count // batch_size, -(-count // batch_size)) or count == 1


def test_a_limit_bounds_the_training_images_too(tmp_path: Path) -> None:
    spec = DataSpec(name="mnist5k", limit=500, train_size=1000)
    file, card = tmp_path / "images.safetensors", tmp_path / "images.json"
    prepare(spec.prepared(), file, card)
    assert same(
        load(file, card, spec, 0).train, load(file, card, spec.model_copy(update={"train_size": None}), 0).train
    )
