"""The contrasts of a study as rows of a forest plot, on as many axes as they need."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite, log2
from textwrap import wrap

from cnnlab.analysis.tables.frames import Row, Tables, weights
from cnnlab.wording.arm_values import runs_of, seed_values
from cnnlab.wording.contrasts import claimed, formula, metric, unit
from cnnlab.wording.numbers import Quantity

# Inches: a line of text, the strip of an interval beneath, and the space after it.
LINE, STRIP, SPACE = 0.18, 0.27, 0.14
APART = 6.0  # times the reach of a contrast that another on the same axis may have


@dataclass(frozen=True)
class Contrast:
    """A row of ``contrasts`` with its title, in lines, its formula, and the effect of each seed."""

    row: Row
    title: Sequence[str]
    formula: str
    seeds: Sequence[float]

    @property
    def lines(self) -> list[tuple[str, str, int]]:
        """The lines of text above the interval, each with the role of its colour and its size."""
        # A difference of differences is broken between the two.
        parts = self.formula.replace(") ", ")\n").split("\n") if len(self.formula) > 50 else [self.formula]
        known = len(self.title) > 1 and self.formula.lower() == (self.row["label"] or "").lower()  # the title has it
        formulas = [] if known else [line for part in parts for line in wrap(part, 54)]
        return [(line, "ink", 10) for line in self.title] + [(line, "soft", 9) for line in formulas]

    @property
    def height(self) -> float:
        return LINE * len(self.lines) + STRIP + SPACE

    @property
    def claimed(self) -> str | None:
        row = self.row
        return claimed(row["direction"], row["margin"], row["unit"]) if row["primary"] else None

    @property
    def ends(self) -> list[float]:
        """What is drawn of it: the interval, the margin and the seeds, as far as they are finite."""
        row = self.row
        ends = [row[key] for key in ("estimate", "low", "high")] + list(self.seeds)
        ends += [sign * row["margin"] for sign in (-1.25, 1.25) if row["primary"] and row["margin"]]
        return [end for end in ends if end is not None and isfinite(end)]

    @property
    def reach(self) -> float:
        """How far from 0 it is drawn."""
        return max(map(abs, self.ends), default=0.0)

    @property
    def value(self) -> str:
        """``5.10 (4.93 to 5.28)``; how far the runs are where no number may be shown yet."""
        row = self.row
        if has_number(row):
            return Quantity.of(row).text
        return f"{row['n']} of {row['n_planned']} seeds" if row["n"] != row["n_planned"] else "no estimate"


@dataclass(frozen=True)
class Panel:
    """Contrasts of one unit and of about one size, on an axis of their own."""

    unit: str
    contrasts: Sequence[Contrast]
    finer: bool  # than another axis of the same unit

    @property
    def axis(self) -> str:
        return unit(self.unit) + (" (a finer scale)" if self.finer else "")


def read(study: str, tables: Tables) -> list[Contrast]:
    """The contrasts of `study`, primary ones first."""
    arms = {arm["arm"]: arm for arm in tables.rows("arms", study=study)}
    labels = {name: arm["label"] for name, arm in arms.items()}
    rows = sorted(tables.rows("contrasts", study=study), key=lambda row: not row["primary"])
    return [Contrast(row, _title(row), formula(row, labels), per_seed(row, tables, study)) for row in rows]


def _title(row: Row) -> list[str]:
    """Metric and label, in lines."""
    return wrap(metric(row["metric"]).title.partition(", ")[0] + (f", {row['label']}" if row["label"] else ""), 45)


def has_number(row: Row) -> bool:
    return row["estimate"] is not None or row["low"] is not None


def per_seed(row: Row, tables: Tables, study: str) -> list[float]:
    """The effect of each seed whose runs all have a value, once the contrast itself has its numbers."""
    arms, shares = {arm["arm"]: arm for arm in tables.rows("arms", study=study)}, weights(row)
    if not has_number(row) or not shares.keys() <= arms.keys():
        return []
    columns = [seed_values(runs_of(arms[name], tables), row["metric"]) for name in shares]
    if metric(row["metric"]).scale == "log2":
        columns = [{seed: log2(value) for seed, value in column.items() if value} for column in columns]
    terms = list(zip(shares.values(), columns, strict=True))
    seeds = sorted(set.intersection(*map(set, columns)))
    return [sum(weight * column[seed] for weight, column in terms) for seed in seeds]


def panels(contrasts: Sequence[Contrast]) -> Iterator[Panel]:
    """A panel for each unit; two or more where the largest effects would leave nothing to see of the smallest."""
    for of in dict.fromkeys(contrast.row["unit"] for contrast in contrasts):
        members = [contrast for contrast in contrasts if contrast.row["unit"] == of]
        most = max(contrast.reach for contrast in members)
        sizes = _sizes([contrast.reach or most for contrast in members])  # one without a number stands anywhere
        for size in dict.fromkeys(sizes):
            group = [contrast for contrast, own in zip(members, sizes, strict=True) if own == size]
            yield Panel(of, group, size < max(sizes))


def _sizes(reaches: Sequence[float]) -> list[float]:
    """For each the largest of its group: from it down, what is no smaller than `APART` allows."""
    heads: list[float] = []
    for reach in sorted(reaches, reverse=True):
        if not heads or reach < heads[-1] / APART:
            heads.append(reach)
    return [min(head for head in heads if head >= reach) for reach in reaches]
