"""A finished run's network on its test images again, with its own weights or others of the same network."""

from __future__ import annotations

from pathlib import Path

from cnnlab import models
from cnnlab.core.errors import UserError
from cnnlab.core.paths import Paths
from cnnlab.data.dataset import load
from cnnlab.models.weights import load_weights
from cnnlab.planning.specs import ArmSpec
from cnnlab.training import loop, records
from cnnlab.training.records import Record


def evaluate(paths: Paths, record: Record, weights: Path | None) -> str:
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
    loop.prepare_process("cpu")
    outcome = loop.evaluate(model, data.test)
    images = f"{len(data.test)} images"
    return f"{record.run_id}: test error {100 * outcome.error:.2f} % of {images}, log-loss {outcome.mean_loss:.4f} nats"
