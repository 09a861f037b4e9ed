"""How each arm does on each class, and what it takes its images for: from the answers to the test images."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from cnnlab.analysis.tables.frames import Row
from cnnlab.analysis.tables.schema import COUNT, NUMBER, RUN, TEXT, schema
from cnnlab.planning.plan import Plan
from cnnlab.training.records import Records

Answers = NDArray[np.int64]

COLUMNS = {
    "confusion": schema(
        {
            "arm_id": RUN["arm_id"],
            "class": (COUNT, "index of the class"),
            "name": (TEXT, "of the class; missing if the data has none"),
            "answer": (COUNT, "index of the class that was answered"),
            "answer_name": (TEXT, "of the class that was answered"),
            "runs": (COUNT, "over which is averaged: those that finished"),
            "share": (NUMBER, "of the test images of the class; answers that were never given are left out"),
        },
        required=("arm_id", "class", "answer", "runs", "share"),
        sort=("arm_id", "class", "answer"),
    ),
    "classes": schema(
        {
            "arm_id": RUN["arm_id"],
            "class": (COUNT, "index of the class"),
            "name": (TEXT, "of the class; missing if the data has none"),
            "images": (COUNT, "test images of the class"),
            "runs": (COUNT, "over which is averaged: those that finished"),
            "accuracy": (NUMBER, "share of its images answered rightly"),
            "mistaken_for": (TEXT, "the most frequent wrong answer; missing if there is none"),
            "mistaken_share": (NUMBER, "share of its images answered so"),
        },
        required=("arm_id", "class", "images", "runs", "accuracy"),
        sort=("arm_id", "class"),
    ),
}


def rows(plan: Plan, records: Records) -> Iterator[Row]:
    """Rows of the table ``classes``; none of an arm whose runs left no answers.

    Means over the runs; of equally frequent wrong answers the first.
    """
    for arm_id, counts, runs in _counts(plan, records):
        names = _names(plan, arm_id)
        for label in np.flatnonzero(counts.any(axis=1)).tolist():
            images = counts[label].sum()
            wrong = np.where(np.arange(len(counts)) == label, 0, counts[label])
            mistaken = int(wrong.argmax()) if wrong.any() else None
            yield {
                "arm_id": arm_id,
                "class": label,
                "name": names.get(label),
                "images": int(images) // runs,
                "runs": runs,
                "accuracy": float(counts[label, label] / images),
                "mistaken_for": None if mistaken is None else names.get(mistaken, str(mistaken)),
                "mistaken_share": None if mistaken is None else float(wrong[mistaken] / images),
            }


def confusion_rows(plan: Plan, records: Records) -> Iterator[Row]:
    """Rows of the table ``confusion``: shares of the images of a class, over all runs."""
    for arm_id, counts, runs in _counts(plan, records):
        names = _names(plan, arm_id)
        for label, answer in np.argwhere(counts).tolist():
            yield {
                "arm_id": arm_id,
                "class": label,
                "name": names.get(label),
                "answer": answer,
                "answer_name": names.get(answer),
                "runs": runs,
                "share": float(counts[label, answer] / counts[label].sum()),
            }


def _counts(plan: Plan, records: Records) -> Iterator[tuple[str, Answers, int]]:
    """Of each arm that has answers: how often each class (row) was answered as each (column), by how many runs."""
    for arm_id in sorted(plan.arms()):
        tested = [run.test() for run in records.get(arm_id, {}).values()]
        answered = [images for images in tested if images is not None and "label" in images]
        if answered:
            label, predicted = (np.concatenate([images[key] for images in answered]) for key in ("label", "predicted"))
            yield arm_id, confusion(label, predicted), len(answered)


def _names(plan: Plan, arm_id: str) -> dict[int, str]:
    """The names of the classes of an arm's data by their index, as far as they have any."""
    card = plan.card(plan.arm(arm_id).data)
    return dict(enumerate(card["classes"])) if card else {}


def confusion(labels: Answers, predicted: Answers) -> Answers:
    """How many images of each class (row) were answered as each (column): ``(classes, classes)``."""
    classes = int(max(labels.max(), predicted.max())) + 1
    flat = np.bincount(labels.astype(np.int64) * classes + predicted.astype(np.int64), minlength=classes**2)
    return flat.reshape(classes, classes)
