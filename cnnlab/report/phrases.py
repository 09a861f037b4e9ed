"""Contrasts and metrics in words. A contrast is read from its weights, so a new study needs no new words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from cnnlab.metrics import METRICS, Metric
from cnnlab.report.numbers import MINUS, plain

UNITS = {"log2 ratio": "log₂ ratio"}
BOUNDS = {
    "greater": "> {margin}",
    "less": f"< {MINUS}{{margin}}",
    "equal": "within ±{margin}",
    "not-greater": "< {margin}",
    "not-less": f"> {MINUS}{{margin}}",
}


def metric(name: str) -> Metric:
    """The metric, or one made up from its name for a table that was written by a newer version."""
    return METRICS.get(name) or Metric(name, name.replace("_", " "), "")


def title(name: str) -> str:
    """``training log-loss, evaluation mode`` → ``training log-loss (evaluation mode)``, fit for a sentence."""
    head, comma, rest = metric(name).title.partition(", ")
    return f"{head} ({rest})" if comma else head


def unit(name: str | None) -> str:
    return UNITS.get(name or "", name or "")


def with_unit(value: str, of: str | None) -> str:
    """``1 pp``; a log2 ratio is a bare number where its unit stands nearby."""
    return value if of == "log2 ratio" or not of else f"{value} {of}"


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

    def _names(self, sign: int) -> list[str]:
        return [self.labels.get(arm, arm) for arm, weight in self.weights.items() if weight * sign > 0]

    @property
    def _ones(self) -> bool:
        return all(abs(weight) == 1 for weight in self.weights.values())

    @property
    def pair(self) -> tuple[str, str] | None:
        """(A, B) of A − B."""
        return (self._names(1)[0], self._names(-1)[0]) if self._ones and len(self.weights) == 2 else None

    @property
    def interaction(self) -> tuple[tuple[str, str], tuple[str, str]] | None:
        """((A, B), (C, D)) of (A − B) − (C − D)."""
        plus, minus = self._names(1), self._names(-1)
        if not self._ones or (len(plus), len(minus)) != (2, 2):
            return None
        return (plus[0], minus[0]), (minus[1], plus[1])

    def formula(self, scale: str) -> str:
        """``ReLU − Sigmoid``; on a log2 scale ``ReLU / Sigmoid``."""
        sign = "/" if scale == "log2" else MINUS
        if self.pair:
            return f" {sign} ".join(self.pair)
        if self.interaction:
            return f" {sign} ".join(f"({left} {sign} {right})" for left, right in self.interaction)
        terms = [_term(weight, self.labels.get(arm, arm)) for arm, weight in self.weights.items()]
        return " ".join(terms).removeprefix("+ ")


def _term(weight: float, label: str) -> str:
    share = Fraction(abs(weight)).limit_denominator(12)
    factor = "" if share == 1 else f"{share} "
    return f"{MINUS if weight < 0 else '+'} {factor}{label}"


def quoted(label: str) -> str:
    """A label with a comma needs quotation marks within a sentence."""
    return f"“{label}”" if "," in label else label
