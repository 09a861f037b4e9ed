"""Hand-made folders of images: every mode, size and format that people have."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cnnlab.core.errors import UserError
from cnnlab.data.sources import TEST, TRAIN, VALIDATION, read
from cnnlab.data.sources.folder import decode
from cnnlab.planning.specs import PreparedSpec

RED, GREEN, WHITE = (255, 0, 0), (0, 128, 0), (255, 255, 255)


def spec(root: Path, **fields: object) -> PreparedSpec:
    return PreparedSpec.model_validate({"name": "folder", "root": str(root), "image_size": 8, **fields})


def folder(root: Path, **counts: int) -> Path:
    """Class folders of images whose grey value tells class and number."""
    for label, (name, count) in enumerate(counts.items()):
        (root / name).mkdir(parents=True, exist_ok=True)
        for index in range(count):
            Image.new("L", (8, 8), 100 * label + index).save(root / name / f"{index:03}.png")
    return root


def colour_of(file: Path, channels: int = 3) -> tuple[int, ...]:
    """The colour of an image that has one only."""
    pixels = decode(file, 8, channels)
    assert pixels.shape == (channels, 8, 8)
    assert pixels.dtype == np.uint8
    assert np.ptp(pixels.reshape(channels, -1).astype(int), axis=1).max() <= 2
    return tuple(int(value) for value in pixels[:, 4, 4])


@pytest.mark.parametrize(
    ("mode", "colour", "name", "expected"),
    [
        ("1", 1, "a.png", WHITE),
        ("L", 77, "a.png", (77, 77, 77)),
        ("L", 77, "a.jpg", (77, 77, 77)),
        ("RGB", GREEN, "a.png", GREEN),
        ("RGB", GREEN, "a.bmp", GREEN),
        ("RGB", GREEN, "a.webp", GREEN),
        ("RGB", GREEN, "A.JPG", GREEN),
        ("RGB", GREEN, "a.ppm", GREEN),
        ("RGBA", (*RED, 0), "a.png", WHITE),
        ("RGBA", (*RED, 255), "a.png", RED),
        ("RGBA", (0, 0, 0, 51), "a.png", (204, 204, 204)),
        ("LA", (0, 0), "a.png", WHITE),
        ("CMYK", (0, 255, 255, 0), "a.jpg", RED),
        ("CMYK", (0, 255, 255, 0), "a.tif", RED),
        ("I;16", 257 * 77, "a.png", (77, 77, 77)),
        ("I;16", 257 * 200 + 100, "a.tif", (200, 200, 200)),
        ("I", 257 * 77, "a.tif", (77, 77, 77)),
    ],
)
def test_modes_and_formats(tmp_path: Path, mode: str, colour: object, name: str, expected: tuple[int, ...]) -> None:
    Image.new(mode, (13, 21), colour).save(tmp_path / name)  # type: ignore[arg-type]
    assert np.abs(np.subtract(colour_of(tmp_path / name), expected)).max() <= 3  # JPEG and WebP lose a little


def test_palettes(tmp_path: Path) -> None:
    image = Image.new("P", (10, 10), 1)
    image.putpalette([*RED, *GREEN])
    image.save(tmp_path / "a.gif")
    image.save(tmp_path / "a.png")
    image.save(tmp_path / "clear.png", transparency=1)
    assert colour_of(tmp_path / "a.gif") == colour_of(tmp_path / "a.png") == GREEN
    assert colour_of(tmp_path / "clear.png") == WHITE


def test_the_first_frame_of_an_animation(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (9, 9), colour) for colour in (GREEN, RED)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert colour_of(tmp_path / "a.gif") == GREEN


def test_grey_is_luma(tmp_path: Path) -> None:
    Image.new("RGB", (9, 9), RED).save(tmp_path / "a.png")
    assert colour_of(tmp_path / "a.png", channels=1) == (76,)


def test_exif_orientation_is_honoured(tmp_path: Path) -> None:
    image = Image.new("RGB", (16, 16), WHITE)
    image.paste(RED, (0, 0, 16, 8))  # the upper half
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: to be shown turned clockwise
    image.save(tmp_path / "a.png", exif=exif)
    pixels = decode(tmp_path / "a.png", 8, 3)
    assert (pixels[1, :, 6:] < 50).all()
    assert (pixels[1, :, :2] > 200).all()


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 3000), (3000, 1), (7, 5), (640, 480)])
def test_any_size(tmp_path: Path, width: int, height: int) -> None:
    Image.new("RGB", (width, height), GREEN).save(tmp_path / "a.png")
    assert colour_of(tmp_path / "a.png") == GREEN


def test_the_centre_is_kept(tmp_path: Path) -> None:
    image = Image.new("RGB", (40, 10), RED)
    image.paste(GREEN, (15, 0, 25, 10))
    image.save(tmp_path / "a.png")
    assert (decode(tmp_path / "a.png", 10, 3) == np.array(GREEN)[:, None, None]).all()


def test_shrinking_is_antialiased(tmp_path: Path) -> None:
    checks = np.indices((64, 64)).sum(0) % 2 * 255
    Image.fromarray(checks.astype(np.uint8)).save(tmp_path / "a.png")
    assert abs(int(decode(tmp_path / "a.png", 8, 1).mean()) - 127) < 8
    assert decode(tmp_path / "a.png", 8, 1).std() < 8


def test_a_folder_is_read(tmp_path: Path) -> None:
    raw = read(spec(folder(tmp_path, cat=4, dog=3), channels=1))
    assert raw.images.shape == (7, 1, 8, 8)
    assert raw.class_names == ("cat", "dog")
    assert raw.labels.tolist() == [0] * 4 + [1] * 3
    assert raw.images[:, 0, 0, 0].tolist() == [0, 1, 2, 3, 100, 101, 102]
    assert raw.official is None


def test_an_official_split_is_kept(tmp_path: Path) -> None:
    for name, count in (("train", 3), ("validation", 1), ("test", 2)):
        folder(tmp_path / name, cat=count, dog=count)
    raw = read(spec(tmp_path))
    assert raw.official is not None
    assert [(raw.official == code).sum() for code in (TRAIN, VALIDATION, TEST)] == [6, 2, 4]


def test_a_limit_spares_the_rest(tmp_path: Path) -> None:
    folder(tmp_path, cat=20, dog=10)
    raw = read(spec(tmp_path, limit=6))
    assert np.bincount(raw.labels).tolist() == [4, 2]
    with pytest.raises(UserError, match="limit: 31 of 30 images"):
        read(spec(tmp_path, limit=31))


@pytest.mark.parametrize("content", [b"", b"not an image", b"\x89PNG\r\n\x1a\n broken", b"\xff\xd8\xff\xe0 broken"])
def test_an_unreadable_image_is_named(tmp_path: Path, content: bytes) -> None:
    (folder(tmp_path, cat=2, dog=2) / "dog" / "bad.jpg").write_bytes(content)
    with pytest.raises(UserError, match=r"dog/bad\.jpg: cannot be read as an image") as error:
        read(spec(tmp_path))
    assert "\n" not in str(error.value)


def test_a_truncated_image_is_named(tmp_path: Path) -> None:
    file = folder(tmp_path, cat=2, dog=2) / "cat" / "photo.jpg"
    Image.effect_noise((99, 99), 50).save(file)
    file.write_bytes(file.read_bytes()[:-2000])
    with pytest.raises(UserError, match=r"cat/photo\.jpg: cannot be read as an image"):
        read(spec(tmp_path))


def test_floating_point_pixels_are_refused(tmp_path: Path) -> None:
    Image.new("F", (9, 9), 0.5).save(tmp_path / "a.tif")
    with pytest.raises(UserError, match=r"a\.tif: .*floating-point"):
        decode(tmp_path / "a.tif", 8, 3)


def test_an_empty_class_is_named(tmp_path: Path) -> None:
    (folder(tmp_path, cat=2, dog=2) / "emu").mkdir()
    (tmp_path / "emu" / "notes.txt").write_text("later")
    with pytest.raises(UserError, match="class 'emu' has no images"):
        read(spec(tmp_path))
