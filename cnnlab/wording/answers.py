"""Answers in words, made from the numbers of one contrast: nothing in them is typed by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cnnlab.analysis.tables.frames import Row, weights
from cnnlab.wording.contrasts import OPPOSITES, SILENT, Contrast, factor, metric, title, unit, with_unit
from cnnlab.wording.findings import finding
from cnnlab.wording.forms import Single, Weighted
from cnnlab.wording.numbers import Quantity, finite, listed, plain, plural, span


@dataclass(frozen=True)
class Sentence:
    """``<text>: <verdict>. <after>``; the page shows the verdict as a badge."""

    text: str
    verdict: str | None = None
    after: str = ""

    def __str__(self) -> str:
        head = f"{self.text}: {self.verdict}." if self.verdict else f"{self.text}."
        return f"{head} {self.after}".strip()


def answer(row: Row, labels: Mapping[str, str], by_arm: str = "") -> Sentence:
    """What a row of ``contrasts`` says; `labels` names the arms, `by_arm` is a sentence of their own values."""
    row = row | {key: finite(row[key]) for key in ("estimate", "low", "high", "low90", "high90")}
    if row["estimate"] is None and row["low"] is None and row["high"] is None:
        return _unknown(row, labels)
    contrast = Contrast(weights(row), labels)
    found, evidence = finding(row, contrast), _evidence(row, contrast)
    head = f"{capital(row['label'])}: {found}" if row["label"] else capital(found)
    text = f"{head} ({evidence})"
    if not row["primary"] or row["verdict"] is None:
        return Sentence(text, after=by_arm)
    after = f"{by_arm} {sentence(row['reason'])}".strip()
    return Sentence(f"{text}, {_against_margin(row)}", row["verdict"], after)


def against(parts: Sequence[Row], labels: Mapping[str, str]) -> str:
    """What would count against a claim whose study does not say it in words; `parts` are rows of ``contrasts``."""
    return f"{capital('; or '.join(_opposite(part, labels) for part in parts))}." if parts else ""


def _opposite(row: Row, labels: Mapping[str, str]) -> str:
    contrast, scale = Contrast(weights(row), labels), metric(row["metric"]).scale
    size = with_unit(plain(row["margin"]), row["unit"]) + factor(row["margin"], row["unit"])
    lead = f"{row['label']}: " if row["label"] else ""
    if not isinstance(contrast.form, Single):
        lead += "a ratio of " if scale == "log2" else "a difference in "
    bound = OPPOSITES[row["direction"]].format(margin=size)
    return f"{lead}{title(row['metric'])}, {contrast.formula(scale)}, of {'log₂ ' * (scale == 'log2')}{bound}"


def _unknown(row: Row, labels: Mapping[str, str]) -> Sentence:
    formula = Contrast(weights(row), labels).formula(metric(row["metric"]).scale)
    head = f"{capital(title(row['metric']))}, {formula}"
    if row["n"] is not None and row["n_planned"] is not None and row["n"] < row["n_planned"]:
        done = f"{row['n']} of {row['n_planned']} seeds are finished"
        after = "Its numbers are shown when all are, because their count was fixed before the first run."
        return Sentence(f"{head}: {done}", row["verdict"] if row["primary"] else None, after if row["primary"] else "")
    why = sentence(row["reason"]) or "No interval can be given."
    return Sentence(f"{head}: no number{_unfinished(row, ', as ')}", row["verdict"] if row["primary"] else None, why)


def _evidence(row: Row, contrast: Contrast) -> str:
    """``log₂ ratio 5.10, 95 % interval 4.93 to 5.28, n = 8 seeds``."""
    shown = Quantity(row["estimate"], row["low"], row["high"])
    linear = metric(row["metric"]).scale == "linear"
    of = "" if linear or shown.value else f" of the {unit(row['unit'])}"
    parts = [] if linear or shown.value is None else [f"{unit(row['unit'])} {shown.value}"]
    told_with_sign = isinstance(contrast.form, Single | Weighted)
    if linear and shown.value and (row["estimate"] or 0) < 0 and not shown.is_zero and not told_with_sign:
        parts.append(f"difference {with_unit(shown.value, row['unit'])}")
    told = shown.interval
    if told:
        scale = f" {unit(row['unit'])}" if linear and row["unit"] in SILENT else ""
        parts.append(f"95 % interval{of} {with_unit(told, row['unit'])}{scale}")
    parts.append(f"n = {plural(row['n'], 'seed')}")
    if row["method"] == "sign":
        parts.append(f"median and sign test{_unfinished(row, ', since ')}")
    return ", ".join(parts)


def _unfinished(row: Row, lead: str) -> str:
    """What took the contrast from means to medians."""
    told = {"diverged": row["diverged"], "never reached the target": row["censored"]}
    parts = [f"{plural(number, 'run')} {what}" for what, number in told.items() if number]
    return f"{lead}{listed(parts)}" if parts else ""


def _against_margin(row: Row) -> str:
    """Where the interval lies beside the margin, by what is claimed."""
    size = with_unit(plain(row["margin"]), row["unit"])
    times = factor(row["margin"], row["unit"])
    margin, either = f"the margin of {size}{times}", f"the margin of ±{size}{times}"
    match row["direction"], row["verdict"]:
        case "greater" | "less", "supported":
            return f"beyond {margin}"
        case "greater" | "less", "contradicted":
            return f"beyond {margin} the other way"
        case "greater" | "less", "equivalent":
            return f"within {either}{_ninety(row)}, too small to count"
        case "equal", "supported":
            return f"within {either}{_ninety(row)}"
        case "equal", "contradicted":
            return f"beyond {either}"
        case "not-greater" | "not-less", "supported":
            return f"on the safe side of {margin}"
        case "not-greater" | "not-less", "contradicted":
            return f"beyond {margin} on the wrong side"
        case _:
            return f"which leaves {either if row['direction'] == 'equal' else margin} open"


def _ninety(row: Row) -> str:
    """Equivalence is judged by the 90 % interval: two one-sided tests at 5 %."""
    if row["low90"] is None or row["high90"] is None:
        return ""
    told = span(row["low90"], row["high90"], Quantity(row["estimate"], row["low"], row["high"]).places)
    return f" by the 90 % interval, {with_unit(told, row['unit'])}" if told else ""


def sentence(text: str | None) -> str:
    return f"{capital(text)}." if text else ""


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]
