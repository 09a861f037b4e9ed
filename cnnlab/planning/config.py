"""The configuration of one call: Snakemake's files and ``--config`` pairs, read the same way by every step."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, create_model, field_validator

from cnnlab.core import complaints, paths, strict_yaml
from cnnlab.core.errors import UserError, nearest
from cnnlab.core.paths import DEFAULT, Paths
from cnnlab.core.places import Key, Place
from cnnlab.core.strict_yaml import read_yaml
from cnnlab.core.validation import Spec, merge, validate
from cnnlab.planning.specs import DataSpec, Positive, TrainSpec
from cnnlab.planning.studies.study_file import ArmFields


class Config(Spec):
    """What ``workflow/config/*.yaml`` may hold."""

    tier: str
    results: str = Field(description="folder of the machine's output")
    reports: str = Field(description="folder of what people read")
    studies: str | tuple[str, ...] = Field("all", description="all, core, or names of studies and ids of claims")
    study_paths: tuple[str, ...] = Field((str(paths.STUDIES),), description="folders of study files")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="auto: a GPU if there is one")
    precision: Literal["auto", "float32", "bf16"] = Field(
        "auto", description="of training; auto: bf16 on a GPU of compute capability 8.0 or later, else float32"
    )
    base: ArmFields = Field(
        ArmFields(), description="laid over the base of every study, below what it says of the tier"
    )
    override: ArmFields = Field(ArmFields(), description="laid over every arm")
    seeds: Annotated[int, Field(ge=1)] | None = Field(None, description="instead of each study's own")
    min_seeds: Annotated[int, Field(ge=1)] | None = Field(
        None, description="that a study with claims must have; as many as decide one, 6, when absent"
    )
    pilot: bool = Field(
        False,
        description="a first look: seeds that no study may use, validation images tested in place of test images, and "
        "folders of its own",
    )
    checkpoint_seconds: Positive = Field(30.0, description="training time between checkpoints of a run")
    live_tracking: bool = Field(False, description="mirror a run to MLflow while it trains")
    benchmark_images: Annotated[int, Field(ge=64)] = Field(2048, description="images per timed pass of the benchmark")

    @field_validator("base", "override")
    @classmethod
    def _known(cls, fields: ArmFields) -> ArmFields:
        """Its own mistakes, which would otherwise be those of every study."""
        wrong = [
            line
            for section, spec in (("data", DataSpec), ("train", TrainSpec))
            for name, value in getattr(fields, section).items()
            for line in _wrong(spec, section, name, value)
        ]
        if wrong:
            raise ValueError(*wrong)
        return fields

    @property
    def paths(self) -> Paths:
        """The folders of the tier; a pilot's lie within."""
        within = "pilot" if self.pilot else ""
        return Paths(Path(self.results) / within, Path(self.reports) / within)


def _wrong(spec: type[Spec], section: str, name: str, value: object) -> list[str]:
    """What is wrong with one field of an arm, by itself."""
    field = spec.model_fields.get(name)
    if field is None:
        return [f"{section}: {name}: unknown key; {nearest(name, spec.model_fields)}"]
    alone: type[Spec] = create_model("Alone", __base__=Spec, **{name: (field.annotation, field)})  # type: ignore[call-overload]
    try:
        alone.model_validate({name: value})
    except ValidationError as error:
        return complaints.lines(alone, error, section)
    return []


def load_config(configfiles: Iterable[str | Path] = (), pairs: Iterable[str] = ()) -> Config:
    """The default of the project, then each of `configfiles`, then ``key=value`` pairs, later ones winning.

    Raises:
        UserError: for an unknown key or a value out of range.
    """
    files = [paths.found(DEFAULT), *(Path(file) for file in configfiles)]
    merged = _merged(files)
    for pair in pairs:
        key, separator, text = pair.partition("=")
        if not separator:
            raise UserError(f"--config {pair}: not of the form key=value; write for example studies=core")
        merged[key] = _value(text)
    return from_mapping(merged, files)


def from_mapping(merged: Mapping[str, Any], files: Iterable[str | Path] = ()) -> Config:
    """The configuration that Snakemake has merged from `files` and ``--config`` pairs; ``studies=a,b`` of these is a
    list.

    Raises:
        UserError: for an unknown key or a value out of range, where it was written.
    """
    values = dict(merged)
    if isinstance(values.get("studies"), str) and "," in values["studies"]:
        values["studies"] = tuple(part.strip() for part in values["studies"].split(",") if part.strip())
    read = list(dict.fromkeys([paths.found(DEFAULT), *map(Path, files)])) if files else []
    return validate(Config, values, Place("configuration", lambda: _marks(read, merged)))


def _marks(files: Sequence[Path], merged: Mapping[str, Any]) -> dict[Key, str]:
    """Where each key stands that counts: in the last file that has it, or on the command line, which has other values
    than any file."""
    written = _merged(files)
    found = {key: mark for file in files for key, mark in strict_yaml.marks(file).items()}
    given = {str(key) for key, value in merged.items() if written.get(key) != value}
    kept = {key: mark for key, mark in found.items() if key[0] not in given}
    return kept | {(key,): "--config" for key in given if files}


def complete(stated: Mapping[str, Any]) -> dict[str, Any]:
    """What is stated, over the default of the project: another workflow that uses ours states what differs."""
    return merge(_merged([paths.found(DEFAULT)]), stated)


def flags(merged: Mapping[str, Any], configfiles: Iterable[str | Path]) -> dict[str, str]:
    """How a step is told the same by hand: ``--configfile`` and ``--config`` options, by key."""
    # Relative, as a project that moves must not run anything again for its new place.
    files = [Path(os.path.relpath(file)) for file in configfiles]
    default = paths.found(DEFAULT)
    files = [file for file in files if file != Path(os.path.relpath(default))]
    written = _merged([default, *files])
    options = {"configfile": " ".join(f"--configfile {shlex.quote(str(file))}" for file in files)}
    for key, value in sorted(merged.items()):
        if written.get(key) != value:
            text = value if isinstance(value, str) else json.dumps(value)
            options[key] = f"--config {shlex.quote(f'{key}={text}')}"
    return options


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _merged(files: Iterable[Path]) -> dict[str, Any]:
    """What `files` hold, later ones winning."""
    merged: dict[str, Any] = {}
    for file in files:
        fields = read_yaml(file)
        if not isinstance(fields, dict):
            raise UserError(f"{file}: not a mapping of keys; write key: value")
        merged = merge(merged, fields)
    return merged
