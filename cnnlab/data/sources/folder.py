"""A folder of images per class, of any size and mode, brought to one size and number of channels."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from cnnlab.core.errors import UserError
from cnnlab.data.arrays import Bytes, Integers
from cnnlab.data.sources import POOLS, Stored
from cnnlab.planning import datasets, image_folder
from cnnlab.planning.specs import PreparedSpec

RANGES = tuple(2**bits - 1 for bits in (8, 10, 12, 14, 16))
WIDE_MODES = ("I", "I;16", "I;16B", "I;16L", "I;16N")


def read(spec: PreparedSpec) -> Stored:
    """The images of the folder `spec.root`, decoded as they are asked for."""
    channels, size, _, _ = datasets.shape(spec)
    root = Path(str(spec.root)).expanduser()
    classes, files = spec.source.classes, image_folder.folder_files(root, spec.splits)
    _check_classes(files, spec)
    labels = np.array([classes.index(name) for _, name, _ in files], np.int64)
    split = any(pool != "all" for pool, _, _ in files)
    official = np.array([POOLS[pool] for pool, _, _ in files], np.int64) if split else None
    paths = [file for _, _, file in files]
    return Stored(Decoded(paths, size, channels), labels, official, groups=_groups(spec.group, root, paths))


def _groups(pattern: str | None, root: Path, paths: list[Path]) -> Integers | None:
    """A number for each image, the same for those in whose paths the pattern finds the same."""
    if pattern is None:
        return None
    return np.unique([image_folder.group_of(pattern, root, path) for path in paths], return_inverse=True)[1]


@dataclass(frozen=True)
class Decoded:
    """Files as images ``(N, C, size, size)``, those at the positions that are asked for.

    What cannot be read is black, and `broken` says why, by position.
    """

    files: list[Path]
    size: int
    channels: int
    broken: dict[int, UserError] = field(default_factory=dict)

    def __getitem__(self, positions: Integers) -> Bytes:
        images = np.zeros((len(positions), self.channels, self.size, self.size), np.uint8)
        for image, position in zip(images, positions.tolist(), strict=True):
            try:
                image[:] = decode(self.files[position], self.size, self.channels, self.white)
            except UserError as error:
                self.broken[position] = error
        return images

    @cached_property
    def white(self) -> int:
        """What 16-bit files call white: the least full range of 8, 10, 12, 14 or 16 bits that holds their pixels."""
        brightest = max(map(_brightest, self.files), default=0)
        return next(white for white in RANGES if white >= brightest)


def _check_classes(files: list[tuple[str, str, Path]], spec: PreparedSpec) -> None:
    trained = {name for pool, name, _ in files if pool in ("all", "train")}
    for name in spec.source.classes:
        if name not in trained:
            suffixes = "png, jpg, gif, tiff, webp, …"
            raise UserError(f"{spec.root}: class '{name}' has no images ({suffixes}); add some or remove its folder")


@contextmanager
def quiet() -> Iterator[None]:
    """Without Pillow's warnings about large pictures and odd metadata, in several lines each."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def decode(file: Path, size: int, channels: int, white: int = RANGES[-1]) -> Bytes:
    """One image ``(C, size, size)``: turned as its EXIF says, its centre square resized with antialiasing.

    `white` is the largest pixel of files with more than 8 bits.
    """
    try:
        with quiet(), Image.open(file) as opened:
            # A JPEG can be decoded at 1/2, 1/4 or 1/8 of its size: photographs become several times quicker.
            opened.draft(None, (2 * size, 2 * size))
            image = _opaque(ImageOps.exif_transpose(opened), "L" if channels == 1 else "RGB", white)
            side = min(image.size)
            left, top = (image.width - side) / 2, (image.height - side) / 2
            box = (left, top, left + side, top + side)
            square = image.resize((size, size), Image.Resampling.BILINEAR, box=box)
    except Exception as error:  # Pillow's decoders raise whatever comes: OSError, ValueError, SyntaxError, struct.error
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        reason = "not an image" if "cannot identify image file" in reason else reason
        raise UserError(f"{file}: cannot be read as an image ({reason}); fix or remove it") from None
    pixels = np.asarray(square)
    return pixels[None] if channels == 1 else pixels.transpose(2, 0, 1)


def _opaque(image: Image.Image, mode: str, white: int) -> Image.Image:
    """Any mode as 8-bit grey or colour; what is transparent is laid on white."""
    if image.mode in WIDE_MODES:
        return _narrow(image, white).convert(mode)
    if image.mode == "F":
        raise ValueError("pixels are floating-point numbers; save them with 8 or 16 bits")
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB").convert(mode)


def _narrow(image: Image.Image, white: int) -> Image.Image:
    """Up to 16 bits to 8, rounded. Pillow's own conversion cuts everything above 255 off."""
    wide = _wide_pixels(image)
    return Image.fromarray(((wide * 255 + white // 2) // white).astype(np.uint8))


def _wide_pixels(image: Image.Image) -> Any:
    wide: Any = np.asarray(image).astype(np.int64)
    if wide.min() < 0 or wide.max() > RANGES[-1]:
        raise ValueError("pixels of more than 16 bits; save them with 8 or 16 bits")
    return wide


def _brightest(file: Path) -> int:
    """The largest pixel of a file with more than 8 bits; 0 of any other, or where it cannot be read."""
    try:
        with quiet(), Image.open(file) as opened:
            return int(_wide_pixels(opened).max()) if opened.mode in WIDE_MODES else 0
    except Exception:  # decoding says what is wrong with it
        return 0
