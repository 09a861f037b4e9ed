"""What people's folders of images are like: splits by other names, what programs leave there, copies, groups."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cnnlab.cli.main import main
from cnnlab.core.errors import UserError
from cnnlab.data.groups import stratified_groups
from cnnlab.data.prepare import prepare
from cnnlab.data.sources import TEST, TRAIN, read
from cnnlab.planning.image_folder import folder_classes, folder_files, folder_splits
from cnnlab.planning.specs import DataSpec, PreparedSpec
from cnnlab.wording import threats


def spec(root: Path, **fields: object) -> PreparedSpec:
    return PreparedSpec.model_validate({"name": "folder", "root": str(root), "image_size": 8, **fields})


def draw(root: Path, *names: str, classes: str = "ab", count: int = 6) -> Path:
    """Noise, no two images alike, in each of the folders `names` of `root`, or in itself."""
    generator = np.random.default_rng(len(list(root.rglob("*"))))
    for name in names or ("",):
        for label in classes:
            folder = root / name / label
            folder.mkdir(parents=True, exist_ok=True)
            for index in range(count):
                pixels = generator.integers(0, 256, (8, 8), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{index}.png")
    return root


def card(root: Path, tmp_path: Path, **fields: object) -> dict[str, object]:
    prepare(spec(root, **fields), tmp_path / "images.safetensors", tmp_path / "card.json")
    return dict(json.loads((tmp_path / "card.json").read_text()))


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (("Training", "Testing"), {"train", "test"}),
        (("TRAIN", "Valid", "test"), {"train", "validation", "test"}),
        (("train", "dev"), {"train", "validation"}),
        (("train_set", "test_set"), {"train", "test"}),
        (("train",), {"train"}),
    ],
)
def test_usual_names_of_splits_are_known(tmp_path: Path, names: tuple[str, ...], splits: set[str]) -> None:
    assert folder_splits(draw(tmp_path, *names)).keys() == splits
    assert folder_classes(tmp_path) == ("a", "b")


def test_a_class_may_be_called_like_a_split(tmp_path: Path) -> None:
    draw(tmp_path, classes=["train", "plane", "car"])  # type: ignore[arg-type]
    (tmp_path / "train" / "steam").mkdir()
    assert folder_classes(tmp_path) == ("car", "plane", "train")


def test_what_may_or_may_not_be_a_split_is_asked_for(tmp_path: Path) -> None:
    draw(tmp_path, "Training", "Testing", "extra")
    with pytest.raises(UserError, match=r"'extra' lies beside .* splits: {test: Testing, train: Training}"):
        read(spec(tmp_path))
    raw = read(spec(tmp_path, splits={"train": "Training", "test": "extra"}))
    assert raw.official is not None
    assert [(raw.official == code).sum() for code in (TRAIN, TEST)] == [12, 12]
    with pytest.raises(UserError, match="splits: test: no folder 'tests'"):
        read(spec(tmp_path, splits={"train": "Training", "test": "tests"}))


def test_a_split_without_labels_is_refused(tmp_path: Path) -> None:
    draw(tmp_path, "train")
    (tmp_path / "test").mkdir()
    Image.new("L", (8, 8)).save(tmp_path / "test" / "1.png")
    with pytest.raises(UserError, match="test: no class folders"):
        read(spec(tmp_path))


@pytest.mark.parametrize(
    "name", [".ipynb_checkpoints", "@eaDir", "$RECYCLE.BIN", "__MACOSX", "lost+found", "__pycache__"]
)
def test_what_programs_leave_is_nobodys_image(tmp_path: Path, name: str) -> None:
    draw(tmp_path)
    for place in (tmp_path, tmp_path / "a"):
        (place / name).mkdir()
        Image.new("L", (8, 8)).save(place / name / "1.png")
    assert folder_classes(tmp_path) == ("a", "b")
    assert len(folder_files(tmp_path)) == 12


@pytest.mark.parametrize("name", ["$$x", "__background__", "猫", "#1", "@home"])
def test_odd_names_are_classes(tmp_path: Path, name: str) -> None:
    draw(tmp_path, classes=["a", name])  # type: ignore[arg-type]
    assert set(folder_classes(tmp_path)) == {"a", name}


def test_links_are_followed_once_and_to_the_end(tmp_path: Path) -> None:
    draw(tmp_path / "pets")
    (tmp_path / "pets" / "a" / "all").symlink_to(".")
    assert len(folder_files(tmp_path / "pets")) == 12
    draw(tmp_path / "elsewhere", classes="c")
    (tmp_path / "pets" / "c").symlink_to(tmp_path / "elsewhere" / "c")
    assert len(folder_files(tmp_path / "pets")) == 18
    (tmp_path / "pets" / "d").symlink_to(tmp_path / "not mounted")
    with pytest.raises(UserError, match="pets/d: a link to what is not there"):
        folder_files(tmp_path / "pets")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    (draw(tmp_path) / "a").chmod(0)
    with pytest.raises(UserError, match="a: Permission denied"):
        folder_files(tmp_path)


def test_every_broken_file_is_named_at_once_or_skipped(tmp_path: Path) -> None:
    root = draw(tmp_path / "pets", count=20)
    for label, content in (("a", b""), ("b", b"<html>")):
        (root / label / "bad.jpg").write_bytes(content)
    with pytest.raises(UserError, match=r"2 files: .*a/bad\.jpg.*b/bad\.jpg.*broken: skip") as error:
        read(spec(root))
    assert "\n" not in str(error.value)
    found = card(root, tmp_path, broken="skip")
    assert len(found["skipped"]) == 2  # type: ignore[arg-type]
    assert sum(found["images"].values()) == 40  # type: ignore[attr-defined]


@pytest.mark.parametrize(("white", "brightest"), [(4095, 255), (255, 255), (65_535, 255)])
def test_sixteen_bit_files_have_the_range_of_their_data_set(tmp_path: Path, white: int, brightest: int) -> None:
    for label in "ab":
        (tmp_path / label).mkdir()
        for index in range(4):
            pixels = np.full((8, 8), white // 2 if index else white, np.uint16)
            Image.fromarray(pixels).save(tmp_path / label / f"{index}.png")
    images = read(spec(tmp_path, channels=1)).images
    assert images.max() == brightest
    assert set(np.unique(images)) <= {127, 128, 255}


def test_copies_are_counted(tmp_path: Path) -> None:
    root = draw(tmp_path / "pets", "train", "test", count=8)
    (root / "test" / "a" / "copy.png").write_bytes((root / "train" / "a" / "0.png").read_bytes())
    (root / "train" / "b" / "copy.png").write_bytes((root / "train" / "a" / "1.png").read_bytes())
    assert card(root, tmp_path, validation=1)["copies"] == {"all": 2, "tested": 1, "classes": 1}


@pytest.mark.parametrize("name", ["train", "test"])
def test_a_class_that_no_image_trains_or_tests_is_refused(tmp_path: Path, name: str) -> None:
    root = draw(tmp_path / "pets", "train", "test")
    for file in (root / name / "b").iterdir():
        file.unlink()
    with pytest.raises(UserError, match=r"class 'b' has no (test )?image"):
        prepare(spec(root), tmp_path / "images.safetensors", tmp_path / "card.json")


def test_groups_stay_together(tmp_path: Path) -> None:
    for label in "ab":
        (tmp_path / label).mkdir()
        for person in range(10):
            for index in range(4):
                Image.new("L", (8, 8), 20 * person + index).save(tmp_path / label / f"p{person}_{index}.png")
    raw = read(spec(tmp_path, group=r"/(p\d+)_"))
    assert raw.groups is not None
    found = card(tmp_path, tmp_path, group=r"/(p\d+)_")
    assert found["groups"] == {"number": 10, "across": 0}
    assert found["images"] == {"train": 48, "validation": 8, "test": 24}
    with pytest.raises(UserError, match=r"group: '\(z\\d\)' finds nothing in 'a/p0_0.png'"):
        read(spec(tmp_path, group=r"(z\d)"))


@pytest.mark.parametrize(("pattern", "groups"), [(r"(?:a/(\d+)|b/(\d+))", 6), (r"[ab]/\d", 12)])
def test_the_group_that_found_something_counts(tmp_path: Path, pattern: str, groups: int) -> None:
    raw = read(spec(draw(tmp_path), group=pattern))
    assert raw.groups is not None
    assert len(set(raw.groups.tolist())) == groups


@pytest.mark.parametrize("pattern", [r"(\d+)?", r"x*"])
def test_a_pattern_that_finds_nothing_groups_nothing(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(UserError, match=r"group: .* finds nothing in 'a/0\.png'"):
        read(spec(draw(tmp_path), group=pattern))


def test_one_group_alone_cannot_be_split(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="group: all images are of one group"):
        card(draw(tmp_path / "pets"), tmp_path, group="png")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 2), min_size=12, max_size=90), st.integers(2, 12), st.integers(0, 99), st.data())
def test_whole_groups_are_drawn_near_the_number(labels: list[int], groups: int, seed: int, data: st.DataObject) -> None:
    members = np.array(data.draw(st.lists(st.integers(0, groups - 1), min_size=len(labels), max_size=len(labels))))
    count = len(labels) // 3
    if len(set(members.tolist())) == 1:
        with pytest.raises(ValueError, match="one group"):
            stratified_groups(np.array(labels), members, count, seed, "test")
        return
    chosen = stratified_groups(np.array(labels), members, count, seed, "test")
    inside = set(members[chosen].tolist())
    outside = set(np.delete(members, chosen).tolist())
    assert not inside & outside
    assert inside
    assert outside
    assert len(chosen) <= count + np.bincount(members).max()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": "mnist5k", "group": "x"}, "group: is for name: folder alone"),
        ({"name": "folder", "root": "x", "group": "("}, r"'\(' is no regular expression"),
        ({"name": "folder", "root": "x", "splits": {"test": "t"}}, "splits: train: missing"),
        ({"name": "folder", "root": "x", "splits": {"train": "t", "test": "./t"}}, "splits: two are one folder"),
        ({"name": "folder", "root": "x", "splits": {"train": "/t", "test": "u"}}, "splits: write folders within root"),
    ],
)
def test_settings_of_folders_are_checked(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DataSpec.model_validate(fields)


def test_a_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw(tmp_path / "pets")
    monkeypatch.setenv("HOME", str(tmp_path))
    at_home = spec(Path("~/pets"))
    assert at_home.source.classes == ("a", "b")
    assert len(read(at_home).labels) == 12
    assert at_home.identity["root"] == "~/pets", "the same on another machine"


def test_what_is_as_usual_changes_no_name() -> None:
    assert DataSpec(name="mnist5k").data_id == "mnist5k-" + DataSpec(name="mnist5k", broken="refuse").data_id[8:]
    assert not {"group", "splits", "broken"} & DataSpec(name="folder", root="x").identity.keys()
    assert DataSpec(name="folder", root="x", title="Pets").data_id == DataSpec(name="folder", root="x").data_id
    assert DataSpec(name="folder", root="x", group="y").data_id != DataSpec(name="folder", root="x").data_id


def test_threats_say_what_is_wrong_with_the_images() -> None:
    found = {"title": "pets", "copies": {"all": 3, "tested": 2, "classes": 1}, "groups": None, "skipped": ["a"]}
    arm = SimpleNamespace(data=DataSpec(name="folder", root="pets"))
    sentences = threats._images_alike([arm], SimpleNamespace(card=lambda data: found))  # type: ignore[list-item,arg-type]
    assert sentences == [
        "pets: 2 test images among those trained on, too.",
        "pets: 1 image under two classes.",
        "pets: no group was given, so that images of one person or object may be trained on and tested.",
        "pets: 1 file could not be read and is left out.",
    ]
    found |= {"copies": {"all": 0, "tested": 0, "classes": 0}, "groups": {"number": 9, "across": 2}, "skipped": []}
    sentences = threats._images_alike([arm], SimpleNamespace(card=lambda data: found))  # type: ignore[list-item,arg-type]
    assert sentences == ["pets: 2 groups with training and test images, as the split came."]
    known = SimpleNamespace(data=DataSpec(name="mnist5k"))
    assert threats._images_alike([known], SimpleNamespace(card=lambda data: None)) == []  # type: ignore[list-item,arg-type]


def test_a_folder_is_described(tmp_path: Path) -> None:
    root = draw(tmp_path / "pets", "Training", "Testing", classes="ab", count=21)
    Image.new("RGB", (40, 30)).save(root / "Testing" / "a" / "big.png")
    (root / "Testing" / "b" / "copy.png").write_bytes((root / "Training" / "a" / "0.png").read_bytes())
    (root / "Training" / "b" / "bad.jpg").write_bytes(b"")
    said = CliRunner().invoke(main, ["data", str(root), "--group", r"/(\d+|big|copy)\.png|bad"], catch_exceptions=False)
    assert said.exit_code == 0
    lines = [line.split() for line in said.output.splitlines()]
    facts = {line[0]: " ".join(line[1:]) for line in lines[1:] if line}
    assert lines[0][1:] == ["86", "images", "of", "2", "classes"]
    assert facts["splits"] == "test 44, train 42"
    assert facts["classes"] == "a 43, b 43"
    assert facts["sizes"] == "8×8 85, 40×30 1"
    assert facts["modes"] == "L 85, RGB 1"
    assert facts["copies"] == "1 like an earlier image, 1 tested and trained on, 1 under two classes"
    assert facts["groups"] == "23, of 1 to 4 images; 21 of them in more than one split"
    assert "bad.jpg: cannot be read as an image" in facts["broken"]
    assert yaml.safe_load(said.output.splitlines()[-1])["data"] == {
        "name": "folder",
        "root": str(root),
        "image_size": 28,
        "channels": 3,
        "group": r"/(\d+|big|copy)\.png|bad",
        "broken": "skip",
    }
    read(spec(root, broken="skip"))


@pytest.mark.parametrize("split", ["train", "tests=b", "test=b"])
def test_splits_are_named_as_they_must_be(tmp_path: Path, split: str) -> None:
    said = CliRunner().invoke(main, ["data", str(draw(tmp_path)), "--split", split])
    assert said.exit_code == 2
    assert "--split" in said.output
