"""Sweeps among arms, and the figures of a study that names none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from cnnlab.planning.specs import ArmSpec, DataSpec, ModelSpec, TrainSpec
from cnnlab.planning.studies.study import Study
from cnnlab.planning.studies.sweeps import Sweep, sweeps
from tests.studies import plan_of


def arm(model: dict[str, Any] | None = None, data: dict[str, Any] | None = None, **train: Any) -> ArmSpec:
    switches = {"depth": 8, "residual": True, "normalization": "batch"} | (model or {})
    return ArmSpec(
        model=ModelSpec(architecture="resnet_cifar", switches=switches),
        data=DataSpec(name="mnist5k", **(data or {})),
        train=TrainSpec(**({"epochs": 5} | train)),
        torch="2",
        fingerprint="0",
    )


def shapes(found: list[Sweep]) -> list[tuple[str, list[list[float | None]]]]:
    return [(sweep.field, [list(line.arms.values()) for line in sweep.lines]) for sweep in found]


def test_a_grid_has_a_line_for_each_value_of_what_else_varies() -> None:
    arms = {f"{d} {r}": arm({"depth": d, "residual": r}) for d in (8, 14, 20) for r in (True, False)}
    (found,) = sweeps(arms)
    assert (found.field, found.longest) == ("model.depth", 3)
    assert [(dict(line.shared), list(line.arms.values())) for line in found.lines] == [
        ({"model.residual": True}, [8, 14, 20]),
        ({"model.residual": False}, [8, 14, 20]),
    ]


def test_sweeps_from_one_arm_in_several_directions_are_one_each() -> None:
    arms = {
        "base": arm(),
        "few": arm(data={"train_size": 300}),
        "fewer": arm(data={"train_size": 100}),
        "short": arm(epochs=1),
        "deep": arm({"depth": 20}),
    }
    assert shapes(sweeps(arms)) == [
        ("model.depth", [[8, 20]]),
        ("data.train_size", [[None, 300, 100]]),
        ("train.epochs", [[5, 1]]),
    ]


def test_numbers_that_change_together_are_one_sweep() -> None:
    """Fewer images for more epochs: the same number of updates."""
    arms = {str(n): arm(data={"train_size": n}, epochs=3000 // n) for n in (300, 1000, 3000)}
    (found,) = sweeps(arms)
    assert shapes([found]) == [("data.train_size", [[300, 1000, 3000]])]
    assert found.together == ["train.epochs"]


def test_an_arm_that_differs_in_another_number_as_well_is_on_no_line_of_the_others() -> None:
    """Its 38 epochs are of fewer images; those of the others are of all."""
    arms = {str(epochs): arm(data={"train_size": 3000}, epochs=epochs) for epochs in (1, 4, 16)}
    few = arm(data={"train_size": 300}, epochs=38)
    (found,) = sweeps(arms | {"few": few})
    assert shapes([found]) == [("train.epochs", [[1, 4, 16]])]
    assert found.together == []


@pytest.mark.parametrize(
    "arms",
    [
        {"a": arm({"residual": True}), "b": arm({"residual": False})},
        {"a": arm({"normalization": "none"}), "b": arm({"normalization": "batch"})},
        {"a": arm(learning_rate=0.1), "b": arm()},  # fixed, and tuned
        {"a": arm({"depth": 8, "residual": True}), "b": arm({"depth": 20, "residual": False})},
        {"a": arm()},
    ],
    ids=["a flag", "a word", "a number and none", "a number together with a flag", "one arm"],
)
def test_there_is_no_sweep_without_numbers(arms: dict[str, ArmSpec]) -> None:
    assert sweeps(arms) == []


BASE = {
    "study": "mine",
    "title": "T",
    "question": "Q?",
    "base": {
        "model": {"architecture": "lenet", "preset": "small"},
        "data": {"name": "mnist5k"},
        "train": {"epochs": 2},
    },
    "seeds": 5,
}
PAIR = {"arms": {"a": {"model": {"activation": "relu"}}, "b": {"model": {"activation": "sigmoid"}}}}
WIDTHS = {"arms": {str(width): {"model": {"width": width}} for width in (4, 6, 8)}}
UNTRAINED = {"arms": {"a": {"train": {"epochs": 0}}, "b": {"model": {"width": 12}, "train": {"epochs": 0}}}}
CHOICES: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "a pair": (
        PAIR | {"secondary": [{"metric": "test_error", "contrast": {"a": 1, "b": -1}}]},
        ("curves", "differences", "errors"),
    ),
    "nothing compared": (PAIR, ("curves", "errors")),
    "a diagnostic": (
        PAIR | {"secondary": [{"metric": "weight_lag", "contrast": {"a": 1}}]},
        ("profiles", "curves", "differences", "errors"),
    ),
    "a diagnostic of single numbers": (
        PAIR | {"secondary": [{"metric": "weight_norm", "contrast": {"a": 1, "b": -1}}]},
        ("curves", "differences", "errors"),
    ),
    "a sweep": (WIDTHS, ("sweep", "curves", "errors")),
    "nothing trained": (UNTRAINED, ("errors",)),
    "its own": (PAIR | {"figures": ["errors"]}, ("errors",)),
}


def study_of(folder: Path, written: dict[str, Any]) -> Study:
    return plan_of(folder, yaml.safe_dump(BASE | written)).studies[0]


@pytest.mark.parametrize(("written", "expected"), CHOICES.values(), ids=CHOICES)
def test_a_study_that_names_no_figure_gets_those_that_answer_it(
    tmp_path: Path, written: dict[str, Any], expected: tuple[str, ...]
) -> None:
    assert study_of(tmp_path, written).figures == expected


def test_a_matrix_is_shown_as_one(tmp_path: Path) -> None:
    matrix = {
        "families": {"lenet": {"model": {"architecture": "lenet"}}},
        "switches": {
            "pooling": {
                "levels": ["average", "max"],
                "effects": [{"metric": "test_error", "contrast": {"average": 1, "max": -1}}],
            }
        },
    }
    assert study_of(tmp_path, {"matrix": matrix}).figures == ("matrix",)
