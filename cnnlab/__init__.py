"""Ablation studies of the classic convolutional networks: a claim, what would count against it, a verdict.

From Python: `build` a network, `load` what was found, and have the `verdict` on anybody's own numbers.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cnnlab.core.paths import OURS, project
from cnnlab.core.version import __version__ as __version__

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from torch import nn

    from cnnlab.analysis.own_numbers import Finding
    from cnnlab.analysis.tables.results import Results

__all__ = ["SNAKEFILE", "build", "load", "verdict"]

# The rules, for a Snakefile of one's own: `include: SNAKEFILE`, or `module cnnlab: snakefile: SNAKEFILE`.
SNAKEFILE = str(OURS / "Snakefile")


def build(
    architecture: str,
    preset: str = "small",
    *,
    channels: int | None = None,
    image_size: int | tuple[int, int] | None = None,
    classes: int | None = None,
    seed: int | None = None,
    **switches: bool | int | float | str,
) -> nn.Module:
    """A network as studies have it: images float32 ``(N, channels, height, width)`` to logits ``(N, classes)``.

    Args:
        architecture: for example ``lenet``.
        preset: one of its sizes; `channels`, `image_size` (pixels a side, or height and width) and `classes` are its
            own unless given. `cnnlab list` names presets and switches.
        seed: of the first weights; without one they are whatever PyTorch draws.
        switches: for example ``normalization="batch"``; those left out have the preset's values.

    Raises:
        cnnlab.core.errors.UserError: for an unknown name, a switch that the architecture refuses, or images that it
            cannot take.
    """
    from cnnlab import models
    from cnnlab.planning import model_registry
    from cnnlab.planning.specs import ModelSpec

    size = model_registry.get(architecture).preset(preset, "build")
    complete = model_registry.resolve(architecture, preset, switches, "build")
    spec = ModelSpec(architecture=architecture, preset=preset, switches=complete)
    shape = channels or size.channels, image_size or size.image_size, classes or size.classes
    return models.build(spec, *shape, seed)


def load(results: str | Path = "results") -> Results:
    """What was found: tidy frames of runs, curves, contrasts and claims.

    Args:
        results: the folder of a tier's results, for example ``results/smoke``.

    A folder that is not here is looked for in the project that one works in.

    Raises:
        cnnlab.core.errors.UserError: if there are no tables.
    """
    from cnnlab.analysis.tables.results import read

    here, root = Path(results), project(Path.cwd())
    return read(root / here if root and not here.exists() else here)


def verdict(
    a: ArrayLike,
    b: ArrayLike,
    *,
    margin: float,
    direction: str | None = None,
    paired: bool = True,
) -> Finding:
    """The verdict on the effect ``a - b``, with the statistics of the studies.

    Args:
        a: a number for each seed, of one arm.
        b: of the other; with `paired`, of the same seeds in the same order.
        margin: the smallest effect that counts, above 0, in the unit of the numbers.
        direction: what is claimed of the effect: ``greater`` than the margin, as without it; ``less`` than minus it;
            ``equal``, within it; ``not-greater`` or ``not-less``.
        paired: whether the same place is the same seed; otherwise the two may be of different lengths.

    Raises:
        cnnlab.core.errors.UserError: for a margin, direction or numbers of which there can be no verdict.
    """
    from cnnlab.analysis.own_numbers import judge

    return judge(a, b, margin, direction, paired)
