"""Where images come from, as planning sees it: data sets of fixed content, and folders of anybody's images.

A data set is one file of ``cnnlab/data/sources``, whose literal ``SOURCE`` holds the fields of `Known` and whose
function ``read`` returns the images. Its name is that of the file, with hyphens. Nothing else names it.
"""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from cnnlab.core.errors import UserError, nearest
from cnnlab.core.validation import Spec, validate
from cnnlab.planning import image_folder
from cnnlab.planning.declarations import declared, place

READERS = Path(__file__).resolve().parents[1] / "data" / "sources"
DEFAULT_ROOT = "data"
FOLDER = "folder"
FOLDER_SHARES = {"validation": 0.1, "test": 0.3}


class Source(Spec):
    """What every source tells: `channels` and `image_size` are those of its images unless a study asks for others."""

    name: str
    channels: Literal[1, 3]
    image_size: int

    @property
    def module(self) -> str:
        """The module that reads the images."""
        return f"cnnlab.data.sources.{self.name.replace('-', '_')}"


class Known(Source):
    """A data set whose content is fixed, wherever it lies."""

    title: str
    classes: tuple[str, ...]
    images: int
    validation: int = Field(description="validation images, unless a study asks for another number")
    test: int
    origin: str = Field(description="where the images come from, the same on every machine")
    checksum: str | None = Field(None, description="SHA-256 of decoded images and labels (`arrays.checksum`)")
    debian_package: str | None = None
    debian_folder: str | None = Field(None, description="where that package puts the files")

    listing: ClassVar[str] = ""

    def usual(self, split: str, total: int) -> int:
        """The images of a split for which nobody asks otherwise; of fewer images in all, the same share."""
        size: int = getattr(self, split)
        return max(1, round(size * total / self.images))

    @property
    def status(self) -> tuple[bool, str]:
        """Whether the images can be had, and how."""
        text = f"not prepared yet; `{self.name}` is read or downloaded by the first run"
        if self.debian_folder and Path(self.debian_folder).is_dir():
            text += f"; Debian's package has it in {self.debian_folder}"
        elif self.debian_package and shutil.which("apt-get"):
            text += f"; without a download: apt-get install {self.debian_package}"
        return True, text


class Folder(Source):
    """A folder of images per class."""

    name: str = FOLDER
    channels: Literal[1, 3] = 3
    image_size: int = 32
    root: str
    splits: dict[image_folder.SplitName, str] | None = None
    checksum: ClassVar[None] = None

    @property
    def place(self) -> Path:
        """The folder, with the home folder for ``~``."""
        return Path(self.root).expanduser()

    @property
    def title(self) -> str:
        return self.place.name

    @property
    def classes(self) -> tuple[str, ...]:
        return image_folder.folder_classes(self.place, self.splits)

    @property
    def images(self) -> int:
        return len(self.files)

    @property
    def files(self) -> list[tuple[str, str, Path]]:
        """``(split, class, file)`` of every image, sorted."""
        return image_folder.folder_files(self.place, self.splits)

    @property
    def origin(self) -> str:
        return f"{self.images} images of the folder {self.root}"

    @property
    def listing(self) -> str:
        """Changes when an image does: hash of names, sizes and times."""
        return image_folder.folder_listing_digest(self.place, self.splits)

    def usual(self, split: str, total: int) -> int:
        return max(1, round(FOLDER_SHARES[split] * total))

    @property
    def status(self) -> tuple[bool, str]:
        there = self.place.is_dir()
        return there, f"folder {self.root}" + ("" if there else " is not there")


@cache
def known() -> dict[str, Known]:
    """Every data set that declares itself, by name."""
    sources = [
        validate(Known, {"name": path.stem.replace("_", "-"), **literal}, place(path, "SOURCE"))
        for path, literal in declared(READERS, "SOURCE")
    ]
    return {source.name: source for source in sources}


def names() -> list[str]:
    return sorted([*known(), FOLDER])


def find(name: str, root: str | None = None, splits: dict[image_folder.SplitName, str] | None = None) -> Known | Folder:
    """The source of that name; `root` is where its images lie, `splits` which folder there is which split.

    Raises:
        UserError: with the nearest valid name, or for a folder that is not named.
    """
    if name in known():
        return known()[name]
    if name != FOLDER:
        raise UserError(f"data: name: no data set '{name}'; {nearest(name, names())}")
    if not root:
        raise UserError("data: root: missing; write the folder that has one sub-folder of images per class")
    return Folder(root=root, splits=splits)
