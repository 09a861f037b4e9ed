"""What a folder of images holds, before a study is written for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from cnnlab.data.groups import copies
from cnnlab.data.sources.folder import WIDE_MODES, Decoded, quiet
from cnnlab.planning.image_folder import SplitName, folder_classes, folder_files, group_of

SIZE = 32  # pixels a side at which images are compared
GREY = {"1", "L", "LA", *WIDE_MODES}


@dataclass(frozen=True)
class Survey:
    """Of a folder of images: counts of those that can be read, and why the others cannot.

    Args:
        splits: images of each official split; of ``all`` where there is none.
        sizes: images by width and height, in pixels.
        modes: images by Pillow's mode.
        white: the largest pixel that files of more than 8 bits are taken to have; None if there are none.
        copies: as `arrays.copies` counts them.
        groups: images of each group; empty if none was asked for.
        across: groups that have images in more than one split.
        broken: a reason for each file that cannot be read.
    """

    classes: Counter[str]
    splits: Counter[str]
    sizes: Counter[tuple[int, int]]
    modes: Counter[str]
    white: int | None
    copies: Mapping[str, int]
    groups: Counter[str]
    across: int
    broken: tuple[str, ...]

    @property
    def grey(self) -> bool:
        return set(self.modes) <= GREY


def survey(root: Path, splits: Mapping[SplitName, str] | None = None, group: str | None = None) -> Survey:
    """Read every image of a folder.

    Raises:
        UserError: if its folders are not those of classes, or `group` finds nothing in a path.
    """
    names, files = folder_classes(root, splits), folder_files(root, splits)
    files.sort(key=lambda file: file[0] == "test")  # stable: tested images come after the others
    decoded = Decoded([path for _, _, path in files], SIZE, 3)
    pixels = decoded[np.arange(len(files))]
    whole = np.setdiff1d(np.arange(len(files)), list(decoded.broken))
    kept = [files[position] for position in whole]
    labels = np.array([names.index(name) for _, name, _ in kept], np.int64)
    tested = sum(split == "test" for split, _, _ in kept)
    modes, sizes = _formats(path for _, _, path in kept)
    groups = [(group_of(group, root, path), split) for split, _, path in kept] if group else []
    return Survey(
        classes=_by_class(names, kept),
        splits=Counter(split for split, _, _ in kept),
        sizes=sizes,
        modes=modes,
        white=decoded.white if set(modes) & set(WIDE_MODES) else None,
        copies=copies(pixels[whole], labels, [len(kept) - tested, 0, tested]),
        groups=Counter(name for name, _ in groups),
        across=sum(count > 1 for count in Counter(name for name, _ in set(groups)).values()),
        broken=tuple(str(error).partition("; ")[0] for error in decoded.broken.values()),
    )


def _by_class(names: Iterable[str], files: Iterable[tuple[str, str, Path]]) -> Counter[str]:
    """Also of a class that has none."""
    found = Counter(dict.fromkeys(names, 0))
    found.update(name for _, name, _ in files)
    return found


def _formats(files: Iterable[Path]) -> tuple[Counter[str], Counter[tuple[int, int]]]:
    modes, sizes = Counter[str](), Counter[tuple[int, int]]()
    for file in files:
        with quiet(), Image.open(file) as image:
            modes[image.mode] += 1
            sizes[image.size] += 1
    return modes, sizes
