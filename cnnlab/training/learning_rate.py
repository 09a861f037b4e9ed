"""The learning rate of an arm: the same budget for every arm, judged on the validation split; and its schedule.

The seeds of tuning (10,000 and up) are used for nothing else. Nothing here imports torch, so a finished arm is
recognised at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from cnnlab.planning.specs import ArmSpec, TrainSpec, TuneSpec

Trial = dict[str, Any]


@dataclass(frozen=True)
class Choice:
    """The rate of an arm, or of one of its seeds. ``edge``: it is the grid's end even after its extensions."""

    learning_rate: float | None
    source: Literal["tuned", "fixed", "untrained"]
    trials: tuple[Trial, ...] = ()
    edge: bool = False


def tuning_epochs(arm: ArmSpec) -> int:
    return max(1, round(arm.train.epochs * arm.train.tune.epochs_share))


def choose(arm: ArmSpec, outcomes: Callable[[Sequence[float]], Sequence[Trial | None]]) -> Choice | None:
    """Try the grid, extend it while its best rate is an edge, and take the least validation loss, or error.

    `outcomes` returns those of trials at several rates, None for one that is not known; then the choice is not known
    either.
    """
    if arm.train.epochs == 0:
        return Choice(None, "untrained")
    if arm.train.learning_rate is not None:
        return Choice(arm.train.learning_rate, "fixed")
    spec, trials = arm.train.tune, list[Trial]()
    rates = list(spec.rates)
    for _ in range(spec.extensions + 1):
        trials += (known := [outcome for outcome in outcomes(rates) if outcome is not None])
        if len(known) < len(rates):
            return None
        trials.sort(key=lambda tried: tried["learning_rate"])
        best = min(range(len(trials)), key=lambda index: _score(trials[index], spec.metric))
        edge = len(trials) > 1 and best in (0, len(trials) - 1)
        if not edge or len(trials) >= len(spec.rates) + spec.extensions:
            break
        further = _beyond(spec, trials, upwards=best > 0)
        rates = [further] if all(tried["learning_rate"] != further for tried in trials) else []
    return Choice(trials[best]["learning_rate"], "tuned", tuple(trials), edge)


def mean_trial(trials: Sequence[Trial]) -> Trial:
    """One outcome of runs of one rate: their means, none if one did not finish; of several, all are kept beside."""
    if len(trials) == 1:
        return trials[0]
    merged: Trial = {"learning_rate": trials[0]["learning_rate"], "status": "finished"}
    merged["status"] = next((trial["status"] for trial in trials if trial["status"] != "finished"), "finished")
    for name, several in (("validation_loss", "validation_losses"), ("validation_error", "validation_errors")):
        values = [trial[name] for trial in trials]
        merged[name] = None if None in values else sum(values) / len(values)
        merged[several] = values
    return merged


def _score(trial: Trial, metric: str) -> tuple[float, float]:
    """A rate with a run that did not finish is worse than any whose runs did; of equal errors the less loss wins."""
    loss, value = trial["validation_loss"], trial[metric]
    return (math.inf, math.inf) if loss is None or value is None else (float(value), float(loss))


def _beyond(spec: TuneSpec, trials: Sequence[Trial], upwards: bool) -> float:
    """One more rate at the grid's own ratio, to two significant digits."""
    rates = spec.rates
    ratio = (rates[-1] / rates[0]) ** (1 / (len(rates) - 1))
    rate = trials[-1]["learning_rate"] * ratio if upwards else trials[0]["learning_rate"] / ratio
    return float(f"{rate:.2g}")


def schedule(spec: TrainSpec, step: int, total: int) -> float:
    """The factor of the learning rate at `step` (0-based) of `total`.

    Cosine decay without restarts (Loshchilov & Hutter 2017), a tenth after half and after three quarters of the steps
    (He et al. 2016), or constant; each after a linear warm-up.
    """
    if step < spec.warmup_steps:
        return (step + 1) / spec.warmup_steps
    if spec.schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * (step - spec.warmup_steps) / max(1, total - spec.warmup_steps)))
    if spec.schedule == "step":
        return 0.1 ** ((2 * step >= total) + (4 * step >= 3 * total))
    return 1.0
