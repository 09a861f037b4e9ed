"""From run records to the effects of a contrast: one per seed, known exactly or between bounds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cnnlab.analysis import intervals as stats
from cnnlab.analysis.image_sampling import ImageError
from cnnlab.analysis.intervals import Effects, Floats
from cnnlab.planning.metrics import METRICS, Metric
from cnnlab.planning.verdicts import Direction
from cnnlab.training.records import Record, classes, failed, lost

if TYPE_CHECKING:
    from cnnlab.planning.studies.study_file import ContrastSpec


HARDLY = 0.5  # of the errors that guessing makes: a network that errs more often is no example of what it can do


@dataclass(frozen=True, eq=False)
class Observed:
    """The effects of a contrast and what is told beside them.

    ``diverged``, ``failed`` (see `failed`), ``censored`` and ``timed_out`` count runs. ``room`` is the largest effect
    (+, -) that the baseline leaves room for; infinite without one.
    """

    effects: Effects
    correlation: float | None
    diverged: int
    failed: int
    censored: int
    timed_out: int
    room: tuple[float, float]
    can_fail: bool  # two arms or more, whose runs would be lost to the metric if they did not train

    def room_for(self, direction: Direction) -> float:
        """For an effect as `direction` claims it, or against it if it claims none."""
        up, down = self.room
        match direction:
            case Direction.GREATER | Direction.NOT_GREATER:
                return up
            case Direction.LESS | Direction.NOT_LESS:
                return down
        return min(up, down)


def observe(contrast: ContrastSpec, arms: Mapping[str, Mapping[int, Record]], seeds: Sequence[int]) -> Observed:
    """The effects of `contrast` over `seeds`, from the runs of each arm by its name in the study."""
    metric, weights = METRICS[contrast.metric], list(contrast.contrast.values())
    runs = [[arms[name][seed] for seed in seeds] for name in contrast.contrast]
    limits = np.array([[bounds(run, metric) for run in row] for row in runs])
    low, high = limits[..., 0], limits[..., 1]
    below, above = _rounding(runs, low, weights, metric)
    images = _image_errors(runs, weights, metric)
    effects = Effects(*stats.combine(low, high, weights), images, below, above, at_risk=not metric.initial)
    status = [run.result["status"] for row in runs for run in row]
    return Observed(
        effects=effects,
        correlation=stats.correlation(low, weights) if effects.known else None,
        diverged=status.count("diverged"),
        failed=sum(_lost(run, metric) for row in runs for run in row),
        censored=int((metric.censored & np.isfinite(low) & np.isinf(high)).sum()),
        timed_out=status.count("timed_out"),
        room=_room(contrast, low, high, metric),
        can_fail=len(weights) > 1 and bool(metric.better) and not metric.initial,
    )


def bounds(run: Record, metric: Metric) -> tuple[float, float]:
    """The value of `metric` in one run, on its scale and in its unit: (low, high), equal where it is known.

    A value measured before a run diverged still counts. Otherwise a diverged run is infinitely worse than any
    other, and so is one that failed to train; a target not reached in the steps done could have been reached at
    the next evaluation at the earliest; and a value that is missing for any other reason (a time limit, an
    overflow) could be anything.
    """
    value = _value(run, metric)
    if (value is None and run.result["status"] == "diverged" and metric.better) or _lost(run, metric):
        worst = math.inf if metric.better == "lower" else -math.inf
        return worst, worst
    if value is not None:
        return _scaled(value, metric), _scaled(value, metric)
    if metric.censored:
        return _scaled(_least_to_target(run, metric), metric), math.inf
    return -math.inf, math.inf


def did_not_train(runs: Sequence[Record]) -> str | None:
    """Why the runs of an arm are no example of its network: some were lost, or they hardly do better than guessing."""
    number_lost = sum(lost(run.result["status"], failed(run)) for run in runs)
    if number_lost:
        return f"{number_lost} of {len(runs)} runs diverged or failed"
    tested = [run for run in runs if run.result["test_error"] is not None]
    number = classes(tested[0]) if tested else None
    if number is None:
        return None
    mean, guessing = math.fsum(run.result["test_error"] for run in tested) / len(tested), 1 - 1 / number
    return f"errs in {100 * mean:.0f} %, guessing in {100 * guessing:.0f} %" if mean > HARDLY * guessing else None


def _lost(run: Record, metric: Metric) -> bool:
    """Whether the metric is a final one of a run that failed to train: as bad as can be, by how much says nothing."""
    return bool(metric.better) and not metric.initial and not metric.censored and failed(run)


def _value(run: Record, metric: Metric) -> float | None:
    if metric.name == "gap":
        errors = run.result["test_error"], run.result["train_error"]
        return None if None in errors else errors[0] - errors[1]
    value = (run.provenance if metric.measured else run.result).get(metric.column or metric.name)
    return None if value is None else float(value)


def _least_to_target(run: Record, metric: Metric) -> float:
    """Steps to the first evaluation that was not made, or seconds to the last that was."""
    if metric.measured:
        times = run.provenance["evaluation_ms"]
        return float(times[-1] - run.provenance["started_ms"]) / 1000 if times else 0.0
    return float(run.result["steps"] + run.result["evaluation_interval"])


def _scaled(value: float, metric: Metric) -> float:
    if metric.scale == "linear":
        return metric.factor * value
    return math.log2(value) if value > 0 else -math.inf


def _rounding(
    runs: Sequence[Sequence[Record]], low: Floats, weights: Sequence[float], metric: Metric
) -> tuple[float, float] | tuple[Floats, Floats]:
    """How far below and above what was seen each effect may lie: by an image, or as the metric's grid allows."""
    match metric.floor:
        case "image":
            images = min(int(run.result["test_images"]) for row in runs for run in row)
            one = metric.factor * max(map(abs, weights)) / images  # what one of them counts, at most
            return one, one
        case "evaluation":
            intervals = [[run.result["evaluation_interval"] for run in row] for row in runs]
            return stats.evaluation_grid(low, intervals, weights)
        case "training":
            shares = [max(_evaluation_share(run) for run in row) for row in runs]
            one = metric.factor * sum(abs(weight) * share for weight, share in zip(weights, shares, strict=True))
            return one, one
        case "octave":
            return stats.octave_grid(low, weights)
    return 0.0, 0.0


