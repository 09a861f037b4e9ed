"""Contrasts and metrics in words. A contrast is read from its weights, so a new study needs no new words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from cnnlab.planning.metrics import METRICS, Metric
from cnnlab.wording.forms import Form, Interaction, Pair, Single, form_of
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
    return METRICS.get(name) or Metric(name, name.replace("_", " "), "")


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
