"""Of every metric, form, direction and sign: a sentence contradicts neither its own numbers nor English."""

from __future__ import annotations

import json
import math
import re
from itertools import product
from pathlib import Path

import pandas as pd
import pytest
import yaml

from cnnlab.analysis.tables.columns import TABLES
from cnnlab.analysis.tables.frames import Row, Tables
from cnnlab.figures.drawing.arm_runs import mean_interval
from cnnlab.planning.metrics import METRICS
from cnnlab.planning.verdicts import Direction, Verdict
from cnnlab.wording.answers import answer
from cnnlab.wording.arm_values import in_plain_words
from cnnlab.wording.contrasts import FACTORS, SILENT
from cnnlab.wording.numbers import MINUS
from tests.said import said

STUDIES = Path(__file__).parents[2] / "workflow/studies"
LABELS = {"a": "Batch normalization", "b": "No normalization", "c": "Images as they are", "d": "Sigmoid"}
FORMS: dict[str, dict[str, float]] = {
    "one arm": {"a": 1},
    "pair": {"a": 1, "b": -1},
    "interaction": {"a": 1, "b": -1, "c": -1, "d": 1},
    "means": {"a": 0.5, "b": 0.5, "c": -1},
}
INTERVALS = [(2.0, 1.2, 2.8), (-2.0, -2.8, -1.2), (0.4, -0.3, 1.1), (-0.4, -1.1, 0.3), (0.0, -0.3, 0.3)]
CASES = list(product(METRICS, FORMS, INTERVALS))


def row(metric: str, form: str, interval: tuple[float, float, float], **changes: object) -> Row:
    """A row of ``contrasts``."""
    estimate, low, high = interval
    given = {"study": "s", "claim": "C36", "part": "main", "primary": True, "metric": metric, "n": 8, "n_planned": 8}
    given |= {"unit": METRICS[metric].unit, "contrast": json.dumps(FORMS[form]), "direction": "greater", "margin": 1.0}
    numbers = {"estimate": estimate, "low": low, "high": high, "low90": low + 0.1, "high90": high - 0.1, "method": "t"}
    return dict.fromkeys(TABLES["contrasts"].columns) | given | numbers | {"verdict": Verdict.SUPPORTED} | changes


@pytest.mark.parametrize("direction", Direction)
def test_no_capital_no_hole_and_nothing_twice(direction: Direction) -> None:
    for metric, form, interval in CASES:
        text = str(answer(row(metric, form, interval, direction=direction), LABELS))
        assert not re.search(r"nan|None|[{}]|  | ,|\(\)|\.\.|:\.", text), text
        assert text[0].isupper()
        assert not re.search(r"(?<=[a-z,(] )(Batch|No|Images|Sigmoid)\b", text), text
        assert not re.search(r"\b(\w+ \w+ \w+), \1\b", text), text
        said(text, "95 % interval", "to", "n = 8 seeds", "margin of", ": supported.")


def test_a_sentence_has_the_unit_of_its_number() -> None:
    for metric, form, interval in CASES:
        unit, text = METRICS[metric].unit, answer(row(metric, form, interval), LABELS).text
        written = "of 0 to 1" if unit == "of 1" else "log₂ ratio" if unit in SILENT else unit
        assert written in text, text


def test_no_sign_contradicts_the_words() -> None:
    """Higher, exceeds, and a factor above 1 go with positive numbers; lower, falls short, and below 1 with negative."""
    for metric, form, interval in CASES:
        text = answer(row(metric, form, interval), LABELS).text
        words, numbers = re.split(r" \((?=difference|log₂ ratio|95 %)", text, maxsplit=1)
        low = re.search(rf"95 % interval (?:of the log₂ ratio )?({MINUS}?[\d.]+)", numbers)
        assert low, text
        negative = low[1].startswith(MINUS)
        clear = (interval[1] > 0) == (interval[2] > 0)
        factor = re.search(r"([\d.,]+) times", words)
        if form in ("pair", "interaction"):
            assert clear != ("not clearly differ" in words), text
        if re.search(r" higher with | exceeds ", words):
            assert (clear, negative) == (True, False), text
        elif re.search(r" lower with | falls short ", words):
            assert (clear, negative) == (True, True), text
        elif factor and form in ("pair", "interaction"):
            assert negative == (float(factor[1].replace(",", "")) < 1), text


