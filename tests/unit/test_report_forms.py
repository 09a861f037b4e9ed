"""Sentences about one arm, sweeps, means and many parts; and about arms that are not trained."""

from __future__ import annotations

import json
import math
from typing import Any

import pandas as pd
import pytest

from cnnlab.analysis.tables.columns import TABLES
from cnnlab.analysis.tables.frames import Row, Tables
from cnnlab.wording.answers import answer, conjunction
from cnnlab.wording.arm_values import by_arm
from cnnlab.wording.contrasts import (
    Form,
    Interaction,
    Means,
    Pair,
    Single,
    Sweep,
    Sweeps,
    Weighted,
    claimed,
    form_of,
    share,
    with_unit,
)

LABELS = {"a": "8 layers", "b": "14 layers", "c": "20 layers", "d": "26 layers", "x": "Plain, 8", "y": "Plain, 26"}
LINE = {"a": -0.9, "b": -0.3, "c": 0.3, "d": 0.9}


def row(contrast: dict[str, float], **changes: Any) -> Row:
    """A row of ``contrasts``: 2.4 pp of training error, claimed to be more than 1, and it is."""
    given = {"study": "s", "claim": "C36", "part": "main", "primary": True, "metric": "train_error", "unit": "pp"}
    given |= {"contrast": json.dumps(contrast), "direction": "greater", "margin": 1.0, "n": 8, "n_planned": 8}
    numbers = {"estimate": 2.4, "low": 1.9, "high": 2.9, "low90": 2.0, "high90": 2.8, "method": "t"}
    return dict.fromkeys(TABLES["contrasts"].columns) | given | numbers | {"verdict": "supported"} | changes


FORMS: dict[str, tuple[dict[str, float], Form]] = {
    "one arm": ({"a": 1}, Single("8 layers")),
    "one arm, turned": ({"a": -1}, Weighted(("8 layers",), (-1,))),
    "pair": ({"b": -1, "a": 1}, Pair("8 layers", "14 layers")),
    "means": ({"a": 0.5, "b": 0.5, "c": -1}, Means(("8 layers", "14 layers"), ("20 layers",))),
    "interaction": (
        {"a": 1, "b": -1, "c": -1, "d": 1},
        Interaction(Pair("8 layers", "14 layers"), Pair("20 layers", "26 layers")),
    ),
    "sweep": (LINE, Sweep(("8 layers", "14 layers", "20 layers", "26 layers"), (-0.9, -0.3, 0.3, 0.9))),
    "sweep, written from its end": (
        {"d": 3, "b": -1, "a": -2},
        Sweep(("8 layers", "14 layers", "26 layers"), (-2, -1, 3)),
    ),
    "two sweeps": (
        {"a": -2, "b": -1, "c": 3, "d": 2, "x": 1, "y": -3},
        Sweeps(
            Sweep(("8 layers", "14 layers", "20 layers"), (-2, -1, 3)),
            Sweep(("26 layers", "Plain, 8", "Plain, 26"), (-2, -1, 3)),
        ),
    ),
    "two sweeps, arm by arm": (
        {"a": -2, "d": 2, "b": -1, "x": 1, "c": 3, "y": -3},
        Sweeps(
            Sweep(("8 layers", "14 layers", "20 layers"), (-2, -1, 3)),
            Sweep(("26 layers", "Plain, 8", "Plain, 26"), (-2, -1, 3)),
        ),
    ),
    "anything else": ({"a": 2, "b": -1, "c": -1}, Weighted(("8 layers", "14 layers", "20 layers"), (2, -1, -1))),
}


@pytest.mark.parametrize(("weights", "expected"), FORMS.values(), ids=FORMS)
def test_weights_tell_what_is_compared(weights: dict[str, float], expected: Form) -> None:
    assert form_of(weights, LABELS) == expected


@pytest.mark.parametrize(
    ("shares", "line"),
    [
        ((-0.9, -0.3, 0.3, 0.9), True),
        ((-0.8, -0.4, 0.4, 0.8), True),  # five arms, of which the middle one has no weight
        ((-0.5, -0.1667, 0.1667, 0.5), False),  # a line, of another size than its rise
        ((-2, -1, 3), False),
    ],
)
def test_the_rise_of_a_line_is_told_from_other_weights(shares: tuple[float, ...], line: bool) -> None:
    assert Sweep(tuple("abcd"), shares).line == line


