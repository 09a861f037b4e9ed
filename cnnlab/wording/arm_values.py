"""The arms' own values behind a contrast: which of three or more makes the difference, and what they mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite, log2

from cnnlab.analysis.tables.frames import Row, Tables, weights
from cnnlab.planning.metrics import Metric
from cnnlab.planning.specs import parse_seeds
from cnnlab.wording.contrasts import FACTORS, Interaction, Weighted, form_of, inline, metric, with_unit
from cnnlab.wording.numbers import common_places, fixed, listed, plain, ratio, significant


def values_beside(part: Row, tables: Tables, labels: Mapping[str, str]) -> str:
    """What is said of the arms themselves after the sentence about a row of ``contrasts``."""
    return " ".join(filter(None, (by_arm(part, tables, labels), in_plain_words(part, tables, labels))))


def by_arm(part: Row, tables: Tables, labels: Mapping[str, str]) -> str:
    """``By arm: 8 layers 3.4, 14 layers 3.9 and 20 layers 5.2 %.``, from a row of ``contrasts`` that has its numbers.

    Empty for a pair, whose sentence has them, and where a run has no value: a mean over the others would mislead.
    """
    if part["estimate"] is None or not isinstance(form_of(weights(part), labels), Interaction | Weighted):
        return ""
    by_name = values(part, tables)
    if not by_name or not all(by_name.values()):
        return ""
    means = {labels.get(name, name): _mean(of_arm, part["metric"]) for name, of_arm in by_name.items()}
    return f"By arm: {listed([f'{inline(label)} {mean}' for label, mean in _written(means, part['metric']).items()])}."


def in_plain_words(part: Row, tables: Tables, labels: Mapping[str, str]) -> str:
    """``In plain words: with sigmoid, the last layer's gradient is 10⁸ times as large as the first's; …``.

    Of each arm, what the mean of its values means; empty where the title of the metric says it, for more than two arms,
    and where a run has no value.
    """
    compared, by_name = metric(part["metric"]), values(part, tables)
    if not compared.plain or not by_name or len(by_name) > 2 or not all(by_name.values()):
        return ""
    meanings = {name: _filled(compared, sum(of_arm) / len(of_arm)) for name, of_arm in by_name.items()}
    told = "; ".join(f"with {inline(labels.get(name, name))}, {meaning}" for name, meaning in meanings.items())
    return f"In plain words: {told}."


def _filled(of: Metric, mean: float) -> str:
    """What a value of the metric, in its unit, means."""
    if of.unit in FACTORS:
        return of.plain.format(x=ratio(mean * log2(FACTORS[of.unit])))
    return of.plain.format(x=significant(100 * mean if of.unit == "of 1" else mean))


def values(part: Row, tables: Tables) -> dict[str, list[float]]:
    """The value of each seed by arm, in the metric's unit; none for an arm of which a run has no value."""
    arms = {row["arm"]: row for row in tables.rows("arms", study=part["study"])}
    return {name: _of_arm(arms[name], part["metric"], tables) if name in arms else [] for name in weights(part)}


def _of_arm(arm: Row, name: str, tables: Tables) -> list[float]:
    runs = runs_of(arm, tables)
    by_seed = seed_values(runs, name)
    return list(by_seed.values()) if len(by_seed) == len(runs) >= len(parse_seeds(arm["seeds"])) else []


def runs_of(arm: Row, tables: Tables) -> list[Row]:
    """The finished runs, rows of ``runs``, of the seeds for which a row of ``arms`` asks."""
    seeds = parse_seeds(arm["seeds"])
    return [run for run in tables.rows("runs", arm_id=arm["arm_id"]) if run["seed"] in seeds]


def seed_values(runs: Sequence[Row], name: str) -> dict[int, float]:
    """The finite values of a metric by seed, in its unit."""
    column = {run["seed"]: run.get(name) for run in runs}
    factor = metric(name).factor
    return {seed: factor * float(value) for seed, value in column.items() if value is not None and isfinite(value)}


def _mean(of_arm: Sequence[float], name: str) -> float:
    """The arithmetic mean, or the geometric where the metric is compared by its ratio."""
    if metric(name).scale == "log2":
        return float(2.0 ** (sum(map(log2, of_arm)) / len(of_arm))) if min(of_arm) > 0 else 0.0
    return sum(of_arm) / len(of_arm)


def _written(means: Mapping[str, float], name: str) -> dict[str, str]:
    """The means as text, by label, the last with its unit; a share of the arm itself is in percent."""
    compared = metric(name)
    if compared.scale == "log2":
        return {label: plain(float(f"{mean:.3g}")) for label, mean in means.items()}
    places = common_places(abs(mean) / 30 for mean in means.values())
    percent = compared.unit == "pp"
    texts = {label: fixed(mean, places) if percent else significant(mean, 3) for label, mean in means.items()}
    last = list(texts)[-1]
    return texts | {last: with_unit(texts[last], "%" if percent and not compared.signed else compared.unit)}
