"""Answers in words, made from the numbers of one contrast: nothing in them is typed by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cnnlab.analysis.tables.frames import Row, Tables, group, weights
from cnnlab.planning.metrics import Metric
from cnnlab.planning.verdicts import REFUTED, Verdict
from cnnlab.wording.contrasts import (
    SILENT,
    Form,
    Interaction,
    Pair,
    Single,
    Weighted,
    form_of,
    formula,
    inline,
    margin_of,
    metric,
    noun,
    title,
    unit,
    with_unit,
)
from cnnlab.wording.numbers import MINUS, Quantity, capital, finite, fixed, is_zero, listed, plural, ratio, span
from cnnlab.wording.verdicts import DIRECTIONS, VERDICTS


@dataclass(frozen=True)
class Sentence:
    """``<text>: <verdict>. <after>``; the page shows the verdict as a badge."""

    text: str
    verdict: str | None = None
    after: str = ""

    def __str__(self) -> str:
        head = f"{self.text}: {self.verdict}." if self.verdict else f"{self.text}."
        return f"{head} {self.after}".strip()


@dataclass(frozen=True)
class Effect:
    """The effect in a row of ``contrasts``: its estimate, or the one bound that is known of it."""

    row: Row
    labels: Mapping[str, str]

    @property
    def metric(self) -> Metric:
        return metric(self.row["metric"])

    @property
    def form(self) -> Form:
        """With names that can stand within a sentence."""
        arms = weights(self.row)
        return form_of(arms, {arm: inline(self.labels.get(arm, arm)) for arm in arms})

    @property
    def open(self) -> bool:
        """Whether it is a difference, of two arms or of two differences, of which the interval says no direction."""
        low, high = self.row["low"], self.row["high"]
        return isinstance(self.form, Pair | Interaction) and low is not None and high is not None and low < 0 < high

    @property
    def linear(self) -> bool:
        return self.metric.scale == "linear"

    @property
    def turned(self) -> bool:
        """Whether the sentence names the second arm of a ratio first, as the larger one."""
        return isinstance(self.form, Pair) and not (self.linear or self.open or self.bound) and self.value < 0

    @property
    def quantity(self) -> Quantity:
        """As the sentence tells it."""
        number = Quantity.of(self.row)
        return number.turned if self.turned else number

    @property
    def value(self) -> float:
        return float(next(self.row[key] for key in ("estimate", "low", "high") if self.row[key] is not None))

    @property
    def bound(self) -> str:
        if self.row["estimate"] is not None:
            return ""
        return "at least " if self.row["low"] is not None else "at most "

    @property
    def signed(self) -> str:
        return f"{self.bound}{with_unit(fixed(self.value, self.quantity.places), self.row['unit'])}"

    @property
    def unsigned(self) -> str:
        """``2.4 pp``; an effect of at least −0.4 is one of ``at most 0.4 pp`` downwards."""
        bound = self.bound
        if bound and self.value < 0:
            bound = "at most " if bound == "at least " else "at least "
        return f"{bound}{with_unit(fixed(abs(self.value), self.quantity.places), self.row['unit'])}"


def answer(row: Row, labels: Mapping[str, str], by_arm: str = "") -> Sentence:
    """What a row of ``contrasts`` says; `labels` names the arms, `by_arm` is a sentence of their own values."""
    effect = Effect(row | {key: finite(row[key]) for key in ("estimate", "low", "high", "low90", "high90")}, labels)
    if not effect.quantity.known:
        return _without_number(effect)
    finding = _difference(effect) if effect.linear else _ratio(effect)
    text = f"{capital(_label(row) + finding)} ({_evidence(effect)})"
    if not row["primary"] or row["verdict"] is None:
        return Sentence(text, after=by_arm)
    return Sentence(f"{text}, {_beside_margin(effect)}", row["verdict"], f"{by_arm} {sentence(row['reason'])}".strip())


def evidence(claim: Row, tables: Tables, labels: Mapping[str, str]) -> str:
    """A sentence about the part that decided a row of ``claims``, without its margin; else its number or reason."""
    same = {"claim": claim["id"], "part": claim["part"], "study": claim["study"], "primary": True}
    parts = tables.rows("contrasts", **same)
    weakest = next((part for part in parts if part["metric"] == claim["metric"] and part["p"] == claim["p"]), None)
    if weakest is not None:
        return f"{answer(weakest | {'primary': False}, labels).text}."
    number = Quantity.of(claim, "effect")  # of an older verdict, whose contrasts are not there
    return sentence(f"{number.text} {unit(claim['unit'])}" if number.known else (claim["reason"] or "").rstrip("."))


def against(parts: Sequence[Row], labels: Mapping[str, str]) -> str:
    """What would count against a claim whose study does not say it in words; `parts` are rows of ``contrasts``."""
    return sentence("; or ".join(_opposite(Effect(part, labels)) for part in parts))


def _label(row: Row) -> str:
    """The label of a contrast before its sentence; not where the title of the metric says the same."""
    return f"{row['label']}: " if row["label"] and row["label"] not in title(row["metric"]) else ""


def _opposite(effect: Effect) -> str:
    row = effect.row
    kind = "" if isinstance(effect.form, Single) else "a difference in " if effect.linear else "a ratio of "
    bound = DIRECTIONS[row["direction"]].opposite.format(m=margin_of(row))
    contrast = formula(row, effect.labels)
    return f"{_label(row)}{kind}{title(row['metric'])}, {contrast}, of {'' if effect.linear else 'log₂ '}{bound}"


def _without_number(effect: Effect) -> Sentence:
    row = effect.row
    head = f"{capital(title(row['metric']))}, {formula(row, effect.labels)}"
    verdict = row["verdict"] if row["primary"] else None
    if row["n"] is not None and row["n_planned"] is not None and row["n"] < row["n_planned"]:
        after = "Its numbers are shown when all are, because their count was fixed before the first run."
        text = f"{head}: {row['n']} of {row['n_planned']} seeds are finished"
        return Sentence(text, verdict, after if row["primary"] else "")
    text = f"{head}: no number{_unfinished(row, ', as ')}"
    return Sentence(text, verdict, sentence(row["reason"]) or "No interval can be given.")


def _evidence(effect: Effect) -> str:
    """``log₂ ratio 5.10, 95 % interval 4.93 to 5.28, n = 8 seeds``."""
    row, number = effect.row, effect.quantity
    of, parts = "", []
    if not effect.linear:
        of = "" if number.value else f" of the {unit(row['unit'])}"
        parts += [f"{unit(row['unit'])} {number.value}"] if number.value else []
    elif isinstance(effect.form, Pair | Interaction) and number.value and (effect.open or number.value[0] == MINUS):
        parts.append(f"difference {with_unit(number.value, row['unit'])}")
    if number.interval:
        scale = f" {unit(row['unit'])}" if effect.linear and row["unit"] in SILENT else ""
        parts.append(f"95 % interval{of} {with_unit(number.interval, row['unit'])}{scale}")
    parts.append(f"n = {plural(row['n'], 'seed')}")
    if row["method"] == "sign":
        parts.append(f"median and sign test{_unfinished(row, ', since ')}")
    return ", ".join(parts)


def _unfinished(row: Row, lead: str) -> str:
    """What took the contrast from means to medians."""
    counts = {
        "diverged": row["diverged"],
        "failed to train": row["failed"],
        "never reached the target": row["censored"],
    }
    parts = [f"{plural(number, 'run')} {what}" for what, number in counts.items() if number]
    return f"{lead}{listed(parts)}" if parts else ""


def _beside_margin(effect: Effect) -> str:
    """Where the interval lies beside the margin, by what is claimed."""
    row, places = effect.row, DIRECTIONS[effect.row["direction"]].places
    place, size = places.get(row["verdict"], places[Verdict.INCONCLUSIVE]), margin_of(row)
    return place.text.format(margin=f"the margin of {size}", either=f"the margin of ±{size}", narrow=_narrow(effect))


def _narrow(effect: Effect) -> str:
    """Equivalence is judged by the 90 % interval: two one-sided tests at 5 %."""
    low, high = effect.row["low90"], effect.row["high90"]
    if low is None or high is None:
        return ""
    low, high = (-high, -low) if effect.turned else (low, high)
    return f" by the 90 % interval, {with_unit(span(low, high, effect.quantity.places) or '', effect.row['unit'])}"


def sentence(text: str | None) -> str:
    return f"{capital(text)}." if text else ""


def _difference(effect: Effect) -> str:
    """``the test error is 2.4 pp higher with ReLU than with Sigmoid``."""
    name, up = title(effect.row["metric"]), effect.value > 0
    match effect.form:
        case Single(arm):
            return f"the {name} is {effect.signed} with {arm}"
        case Weighted() as form:
            return f"the weighted difference in {name}, {form.formula('linear')}, is {effect.signed}"
        case Interaction(Pair(a, b), Pair(c, d)) if effect.open:
            return f"the difference in {name} between {a} and {b} does not clearly differ from that between {c} and {d}"
        case Interaction(Pair(a, b), Pair(c, d)):
            verb, same = "exceeds" if up else "falls short of", f"the same difference between {c} and {d}"
            return f"the {name} of {a} minus that of {b} {verb} {same} by {effect.unsigned}"
        case Pair(left, right) if effect.open:
            return f"the {name} does not clearly differ between {left} and {right}"
        case Pair(left, right) if is_zero(fixed(effect.value, effect.quantity.places)):
            return f"the {name} differs by {effect.unsigned} between {left} and {right}"
        case Pair(left, right):
            return f"the {name} is {effect.unsigned} {'higher' if up else 'lower'} with {left} than with {right}"


def _ratio(effect: Effect) -> str:
    """A log2 ratio as the factor that it stands for; of a pair, the larger arm first, or the one that is bounded."""
    of = effect.metric.column or effect.row["metric"]  # that it is a ratio, the sentence says
    name, times = noun(of), f"{effect.bound}{ratio(effect.value)}"
    match effect.form:
        case Single(arm):
            return f"the {name} is {times} with {arm}"
        case Weighted() as form:
            return f"the weighted ratio of the {name}, {form.formula('log2')}, is {times}"
        case Interaction(Pair(a, b), Pair(c, d)) if effect.open:
            return f"the ratio of the {name} of {a} to that of {b} does not clearly differ from that of {c} to {d}"
        case Interaction(Pair(a, b), Pair(c, d)):
            return f"the ratio of the {name} of {a} to that of {b} is {times} times the same ratio of {c} to {d}"
        case Pair(left, right) if effect.open:
            verb = "do" if effect.metric.censored else "does"
            what = title(effect.row["metric"]) if effect.metric.censored else name
            return f"the {what} {verb} not clearly differ between {left} and {right}"
        case Pair(larger, smaller):
            if effect.turned:
                larger, smaller, times = smaller, larger, ratio(-effect.value)
            if effect.metric.censored:
                return f"{larger} needs {times} times as many {title(effect.row['metric'])} as {smaller}"
            return f"the {name} is {times} times as large with {larger} as with {smaller}"


def conjunction(claim: Row, parts: Sequence[Row]) -> Sentence:
    """From the row of ``claims`` and the rows of its primary contrasts, in their order."""
    must, verdict = f"Each of {len(parts)} parts must hold", claim["verdict"]
    if verdict == Verdict.RUNNING:
        return Sentence(must, verdict, sentence(claim["reason"]))
    if verdict == Verdict.SUPPORTED:
        return Sentence(f"{must}, and each does", verdict)
    if verdict in REFUTED:
        failing = [place for place, part in enumerate(parts, 1) if part["verdict"] == verdict]
        one = f"{_parts(failing)} {'does' if len(failing) == 1 else 'do'}" if failing else "one does"
        return Sentence(f"{must}, and {one} not", verdict)
    return Sentence(f"{must}; {_standing(parts)}", verdict, sentence(claim["reason"]))


def _standing(parts: Sequence[Row]) -> str:
    """``5 of 8 do, parts 3 and 6 are open, and part 7 is contradicted by itself``."""
    places = group([part | {"place": place} for place, part in enumerate(parts, 1)], lambda part: part["verdict"])
    holding = len(places.pop(Verdict.SUPPORTED, []))
    groups = [f"{holding or 'none'} of {len(parts)} {'does' if holding == 1 else 'do'}"]
    for verdict, members in places.items():
        verb = "is" if len(members) == 1 else "are"
        groups.append(f"{_parts([part['place'] for part in members])} {verb} {VERDICTS[verdict].alone or verdict}")
    return ", and ".join(filter(None, (", ".join(groups[:-1]), groups[-1])))


def _parts(places: Sequence[int]) -> str:
    return f"part{'s' if len(places) > 1 else ''} {listed([str(place) for place in places])}"
