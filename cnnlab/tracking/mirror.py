"""One idempotent function: a record, finished or growing, becomes a run in MLflow."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from cnnlab.core.validation import digest
from cnnlab.planning.plan import ArmMembership, figures_of, memberships
from cnnlab.planning.specs import DataSpec
from cnnlab.tracking.contents import (
    FORMAT,
    WITNESS,
    Point,
    arm_parameters,
    means,
    parameters,
    points,
    run_tags,
    signature,
    texts,
)
from cnnlab.tracking.store import Session, connect, experiment_name, store_lock, store_uri, without_password
from cnnlab.tracking.views import GENERAL, View, save, saved_views
from cnnlab.training import records
from cnnlab.training.records import Record, failed

if TYPE_CHECKING:
    from mlflow.entities import Run

    from cnnlab.planning.plan import Plan

MIRRORED = "cnnlab.mirrored"
ARTIFACTS = (records.SPEC, records.RESULT, records.PROVENANCE, records.CURVES, records.WEIGHTS)
# MLflow takes 1,000 metrics, 100 parameters and 100 tags in one call, and no more than 1,000 of all together.
METRICS_PER_CALL, PARAMETERS_PER_CALL, DIGEST_LENGTH = 800, 100, 36
Row = dict[str, Any]


def track(
    plan: Plan, finished: Sequence[Record], of_arms: Sequence[Record] = (), root: Path | None = None
) -> list[Row]:
    """Mirror finished runs of `plan`, and save the views of their claims; the rows of the table ``measured/mlflow``.

    `of_arms` are all finished runs of their arms, if some are of other studies alone.
    """
    saved = saved_views(plan, {record.arm_id for record in finished})
    where = root or Path.cwd()
    return track_records(plan.tier, finished, memberships(plan), figures_of(plan), where, saved, of_arms)


def track_records(
    tier: str,
    finished: Sequence[Record],
    arms: Mapping[str, ArmMembership],
    figures: Mapping[str, Sequence[Path]] | None = None,
    root: Path = Path(),
    saved: Mapping[str, View] = GENERAL,
    of_arms: Sequence[Record] = (),
) -> list[Row]:
    """Mirror `finished` to the experiment of `tier`, complete what is half there, and touch nothing that is complete.

    The views `saved`, by id, are saved there. What an arm is made of are `of_arms`, or else `finished`.

    Returns a row for each record: ``run_id, arm_id, experiment_id, mlflow_run_id``. Never raises because of MLflow:
    whatever goes wrong is one warning line, and the ids that could not be had are None.
    """
    unknown, whole = {"experiment_id": None, "mlflow_run_id": None}, _by_arm(of_arms)
    rows: dict[str, Row] = {
        record.run_id: {"run_id": record.run_id, "arm_id": record.arm_id, **unknown} for record in finished
    }
    try:
        session = connect(root, tier)
        with store_lock(root):
            # Arm by arm: to read a thousand runs takes longer than to mirror the few of a study.
            session.load(*(f"tags.arm_id = '{arm_id}'" for arm_id in _by_arm(finished)))
            new = sum(session.find("run", record.run_id) is None for record in finished)
            for arm_id, members in _by_arm(finished).items():
                membership = arms.get(arm_id, ArmMembership(arm_id))
                for record in members:
                    mlflow_run_id = mirror(session, record, membership)
                    rows[record.run_id].update(experiment_id=session.experiment_id, mlflow_run_id=mlflow_run_id)
                finish_arm(session, whole.get(arm_id, members), membership, (figures or {}).get(arm_id, ()))
            save(session, saved)
        print(f"mlflow: {len(rows)} runs in {experiment_name(tier)}, {new} of them new; browse: cnnlab ui", flush=True)
    except Exception as error:  # a mirror must not stop what it mirrors
        warn(root, error)
    return list(rows.values())


def attach(plan: Plan, finished: Sequence[Record], notes: Mapping[str, str], root: Path | None = None) -> None:
    """Give arms whose runs are mirrored the figures of their studies, and `notes` by arm id as their descriptions.

    Like `track`, it never raises because of MLflow.
    """
    arms, figures, root = memberships(plan), figures_of(plan), root or Path.cwd()
    try:
        session = connect(root, plan.tier)
        with store_lock(root):
            session.load("tags.kind = 'arm'")
            for arm_id, members in _by_arm(finished).items():
                finish_arm(session, members, arms[arm_id], figures[arm_id], notes.get(arm_id, ""))
    except Exception as error:
        warn(root, error)


def _by_arm(finished: Sequence[Record]) -> dict[str, list[Record]]:
    """The records of each arm, in the order in which they were started."""
    arms: dict[str, list[Record]] = {record.arm_id: [] for record in finished}
    for record in sorted(finished, key=lambda record: int(record.provenance["started_ms"])):
        arms[record.arm_id].append(record)
    return arms


def warn(root: Path, error: BaseException) -> None:
    """The one line that a failure of tracking costs."""
    reason = without_password(" ".join((str(error) or type(error).__name__).split()))[:400]
    store = without_password(store_uri(root))
    text = f"warning: MLflow at {store}: {reason}; the runs are safe, `cnnlab track` mirrors them"
    print(text, file=sys.stderr, flush=True)


def mirror(session: Session, record: Record, membership: ArmMembership) -> str:
    """Bring the run of `record` in MLflow to the state of the record, and return its id there.

    Called under the store's lock. A run that is complete is left alone, but for tags of studies it was not in before.
    One that was left half-logged is completed; one whose points are not this record's is replaced, as it was trained
    again. FINISHED is written last, so what is FINISHED is whole.
    """
    parent = _parent(session, record, membership)
    tags = {**run_tags(record), **membership.tags, "mlflow.parentRunId": str(parent.info.run_id)}
    run = session.find("run", record.run_id)
    if run is not None and _is_complete(run, signature(record)):
        _add_tags(session, run, tags)
        return str(run.info.run_id)
    if run is not None and not _continues(session, run, record):
        session.discard("run", record.run_id)
        run = None
    if run is None:
        name = f"{membership.label}, seed {record.seed}"
        run = session.create("run", record.run_id, name, int(record.provenance["started_ms"]), tags)
    _log_run(session, run, record, tags)
    return str(run.info.run_id)


def _is_complete(run: Run, signature: str | None) -> bool:
    return signature is not None and run.info.status == "FINISHED" and run.data.tags.get(MIRRORED) == signature


def _continues(session: Session, run: Run, record: Record) -> bool:
    """Whether what is in MLflow is a beginning of `record`, rather than of an earlier attempt at the same run."""
    if run.info.run_id in session.logged:
        return True
    if run.info.status == "FINISHED":
        return False
    history = session.client.get_metric_history(run.info.run_id, WITNESS)
    steps = {(point.step, point.timestamp) for point in points(record) if point.key == WITNESS}
    return all((metric.step, metric.timestamp) in steps for metric in history)


def _parent(session: Session, record: Record, membership: ArmMembership) -> Run:
    run = session.find("arm", record.arm_id)
    if run is None:
        name, started = f"{membership.label} ({record.arm_id})", int(record.provenance["started_ms"])
        return session.create("arm", record.arm_id, name, started, membership.tags)
    _add_tags(session, run, membership.tags)
    return run


def _add_tags(session: Session, run: Run, tags: Mapping[str, str]) -> None:
    """Add what is missing of `tags`; none is ever taken away, as another selection of studies may ask for it."""
    missing = {key: value for key, value in tags.items() if run.data.tags.get(key) != value}
    _log_batches(session, run.info.run_id, [], {}, missing)
    run.data.tags.update(missing)


def finish_arm(
    session: Session, done: Sequence[Record], membership: ArmMembership, figures: Sequence[Path], note: str = ""
) -> None:
    """Complete the parent run of an arm: its parameters, means over its seeds, the figures of its studies, and a note
    that MLflow shows as its description."""
    parent = _parent(session, done[0], membership)
    ended = max(int(record.provenance["ended_ms"]) for record in done)
    drawn = dict(_drawn(figures))
    complete = digest([FORMAT, ended, len(done), drawn, note])
    if _is_complete(parent, complete):
        return
    settings = texts(arm_parameters(done[0].spec["arm"]))
    diverged = sum(record.result["status"] == "diverged" for record in done)
    lost = {"diverged": str(diverged), "failed": str(sum(map(failed, done)))}
    described = {"mlflow.note.content": note} if note else {}
    tags = {"seeds": str(len(done)), **lost, **described, MIRRORED: complete}
    _log_batches(session, parent.info.run_id, means(done, ended), settings, tags)
    for figure in figures:
        with suppress(FileNotFoundError):
            _log_artifact(session, parent, figure, f"figures/{figure.parent.name}")
    session.client.set_terminated(parent.info.run_id, "FINISHED", ended)


def _drawn(figures: Sequence[Path]) -> Iterator[tuple[str, str]]:
    """Study and name of a figure, and its checksum; one that is drawn anew meanwhile is added by `attach`."""
    for path in figures:
        with suppress(FileNotFoundError):
            yield f"{path.parent.name}/{path.name}", _checksum(path, path.stat().st_mtime_ns)


def _log_run(session: Session, run: Run, record: Record, tags: dict[str, str]) -> None:
    run_id, values, complete = run.info.run_id, points(record), signature(record)
    logged = session.logged.pop(run_id, None)
    new = [point for point in values if point not in (logged or ())]
    marks = tags if complete is None else {**tags, MIRRORED: complete}
    _log_batches(session, run_id, new, parameters(record) if logged is None else {}, marks)
    if logged is None:
        _log_data(session, run_id, record)
    if record.path is None:
        session.logged[run_id] = set(values)
    else:
        for name in ARTIFACTS:
            _log_artifact(session, run, record.directory / name, link=True)
        session.client.set_terminated(run_id, "FINISHED", int(record.provenance["ended_ms"]))


def _log_batches(
    session: Session, run_id: str, values: Sequence[Point], parameters: Mapping[str, str], tags: Mapping[str, str]
) -> None:
    """In as few calls as MLflow's limits allow; what is there already, with the same time, is not written twice."""
    from mlflow.entities import Metric, Param, RunTag

    metrics = [Metric(point.key, point.value, point.timestamp, point.step) for point in values]
    params = [Param(key, value) for key, value in parameters.items()]
    marks = [RunTag(key, value) for key, value in tags.items()]
    while metrics or params or marks:
        session.client.log_batch(run_id, metrics[:METRICS_PER_CALL], params[:PARAMETERS_PER_CALL], marks)
        metrics, params, marks = metrics[METRICS_PER_CALL:], params[PARAMETERS_PER_CALL:], []


def _log_data(session: Session, run_id: str, record: Record) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    spec, checksum = DataSpec.model_validate(record.spec["arm"]["data"]), record.spec["data_checksum"]
    described = {**spec.prepared().model_dump(mode="json", exclude_none=True), "checksum": checksum}
    data = Dataset(
        name=spec.name,
        digest=checksum[:DIGEST_LENGTH],
        source_type="local",
        source=json.dumps({"uri": f"{spec.data_id}.safetensors"}),
        profile=json.dumps(described),
    )
    session.client.log_inputs(run_id, [DatasetInput(data, [InputTag("mlflow.data.context", "training")])])


def _log_artifact(session: Session, run: Run, source: Path, folder: str = "", link: bool = False) -> None:
    """Log an artifact. Below a folder of this machine a record's files are linked: weights need no second copy."""
    address = urlsplit(run.info.artifact_uri)
    if address.scheme not in ("", "file"):
        session.client.log_artifact(run.info.run_id, str(source), folder or None)
        return
    target = Path(url2pathname(address.path)) / folder / source.name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    if link:
        with suppress(OSError):  # another disk, or one without links
            os.link(source, target)
            return
    shutil.copyfile(source, target)


@cache
def _checksum(path: Path, mtime_ns: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
