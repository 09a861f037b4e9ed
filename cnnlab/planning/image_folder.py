"""A folder of images per class, read off its file names."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from cnnlab.core.errors import UserError

# What Pillow cannot read of these (HEIC photographs, say) is reported by name rather than passed over.
IMAGE = re.compile(r"\.(png|jpe?g|jpe|jfif|bmp|gif|tiff?|webp|p[bgnp]m|jp2|tga|avif|hei[cf])$", re.IGNORECASE)


SPLIT_FOLDERS = {
    "train": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
}


def folder_splits(root: Path) -> dict[str, list[Path]]:
    """The folders that hold the class folders: ``{"all": [root]}``, or those of train, validation and test.

    It is a folder with an official split if nothing but train, val (valid, validation) and test lies in it.
    """
    if not root.is_dir():
        raise UserError(f"{root}: no such folder; write in data.root where the images lie")
    names = _subfolders(root)
    if "train" not in names or not set(names) <= SPLIT_FOLDERS.keys() or not _subfolders(root / "train"):
        return {"all": [root]}
    splits: dict[str, list[Path]] = {}
    for name in names:
        splits.setdefault(SPLIT_FOLDERS[name], []).append(root / name)
    return splits


def folder_classes(root: str | Path) -> tuple[str, ...]:
    """The names of the class folders, sorted; the position of a name is its label.

    Raises:
        UserError: if it is missing, has fewer than two classes, or tests a class that it does not train.
    """
    root = Path(root)
    splits = folder_splits(root)
    base = splits.get("all") or splits["train"]
    classes = _subfolders(base[0])
    if len(classes) < 2:
        few = f"one class ('{classes[0]}')" if classes else "no class folders"
        raise UserError(f"{base[0]}: {few}; at least two sub-folders of images are needed, one per class")
    for folder in (folder for folders in splits.values() for folder in folders):
        for extra in set(_subfolders(folder)) - set(classes):
            raise UserError(f"{folder / extra}: no such class in {base[0]}; add training images or remove the folder")
    return tuple(classes)


def folder_files(root: Path) -> list[tuple[str, str, Path]]:
    """``(split, class, file)`` of every image, sorted; the split is "all" where there is no official one."""
    classes = folder_classes(root)
    return [
        (split, name, file)
        for split, folders in folder_splits(root).items()
        for folder in folders
        for name in classes
        for file in _images(folder / name)
    ]


def folder_listing_digest(root: str | Path) -> str:
    """Hash of the names, sizes and times of the images: what planning compares instead of reading them."""
    root = Path(root)
    content = hashlib.sha256()
    for _, _, file in folder_files(root):
        try:
            state = file.stat()
        except OSError as error:
            raise UserError(f"{file}: {error.strerror}; fix or remove it") from None
        content.update(os.fsencode(file.relative_to(root)) + f"\0{state.st_size}\0{state.st_mtime_ns}\n".encode())
    return content.hexdigest()


def _subfolders(folder: Path) -> list[str]:
    """Hidden folders (.ipynb_checkpoints) and those of a Mac's archives (__MACOSX) are nobody's class."""
    with os.scandir(folder) as entries:
        return sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith((".", "__")))


def _images(folder: Path) -> list[Path]:
    return sorted(
        Path(parent, name)
        for parent, _, names in os.walk(folder, followlinks=True)
        for name in names
        if not name.startswith(".") and IMAGE.search(name)
    )
