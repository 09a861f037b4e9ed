"""What planning knows about data, and the mistakes that it reports in one line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cnnlab.core.errors import UserError
from cnnlab.planning import datasets, image_folder, sources
from cnnlab.planning.specs import DataSpec


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"image")
    return root


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"name": "mnist5k"}, (1, 28, 28, 10)),
        ({"name": "mnist5k", "image_size": 14, "channels": 3}, (3, 14, 14, 10)),
        ({"name": "mnist"}, (1, 28, 28, 10)),
        ({"name": "fashion-mnist", "image_size": 224}, (1, 224, 224, 10)),
        ({"name": "cifar10"}, (3, 32, 32, 10)),
        ({"name": "cifar10", "channels": 1}, (1, 32, 32, 10)),
    ],
)
def test_shape_of_known_data(fields: dict, expected: tuple) -> None:
    assert datasets.shape(DataSpec(**fields)) == expected


def test_shape_of_a_folder(tmp_path: Path) -> None:
    touch(tmp_path, "cat/1.png", "dog/1.png", "emu/1.png", ".cache/1.png", "__MACOSX/1.png", "notes.txt")
    assert datasets.shape(DataSpec(name="folder", root=str(tmp_path))) == (3, 32, 32, 3)
    assert datasets.shape(DataSpec(name="folder", root=str(tmp_path), image_size=48, channels=1)) == (
        1,
        48,
        48,
        3,
    )


@pytest.mark.parametrize("known", sources.known().values(), ids=sources.known())
def test_usual_splits_leave_most_for_training(known: sources.Known) -> None:
    assert known.validation + known.test <= known.images / 2


@pytest.mark.parametrize(
    ("fields", "parts"),
    [
        ({"name": "mnist5"}, ["data: name: no data set 'mnist5'", "did you mean 'mnist5k'?"]),
        ({"name": "folder"}, ["data: root: missing"]),
        ({"name": "folder", "root": "nowhere/at/all"}, ["nowhere/at/all: no such folder"]),
        ({"name": "mnist5k", "augment": ("shfit:2",)}, ["unknown 'shfit'", "did you mean 'shift'?"]),
        ({"name": "mnist5k", "augment": ("flip:2",)}, ["flip:2: takes no value; write flip"]),
        ({"name": "mnist5k", "augment": ("shift",)}, ["shift: wants pixels"]),
        ({"name": "mnist5k", "augment": ("shift:1.5",)}, ["shift:1.5: wants pixels"]),
        ({"name": "mnist5k", "augment": ("shift:-1",)}, ["shift:-1: wants pixels"]),
        ({"name": "mnist5k", "augment": ("rotate:nan",)}, ["rotate:nan: wants degrees up to 180"]),
        ({"name": "mnist5k", "augment": ("rotate:200",)}, ["rotate:200: wants degrees up to 180"]),
        ({"name": "mnist5k", "augment": ("shift:28",)}, ["shift:28: the images have 28 pixels"]),
        ({"name": "mnist5k", "augment": ("flip",), "shuffle_pixels": True}, ["augment: shuffled pixels"]),
    ],
)
def test_mistakes_are_one_line(fields: dict, parts: list[str]) -> None:
    with pytest.raises(UserError) as error:
        datasets.shape(DataSpec(**fields))
    assert "\n" not in str(error.value)
    for part in parts:
        assert part in str(error.value)


def test_augmentations_are_parsed() -> None:
    assert datasets.parse_augment("shift:2") == ("shift", 2.0)
    assert datasets.parse_augment("rotate:12.5") == ("rotate", 12.5)
    assert datasets.parse_augment("flip") == ("flip", 0.0)


def test_a_folder_without_classes_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no class folders"):
        image_folder.folder_classes(tmp_path)
    touch(tmp_path, "cat/1.png")
    with pytest.raises(UserError, match=r"one class \('cat'\)"):
        image_folder.folder_classes(tmp_path)


def test_an_official_split_is_found(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "train/cat/1.png",
        "train/dog/1.png",
        "val/cat/2.JPG",
        "test/dog/deep/er/3.png",
        "test/dog/notes.txt",
    )
    assert image_folder.folder_classes(tmp_path) == ("cat", "dog")
    found = [(split, name, file.name) for split, name, file in image_folder.folder_files(tmp_path)]
    assert sorted(found) == [
        ("test", "dog", "3.png"),
        ("train", "cat", "1.png"),
        ("train", "dog", "1.png"),
        ("validation", "cat", "2.JPG"),
    ]


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    touch(tmp_path, "train/1.png", "tram/1.png")
    assert image_folder.folder_classes(tmp_path) == ("train", "tram")


def test_a_class_only_in_the_test_images_is_an_error(tmp_path: Path) -> None:
    touch(tmp_path, "train/cat/1.png", "train/dog/1.png", "test/bird/1.png")
    with pytest.raises(UserError, match=r"test/bird: no such class in .*train"):
        image_folder.folder_classes(tmp_path)


def test_the_listing_digest_sees_every_change_of_the_images_only(tmp_path: Path) -> None:
    touch(tmp_path, "cat/1.png", "dog/1.png")
    seen = [image_folder.folder_listing_digest(tmp_path)]
    touch(tmp_path, "cat/notes.txt", "cat/.hidden.png")
    assert image_folder.folder_listing_digest(tmp_path) == seen[0]
    touch(tmp_path, "cat/2.png")
    seen.append(image_folder.folder_listing_digest(tmp_path))
    (tmp_path / "cat/2.png").write_bytes(b"longer image")
    seen.append(image_folder.folder_listing_digest(tmp_path))
    (tmp_path / "cat/2.png").rename(tmp_path / "dog/2.png")
    seen.append(image_folder.folder_listing_digest(tmp_path))
    os.utime(tmp_path / "dog/2.png", (1, 1))
    seen.append(image_folder.folder_listing_digest(tmp_path))
    assert len(set(seen)) == len(seen)


def test_a_dangling_link_is_named(tmp_path: Path) -> None:
    touch(tmp_path, "cat/1.png", "dog/1.png")
    (tmp_path / "dog/2.png").symlink_to("gone.png")
    with pytest.raises(UserError, match=r"dog/2\.png: No such file"):
        image_folder.folder_listing_digest(tmp_path)


@pytest.mark.parametrize(
    ("module", "forbidden"),
    [
        ("planning.datasets", {"numpy", "torch", "PIL", "torchvision", "pandas"}),
        ("data.batches", {"torchvision", "pandas", "mlxtend", "PIL", "mlflow"}),
        ("data.prepare", {"torch", "torchvision", "pandas"}),
    ],
)
def test_imports_stay_light(module: str, forbidden: set[str]) -> None:
    code = f"import sys, cnnlab.{module}; print(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not forbidden & set(done.stdout.split())
