"""`cnnlab data FOLDER`: what a folder of images holds, and how a study reads it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast, get_args

import yaml

from cnnlab.core.errors import UserError
from cnnlab.core.paths import project
from cnnlab.data.survey import Survey, survey
from cnnlab.planning.image_folder import SplitName
from cnnlab.planning.sources import FOLDER_SHARES
from cnnlab.wording.numbers import count, plural

FEW = 20  # images of a class, of which some six are tested
SHOWN = 6  # of what is counted
SIDES = (28, 32, 48, 64, 96)  # sizes that are proposed


def describe(root: Path, splits: Mapping[SplitName, str], group: str | None) -> str:
    """A line for each thing that was looked at, and the line that a study needs.

    Raises:
        UserError: if the folder cannot be read as images of classes.
    """
    found = survey(root, splits or None, group)
    lines = [f"{root}: {plural(found.classes.total(), 'image')} of {len(found.classes)} classes"]
    lines += [f"  {name:<8} {text}" for name, text in _facts(found)]
    return "\n".join([*lines, "", "In a study:", f"  data: {_setting(root, found, splits, group)}"])


def splits(options: Iterable[str]) -> dict[SplitName, str]:
    """``("train=Training",)`` → ``{"train": "Training"}``.

    Raises:
        UserError: for another split, or an option without a folder.
    """
    named: dict[SplitName, str] = {}
    for option in options:
        split, _, folder = option.partition("=")
        if split not in get_args(SplitName) or not folder:
            raise UserError(f"--split {option}: write train=FOLDER, validation=FOLDER or test=FOLDER")
        named[cast(SplitName, split)] = folder
    if named and "train" not in named:
        raise UserError("--split: train=FOLDER is missing; name the folder of the training images")
    return named


def _facts(found: Survey) -> Iterator[tuple[str, str]]:
    yield "splits", _splits(found)
    yield "classes", _counted(found.classes)
    few = [f"{name} ({number})" for name, number in found.classes.items() if number < FEW]
    if few:
        yield "few", f"fewer than {FEW} images, of which few are tested: {', '.join(few[:SHOWN])}{_more(len(few))}"
    yield "sizes", _counted(Counter({f"{width}×{height}": n for (width, height), n in found.sizes.items()}))
    yield "modes", _counted(found.modes) + (f"; white is {count(found.white)}" if found.white else "")
    yield "copies", _copies(found)
    if found.groups:
        across = f"; {found.across} of them in more than one split" if found.across else ""
        yield "groups", f"{count(len(found.groups))}, of {_range(found.groups.values())}{across}"
    for reason in found.broken[:SHOWN]:
        yield "broken", reason
    if len(found.broken) > SHOWN:
        yield "broken", f"{len(found.broken)} files in all"


def _splits(found: Survey) -> str:
    if set(found.splits) != {"all"}:
        return _counted(found.splits)
    shares = " and ".join(f"{100 * share:.0f} % for {split}" for split, share in FOLDER_SHARES.items())
    return f"none; a study draws {shares} from each class"


def _copies(found: Survey) -> str:
    """Images that look the same at the size at which they are compared."""
    if not found.copies["all"]:
        return "none"
    parts = [f"{count(found.copies['all'])} like an earlier image"]
    parts += [f"{count(found.copies['tested'])} tested and trained on"] if found.copies["tested"] else []
    parts += [f"{count(found.copies['classes'])} under two classes"] if found.copies["classes"] else []
    return ", ".join(parts)


def _counted(counter: Counter[str]) -> str:
    parts = [f"{name} {count(number)}" for name, number in counter.most_common(SHOWN)]
    return ", ".join(parts) + _more(len(counter))


def _more(number: int) -> str:
    return f", and {number - SHOWN} more" if number > SHOWN else ""


def _range(numbers: Any) -> str:
    low, high = min(numbers), max(numbers)
    return f"{low} to {high} images" if low < high else plural(low, "image")


def _from_project(folder: Path) -> str:
    """As studies of the project around the working folder name it: they are read in its uppermost folder."""
    root = project(Path.cwd())
    return str(folder) if root is None or folder.is_absolute() else os.path.relpath(folder, root)


def _setting(root: Path, found: Survey, splits: Mapping[SplitName, str], group: str | None) -> str:
    """What a study writes below `data`: the size is the largest that is proposed and that half of the images have."""
    sides = sorted(min(size) for size in found.sizes.elements())
    middle = sides[len(sides) // 2] if sides else SIDES[0]
    side = max((side for side in SIDES if side <= middle), default=SIDES[0])
    setting: dict[str, Any] = {
        "name": "folder",
        "root": _from_project(root),
        "image_size": side,
        "channels": 1 if found.grey else 3,
    }
    setting |= {"splits": dict(splits)} if splits else {}
    setting |= {"group": group} if group else {}
    setting |= {"broken": "skip"} if found.broken else {}
    return yaml.safe_dump(setting, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10_000).strip()
