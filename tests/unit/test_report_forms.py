"""Sentences about one arm, pairs, interactions and other weights, for every direction and verdict."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import pandas as pd
import pytest

from cnnlab.analysis.decisions import decide
from cnnlab.analysis.tables.columns import TABLES
from cnnlab.analysis.tables.frames import Row, Tables
from cnnlab.planning.verdicts import REFUTED, Direction, Verdict
from cnnlab.wording.answers import against, answer, conjunction
from cnnlab.wording.arm_values import by_arm
from cnnlab.wording.contrasts import (
    Form,
    Interaction,
    Pair,
    Single,
    Weighted,
    claimed,
    form_of,
    inline,
    share,
    with_unit,
)
from cnnlab.wording.numbers import MINUS
from cnnlab.wording.verdicts import AGAINST, DIRECTIONS, FOR, OPEN, VERDICTS, counted
from tests.said import said

LABELS = {"a": "8 layers", "b": "14 layers", "c": "20 layers", "d": "26 layers", "x": "Plain, 8"}
EMPIRICAL = (Verdict.SUPPORTED, *REFUTED, Verdict.INCONCLUSIVE)


def row(contrast: dict[str, float], **changes: Any) -> Row:
    """A row of ``contrasts``: 2.4 pp of training error, claimed to be more than 1, and it is."""
    given = {"study": "s", "claim": "C36", "part": "main", "primary": True, "metric": "train_error", "unit": "pp"}
    given |= {"contrast": json.dumps(contrast), "direction": "greater", "margin": 1.0, "n": 8, "n_planned": 8}
    numbers = {"estimate": 2.4, "low": 1.9, "high": 2.9, "low90": 2.0, "high90": 2.8, "method": "t"}
    return dict.fromkeys(TABLES["contrasts"].columns) | given | numbers | {"verdict": "supported"} | changes


def turned(given: Row) -> Row:
    """The same effect with the other sign."""
    sides = {"low": "high", "high": "low", "low90": "high90", "high90": "low90"}
    return given | {"estimate": -given["estimate"]} | {end: -given[other] for end, other in sides.items()}


# The weights, their form, and the names in the order in which a sentence has them.
FORMS: dict[str, tuple[dict[str, float], Form, list[str]]] = {
    "one arm": ({"x": 1}, Single("Plain, 8"), ["“Plain, 8”"]),
    "one arm, turned": ({"a": -1}, Weighted(("8 layers",), (-1,)), [f"{MINUS} 8 layers"]),
    "pair": ({"b": -1, "a": 1}, Pair("8 layers", "14 layers"), ["8 layers", "14 layers"]),
    "interaction": (
        {"a": 1, "b": -1, "c": -1, "d": 1},
        Interaction(Pair("8 layers", "14 layers"), Pair("20 layers", "26 layers")),
        ["8 layers", "14 layers", "20 layers", "26 layers"],
    ),
    "means": (
        {"a": 0.5, "b": 0.5, "c": -1},
        Weighted(("8 layers", "14 layers", "20 layers"), (0.5, 0.5, -1)),
        ["1/2 × 8 layers", "+ 1/2 × 14 layers", f"{MINUS} 20 layers"],
    ),
    "slope": (
        {"a": -0.9, "b": -0.3, "x": 0.3, "d": 0.9},
        Weighted(("8 layers", "14 layers", "Plain, 8", "26 layers"), (-0.9, -0.3, 0.3, 0.9)),
        [f"{MINUS} 9/10 × 8 layers", f"{MINUS} 3/10 × 14 layers", "+ 3/10 “Plain, 8”", "+ 9/10 × 26 layers"],
    ),
}


@pytest.mark.parametrize(("weights", "form", "names"), FORMS.values(), ids=FORMS)
def test_weights_tell_what_is_compared(weights: dict[str, float], form: Form, names: list[str]) -> None:
    assert form_of(weights, LABELS) == form
    if not isinstance(form, Single):
        said(form.formula("linear"), *(name.replace("“", "").replace("”", "") for name in names))
        assert form.formula("linear") != form.formula("log2")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize("verdict", EMPIRICAL)
def test_a_sentence_has_its_arms_numbers_margin_and_verdict(form: str, direction: Direction, verdict: Verdict) -> None:
    weights, kind, names = FORMS[form]
    given = row(weights, direction=direction, verdict=verdict, reason="a reason")
    place = DIRECTIONS[direction].places.get(verdict, DIRECTIONS[direction].places[Verdict.INCONCLUSIVE])
    evidence = ("95 % interval", "1.9 to 2.9 pp", "n = 8 seeds", place.text.partition("{")[0], "the margin of", "1 pp")
    last = (*evidence, f": {verdict}. A reason.")
    higher, lower = str(answer(given, LABELS)), str(answer(turned(given), LABELS))
    turned_last = [part.replace("1.9 to 2.9", f"{MINUS}2.9 to {MINUS}1.9") for part in last]
    said(higher, "training error (evaluation mode)", *last)
    match kind:
        case Single():
            said(higher, "2.4 pp", names[0], *last)
            said(lower, f"{MINUS}2.4 pp", names[0], *turned_last)
        case Weighted():
            said(higher, *names, "2.4 pp", *last)
            said(lower, *names, f"{MINUS}2.4 pp", *turned_last)
        case Pair():
            said(higher, "2.4 pp higher", *names, *last)
            said(lower, "2.4 pp lower", *names, f"difference {MINUS}2.4 pp", *turned_last)
        case Interaction():
            said(higher, *names[:2], "exceeds", *names[2:], "2.4 pp", *last)
            said(lower, *names[:2], "falls short", *names[2:], "2.4 pp", f"difference {MINUS}2.4 pp", *turned_last)


@pytest.mark.parametrize("form", FORMS)
def test_ratios_are_told_as_factors(form: str) -> None:
    """log₂ 2 is a factor of 4: of a pair the larger arm comes first, of other forms the ratio may be below 1."""
    weights, kind, names = FORMS[form]
    given = row(weights, metric="weight_norm", unit="log2 ratio", estimate=2.0, low=1.8, high=2.2)
    last = ("log₂ ratio 2.00", "95 % interval 1.80 to 2.20", "the margin of 1 (a factor of 2): supported.")
    below = ("0.25", f"log₂ ratio {MINUS}2.00", f"{MINUS}2.20 to {MINUS}1.80")
    larger, smaller = str(answer(given, LABELS)), str(answer(turned(given), LABELS))
    match kind:
        case Single():
            said(larger, "norm of the weights is 4.0", *names, *last)
            said(smaller, *below)
        case Weighted():
            said(larger, *names, "(in log₂)", "is 4.0", *last)
            said(smaller, *names, *below)
        case Pair():
            said(larger, "4.0 times", *names, *last)
            said(smaller, "4.0 times", *names[::-1], *last)
        case Interaction():
            said(larger, *names[:2], "4.0 times", *names[2:], *last)
            said(smaller, *names[:2], "0.25 times", *names[2:], *below[1:])


INLINE = {
    "Batch normalization": "batch normalization",
    "ReLU": "ReLU",
    "LeNet with batch normalization": "LeNet with batch normalization",
    "He's weights": "He's weights",
    "A fifth of the labels wrong": "a fifth of the labels wrong",
    "1x1 alone": "1x1 alone",
    "MLP": "MLP",
    "Plain, 8": "“Plain, 8”",
}


@pytest.mark.parametrize("label", INLINE)
def test_a_label_within_a_sentence(label: str) -> None:
    assert inline(label) == INLINE[label]
    text = answer(row({"a": 1, "b": -1}), {"a": label, "b": "X"}).text
    said(text, f"with {INLINE[label]} than with X")


@pytest.mark.parametrize(("low", "high", "told"), [(-0.1, 1.3, False), (0.1, 1.3, True), (-1.3, -0.1, True)])
def test_no_direction_is_told_where_the_interval_has_none(low: float, high: float, told: bool) -> None:
    middle = (low + high) / 2
    for change in (
        {},
        {"metric": "weight_norm", "unit": "log2 ratio"},
        {"metric": "steps_to_target", "unit": "log2 ratio"},
    ):
        given = row({"a": 1, "b": -1}, estimate=middle, low=low, high=high, verdict="inconclusive", **change)
        text = answer(given, LABELS).text
        assert ("not clearly differ between 8 layers and 14 layers" in text) is not told
        assert any(word in text for word in ("higher", "lower", " times as")) is told
        turned = told and middle < 0 and bool(change)  # a ratio names the larger arm first, and its numbers with it
        ends = (-high, -low) if turned else (low, high)
        said(text, f"{ends[0]:.1f}".replace("-", MINUS), "to", f"{ends[1]:.1f}".replace("-", MINUS))


@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize("effect", [-2.0, -0.5, 0.5, 2.0])
def test_the_words_of_a_direction_say_what_is_decided(direction: Direction, effect: float) -> None:
    """Its formula holds of an effect, and its opposite does not, where an exact interval supports the claim."""
    words = DIRECTIONS[direction]
    supported = str(decide(direction, 1.0, (effect, effect), (effect, effect))) == Verdict.SUPPORTED
    low, high = words.holds
    assert (low < words.turn * effect < high) == supported
    assert _holds(claimed(direction, 1.0, "pp") or "", effect) == supported
    text = against([row({"a": 1, "b": -1}, direction=direction)], LABELS)
    bound = f"{MINUS if direction in (Direction.LESS, Direction.NOT_LESS) else ''}1 pp or"
    said(text, "A difference in training error", f"8 layers {MINUS} 14 layers", "of", bound)
    assert _holds(text, effect) != supported


def _holds(text: str, effect: float) -> bool:
    """What ``> 1 pp``, ``within ±1 pp``, ``−1 pp or less`` or ``1 pp or more, either way`` says of an effect."""
    if "±" in text:
        return abs(effect) < 1
    bound = -1.0 if f"{MINUS}1 pp" in text else 1.0
    if "either way" in text:
        return abs(effect) >= 1
    return effect > bound if ">" in text or "or more" in text else effect < bound


# For claims of an effect, of none, and of no harm: what alone is said of the place of an interval.
BEYOND = {"supported": "beyond the margin of 1 pp", "contradicted": "the other way", "equivalent": "±1 pp by the 90 %"}
WITHIN = {"supported": "within the margin of ±1 pp by the 90 %", "contradicted": "beyond the margin of ±1 pp"}
SAFE = {"supported": "on the safe side of the margin of 1 pp", "contradicted": "1 pp on the wrong side"}
PLACES = {"greater": BEYOND, "less": BEYOND, "equal": WITHIN, "not-greater": SAFE, "not-less": SAFE}


@pytest.mark.parametrize("direction", Direction)
def test_the_place_of_an_interval_tells_the_verdicts_apart(direction: Direction) -> None:
    """In a sentence, and where the intervals of families are counted."""
    given = row({"a": 1, "b": -1}, direction=direction)
    verdicts = [*map(Verdict, PLACES[direction]), Verdict.INCONCLUSIVE]
    texts = {
        verdict: str(answer(given | {"verdict": verdict}, LABELS)).partition("seeds), ")[2] for verdict in verdicts
    }
    for verdict, words in PLACES[direction].items():
        said(texts[Verdict(verdict)], words, verdict)
        place = DIRECTIONS[direction].places[verdict]
        text = place.text.format(margin="the margin", either="the margin", narrow="")
        assert text in place.counted or place.counted in text
    said(texts[Verdict.INCONCLUSIVE], "±1 pp" if direction == Direction.EQUAL else " 1 pp", "open", "inconclusive")
    assert len({text.partition(": ")[0] for text in texts.values()}) == len(verdicts)
    others = {Verdict.RUNNING, Verdict.NO_ROOM}  # which say nothing of the interval
    assert len({place.counted for place in DIRECTIONS[direction].places.values()}) == len(verdicts) + len(others)


def test_every_verdict_has_words_and_takes_a_side() -> None:
    assert set(VERDICTS) == set(Verdict)
    assert set(DIRECTIONS) == set(Direction)
    sides = {side: {verdict for verdict, words in VERDICTS.items() if words.side is side} for side in (FOR, AGAINST)}
    assert sides == {FOR: {Verdict.SUPPORTED, Verdict.HOLDS}, AGAINST: {*REFUTED, Verdict.FAILS}}
    assert {words.side for words in VERDICTS.values()} == {FOR, AGAINST, OPEN}
    assert [counted(verdict, number) for verdict in (Verdict.HOLDS, Verdict.SUPPORTED) for number in (1, 2)] == [
        "1 holds",
        "2 hold",
        "1 supported",
        "2 supported",
    ]


UNITS: dict[str, tuple[dict[str, float], Row, list[str]]] = {
    "decades": (
        {"a": 1},
        {"metric": "update_slope", "unit": "decades", "margin": 0.3, "estimate": 0.42, "low": 0.31, "high": 0.53},
        ["0.42 decades", "0.31 to 0.53 decades", "0.3 decades (a factor of 2)"],
    ),
    "a scale of 0 to 1": (
        {"a": 1},
        {"metric": "branch_novelty", "unit": "of 1", "estimate": 0.25, "low": 0.21, "high": 0.29},
        ["is 0.25 with", "0.21 to 0.29 on a scale of 0 to 1", "margin of 1:"],
    ),
    "sd": (
        {"a": 1},
        {"metric": "statistics_distance", "unit": "sd", "estimate": 0.012, "low": 0.01, "high": 0.014},
        ["0.0120 sd", "0.0100 to 0.0140 sd", "1 sd"],
    ),
    "one octave": (
        {"a": 1, "b": -1},
        {"metric": "identity_advantage", "unit": "octaves", "estimate": 3.1, "low": 2.4, "high": 3.8},
        ["3.1 octaves", "2.4 to 3.8 octaves", "1 octave (a factor of 2)"],
    ),
    "bounded from below, under 0": (
        {"a": 1, "b": -1},
        {"estimate": None, "low": -0.4, "high": math.inf, "method": "sign", "diverged": 5},
        ["at most 0.40 pp lower", "above −0.40 pp", "median and sign test, since 5 runs diverged"],
    ),
    "bounded from above, over 0": (
        {"a": 1, "b": -1},
        {"estimate": None, "low": None, "high": 0.4, "method": "sign", "censored": 1},
        ["at most 0.40 pp higher", "below 0.40 pp", "since 1 run never reached the target"],
    ),
}


@pytest.mark.parametrize(("contrast", "changes", "parts"), UNITS.values(), ids=UNITS)
def test_numbers_have_their_units_and_bounds(contrast: dict[str, float], changes: Row, parts: list[str]) -> None:
    said(str(answer(row(contrast, **changes), LABELS)), *parts, "supported.")


def test_units_agree_with_their_number() -> None:
    assert [with_unit(text, "decades") for text in ("1", "0.3", "1.0")] == ["1 decade", "0.3 decades", "1.0 decades"]
    assert with_unit("0.1", "of 1") == "0.1"
    assert claimed("greater", 1, "octaves") == "> 1 octave"
    assert [share(weight) for weight in (0.5, -0.9, 0.3333, 0.447, 2)] == ["1/2", "−9/10", "1/3", "0.447", "2"]


@pytest.mark.parametrize("verdict", [*EMPIRICAL, Verdict.RUNNING])
def test_a_claim_of_many_parts_names_those_that_do_not_hold(verdict: Verdict) -> None:
    """Parts 2 and 4 have its verdict, the others hold; that of a claim that is open may be any other as well."""
    parts = [row({"a": 1}, verdict=Verdict.SUPPORTED if place in (1, 3) else verdict) for place in range(1, 5)]
    text = str(conjunction({"verdict": verdict, "reason": "a reason"}, parts))
    said(text, "4 parts must hold", f": {verdict}.")
    assert ("parts 2 and 4" in text) == (verdict not in (Verdict.SUPPORTED, Verdict.RUNNING))
    assert text.endswith("A reason.") == (verdict in (Verdict.INCONCLUSIVE, Verdict.RUNNING))
    if verdict in REFUTED:
        parts[0] |= {"verdict": Verdict.INCONCLUSIVE}
        alone = str(conjunction({"verdict": Verdict.INCONCLUSIVE, "reason": None}, parts))
        said(alone, "1 of 4 does", "part 1 is open", f"parts 2 and 4 are {VERDICTS[verdict].alone}: inconclusive.")


def tables(values: dict[str, list[float | None]], metric: str) -> Tables:
    """Two seeds of each arm."""
    arms = [{"study": "s", "arm": arm, "arm_id": arm, "seeds": "0-1"} for arm in values]
    runs = [{"arm_id": arm, "seed": seed, metric: value} for arm in values for seed, value in enumerate(values[arm])]
    return Tables({"arms": pd.DataFrame(arms), "runs": pd.DataFrame(runs)})


def test_weighted_arms_are_told_one_by_one_with_the_mean_of_their_metric() -> None:
    """Arithmetic, or geometric where it is compared by its ratio; none where a run is missing, none for a pair."""
    shares, labels = {"a": -2, "b": -1, "d": 3}, list(LABELS.values())
    errors: dict[str, list[float | None]] = {"a": [0.03, 0.05], "b": [0.06, 0.06], "d": [0.1, 0.1]}
    steps: dict[str, list[float | None]] = {"a": [100, 400], "b": [100, 100], "d": [50, 50]}
    of_errors, of_steps = tables(errors, "train_error"), tables(steps, "steps_to_target")
    said(by_arm(row(shares), of_errors, LABELS), labels[0], "4.0", labels[1], "6.0", labels[3], "10.0 %")
    ratio = row(shares, metric="steps_to_target", unit="log2 ratio")
    said(by_arm(ratio, of_steps, LABELS), labels[0], "200", labels[1], "100", labels[3], "50.")
    assert by_arm(row({"a": 1, "b": -1}), of_errors, LABELS) == ""
    assert by_arm(row(shares), tables(errors | {"a": [0.03, None]}, "train_error"), LABELS) == ""
    assert not re.search("nan|None", by_arm(row(shares), of_errors, LABELS))
