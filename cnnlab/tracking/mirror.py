"""One idempotent function: a record, finished or growing, becomes a run in MLflow."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

from cnnlab.planning.membership import ArmMembership
from cnnlab.planning.specs import DataSpec, digest
from cnnlab.tracking import content
from cnnlab.tracking.content import Mirrorable, Point
from cnnlab.tracking.session import Session
from cnnlab.training import records
from cnnlab.training.records import Record

if TYPE_CHECKING:
    from mlflow.entities import Run

MIRRORED = "cnnlab.mirrored"
ARTIFACTS = (records.SPEC, records.RESULT, records.PROVENANCE, records.CURVES, records.WEIGHTS)
# MLflow takes 1,000 metrics, 100 parameters and 100 tags in one call, and no more than 1,000 of all together.
METRICS_PER_CALL, PARAMETERS_PER_CALL, DIGEST_LENGTH = 800, 100, 36


def mirror(session: Session, record: Mirrorable, membership: ArmMembership) -> str:
    """Bring the run of `record` in MLflow to the state of the record, and return its id there.

    Called under the store's lock. A run that is complete is left alone, but for tags of studies it was not in before.
    One that was left half-logged is completed; one whose points are not this record's is replaced, as it was trained
    again. FINISHED is written last, so what is FINISHED is whole.
    """
    parent = _parent(session, record, membership)
    tags = {**content.run_tags(record), **membership.tags, "mlflow.parentRunId": str(parent.info.run_id)}
    run = session.find("run", record.run_id)
    if run is not None and _is_complete(run, content.signature(record)):
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


def finish_arm(session: Session, done: Sequence[Record], membership: ArmMembership, figures: Sequence[Path]) -> None:
    """Complete the parent run of an arm: its parameters, means over its seeds, and the figures of its studies."""
    parent = _parent(session, done[0], membership)
    ended = max(int(record.provenance["ended_ms"]) for record in done)
    drawn = {f"{path.parent.name}/{path.name}": _checksum(path, path.stat().st_mtime_ns) for path in figures}
    signature = digest([content.FORMAT, ended, len(done), drawn])
    if _is_complete(parent, signature):
        return
    parameters = content.texts(content.arm_parameters(done[0]))
    diverged = sum(record.result["status"] == "diverged" for record in done)
    tags = {"seeds": str(len(done)), "diverged": str(diverged), MIRRORED: signature}
    _log_batches(session, parent.info.run_id, content.means(done, ended), parameters, tags)
    for figure in figures:
        _store(session, parent, figure, f"figures/{figure.parent.name}")
    session.client.set_terminated(parent.info.run_id, "FINISHED", ended)


def _is_complete(run: Run, signature: str | None) -> bool:
    return signature is not None and run.info.status == "FINISHED" and run.data.tags.get(MIRRORED) == signature


def _continues(session: Session, run: Run, record: Mirrorable) -> bool:
    """Whether what is in MLflow is a beginning of `record`, rather than of an earlier attempt at the same run."""
    if run.info.run_id in session.logged:
        return True
    if run.info.status == "FINISHED":
        return False
    history = session.client.get_metric_history(run.info.run_id, content.WITNESS)
    known = {(point.step, point.timestamp) for point in content.points(record) if point.key == content.WITNESS}
    return all((metric.step, metric.timestamp) in known for metric in history)


def _parent(session: Session, record: Mirrorable, membership: ArmMembership) -> Run:
    run = session.find("arm", record.arm_id)
    if run is None:
        name, started = f"{membership.label} ({record.arm_id})", int(record.provenance["started_ms"])
        return session.create("arm", record.arm_id, name, started, membership.tags)
    _add_tags(session, run, membership.tags)
    return run


def _log_run(session: Session, run: Run, record: Mirrorable, tags: dict[str, str]) -> None:
    run_id, found, signature = run.info.run_id, content.points(record), content.signature(record)
    known = session.logged.pop(run_id, None)
    new = [point for point in found if point not in (known or ())]
    marks = tags if signature is None else {**tags, MIRRORED: signature}
    _log_batches(session, run_id, new, content.parameters(record) if known is None else {}, marks)
    if known is None:
        _log_data(session, run_id, record)
    if record.directory is None:
        session.logged[run_id] = set(found)
    else:
        for name in ARTIFACTS:
            _store(session, run, record.directory / name, link=True)
        session.client.set_terminated(run_id, "FINISHED", int(record.provenance["ended_ms"]))


def _log_batches(
    session: Session, run_id: str, found: Sequence[Point], values: Mapping[str, str], tags: Mapping[str, str]
) -> None:
    """In as few calls as MLflow's limits allow; what is there already, with the same time, is not written twice."""
    from mlflow.entities import Metric, Param, RunTag

    metrics = [Metric(point.key, point.value, point.timestamp, point.step) for point in found]
    params = [Param(key, value) for key, value in values.items()]
    marks = [RunTag(key, value) for key, value in tags.items()]
    while metrics or params or marks:
        session.client.log_batch(run_id, metrics[:METRICS_PER_CALL], params[:PARAMETERS_PER_CALL], marks)
        metrics, params, marks = metrics[METRICS_PER_CALL:], params[PARAMETERS_PER_CALL:], []


def _log_data(session: Session, run_id: str, record: Mirrorable) -> None:
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


def _add_tags(session: Session, run: Run, tags: Mapping[str, str]) -> None:
    """Those that are not there yet; none is ever taken away, as another selection of studies may ask for it."""
    missing = {key: value for key, value in tags.items() if run.data.tags.get(key) != value}
    _log_batches(session, run.info.run_id, [], {}, missing)
    run.data.tags.update(missing)


def _store(session: Session, run: Run, source: Path, folder: str = "", link: bool = False) -> None:
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
