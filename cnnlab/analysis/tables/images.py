"""Images to look at: two of each class, and of each arm the test images that most of its runs answered wrongly."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from cnnlab.analysis.tables.frames import Row
from cnnlab.analysis.tables.schema import COUNT, TEXT, schema
from cnnlab.planning.plan import Plan
from cnnlab.planning.specs import DataSpec
from cnnlab.planning.studies.figure_choice import IMAGES
from cnnlab.training.records import Record, Records

EXAMPLES, CLASSES, MISTAKES = 2, 12, 7

COLUMNS = {
    "images": schema(
        {
            "data_id": (TEXT, "name and hash of the prepared images"),
            "arm_id": (TEXT, "the arm whose runs were wrong; missing for an example of a class"),
            "class": (COUNT, "index of the class"),
            "name": (TEXT, "of the class"),
            "answer_name": (TEXT, "of the class that was answered most often; missing for an example"),
            "wrong": (COUNT, "runs that answered wrongly; missing for an example"),
            "runs": (COUNT, "runs that answered; missing for an example"),
            "position": (COUNT, "of the image within the test split, or within the training images for an example"),
            "picture": (TEXT, "the image as a PNG in base64"),
        },
        required=("data_id", "class", "name", "position", "picture"),
        sort=(),
    )
}


def rows(plan: Plan, records: Records) -> Iterator[Row]:
    """Rows of the table ``images``, of the studies that draw them and whose prepared images are there."""
    studies = [study for study in plan.studies if IMAGES in study.figures]
    arms = {arm.spec.arm_id: arm.spec for study in studies for arm in study.arms.values()}
    by_data: dict[str, list[str]] = {}
    for arm_id, arm in sorted(arms.items()):
        by_data.setdefault(arm.data.data_id, []).append(arm_id)
    for data_id, arm_ids in sorted(by_data.items()):
        data = arms[arm_ids[0]].data
        prepared, card = _read(plan, data), plan.card(data)
        if prepared is None or card is None:
            continue
        beside = {"data_id": data_id}
        yield from ({**beside, **row} for row in _examples(prepared, card))
        for arm_id in arm_ids:
            runs = list(records.get(arm_id, {}).values())
            yield from ({**beside, "arm_id": arm_id, **row} for row in _mistakes(runs, prepared, card, data.tested))


def _examples(prepared: dict[str, Any], card: dict[str, Any]) -> Iterator[Row]:
    """The first training images of each class."""
    labels = prepared["labels"][: card["images"]["train"]]
    for label, name in enumerate(card["classes"][:CLASSES]):
        for position in np.flatnonzero(labels == label)[:EXAMPLES].tolist():
            picture = _png(prepared["images"][position])
            yield {"class": label, "name": name, "position": position, "picture": picture}


def _mistakes(runs: Sequence[Record], prepared: dict[str, Any], card: dict[str, Any], tested: str) -> Iterator[Row]:
    """The test images that most runs answered wrongly; of equally many the first."""
    answered = [test for run in runs if (test := run.test()) is not None and "predicted" in test]
    start = card["images"]["train"] + (card["images"]["validation"] if tested == "test" else 0)
    labels = prepared["labels"][start : start + card["images"][tested]]
    if not answered or any(not np.array_equal(test["label"], labels) for test in answered):
        return
    answers = np.stack([test["predicted"] for test in answered])
    wrong = (answers != labels).sum(axis=0)
    for position in np.argsort(-wrong, kind="stable")[:MISTAKES].tolist():
        if wrong[position]:
            given = answers[:, position]
            answer = int(np.bincount(given[given != labels[position]]).argmax())
            yield {
                "class": int(labels[position]),
                "name": card["classes"][labels[position]],
                "answer_name": card["classes"][answer],
                "wrong": int(wrong[position]),
                "runs": len(answers),
                "position": position,
                "picture": _png(prepared["images"][start + position]),
            }


def _read(plan: Plan, data: DataSpec) -> dict[str, Any] | None:
    """All prepared images and labels; None where they are not there."""
    try:
        with safe_open(plan.paths.data_file(data.data_id), framework="numpy") as file:
            return {"images": file.get_tensor("images"), "labels": file.get_tensor("labels")}
    except (OSError, SafetensorError):
        return None


def _png(image: Any) -> str:
    """``(C, H, W)`` of one or three channels."""
    from PIL import Image  # which reading finished tables needs not

    pixels = image[0] if len(image) == 1 else np.ascontiguousarray(image.transpose(1, 2, 0))
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return base64.b64encode(buffer.getvalue()).decode()
