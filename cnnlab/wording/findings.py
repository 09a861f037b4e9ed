"""The effect of a contrast in words, without its interval: each form of comparison has a clause of its own."""

from __future__ import annotations

from dataclasses import dataclass

from cnnlab.analysis.tables.frames import Row
from cnnlab.wording.contrasts import Contrast, metric, noun, quoted, share, title, with_unit
from cnnlab.wording.forms import Form, Interaction, Means, Names, Pair, Single, Sweep, Sweeps, Weighted
from cnnlab.wording.numbers import Quantity, fixed, listed, ratio


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