def test_the_weights_of_a_line_give_its_rise() -> None:
    """Values that lie on a line through equal distances: the rise from the first to the last."""
    assert sum(share * value for share, value in zip(LINE.values(), (1, 3, 5, 7), strict=True)) == pytest.approx(6)


SLOPE = {"metric": "update_slope", "unit": "decades", "margin": 0.3}
SENTENCES: dict[str, tuple[Row, str]] = {
    "one arm, decades": (
        row({"a": 1}, **SLOPE, estimate=0.42, low=0.31, high=0.53),
        "The rise of log₁₀ update over weight from the first to the last inner layer is 0.42 decades with 8 layers "
        "(95 % interval 0.31 to 0.53 decades, n = 8 seeds), beyond the margin of 0.3 decades (a factor of 2): "
        "supported.",
    ),
    "one arm, downwards": (
        row({"x": 1}, **SLOPE, estimate=-0.42, low=-0.53, high=-0.31, verdict="contradicted"),
        "The rise of log₁₀ update over weight from the first to the last inner layer is −0.42 decades with “Plain, 8” "
        "(95 % interval −0.53 to −0.31 decades, n = 8 seeds), beyond the margin of 0.3 decades (a factor of 2) the "
        "other way: contradicted.",
    ),
    "a scale of 0 to 1": (
        row({"a": 1}, metric="branch_similarity_gap", unit="of 1", estimate=0.25, low=0.21, high=0.29, margin=0.1),
        "The similarity of a branch to itself across seeds minus to the others is 0.25 with 8 layers (95 % interval "
        "0.21 to 0.29 on a scale of 0 to 1, n = 8 seeds), beyond the margin of 0.1: supported.",
    ),
    "sd": (
        row({"a": 1}, metric="statistics_distance", unit="sd", direction="less", estimate=0.012, low=0.01, high=0.014),
        "The distance of running means from training-set means in batch normalization is 0.0120 sd with 8 layers "
        "(95 % interval 0.0100 to 0.0140 sd, n = 8 seeds), beyond the margin of 1 sd: supported.",
    ),
    "one octave": (
        row({"a": 1, "b": -1}, metric="identity_advantage", unit="octaves", estimate=3.1, low=2.4, high=3.8),
        "The log₂ of the loss that a random map leaves over that which the identity leaves is 3.1 octaves higher with "
        "8 layers than with 14 layers (95 % interval 2.4 to 3.8 octaves, n = 8 seeds), beyond the margin of 1 octave "
        "(a factor of 2): supported.",
    ),
    "a line that rises": (
        row(LINE),
        "Along the least-squares line through 4 arms, the training error (evaluation mode) rises by 2.4 pp from 8 "
        "layers to 26 layers (95 % interval 1.9 to 2.9 pp, n = 8 seeds), beyond the margin of 1 pp: supported.",
    ),
    "other weights, and it falls": (
        row({"a": -2, "b": -1, "d": 3}, estimate=-2.4, low=-2.9, high=-1.9, verdict="contradicted"),
        "Over 3 arms, weighted −2, −1 and 3, the training error (evaluation mode) falls by 2.4 pp from 8 layers to 26 "
        "layers (difference −2.4 pp, 95 % interval −2.9 to −1.9 pp, n = 8 seeds), beyond the margin of 1 pp the other "
        "way: contradicted.",
    ),
    "two sweeps": (
        row({"a": -2, "b": -1, "c": 3, "d": 2, "x": 1, "y": -3}),
        "Over 3 arms each, weighted −2, −1 and 3, the training error (evaluation mode) rises by 2.4 pp more from 8 "
        "layers to 20 layers than from 26 layers to “Plain, 26” (95 % interval 1.9 to 2.9 pp, n = 8 seeds), beyond "
        "the margin of 1 pp: supported.",
    ),
    "means": (
        row({"a": 0.5, "b": 0.5, "c": -1}),
        "The training error (evaluation mode) is 2.4 pp higher on average over 8 layers and 14 layers than with 20 "
        "layers (95 % interval 1.9 to 2.9 pp, n = 8 seeds), beyond the margin of 1 pp: supported.",
    ),
    "a ratio of ratios": (
        row({"a": 1, "b": -1, "c": -1, "d": 1}, metric="steps_to_target", unit="log2 ratio", estimate=1.0),
        "The ratio of the number of steps to the target validation accuracy of 8 layers to that of 14 layers is 2.0 "
        "times the same ratio of 20 layers to 26 layers (log₂ ratio 1.0, 95 % interval 1.9 to 2.9, n = 8 seeds), "
        "beyond the margin of 1 (a factor of 2): supported.",
    ),
    "a line of ratios": (
        row(LINE, metric="weight_norm", unit="log2 ratio", estimate=-2.0, low=-2.2, high=-1.8, verdict="contradicted"),
        "Along the least-squares line through 4 arms, the Euclidean norm of the weights shrinks by a factor of 4.0 "
        "from 8 layers to 26 layers (log₂ ratio −2.00, 95 % interval −2.20 to −1.80, n = 8 seeds), beyond the margin "
        "of 1 (a factor of 2) the other way: contradicted.",
    ),
    "bounded from below, under 0": (
        row({"a": 1, "b": -1}, direction="not-less", estimate=None, low=-0.4, high=math.inf, method="sign", diverged=5),
        "The training error (evaluation mode) is at most 0.40 pp lower with 8 layers than with 14 layers (95 % "
        "interval above −0.40 pp, n = 8 seeds, median and sign test, since 5 runs diverged), on the safe side of the "
        "margin of 1 pp: supported.",
    ),
}


