"""Contrasts and metrics in words. A contrast is read from its weights, so a new study needs no new words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from cnnlab.analysis.tables.frames import Row, Tables, weights
from cnnlab.planning.metrics import METRICS, Metric
from cnnlab.wording.numbers import MINUS, plain
from cnnlab.wording.verdicts import DIRECTIONS

UNITS = {"log2 ratio": "log₂ ratio", "of 1": "on a scale of 0 to 1"}
SILENT = ("log2 ratio", "of 1")  # a bare number within a sentence
PLURALS = ("decades", "octaves", "nats")
FACTORS = {"log2 ratio": 2.0, "octaves": 2.0, "decades": 10.0}


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


def own_unit(of: Metric) -> str:
    """The unit of an arm's own value: a share is in percent, what is compared by its ratio has none here."""
    if of.scale == "log2":
        return ""
    return "%" if of.unit == "pp" and not of.signed else unit(of.unit)


def with_unit(value: str, of: str | None) -> str:
    """``1 pp``, ``1 octave``; a log2 ratio, or a value of 0 to 1, is a bare number where its unit stands nearby."""
    if not of or of in SILENT:
        return value
    return f"{value} {of.removesuffix('s') if value == '1' and of in PLURALS else of}"


def margin_of(row: Row) -> str:
    """The margin of a row of ``contrasts``: ``1 pp``, ``1 octave (a factor of 2)`` on a logarithmic scale."""
    margin, of = row["margin"], row["unit"]
    return with_unit(plain(margin), of) + (f" (a factor of {FACTORS[of] ** margin:.3g})" if of in FACTORS else "")


def claimed(direction: str | None, margin: float | None, of: str | None) -> str | None:
    """What is claimed of the effect: ``> 1 pp``."""
    if direction is None or margin is None:
        return None
    return DIRECTIONS[direction].claim.format(m=with_unit(plain(margin), of))


def contrasts_of(study: str, tables: Tables) -> list[Row]:
    """All contrasts of a study, those of what was measured on this machine last."""
    return [row for name in ("contrasts", "measured/contrasts") for row in tables.rows(name, study=study)]


def share(weight: float) -> str:
    """``1/2``, ``−9/10``; a weight that is no small fraction in three digits."""
    near = Fraction(abs(weight)).limit_denominator(12)
    text = str(near) if abs(near - abs(weight)) < 5e-4 else f"{abs(weight):.3g}"
    return f"{MINUS}{text}" if weight < 0 else text


NAMES = {
    "Xavier",
    "He",
    "Kaiming",
    "Inception",
    "Gabor",
    "Adam",
    "Nesterov",
}  # words that begin with a capital anywhere


def inline(label: str) -> str:
    """A label within a sentence: ``Batch normalization`` as ``batch normalization``; quoted where it has a comma.

    A word with a capital in its midst, as ReLU or LeNet, is a name.
    """
    if "," in label:
        return f"“{label}”"
    word = label.partition(" ")[0].partition("'")[0]
    common = word == "A" or (word[1:].islower() and word not in NAMES)
    return label[0].lower() + label[1:] if common else label


@dataclass(frozen=True)
class Single:
    """One arm, of a metric that is a difference by itself."""

    name: str

    def formula(self, scale: str) -> str:
        return self.name


@dataclass(frozen=True)
class Pair:
    """left − right."""

    left: str
    right: str

    def formula(self, scale: str) -> str:
        """``ReLU − Sigmoid``; on a log2 scale ``ReLU / Sigmoid``."""
        return f"{self.left} {SIGNS[scale]} {self.right}"


@dataclass(frozen=True)
class Interaction:
    """A difference of differences: (left − right) of `first`, minus that of `second`."""

    first: Pair
    second: Pair

    def formula(self, scale: str) -> str:
        return f"({self.first.formula(scale)}) {SIGNS[scale]} ({self.second.formula(scale)})"


@dataclass(frozen=True)
class Weighted:
    """Any other weights: means, slopes along a sweep, and what else a study may write."""

    names: tuple[str, ...]
    shares: tuple[float, ...]

    def formula(self, scale: str) -> str:
        """``1/2 ReLU + 1/2 Sigmoid − Tanh``; ``2 × 8 layers`` where the name begins with a number."""
        terms = []
        for name, weight in zip(self.names, self.shares, strict=True):
            size = "" if abs(weight) == 1 else f"{share(abs(weight))} {'× ' if name[:1].isdigit() else ''}"
            terms.append(f"{MINUS if weight < 0 else '+'} {size}{name}")
        return " ".join(terms).removeprefix("+ ") + (" (in log₂)" if scale == "log2" else "")


Form = Single | Pair | Interaction | Weighted
SIGNS = {"linear": MINUS, "log2": "/"}


def form_of(of_arms: Mapping[str, float], labels: Mapping[str, str]) -> Form:
    """The form of ``{arm: weight}``, in the order in which the study wrote them; `labels` names the arms."""
    names, shares = tuple(labels.get(arm, arm) for arm in of_arms), tuple(of_arms.values())
    plus, minus = ([name for name, share in zip(names, shares, strict=True) if share == sign] for sign in (1, -1))
    match len(plus), len(minus), len(names):
        case 1, 0, 1:
            return Single(names[0])
        case 1, 1, 2:
            return Pair(plus[0], minus[0])
        case 2, 2, 4:
            return Interaction(Pair(plus[0], minus[0]), Pair(minus[1], plus[1]))
    return Weighted(names, shares)


def formula(row: Row, labels: Mapping[str, str]) -> str:
    """The contrast of a row of ``contrasts``, as a person would write it."""
    return form_of(weights(row), labels).formula(metric(row["metric"]).scale)
