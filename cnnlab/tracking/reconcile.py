"""``cnnlab track``: every finished run in MLflow, once, whole; or one line that says why not."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnlab.planning.membership import ArmMembership, figures_of, memberships
from cnnlab.tracking.session import Session, connect
from cnnlab.tracking.store import experiment_name, shown, store_lock, store_uri
from cnnlab.training.records import Record

if TYPE_CHECKING:
    from cnnlab.planning.plan import Plan

Row = dict[str, Any]


def track(plan: Plan, found: Sequence[Record], root: Path | None = None) -> list[Row]:
    """Mirror finished runs of `plan`; the rows of the table ``measured/mlflow``."""
    return track_records(plan.tier, found, memberships(plan), figures_of(plan), root or Path.cwd())


def track_records(
    tier: str,
    found: Sequence[Record],
    arms: Mapping[str, ArmMembership],
    figures: Mapping[str, Sequence[Path]] | None = None,
    root: Path = Path(),
) -> list[Row]:
    """Mirror `found` to the experiment of `tier`, mend what is half there, and touch nothing that is complete.

    Returns a row for each record: ``run_id, arm_id, experiment_id, mlflow_run_id``. Never raises because of MLflow:
    whatever goes wrong is one warning line, and the ids that could not be had are None.
    """
    rows = [_row(record) for record in found]
    try:
        session = connect(root, tier)
        with store_lock(root):
            session.load()
            new = sum(session.find("run", record.run_id) is None for record in found)
            _mirror_all(session, found, arms, figures or {}, {row["run_id"]: row for row in rows})
        print(f"mlflow: {len(rows)} runs in {experiment_name(tier)}, {new} of them new; browse: cnnlab ui", flush=True)
    except Exception as error:  # a mirror must not stop what it mirrors
        warn(root, error)
    return rows


def warn(root: Path, error: BaseException) -> None:
    """The one line that a failure of tracking costs."""
    reason = shown(" ".join((str(error) or type(error).__name__).split()))
    text = (
        f"warning: MLflow at {shown(store_uri(root))}: {reason[:400]}; the runs are safe, `cnnlab track` mirrors them"
    )
    print(text, file=sys.stderr, flush=True)


def _mirror_all(
    session: Session,
    found: Sequence[Record],
    arms: Mapping[str, ArmMembership],
    figures: Mapping[str, Sequence[Path]],
    rows: Mapping[str, Row],
) -> None:
    from cnnlab.tracking.mirror import finish_arm, mirror

    for arm_id in dict.fromkeys(record.arm_id for record in found):
        membership = arms.get(arm_id, ArmMembership(arm_id))
        done = sorted((record for record in found if record.arm_id == arm_id), key=_started)
        for record in done:
            mlflow_run_id = mirror(session, record, membership)
            rows[record.run_id].update(experiment_id=session.experiment_id, mlflow_run_id=mlflow_run_id)
        finish_arm(session, done, membership, figures.get(arm_id, ()))


def _started(record: Record) -> int:
    return int(record.provenance["started_ms"])


def _row(record: Record) -> Row:
    return {"run_id": record.run_id, "arm_id": record.arm_id, "experiment_id": None, "mlflow_run_id": None}
