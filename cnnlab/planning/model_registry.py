"""The zoo as planning sees it: which architectures there are, and which switches their models are built with.

An architecture is one Python file. Its module-level literal ``ARCHITECTURE`` is read from the parsed source
without running the file, because planning must not import torch. The files of ``cnnlab/models`` and of every
folder named in the environment variable ``CNNLAB_MODEL_PATH`` (separated like ``PATH``) are found without
being listed anywhere. One that cannot be read stops whoever asks for it, and nobody else.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from cnnlab.core.errors import Mistakes, UserError, nearest
from cnnlab.core.places import Place, Where, within
from cnnlab.core.validation import validate
from cnnlab.planning.architecture import AUTO, VOCABULARY, Architecture
from cnnlab.planning.declarations import declaration, place
from cnnlab.planning.specs import Switch, switch_text

MODELS = Path(__file__).resolve().parents[1] / "models"
SEARCH_PATH = "CNNLAB_MODEL_PATH"
# He et al. 2015 derive their bound for activations that are zero on half of their inputs.
HALF_ZERO = ("relu", "gelu")


def architectures() -> dict[str, Architecture]:
    """Every architecture on the search path that can be read, by name.

    Raises:
        UserError: for a folder that does not exist.
    """
    return _zoo()[0]


def broken() -> dict[str, UserError]:
    """The others, by name: what is wrong with the declaration, or which files declare the same name."""
    return _zoo()[1]


def _zoo() -> tuple[dict[str, Architecture], dict[str, UserError]]:
    zoo: dict[str, Architecture] = {}
    refused: dict[str, UserError] = {}
    for name in sorted({path.stem for folder in folders() for path in folder.glob("[!_.]*.py")}):
        try:
            found = _find(name)
        except UserError as error:
            refused[name] = error
        else:
            zoo |= {name: found} if found else {}
    return zoo, refused


def _find(name: str) -> Architecture | None:
    """The architecture of that name, from its file alone; None if there is none."""
    paths = [folder / f"{name}.py" for folder in folders()]
    there = [path for path in paths if path.is_file() and declaration(path, "ARCHITECTURE") is not None]
    if len(there) > 1:
        raise UserError(f"{there[1]}: architecture '{name}' is defined by {there[0]} already; rename one of them")
    return _read(there[0], there[0].stat().st_mtime_ns) if there else None


def get(architecture: str, where: Where = "architecture") -> Architecture:
    """One architecture by name, from its file alone.

    Raises:
        UserError: with the nearest name if there is none; with what is wrong with its file.
    """
    named = architecture.isidentifier() and not architecture.startswith("_")
    found = _find(architecture) if named else None
    if found is None:
        raise UserError(f"{where}: unknown architecture '{architecture}'; {nearest(architecture, architectures())}")
    return found


def source_file(architecture: str) -> Path:
    """The file that defines `architecture`, whose code is part of the fingerprint of its arms."""
    return get(architecture).path


def resolve(architecture: str, preset: str, overrides: Mapping[str, object], where: Where) -> dict[str, Switch]:
    """Every switch of `architecture`: its defaults, then the preset's, then `overrides`.

    ``initialization: auto`` is resolved to the usual choice for the activation, so that it shows in the arm's id.

    Raises:
        UserError: for an unknown name or value (with the nearest one), a switch that this architecture does not honour
            (with those it takes), or values that contradict each other.
    """
    declaration = get(architecture, within(where, "architecture"))
    chosen = {**declaration.preset(preset, where).switches, **overrides}
    mistakes = Mistakes()
    for name in overrides:
        mistakes.attempt(_check_taken, declaration, name, where)
    switches: dict[str, Switch] = {}
    for name, switch in declaration.switches.items():
        value = chosen.get(name, switch.default)
        if (name, value) != ("initialization", AUTO):
            switches |= mistakes.attempt(_checked, declaration, name, value, where) or {}
    mistakes.refuse()
    usual = "kaiming" if switches.get("activation") in HALF_ZERO else "xavier"
    switches.setdefault("initialization", usual)
    _check_contradictions(declaration, switches, where)
    return {name: switches[name] for name in declaration.switches}


def _checked(architecture: Architecture, name: str, value: object, where: Where) -> dict[str, Switch]:
    try:
        return {name: architecture.switches[name].check(value)}
    except ValueError as error:
        raise UserError(f"{within(where, name)}: {error}") from None


def check_image(
    architecture: str,
    preset: str,
    switches: Mapping[str, Switch],
    channels: int,
    height: int,
    width: int,
    classes: int,
    where: Where,
) -> None:
    """Refuse images that the architecture cannot take (`switches` is there for limits that depend on them).

    Raises:
        UserError: with the smallest legal size in pixels, or the smallest number of channels or classes.
    """
    declaration = get(architecture, within(where, "architecture"))
    smallest = declaration.preset(preset, where).smallest_image or declaration.smallest_image
    if channels < 1 or classes < 2:
        raise UserError(f"{where}: {channels} channels and {classes} classes; at least 1 channel and 2 classes needed")
    if min(height, width) < smallest:
        size = f"{height}x{width}"
        raise UserError(
            f"{where}: {architecture} takes no images of {size} pixels; set image_size to {smallest} or more"
        )
    if declaration.needs_square and height != width:
        raise UserError(f"{where}: {architecture} takes square images, not {height}x{width}; set image_size")


def _check_taken(architecture: Architecture, name: str, where: Where) -> None:
    if name in architecture.switches:
        return
    taken, here = ", ".join(architecture.switches), where / name if isinstance(where, Place) else where
    if name in VOCABULARY or any(name in other.switches for other in architectures().values()):
        why = f" ({architecture.refuses[name]})" if name in architecture.refuses else ""
        raise UserError(f"{here}: {architecture.name} does not take '{name}'{why}; it takes {taken}")
    raise UserError(f"{here}: unknown switch '{name}'; {nearest(name, architecture.switches)}")


def _check_contradictions(architecture: Architecture, switches: Mapping[str, Switch], where: Where) -> None:
    for rule in architecture.excluded:
        if all(switches[name] in values for name, values in rule.values().items()):
            values = " with ".join(f"{name}: {switch_text(switches[name])}" for name in rule.when)
            raise UserError(f"{where}: {values} is contradictory: {rule.because}; change one of them")


def folders() -> Sequence[Path]:
    """Where architectures are looked for: ours, and those of the search path."""
    named = [Path(part).resolve() for part in os.environ.get(SEARCH_PATH, "").split(os.pathsep) if part]
    missing = next((folder for folder in named if not folder.is_dir()), None)
    if missing is not None:
        raise UserError(f"{SEARCH_PATH}: there is no folder {missing}; create it or take it off the path")
    return list(dict.fromkeys([MODELS, *named]))


@lru_cache(maxsize=512)
def _read(path: Path, _mtime: int) -> Architecture:
    """The declaration in `path`, checked once for each time that the file was written."""
    literal = declaration(path, "ARCHITECTURE") or {}
    return validate(Architecture, {**literal, "name": path.stem, "path": path}, place(path, "ARCHITECTURE"))