def _evaluation_share(run: Record) -> float:
    """From one evaluation to the next, as a share of the training that was asked for."""
    return float(run.result["evaluation_interval"] / (run.result["epochs"] * run.result["steps_per_epoch"]))


def _image_errors(runs: Sequence[Sequence[Record]], weights: Sequence[float], metric: Metric) -> tuple[ImageError, ...]:
    """The error of each set of test images, which arms on the same data share, from the seeds that finished."""
    if metric.per_image is None:
        return ()
    checksums, errors = [row[0].spec["data_checksum"] for row in runs], []
    for checksum in dict.fromkeys(checksums):
        members = [arm for arm, of_arm in enumerate(checksums) if of_arm == checksum]
        values = _images_by_arm([runs[arm] for arm in members], metric)
        if values is None:
            return ()
        shares = [weights[arm] for arm in members]
        one = metric.factor * max(map(abs, shares)) if metric.floor == "image" else 0.0
        errors.append(ImageError.of(values, shares, one))
    return tuple(errors)


def _images_by_arm(runs: Sequence[Sequence[Record]], metric: Metric) -> Floats | None:
    """Per-image values (arms, seeds, images) of the seeds that finished in every arm; None without any."""
    by_seed = zip(*([_per_image(run, metric) for run in row] for row in runs), strict=True)
    whole = [[images for images in seed if images is not None] for seed in by_seed]
    whole = [seed for seed in whole if len(seed) == len(runs)]
    return np.stack([np.stack(seed) for seed in whole], axis=1) if whole else None


def _per_image(run: Record, metric: Metric) -> Floats | None:
    """None for a run that did not finish, or whose classifier or diagnostic leaves no such value."""
    tested = run.test() or {}
    column = "correct" if metric.per_image == "error" else str(metric.per_image)
    if column not in tested:
        return None
    values = tested[column].astype(float)
    values = metric.factor * (1 - values if metric.per_image == "error" else values)
    if metric.scale == "log2":  # what an image adds to the logarithm of their mean, to first order
        values = values / (max(values.mean(), 1 / len(values)) * math.log(2))
    return np.asarray(values)


def _room(contrast: ContrastSpec, low: Floats, high: Floats, metric: Metric) -> tuple[float, float]:
    """How far the arm beside the baseline, whose values have a floor and perhaps a ceiling, could take the effect.

    `low` and `high` bound the values (arms, seeds); of the baseline's, those that are known count.
    """
    if contrast.baseline is None:
        return math.inf, math.inf
    arm = list(contrast.contrast).index(contrast.baseline)
    values, weight = low[arm][np.isfinite(low[arm]) & (low[arm] == high[arm])], contrast.contrast[contrast.baseline]
    if not values.size:
        return math.inf, math.inf
    down, up = abs(weight) * values.mean(), abs(weight) * (metric.largest - values.mean())
    return (float(down), float(up)) if weight > 0 else (float(up), float(down))
