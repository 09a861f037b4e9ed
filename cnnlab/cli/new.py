"""`cnnlab new`: a study or a network to begin with, that runs as it is written."""

from __future__ import annotations

import re
from pathlib import Path

from cnnlab.core import paths
from cnnlab.core.errors import UserError
from cnnlab.planning import model_registry
from cnnlab.planning.plan import Plan, run

STUDY = """\
# What is claimed, what would count against it, and how it is tested. `cnnlab list` names networks and switches,
# `cnnlab list --metrics` what may be compared, `cnnlab list --settings` every key of data: and train:.
study: {name}
title: Average or max pooling  # short, as a heading
question: Does max pooling lower the test error of LeNet?
# design: how it is tested, a sentence or two for the reader of the report
# threats: [why the verdict may not hold elsewhere, a sentence each]
base:  # of every arm
  model: {{architecture: lenet, preset: small, activation: relu}}
  data: {{name: mnist5k}}  # of one's own: {{name: folder, root: my-images, image_size: 32, channels: 3}}
  train: {{epochs: 4}}  # the learning rate is tuned, unless learning_rate: is given
arms:  # what differs
  average: {{model: {{pooling: average}}}}
  max: {{model: {{pooling: max}}}}
labels: {{average: Average pooling, max: Max pooling}}
seeds: 8  # 6 at least; not changed after the first look
claims:
  - id: {name}-helps  # a name of one's own; C01, C02, … are those of the ledger
    statement: Max pooling lowers the test error of LeNet by half a point
    architecture: lenet
    requires:  # each must hold; the effect is the sum of weights times the metric, by seed
      - metric: test_error
        contrast: {{average: 1, max: -1}}
        direction: greater  # or less, equal, not-greater, not-less
        margin: 0.5  # the smallest effect that counts, in the metric's unit: here percentage points
# secondary:  # shown beside, without a verdict
#   - {{metric: test_loss, contrast: {{average: 1, max: -1}}}}
"""

MODEL = '''\
"""Two convolutions and a dense layer: a network to begin with."""

from __future__ import annotations

from torch import nn

from cnnlab.models.layers.blocks import Images, Layers, Pool, with_head

# Read without running the file. `cnnlab show {name}` prints what is built, layer by layer.
ARCHITECTURE = {{
    "title": "{title}",
    "paper": "none",  # where it is described
    # "common" are the switches of activation, normalization and initialization, which `layers` honours by itself; the
    # others are arguments of `build`, with their values in the presets unless a study says otherwise.
    "switches": {{"common": {{}}, "pooling": "max", "width": 8}},
    "presets": {{"small": {{"input": [1, 28, 10]}}}},  # channels, pixels a side, classes
    "smallest_image": 4,
    "refuses": {{"residual": "it has no shortcut"}},  # switches of other networks, and why not
}}


def build(images: Images, layers: Layers, *, width: int) -> nn.Module:
    """``(N, channels, height, width)`` to class scores ``(N, classes)``."""
    body = {{
        "block1": layers.conv(images.channels, width, 3, pool=Pool(2, 2)),
        "block2": layers.conv(width, 2 * width, 3, pool=Pool(2, 2)),
    }}
    return with_head(body, "dense", 2 * width, images, layers)
'''


def study(plan: Plan, name: str) -> str:
    """Write a study file of that name and return what to do next.

    Raises:
        UserError: for a name that a study may not have, or a file that is there.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", name):
        raise UserError(f"new study: {name}: small letters, digits, - and _ alone; write for example my-study")
    if any(study.name == name for study in plan.every):
        raise UserError(f"new study: {name}: there is a study of that name; choose another")
    path = paths.found(Path(plan.config.study_paths[0]).expanduser()) / f"{name}.yaml"
    paths.refuse_lent(path)
    _write(path, STUDY.format(name=name))
    return f"wrote {path}; change it, then:\n  cnnlab show {name}\n  cnnlab lock {name}\n  {run(plan, name)}"


def model(name: str) -> str:
    """Write an architecture of that name and return what to do next.

    Raises:
        UserError: for a name that no module may have, or that an architecture has.
    """
    if not name.isidentifier() or name.startswith("_") or name != name.lower():
        raise UserError(f"new model: {name}: small letters, digits and _ alone; write for example my_network")
    if name in model_registry.architectures():
        raise UserError(f"new model: {name}: there is a network of that name; choose another")
    folder = model_registry.folders()[-1]
    if folder == model_registry.MODELS and not folder.is_relative_to(paths.project(Path.cwd()) or Path.cwd()):
        raise UserError(
            f"new model: name a folder of yours in {model_registry.SEARCH_PATH}; {folder} is not this project's"
        )
    path = folder / f"{name}.py"
    _write(path, MODEL.format(name=name, title=name.replace("_", " ").capitalize()))
    return (
        f"wrote {path}; change it, then:\n  cnnlab show {name}\nand name it in a study: model: {{architecture: {name}}}"
    )


def _write(path: Path, text: str) -> None:
    if path.exists():
        raise UserError(f"{path}: there already; choose another name")
    path.write_text(text, encoding="utf-8")
