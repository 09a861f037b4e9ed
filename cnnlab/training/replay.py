"""A finished run again: its network on its test images, or its training, to see that every bit agrees."""

from __future__ import annotations

import filecmp
import tempfile
from dataclasses import replace
from pathlib import Path

from cnnlab import models
from cnnlab.core.errors import UserError
from cnnlab.core.paths import Paths
from cnnlab.data.dataset import load
from cnnlab.models.weights import load_weights
from cnnlab.planning.specs import ArmSpec
from cnnlab.training import process, records
from cnnlab.training.evaluate import evaluate
from cnnlab.training.job import Job, prepare
from cnnlab.training.learning_rate import Choice
from cnnlab.training.lease import lease
from cnnlab.training.records import Record


def evaluate_run(paths: Paths, record: Record, weights: Path | None) -> str:
    """Test error and log-loss, in words.

    Raises:
        UserError: if the images of the run are not there as they were, `weights` are of another network, or the run
            has another classifier than the network itself.
    """
    arm = ArmSpec.model_validate(record.spec["arm"])
    if not records.current(paths, record):
        raise UserError(f"{record.run_id}: its images are not there as they were; run snakemake to prepare them")
    if arm.train.classifier != "network":
        kind = arm.train.classifier
        raise UserError(f"{record.run_id}: its answers are those of {kind}, which is not kept; see its result.json")
    files = paths.data_file(arm.data.data_id), paths.data_card(arm.data.data_id)
    data = load(*files, arm.data, record.seed)
    model = models.build(arm.model, data.channels, data.image_size, data.classes)
    load_weights(model, weights or record.weights_path, f"{arm.model.architecture} ({arm.model.preset})")
    process.prepare_process("cpu")
    outcome = evaluate(model, data.test)
    images = f"{len(data.test)} images"
    return f"{record.run_id}: test error {100 * outcome.error:.2f} % of {images}, log-loss {outcome.mean_loss:.4f} nats"


def verify(paths: Paths, run: str) -> str:
    """Train `run` (an id, or its beginning) again from its record; say that every bit agrees.

    Raises:
        UserError: if there is no such run, or a bit differs; then it names the file.
    """
    record = records.find(paths, run)
    with tempfile.TemporaryDirectory() as folder:
        aside = replace(paths, results=Path(folder))
        if not records.current(paths, record):
            raise UserError(f"{record.run_id}: its images are not there as they were; it cannot be trained again")
        data_id = ArmSpec.model_validate(record.spec["arm"]).data.data_id
        for source in (paths.data_file(data_id), paths.data_card(data_id)):
            target = Path(folder) / "data" / source.name
            target.parent.mkdir(exist_ok=True)
            target.symlink_to(source.resolve())
        again = retrain(record, aside)
        folders = record.directory, again.directory
        names = sorted({path.name for folder in folders for path in folder.iterdir()} - {records.PROVENANCE})
        differing = [name for name in names if not _equal(*(folder / name for folder in folders))]
    if differing:
        raise UserError(
            f"{record.run_id}: trained again, {', '.join(differing)} differ; another machine, torch or code than "
            f"{records.PROVENANCE} names does not promise the same bits"
        )
    return f"{record.run_id}: trained again, {', '.join(names)} are equal bit for bit"


def _equal(left: Path, right: Path) -> bool:
    return left.exists() and right.exists() and filecmp.cmp(left, right, shallow=False)


def retrain(record: Record, paths: Paths) -> Record:
    """Train a finished run again from its record, into `paths`; for `cnnlab verify`."""
    spec = record.spec
    arm = ArmSpec.model_validate(spec["arm"])
    job = Job(arm, paths)
    choice = Choice(spec["learning_rate"], spec["learning_rate_source"], tuple(spec["tuning"]), spec["tuning_edge"])
    with lease(arm.device):
        prepare(arm)
        (again,) = job.run({record.seed: choice})
    return again
