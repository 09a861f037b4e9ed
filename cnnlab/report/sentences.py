"""Answers in words, made from the numbers of one contrast: nothing in them is typed by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cnnlab.report.numbers import Quantity, finite, fixed, listed, plain, plural, ratio, span
from cnnlab.report.phrases import Contrast, metric, quoted, title, unit, with_unit
from cnnlab.report.rows import Row, weights


@dataclass(frozen=True)
class Sentence:
    """``<text>: <verdict>. <after>``; the page shows the verdict as a badge."""

    text: str
    verdict: str | None = None
    after: str = ""

    def __str__(self) -> str:
        head = f"{self.text}: {self.verdict}." if self.verdict else f"{self.text}."
        return f"{head} {self.after}".strip()


def answer(row: Row, labels: Mapping[str, str]) -> Sentence:
    """What a row of ``contrasts`` says; `labels` names the arms."""
    row = row | {key: finite(row[key]) for key in ("estimate", "low", "high", "low90", "high90")}
    if row["estimate"] is None and row["low"] is None and row["high"] is None:
        return _unknown(row, labels)
    finding, evidence = _finding(row, Contrast(weights(row), labels)), _evidence(row)
    head = f"{_capital(row['label'])}: {finding}" if row["label"] else _capital(finding)
    text = f"{head} ({evidence})"
    if not row["primary"] or row["verdict"] is None:
        return Sentence(text)
    return Sentence(f"{text}, {_against_margin(row)}", row["verdict"], _sentence(row["reason"]))


def conjunction(claim: Row, parts: Sequence[Row]) -> Sentence:
    """The verdict on a claim of which each of several parts must hold."""
    total, holding = len(parts), sum(part["verdict"] == "supported" for part in parts)
    match claim["verdict"]:
        case "running":
            return Sentence(f"Each of {total} parts must hold", "running", _sentence(claim["reason"]))
        case "supported":
            return Sentence(f"Each of {total} parts must hold, and each does", "supported")
        case "contradicted" | "equivalent" as verdict:
            failing = [f"part {index + 1}" for index, part in enumerate(parts) if part["verdict"] == verdict]
            return Sentence(f"Each of {total} parts must hold, and {listed(failing) or 'one'} does not", verdict)
        case verdict:
            after = _sentence(claim["reason"])
            return Sentence(f"Each of {total} parts must hold; {holding} of {total} do", verdict, after)


def _unknown(row: Row, labels: Mapping[str, str]) -> Sentence:
    formula = Contrast(weights(row), labels).formula(metric(row["metric"]).scale)
    head = f"{_capital(title(row['metric']))}, {formula}"
    if row["n"] is not None and row["n_planned"] is not None and row["n"] < row["n_planned"]:
        done = f"{row['n']} of {row['n_planned']} seeds are finished"
        after = "Its numbers are shown when all are, because their count was fixed before the first run."
        return Sentence(f"{head}: {done}", row["verdict"] if row["primary"] else None, after if row["primary"] else "")
    why = _sentence(row["reason"]) or "No interval can be given."
    return Sentence(f"{head}: no number{_unfinished(row, ', as ')}", row["verdict"] if row["primary"] else None, why)


def _finding(row: Row, contrast: Contrast) -> str:
    """The effect itself, without its interval."""
    shown, known = Quantity(row["estimate"], row["low"], row["high"]), metric(row["metric"])
    if known.scale == "log2":
        return _ratio_finding(row, contrast)
    name = f"the {title(row['metric'])}"
    bound = "" if row["estimate"] is not None else ("at least " if row["low"] is not None else "at most ")
    value = row["estimate"] if row["estimate"] is not None else _first(row["low"], row["high"])
    size = with_unit(fixed(abs(value), shown.places), row["unit"])
    if contrast.pair:
        left, right = map(quoted, contrast.pair)
        if shown.is_zero:
            return f"{name} differs by {size} between {left} and {right}"
        return f"{name} is {bound}{size} {'higher' if value > 0 else 'lower'} with {left} than with {right}"
    if contrast.interaction:
        (a, b), (c, d) = (tuple(map(quoted, pair)) for pair in contrast.interaction)
        verb = "exceeds" if value > 0 else "falls short of"
        return f"{name} of {a} minus that of {b} {verb} the same difference between {c} and {d} by {bound}{size}"
    sign = "" if value >= 0 else "\N{MINUS SIGN}"
    return f"{name}, {contrast.formula('linear')}, is {bound}{sign}{size}"


def _ratio_finding(row: Row, contrast: Contrast) -> str:
    """A log2 ratio as the factor it stands for, the larger side first."""
    value = row["estimate"] if row["estimate"] is not None else _first(row["low"], row["high"])
    bound = "" if row["estimate"] is not None else ("at least " if row["low"] is not None else "at most ")
    factor = f"{bound}{ratio(abs(value) if not bound else value)} times"
    if contrast.pair:
        names = contrast.pair if value >= 0 or bound else contrast.pair[::-1]
        left, right = map(quoted, names)
        if metric(row["metric"]).censored:
            return f"{left} needs {factor} as many {title(row['metric'])} as {right}"
        return f"the {title(row['metric'])} is {factor} as large with {left} as with {right}"
    return f"the {title(row['metric'])}, {contrast.formula('log2')}, is {bound}{ratio(value)}"


def _first(*values: float | None) -> float:
    return next(value for value in values if value is not None)


def _evidence(row: Row) -> str:
    """``log₂ ratio 5.10, 95 % interval 4.93 to 5.28, n = 8 seeds``."""
    shown = Quantity(row["estimate"], row["low"], row["high"])
    linear = metric(row["metric"]).scale == "linear"
    of = "" if linear or shown.value else f" of the {unit(row['unit'])}"
    parts = [] if linear or shown.value is None else [f"{unit(row['unit'])} {shown.value}"]
    if linear and shown.value and (row["estimate"] or 0) < 0 and not shown.is_zero:
        parts.append(f"difference {with_unit(shown.value, row['unit'])}")
    told = shown.interval
    if told:
        parts.append(f"95 % interval{of} {with_unit(told, row['unit'])}")
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
    factor = f" (a factor of {2.0 ** row['margin']:.3g})" if metric(row["metric"]).scale == "log2" else ""
    margin, either = f"the margin of {size}{factor}", f"the margin of ±{size}{factor}"
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


def _sentence(text: str | None) -> str:
    return f"{_capital(text)}." if text else ""


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
