"""Tables of what happened within a run: its evaluations, and what its diagnostics saw."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd

from cnnlab.analysis.tables.frames import Row
from cnnlab.analysis.tables.runs import finished, run_key
from cnnlab.analysis.tables.schema import COUNT, NUMBER, RUN, TEXT, schema
from cnnlab.planning.plan import Plan
from cnnlab.training.records import Records

COLUMNS = {
    "curves": schema(
        {
            **RUN,
            "seed": (COUNT, "of the run"),
            "step": (COUNT, "updates done at this evaluation"),
            "epoch": (NUMBER, "passes done"),
            "train_loss": (NUMBER, "nats, mean over the steps since the last evaluation, training mode"),
            "validation_loss": (NUMBER, "nats, evaluation mode; infinite where it overflowed"),
            "validation_accuracy": (NUMBER, "share of validation images"),
            "learning_rate": (NUMBER, "at this step"),
        },
        required=("arm_id", "run_id", "seed", "step", "epoch"),
        sort=("arm_id", "seed", "step"),
    ),
    "profiles": schema(
        {
            **RUN,
            "seed": (COUNT, "of the run"),
            "quantity": (TEXT, "what a diagnostic saw"),
            "position": (NUMBER, "on the axis of the quantity: depth, step, or shift"),
            "label": (TEXT, "of the position"),
            "value": (NUMBER, "in the unit of the quantity"),
        },
        required=("arm_id", "run_id", "seed", "quantity", "position"),
        sort=("arm_id", "seed", "quantity", "position"),
    ),
    "pictures": schema(
        {
            **RUN,
            "seed": (COUNT, "of the run, the first finished one of its arm"),
            "picture": (TEXT, "what a diagnostic left to look at"),
            "index": (COUNT, "of the filter or feature map"),
            "y": (COUNT, "row of the pixel, from above"),
            "x": (COUNT, "column of the pixel"),
            "value": (NUMBER, "weight, or what the layer returns; of the image, a standardized pixel"),
        },
        required=("arm_id", "run_id", "seed", "picture", "index", "y", "x"),
        sort=("arm_id", "picture", "index", "y", "x"),
    ),
}


def curves(plan: Plan, records: Records) -> pd.DataFrame:
    """One row per evaluation of each run."""
    names = ("step", "epoch", "train_loss", "validation_loss", "validation_accuracy", "learning_rate")
    runs = [(run_key(record), record.curves()) for record in finished(plan, records)]
    if not runs:
        return pd.DataFrame()
    lengths = [len(values["evaluation.step"]) for _, values in runs]
    # A frame for each run would take longer than to read it.
    values = {name: np.concatenate([values[f"evaluation.{name}"] for _, values in runs]) for name in names}
    keys = {key: np.repeat(np.array([run[key] for run, _ in runs], dtype=object), lengths) for key in runs[0][0]}
    return pd.DataFrame({**values, **keys}).infer_objects()


def profiles(plan: Plan, records: Records) -> Iterator[Row]:
    """What the diagnostics of each run saw, a row per point."""
    return ({**point, **run_key(record)} for record in finished(plan, records) for point in record.profile())


def pictures(plan: Plan, records: Records) -> pd.DataFrame:
    """What the diagnostics left to look at, a row per pixel; of each arm's first finished run."""
    frames = []
    for arm_id in sorted(plan.arms()):
        by_seed = sorted(records.get(arm_id, {}).items())
        record = next((record for _, record in by_seed if record.pictures()), None)
        if record is not None:
            stacks = record.pictures().items()
            frames += [_pixels(stack).assign(picture=name, **run_key(record)) for name, stack in stacks]
    return _stacked(frames)


def _stacked(frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
    frames = list(frames)
    return pd.concat(frames) if frames else pd.DataFrame()


def _pixels(stack: np.ndarray) -> pd.DataFrame:
    index, y, x = np.indices(stack.shape).reshape(3, -1)
    return pd.DataFrame({"index": index, "y": y, "x": x, "value": stack.ravel().astype(float)})