def test_the_narrow_interval_is_turned_with_the_sentence() -> None:
    given = row("steps_to_target", "pair", (-0.5, -0.8, -0.2), verdict=Verdict.EQUIVALENT)
    text = str(answer(given, LABELS))
    said(text, "log₂ ratio 0.5", "0.2 to 0.8", "90 % interval", "0.3 to 0.7", "no difference of that size")
    assert MINUS not in text


def test_a_ratio_is_not_called_one_twice() -> None:
    text = str(answer(row("test_error_ratio", "pair", INTERVALS[0]), LABELS))
    assert text.startswith("The test error is 4.0 times as large with batch normalization as with no normalization")


def test_what_the_title_says_is_not_said_before_it() -> None:
    twice = row("far_warped_error", "pair", (2.0, 1.2, 2.8), label="beyond the range simulated")
    text = str(answer(twice, LABELS))
    assert text.count("beyond the range simulated") == 1
    assert str(answer(twice | {"label": "small images"}, LABELS)).startswith("Small images: the error on test images")


def test_no_label_of_a_contrast_is_a_fragment() -> None:
    """A label stands before a sentence, as ``Small images: the error is …``."""
    for path in sorted(STUDIES.glob("*.yaml")):
        study = yaml.safe_load(path.read_text(encoding="utf-8"))
        primary = [contrast for claim in study.get("claims", []) for contrast in claim["requires"]]
        labels = [contrast.get("label") or "" for contrast in (*primary, *study.get("secondary", []))]
        assert not [label for label in labels if re.match("(than|until|and|or|as) ", label, re.IGNORECASE)], path


def test_every_logarithm_has_plain_words() -> None:
    for metric in METRICS.values():
        if metric.unit in FACTORS and metric.scale != "log2":
            assert "{x}" in metric.plain, metric.name


@pytest.mark.parametrize(
    ("metric", "values", "parts"),
    [
        ("update_slope", {"a": [8.0, 8.2]}, ["with batch normalization, in a step", "10⁸ times as far"]),
        ("preactivation_slope", {"d": [-1.0, -1.0]}, ["with sigmoid", "0.10 times as large"]),
        ("identity_advantage", {"a": [3.0], "b": [1.0]}, ["with batch", "8.0 times", "; with no norm", "2.0 times"]),
        ("branch_novelty", {"c": [0.25, 0.25]}, ["with images as they are", "25 %"]),
        ("weight_lag", {"a": [-0.104]}, ["with batch", f"{MINUS}10 % of the training"]),
    ],
)
def test_plain_words_tell_what_the_value_of_each_arm_means(
    metric: str, values: dict[str, list[float]], parts: list[str]
) -> None:
    weights = dict(zip(values, (1, -1), strict=False))
    arms = [{"study": "s", "arm": arm, "arm_id": arm, "seeds": f"0-{len(values[arm]) - 1}"} for arm in values]
    runs = [{"arm_id": arm, "seed": seed, metric: value} for arm in values for seed, value in enumerate(values[arm])]
    tables = Tables({"arms": pd.DataFrame(arms), "runs": pd.DataFrame(runs)})
    given = row(metric, "pair", INTERVALS[0], contrast=json.dumps(weights))
    text = in_plain_words(given, tables, LABELS)
    assert text.startswith("In plain words: ")
    place = -1
    for part in parts:
        place = text.index(part, place + 1)
    assert in_plain_words(given | {"metric": "test_error"}, tables, LABELS) == ""
    missing = Tables({"arms": pd.DataFrame(arms), "runs": pd.DataFrame(runs).assign(**{metric: math.nan})})
    assert in_plain_words(given, missing, LABELS) == ""


def test_an_interval_of_shares_is_cut_where_no_share_lies() -> None:
    shares = [0.0, 0.0, 2.0]
    mean, low, high = mean_interval(shares)
    assert low < 0
    assert mean_interval(shares, 0, 100) == (mean, 0, high)
    assert mean_interval([100.0, 100.0, 98.0], 0, 100)[2] == 100
    assert all(map(math.isnan, mean_interval([1.0], 0, 100)[1:]))
