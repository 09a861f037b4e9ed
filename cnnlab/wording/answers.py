"""Answers in words, made from the numbers of one contrast: nothing in them is typed by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cnnlab.analysis.tables.frames import Row, group, weights
from cnnlab.wording.contrasts import (
    OPPOSITES,
    SILENT,
    Contrast,
    Form,
    Interaction,
    Means,
    Names,
    Pair,
    Single,
    Sweep,
    Sweeps,
    Weighted,
    factor,
    metric,
    noun,
    quoted,
    share,
    title,
    unit,
    with_unit,
)
from cnnlab.wording.numbers import Quantity, finite, fixed, listed, plain, plural, ratio, span


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


@dataclass(frozen=True)
class Size:
    """What is known of an effect: its value, or the one bound that it has (``at least``, ``at most``)."""

    value: float
    bound: str
    places: int
    unit: str | None

    @property
    def unsigned(self) -> str:
        return f"{self.bound}{with_unit(fixed(abs(self.value), self.places), self.unit)}"

    @property
    def zero(self) -> bool:
        return not any(digit in fixed(self.value, self.places) for digit in "123456789")


def finding(row: Row, contrast: Contrast) -> str:
    """The effect of a row of ``contrasts`` that has an estimate or a bound."""
    form = contrast.form
    if metric(row["metric"]).scale == "log2":
        return _ratio(form, row, contrast)
    about = f"the {title(row['metric'])}"
    match form:
        case Single() | Weighted():
            signed = f"{_bound(row)}{with_unit(fixed(_value(row), _places(row)), row['unit'])}"
            if isinstance(form, Single):
                return f"{about} is {signed} with {quoted(form.name)}"
            return f"the weighted difference in {title(row['metric'])}, {contrast.formula('linear')}, is {signed}"
        case Pair() | Means() | Interaction():
            return _difference(form, about, _size(row))
        case Sweep() | Sweeps():
            return _trend(form, about, _size(row))


def _difference(form: Pair | Means | Interaction, about: str, size: Size) -> str:
    if isinstance(form, Interaction):
        (a, b), (c, d) = (map(quoted, (pair.left, pair.right)) for pair in (form.first, form.second))
        verb = "exceeds" if size.value > 0 else "falls short of"
        same = f"the same difference between {c} and {d}"
        return f"{about} of {a} minus that of {b} {verb} {same} by {size.unsigned}"
    if isinstance(form, Pair) and size.zero:
        return f"{about} differs by {size.unsigned} between {quoted(form.left)} and {quoted(form.right)}"
    left, right = _sides(form)
    return f"{about} is {size.unsigned} {'higher' if size.value > 0 else 'lower'} {left} than {right}"


def _sides(form: Pair | Means) -> tuple[str, str]:
    """``with A``, or ``on average over A and B``."""
    sides = ((form.left,), (form.right,)) if isinstance(form, Pair) else (form.left, form.right)
    left, right = (f"{'with' if len(names) == 1 else 'on average over'} {_listed(names)}" for names in sides)
    return left, right


def _trend(form: Sweep | Sweeps, about: str, size: Size) -> str:
    if isinstance(form, Sweeps):
        than = f"{'less' if size.value < 0 else 'more'} {_span(form.first)} than {_span(form.second)}"
        return f"{_through(form.first, 'each')}, {about} rises by {size.unsigned} {than}"
    verb = "changes" if size.zero else "rises" if size.value > 0 else "falls"
    return f"{_through(form)}, {about} {verb} by {size.unsigned} {_span(form)}"


def _through(sweep: Sweep, each: str = "") -> str:
    """How the arms of a sweep are weighted."""
    arms = f"{len(sweep.names)} arms {each}".strip()
    if sweep.line:
        return f"along the least-squares line{'s' if each else ''} through {arms}"
    return f"over {arms}, weighted {listed([share(weight) for weight in sweep.shares])}"


def _span(sweep: Sweep) -> str:
    return f"from {quoted(sweep.names[0])} to {quoted(sweep.names[-1])}"


def _ratio(form: Form, row: Row, contrast: Contrast) -> str:
    """A log2 ratio as the factor that it stands for."""
    value, bound = _value(row), _bound(row)
    about, factor = f"the {noun(row['metric'])}", f"{bound}{ratio(value)}"
    match form:
        case Pair() | Means():
            return _larger(form, row["metric"], value, bound)
        case Interaction(first, second):
            (a, b), (c, d) = (map(quoted, (pair.left, pair.right)) for pair in (first, second))
            return f"the ratio of {about} of {a} to that of {b} is {factor} times the same ratio of {c} to {d}"
        case Sweep():
            if bound:
                return f"{_through(form)}, {about} changes by a factor of {factor} {_span(form)}"
            verb = "grows" if value > 0 else "shrinks"
            return f"{_through(form)}, {about} {verb} by a factor of {ratio(abs(value))} {_span(form)}"
        case Sweeps(first, second):
            growth = f"the growth of {about} {_span(first)}"
            return f"{_through(first, 'each')}, {growth} is {factor} times that {_span(second)}"
        case Single(name):
            return f"{about} is {factor} with {quoted(name)}"
        case Weighted():
            return f"the weighted ratio of {about}, {contrast.formula('log2')}, is {factor}"


def _larger(form: Pair | Means, name: str, value: float, bound: str) -> str:
    """The larger side first; the side that is bounded where only a bound is known."""
    factor = f"{bound}{ratio(value if bound else abs(value))} times"
    left, right = _sides(form) if value >= 0 or bound else _sides(form)[::-1]
    if metric(name).censored and isinstance(form, Pair):
        return f"{left.removeprefix('with ')} needs {factor} as many {title(name)} as {right.removeprefix('with ')}"
    return f"the {noun(name)} is {factor} as large {left} as {right}"


def _size(row: Row) -> Size:
    """Unsigned: an effect of at least −0.4 is one of at most 0.4 downwards."""
    value, bound = _value(row), _bound(row)
    if bound and value < 0:
        bound = {"at least ": "at most ", "at most ": "at least "}[bound]
    return Size(value, bound, _places(row), row["unit"])


def _bound(row: Row) -> str:
    if row["estimate"] is not None:
        return ""
    return "at least " if row["low"] is not None else "at most "


def _value(row: Row) -> float:
    return float(next(row[key] for key in ("estimate", "low", "high") if row[key] is not None))


def _places(row: Row) -> int:
    return Quantity(row["estimate"], row["low"], row["high"]).places


def _listed(names: Names) -> str:
    return listed([quoted(name) for name in names])


# A part's own verdict, beside that on the whole.
ALONE = {
    "inconclusive": "open",
    "contradicted": "contradicted by itself",
    "equivalent": "too small to count by itself",
}


def conjunction(claim: Row, parts: Sequence[Row]) -> Sentence:
    """From the row of ``claims`` and the rows of its primary contrasts, in their order."""
    must = f"Each of {len(parts)} parts must hold"
    match claim["verdict"]:
        case "running":
            return Sentence(must, "running", sentence(claim["reason"]))
        case "supported":
            return Sentence(f"{must}, and each does", "supported")
        case "contradicted" | "equivalent" as verdict:
            failing = [place for place, part in enumerate(parts, 1) if part["verdict"] == verdict]
            told = f"{_parts(failing)} {'does' if len(failing) == 1 else 'do'}" if failing else "one does"
            return Sentence(f"{must}, and {told} not", verdict)
        case verdict:
            return Sentence(f"{must}; {_standing(parts)}", verdict, sentence(claim["reason"]))


def _standing(parts: Sequence[Row]) -> str:
    """``5 of 8 do, parts 3 and 6 are open, and part 7 is contradicted by itself``."""
    found = group([part | {"place": place} for place, part in enumerate(parts, 1)], lambda part: part["verdict"])
    holding = len(found.pop("supported", []))
    groups = [f"{holding or 'none'} of {len(parts)} {'does' if holding == 1 else 'do'}"]
    for word, members in found.items():
        places = [row["place"] for row in members]
        groups.append(f"{_parts(places)} {'is' if len(places) == 1 else 'are'} {ALONE.get(word, word)}")
    return ", ".join(groups[:-1]) + (", and " if len(groups) > 1 else "") + groups[-1]


def _parts(places: Sequence[int]) -> str:
    return f"part{'s' if len(places) > 1 else ''} {listed([str(place) for place in places])}"
