"""A folder of images per class, of any size and mode, brought to one size and number of channels."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from cnnlab.core.errors import UserError
from cnnlab.data.arrays import Bytes

WIDE_MODES = ("I", "I;16", "I;16B", "I;16L", "I;16N")


def decode_all(files: Sequence[Path], size: int, channels: int) -> Bytes:
    """The images as ``(N, C, size, size)``.

    Raises:
        UserError: naming the first file that cannot be read.
    """
    images = np.empty((len(files), channels, size, size), np.uint8)
    for index, file in enumerate(files):
        images[index] = decode(file, size, channels)
    return images


def decode(file: Path, size: int, channels: int) -> Bytes:
    """One image ``(C, size, size)``: turned as its EXIF says, its centre square resized with antialiasing."""
    try:
        with warnings.catch_warnings(), Image.open(file) as opened:
            warnings.simplefilter("ignore")  # about large pictures and odd metadata, in several lines
            # A JPEG can be decoded at 1/2, 1/4 or 1/8 of its size: photographs become several times quicker.
            opened.draft(None, (2 * size, 2 * size))
            image = _opaque(ImageOps.exif_transpose(opened), "L" if channels == 1 else "RGB")
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


def _opaque(image: Image.Image, mode: str) -> Image.Image:
    """Any mode as 8-bit grey or colour; what is transparent is laid on white."""
    if image.mode in WIDE_MODES:
        return _narrow(image).convert(mode)
    if image.mode == "F":
        raise ValueError("pixels are floating-point numbers; save them with 8 or 16 bits")
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB").convert(mode)


def _narrow(image: Image.Image) -> Image.Image:
    """16 bits to 8, rounded. Pillow's own conversion cuts everything above 255 off."""
    wide: Any = np.asarray(image).astype(np.int64)
    if wide.min() < 0 or wide.max() > 65_535:
        raise ValueError("pixels of more than 16 bits; save them with 8 or 16 bits")
    return Image.fromarray(((wide + 128) // 257).astype(np.uint8))
