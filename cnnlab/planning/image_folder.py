"""A folder of images per class, read off its file names."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from cnnlab.core.errors import UserError

# What Pillow cannot read of these (HEIC photographs, say) is reported by name rather than passed over.
IMAGE = re.compile(r"\.(png|jpe?g|jpe|jfif|bmp|gif|tiff?|webp|p[bgnp]m|jp2|tga|avif|hei[cf])$", re.IGNORECASE)
# Folders that programs make: of Macs' archives, of network disks, of Windows, of file systems, of Python.
NOBODYS = {"__macosx", "@eadir", "#recycle", "#snapshot", "$recycle.bin", "system volume information", "lost+found"}
NOBODYS |= {"__pycache__"}

SplitName = Literal["train", "validation", "test"]
SPLIT_WORDS = {
    "train": ("train", "training", "trainset", "train_set"),
    "validation": ("val", "valid", "validation", "dev", "validset", "val_set"),
    "test": ("test", "testing", "testset", "test_set"),
}
SPLITS = {word: split for split, words in SPLIT_WORDS.items() for word in words}


def folder_splits(root: Path, named: Mapping[SplitName, str] | None = None) -> dict[str, list[Path]]:
    """The folders that hold the class folders: ``{"all": [root]}``, or those of train, validation and test.

    `named` says which folder is which split; without it the folders are taken for splits if their names are the usual
    words for them, in any case, and one is that of the training images.

    Raises:
        UserError: if a folder is missing, or other folders lie beside those of a split.
    """
    if not root.is_dir():
        raise UserError(f"{root}: no such folder; write in data.root where the images lie")
    if named is not None:
        return {split: [_named(root, split, folder)] for split, folder in named.items()}
    names = _subfolders(root)
    splits: dict[str, list[Path]] = {}
    for name in names:
        if name.lower() in SPLITS:
            splits.setdefault(SPLITS[name.lower()], []).append(root / name)
    others = [name for name in names if name.lower() not in SPLITS]
    if "train" not in splits or (others and len(splits) == 1):
        return {"all": [root]}
    _check_splits(root, splits, others)
    return splits


def _check_splits(root: Path, splits: Mapping[str, list[Path]], others: list[str]) -> None:
    if others:
        found = ", ".join(f"{split}: {folders[0].name}" for split, folders in splits.items())
        raise UserError(
            f"{root}: '{others[0]}' lies beside folders that look like an official split; move it elsewhere, or write "
            f"data: splits: {{{found}}}"
        )
    for folder in (folder for folders in splits.values() for folder in folders):
        if not _subfolders(folder):
            raise UserError(f"{folder}: no class folders; sort its images into one folder per class, or move it")


def folder_classes(root: str | Path, named: Mapping[SplitName, str] | None = None) -> tuple[str, ...]:
    """The names of the class folders, sorted; the position of a name is its label.

    Raises:
        UserError: if it is missing, has fewer than two classes, or tests a class that it does not train.
    """
    splits = folder_splits(Path(root), named)
    base = splits.get("all") or splits["train"]
    classes = _subfolders(base[0])
    if len(classes) < 2:
        few = f"one class ('{classes[0]}')" if classes else "no class folders"
        raise UserError(f"{base[0]}: {few}; at least two sub-folders of images are needed, one per class")
    for folder in (folder for folders in splits.values() for folder in folders):
        for extra in set(_subfolders(folder)) - set(classes):
            raise UserError(f"{folder / extra}: no such class in {base[0]}; add training images or remove the folder")
    return tuple(classes)


def folder_files(root: Path, named: Mapping[SplitName, str] | None = None) -> list[tuple[str, str, Path]]:
    """``(split, class, file)`` of every image, sorted; the split is "all" where there is no official one.

    Raises:
        UserError: if a folder cannot be read, or a link cannot be followed.
    """
    classes = folder_classes(root, named)
    return [
        (split, name, file)
        for split, folders in folder_splits(root, named).items()
        for folder in folders
        for name in classes
        if (folder / name).is_dir()
        for file in sorted(_images(folder / name, set()))
    ]


def folder_listing_digest(root: str | Path, named: Mapping[SplitName, str] | None = None) -> str:
    """Hash of the names, sizes and times of the images: what planning compares instead of reading them."""
    root = Path(root)
    content = hashlib.sha256()
    for _, _, file in folder_files(root, named):
        try:
            state = file.stat()
        except OSError as error:
            raise UserError(f"{file}: {error.strerror}; fix or remove it") from None
        content.update(os.fsencode(file.relative_to(root)) + f"\0{state.st_size}\0{state.st_mtime_ns}\n".encode())
    return content.hexdigest()


def group_of(pattern: str, root: Path, file: Path) -> str:
    """What `pattern` finds in the path of an image below `root`: the first group that found something, or all of it.

    Raises:
        UserError: if it finds nothing, so that nobody can say what the image belongs to.
    """
    path = file.relative_to(root).as_posix()
    found = re.search(pattern, path)
    groups = [] if found is None else list(found.groups()) if found.re.groups else [found.group()]
    name = next((str(group) for group in groups if group), "")
    if not name:
        raise UserError(f"data: group: '{pattern}' finds nothing in '{path}'; write a pattern that all paths have")
    return name


def _named(root: Path, split: str, folder: str) -> Path:
    if not (root / folder).is_dir():
        raise UserError(f"data: splits: {split}: no folder '{folder}' in {root}; write one that is there")
    return root / folder


def _subfolders(folder: Path) -> list[str]:
    """Without those that nobody made: hidden ones (.ipynb_checkpoints), and `NOBODYS`."""
    found = []
    for entry in _entries(folder):
        if _somebodys(entry.name):
            if entry.is_symlink() and not Path(entry.path).exists():
                raise UserError(f"{entry.path}: a link to what is not there; mount or copy it, or remove the link")
            if entry.is_dir():
                found.append(entry.name)
    return sorted(found)


def _images(folder: Path, seen: set[str]) -> Iterator[Path]:
    """The images in a folder and those below it, each folder once, whatever links lead to it again."""
    real = os.path.realpath(folder)
    if real in seen:
        return
    seen.add(real)
    for entry in _entries(folder):
        if not _somebodys(entry.name):
            continue
        if entry.is_dir():
            yield from _images(Path(entry.path), seen)
        elif IMAGE.search(entry.name):
            yield Path(entry.path)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise UserError(f"{folder}: {error.strerror}; allow it to be read, or remove it") from None


def _somebodys(name: str) -> bool:
    return not name.startswith(".") and name.lower() not in NOBODYS