@pytest.mark.parametrize(("given", "expected"), SENTENCES.values(), ids=SENTENCES)
def test_an_answer_says_what_its_contrast_is(given: Row, expected: str) -> None:
    assert str(answer(given, LABELS)) == expected


def test_units_agree_with_their_number() -> None:
    assert [with_unit(text, "decades") for text in ("1", "0.3", "1.0")] == ["1 decade", "0.3 decades", "1.0 decades"]
    assert with_unit("0.1", "of 1") == "0.1"
    assert claimed("greater", 1, "octaves") == "> 1 octave"
    assert [share(weight) for weight in (0.5, -0.9, 0.3333, 0.447, 2)] == ["1/2", "−9/10", "1/3", "0.447", "2"]


MANY = {
    "inconclusive": (
        ["supported", "supported", "inconclusive", "contradicted", "inconclusive"],
        "Each of 5 parts must hold; 2 of 5 do, parts 3 and 5 are open, and part 4 is contradicted by itself: "
        "inconclusive. Part 3 of 5 is open.",
    ),
    "contradicted": (
        ["contradicted", "supported", "contradicted"],
        "Each of 3 parts must hold, and parts 1 and 3 do not: contradicted.",
    ),
}


@pytest.mark.parametrize("verdict", MANY)
def test_a_claim_of_many_parts_names_those_that_do_not_hold(verdict: str) -> None:
    parts, expected = MANY[verdict]
    claim = {"verdict": verdict, "reason": "part 3 of 5 is open"}
    assert str(conjunction(claim, [row({"a": 1, "b": -1}, verdict=part) for part in parts])) == expected


def tables(values: dict[str, list[float | None]], metric: str) -> Tables:
    """Two seeds of each arm."""
    arms = [{"study": "s", "arm": arm, "arm_id": arm, "seeds": "0-1"} for arm in values]
    runs = [
        {"arm_id": arm, "seed": seed, metric: value} for arm, each in values.items() for seed, value in enumerate(each)
    ]
    return Tables({"arms": pd.DataFrame(arms), "runs": pd.DataFrame(runs)})


def test_a_sweep_is_told_arm_by_arm() -> None:
    values: dict[str, list[float | None]] = {"a": [0.03, 0.05], "b": [0.06, 0.06], "d": [0.1, 0.1]}
    given = row({"a": -2, "b": -1, "d": 3})
    assert by_arm(given, tables(values, "train_error"), LABELS) == (
        "By arm: 8 layers 4.0, 14 layers 6.0 and 26 layers 10.0 %."
    )
    assert by_arm(row({"a": 1, "b": -1}), tables(values, "train_error"), LABELS) == ""


def test_a_ratio_is_told_by_geometric_means() -> None:
    values: dict[str, list[float | None]] = {"a": [100, 400], "b": [100, 100], "d": [50, 50]}
    given = row({"a": -2, "b": -1, "d": 3}, metric="steps_to_target", unit="log2 ratio")
    assert by_arm(given, tables(values, "steps_to_target"), LABELS) == (
        "By arm: 8 layers 200, 14 layers 100 and 26 layers 50."
    )


def test_no_mean_is_told_over_runs_of_which_one_is_missing() -> None:
    values: dict[str, list[float | None]] = {"a": [0.03, None], "b": [0.06, 0.06], "d": [0.1, 0.1]}
    assert by_arm(row({"a": -2, "b": -1, "d": 3}), tables(values, "train_error"), LABELS) == ""
