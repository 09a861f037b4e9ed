"""Contrasts and metrics in words. A contrast is read from its weights, so a new study needs no new words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import isclose

from cnnlab.planning.metrics import METRICS, Metric
from cnnlab.wording.numbers import MINUS, plain

UNITS = {"log2 ratio": "log₂ ratio", "of 1": "on a scale of 0 to 1"}
SILENT = ("log2 ratio", "of 1")  # a bare number within a sentence
PLURALS = ("decades", "octaves", "nats")
FACTORS = {"log2 ratio": 2.0, "octaves": 2.0, "decades": 10.0}
BOUNDS = {
    "greater": "> {margin}",
    "less": f"< {MINUS}{{margin}}",
    "equal": "within ±{margin}",
    "not-greater": "< {margin}",
    "not-less": f"> {MINUS}{{margin}}",
}
# What would count against each of them.
OPPOSITES = {
    "greater": "{margin} or less",
    "less": f"{MINUS}{{margin}} or more",
    "equal": "{margin} or more, either way",
    "not-greater": "{margin} or more",
    "not-less": f"{MINUS}{{margin}} or less",
}


def metric(name: str) -> Metric:
    """The metric, or one made up from its name for a table that was written by a newer version."""
    return METRICS.get(name) or Metric(name=name, title=name.replace("_", " "), unit="")


def title(name: str) -> str:
    """``training log-loss, evaluation mode`` → ``training log-loss (evaluation mode)``, fit for a sentence."""
    head, comma, rest = metric(name).title.partition(", ")
    return f"{head} ({rest})" if comma else head


def noun(name: str) -> str:
    """The metric as the subject of a sentence, always singular."""
    return f"number of {title(name)}" if metric(name).censored else title(name)


def unit(name: str | None) -> str:
    return UNITS.get(name or "", name or "")


def with_unit(value: str, of: str | None) -> str:
    """``1 pp``, ``1 octave``; a log2 ratio, or a value of 0 to 1, is a bare number where its unit stands nearby."""
    if not of or of in SILENT:
        return value
    return f"{value} {of.removesuffix('s') if value == '1' and of in PLURALS else of}"


def factor(margin: float, of: str | None) -> str:
    """`` (a factor of 1.25)`` after a margin on a logarithmic scale."""
    return f" (a factor of {FACTORS[of] ** margin:.3g})" if of in FACTORS else ""


def claimed(direction: str | None, margin: float | None, of: str | None) -> str | None:
    """What is claimed of the effect: ``> 1 pp``."""
    if direction is None or margin is None:
        return None
    return BOUNDS[direction].format(margin=with_unit(plain(margin), of))


@dataclass(frozen=True)
class Contrast:
    """Σ weight · arm, as a person would say it."""

    weights: Mapping[str, float]
    labels: Mapping[str, str]

    @property
    def form(self) -> Form:
        return form_of(self.weights, self.labels)

    def formula(self, scale: str) -> str:
        """``ReLU − Sigmoid``; on a log2 scale ``ReLU / Sigmoid``."""
        sign = "/" if scale == "log2" else MINUS
        match self.form:
            case Single(name):
                return name
            case Pair(left, right):
                return f"{left} {sign} {right}"
            case Interaction(first, second):
                return f" {sign} ".join(f"({pair.left} {sign} {pair.right})" for pair in (first, second))
        terms = " ".join(_term(weight, self.labels.get(arm, arm)) for arm, weight in self.weights.items())
        return terms.removeprefix("+ ") + (" (in log₂)" if scale == "log2" else "")


def _term(weight: float, label: str) -> str:
    return f"{MINUS if weight < 0 else '+'} {'' if abs(weight) == 1 else f'{share(abs(weight))} '}{label}"


def share(weight: float) -> str:
    """``1/2``, ``−9/10``; a weight that is no small fraction in three digits."""
    near = Fraction(abs(weight)).limit_denominator(12)
    text = str(near) if abs(near - abs(weight)) < 5e-4 else f"{abs(weight):.3g}"
    return f"{MINUS}{text}" if weight < 0 else text


def quoted(label: str) -> str:
    """A label with a comma needs quotation marks within a sentence."""
    return f"“{label}”" if "," in label else label


Names = tuple[str, ...]


@dataclass(frozen=True)
class Single:
    """One arm, of a metric that is a difference by itself."""

    name: str


@dataclass(frozen=True)
class Pair:
    """left − right."""

    left: str
    right: str


@dataclass(frozen=True)
class Means:
    """The mean over some arms minus the mean over others."""

    left: Names
    right: Names


@dataclass(frozen=True)
class Interaction:
    """A difference of differences: (left − right) of `first`, minus that of `second`."""

    first: Pair
    second: Pair


@dataclass(frozen=True)
class Sweep:
    """Three arms or more, from the lowest weight to the highest; `line`: the rise of the least-squares line."""

    names: Names
    shares: tuple[float, ...]

    @property
    def line(self) -> bool:
        return _is_line(self.shares)


@dataclass(frozen=True)
class Sweeps:
    """One sweep minus another with the same weights."""

    first: Sweep
    second: Sweep


@dataclass(frozen=True)
class Weighted:
    """Any other weights."""

    names: Names
    shares: tuple[float, ...]


Form = Single | Pair | Means | Interaction | Sweep | Sweeps | Weighted


def form_of(weights: Mapping[str, float], labels: Mapping[str, str]) -> Form:
    """The form of ``{arm: weight}``, in the order in which the study wrote them; `labels` names the arms."""
    names, shares = tuple(labels.get(arm, arm) for arm in weights), tuple(weights.values())
    plus, minus = _side(names, shares, 1), _side(names, shares, -1)
    if shares == (1,):
        return Single(names[0])
    if all(abs(share) == 1 for share in shares):
        if (len(plus), len(minus)) == (1, 1):
            return Pair(plus[0], minus[0])
        if (len(plus), len(minus)) == (2, 2):
            return Interaction(Pair(plus[0], minus[0]), Pair(minus[1], plus[1]))
    if plus and minus and all(_is_mean(shares, sign) for sign in (1, -1)):
        return Means(plus, minus)
    return _sweep(names, shares) or _sweeps(names, shares) or Weighted(names, shares)


def _side(names: Names, shares: Sequence[float], sign: int) -> Names:
    return tuple(name for name, share in zip(names, shares, strict=True) if share * sign > 0)


def _is_mean(shares: Sequence[float], sign: int) -> bool:
    side = [share * sign for share in shares if share * sign > 0]
    return all(isclose(share, 1 / len(side), rel_tol=1e-6) for share in side)


def _sweep(names: Names, shares: tuple[float, ...]) -> Sweep | None:
    """Weights that rise from arm to arm, or fall: then the sweep is told from its other end."""
    if len(names) < 3 or not min(shares) < 0 < max(shares):
        return None
    if _rises(shares):
        return Sweep(names, shares)
    return Sweep(names[::-1], shares[::-1]) if _rises(shares[::-1]) else None


def _rises(shares: Sequence[float]) -> bool:
    return all(before < after for before, after in pairwise(shares))


def _sweeps(names: Names, shares: tuple[float, ...]) -> Sweeps | None:
    """Two sweeps of opposite weights, one after the other or arm by arm."""
    half, rest = divmod(len(names), 2)
    if rest:
        return None
    for one, other in ((slice(half), slice(half, None)), (slice(0, None, 2), slice(1, None, 2))):
        if shares[one] == tuple(-share for share in shares[other]):
            first, second = (_sweep(names[part], shares[one]) for part in (one, other))
            if first and second:
                return Sweeps(first, second)
    return None


def _is_line(shares: Sequence[float]) -> bool:
    """Whether Σ share · value is the rise of the least-squares line over arms at equal distances.

    The middle one of an odd number has no weight there, and so is no arm of the contrast.
    """
    count = len(shares)
    for steps in (count, count + 1) if count % 2 == 0 else (count,):
        places = [place / (steps - 1) - 0.5 for place in range(steps)]
        square = sum(place * place for place in places)
        line = [place / square for place in places if abs(place) > 1e-9 or steps == count]
        if all(isclose(share, wanted, abs_tol=2e-3) for share, wanted in zip(shares, line, strict=True)):
            return True
    return False
