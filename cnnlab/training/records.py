"""One directory per finished run. It appears whole or not at all, and nothing deletes it but `cnnlab clean`."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnlab.core.errors import UserError
from cnnlab.core.files import atomic, read_json, write_json
from cnnlab.core.paths import Paths
from cnnlab.planning.specs import DataSpec, TuneSpec, seeds_slug

if TYPE_CHECKING:
    import numpy as np

SPEC, RESULT, PROVENANCE = "spec.json", "result.json", "provenance.json"
CURVES, TEST, WEIGHTS = "curves.safetensors", "test.safetensors", "weights.safetensors"
PROFILE, PICTURES = "profile.json", "pictures.safetensors"

GUESSING = 0.02  # nats below ln(classes), where a network that ignores its images ends up
GUESSED = 0.9  # of the errors that guessing makes

ABSENT: dict[str, Any] = {TEST: None, PROFILE: (), PICTURES: {}}  # what a run has that left no such file


@dataclass(frozen=True)
class Record:
    """A run. What a finished one holds is read from its directory when it is asked for; `contents` gives, by the names
    of the files, what need not be read: for a run that still trains, which has no directory, all there is."""

    path: Path | None = None
    contents: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def directory(self) -> Path:
        """Of a finished run."""
        assert self.path is not None, "a run that still trains has no directory"
        return self.path

    @cached_property
    def spec(self) -> dict[str, Any]:
        return dict(self._content(SPEC))

    @cached_property
    def result(self) -> dict[str, Any]:
        return dict(self._content(RESULT))

    @cached_property
    def provenance(self) -> dict[str, Any]:
        return dict(self._content(PROVENANCE))

    @property
    def run_id(self) -> str:
        return str(self.spec["run_id"])

    @property
    def arm_id(self) -> str:
        return str(self.spec["arm_id"])

    @property
    def seed(self) -> int:
        return int(self.spec["seed"])

    @property
    def tuned_by(self) -> str:
        """The arm and the seeds of the runs that chose its learning rate; runs whose rate was chosen together agree."""
        tuning = TuneSpec.model_validate(self.spec["arm"]["train"]["tune"]).tuning_seeds(self.seed)
        return f"{self.arm_id} {seeds_slug(tuple(tuning))}"

    @property
    def weights_path(self) -> Path:
        return self.directory / WEIGHTS

    def curves(self) -> dict[str, np.ndarray]:
        """1-d arrays ``step.*`` (one value per step) and ``evaluation.*`` (one per evaluation)."""
        return dict(self._content(CURVES))

    def test(self) -> dict[str, np.ndarray] | None:
        """Per test image ``label``, ``correct``, ``predicted``, ``loss`` (nats), ``confidence``, and what diagnostics
        left; None for a run that did not finish."""
        arrays: dict[str, np.ndarray] | None = self._content(TEST)
        return arrays

    def profile(self) -> list[dict[str, Any]]:
        """What its diagnostics saw along depth, steps or shifts: quantity, position, value and label of each point."""
        return list(self._content(PROFILE))

    def pictures(self) -> dict[str, np.ndarray]:
        """What its diagnostics left to look at: stacks ``(count, height, width)`` by name."""
        return dict(self._content(PICTURES))

    def in_memory(self) -> Record:
        """Itself with all that a contrast asks for, for who asks many times."""
        documents = {SPEC: self.spec, RESULT: self.result, PROVENANCE: self.provenance}
        return Record(self.path, {**self.contents, **documents, TEST: self.test()})

    def _content(self, name: str) -> Any:
        if name in self.contents:
            return self.contents[name]
        if name in ABSENT and (self.path is None or not (self.path / name).exists()):
            return ABSENT[name]
        file = self.directory / name
        return read_json(file) if file.suffix == ".json" else _arrays(file)


def failed(run: Record) -> bool:
    """Whether a run finished and had learned nothing: of its training images its loss is not below that of guessing,
    ln(classes), nor are its errors much fewer. A network that is right and far too sure where it is wrong has learned.
    """
    loss, error = run.result.get("train_loss"), run.result.get("train_error")
    if loss is None or error is None or loss < math.log(2) - GUESSING or run.result["steps"] == 0:
        return False
    number = classes(run)
    return number is not None and loss >= math.log(number) - GUESSING and error >= GUESSED * (1 - 1 / number)


def lost(status: str, has_failed: bool | None) -> bool:
    """Whether a run of this status counts as worse than any other: it diverged, or finished and had `failed`."""
    return status == "diverged" or bool(has_failed)


def classes(run: Record) -> int | None:
    """How many classes the test images have; None of a run that did not finish."""
    labels = (run.test() or {}).get("label")
    return None if labels is None else int(labels.max()) + 1


Records = Mapping[str, Mapping[int, Record]]  # by arm id and seed


def current(paths: Paths, record: Record) -> bool:
    """Whether the record was trained on the images that its data set holds now."""
    card = paths.data_card(DataSpec.model_validate(record.spec["arm"]["data"]).data_id)
    return card.exists() and bool(read_json(card)["checksum"] == record.spec["data_checksum"])


def scan(paths: Paths) -> Iterator[Record]:
    """Every finished run on disk, in the order of its id."""
    yield from (Record(spec.parent) for spec in sorted(paths.runs.glob(f"[!.]*/{SPEC}")))


def find(paths: Paths, run: str) -> Record:
    """The finished run whose id is `run`, or begins so.

    Raises:
        UserError: if there is none, or more than one.
    """
    records = [record for record in scan(paths) if record.run_id.startswith(run)]
    if len(records) != 1:
        count = f"{len(records)} runs begin so" if records else "no finished run"
        raise UserError(f"{run}: {count}; `cnnlab list --runs` names them")
    return records[0]


def of_manifests(paths: Paths, manifests: Sequence[tuple[str, tuple[int, ...]]]) -> dict[str, dict[int, Record]]:
    """The runs that finished manifests name, by arm and seed; an arm without a manifest is left out."""
    records: dict[str, dict[int, Record]] = {}
    for arm_id, seeds in manifests:
        path = paths.manifest(arm_id, seeds_slug(seeds))
        if path.exists():
            for run in read_json(path)["runs"]:
                directory = paths.run_dir(run["run_id"])
                if (directory / SPEC).exists():
                    records.setdefault(arm_id, {})[run["seed"]] = Record(directory)
    return records


def so_far(paths: Paths, manifests: Sequence[tuple[str, tuple[int, ...]]]) -> dict[str, dict[int, Record]]:
    """Like `of_manifests`, with the finished runs of unfinished arms: what a report in mid-course can show."""
    records = of_manifests(paths, manifests)
    wanted = {(arm_id, seed) for arm_id, seeds in manifests for seed in seeds}
    for record in scan(paths):
        if (record.arm_id, record.seed) in wanted and current(paths, record):
            records.setdefault(record.arm_id, {}).setdefault(record.seed, record)
    return records


def write_record(
    paths: Paths,
    spec: Mapping[str, Any],
    result: Mapping[str, Any],
    provenance: Mapping[str, Any],
    tensors: Mapping[str, Mapping[str, Any]],
    profile: Sequence[Mapping[str, Any]] = (),
) -> Record:
    """Write a run, whole or not at all. One that someone finished meanwhile is left as it is.

    `tensors` maps a file's name to its named tensors.

    Raises:
        UserError: if the disk is full; what was finished before stays.
    """
    from safetensors.torch import save_file

    final = paths.run_dir(spec["run_id"])
    documents = {SPEC: spec, RESULT: result, PROVENANCE: provenance, **({PROFILE: profile} if profile else {})}
    with atomic(final) as aside:
        aside.mkdir()
        for name, value in documents.items():
            (aside / name).write_text(json.dumps(value, indent=1, allow_nan=False) + "\n")
        for name, content in tensors.items():
            save_file({key: tensor.contiguous() for key, tensor in content.items()}, aside / name)
    return Record(final)


def write_manifest(paths: Paths, arm_id: str, records: Mapping[int, Record]) -> Path:
    """The list of an arm's finished runs: the file that Snakemake waits for."""
    runs = [
        {"run_id": record.run_id, "seed": seed, "status": record.result["status"]}
        for seed, record in sorted(records.items())
    ]
    path = paths.manifest(arm_id, seeds_slug(tuple(records)))
    write_json(path, {"arm_id": arm_id, "seeds": sorted(records), "runs": runs})
    return path


def _arrays(path: Path) -> dict[str, np.ndarray]:
    from safetensors.numpy import load_file

    arrays: dict[str, np.ndarray] = load_file(path)
    return arrays
