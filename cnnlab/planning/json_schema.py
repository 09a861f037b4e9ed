"""JSON Schemas of study files and configuration, so that an editor completes and checks them while one types."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cnnlab.core.paths import SCHEMAS
from cnnlab.planning import model_registry, sources
from cnnlab.planning.config import Config
from cnnlab.planning.metrics import METRICS
from cnnlab.planning.specs import DataSpec, TrainSpec
from cnnlab.planning.studies.figure_choice import kinds
from cnnlab.planning.studies.study_file import StudyFile


def schemas() -> dict[Path, str]:
    """Each file below ``workflow/schemas`` and what it must hold; `cnnlab schema` writes them."""
    made = {"study": _study(), "config": _completed(Config.model_json_schema())}
    return {
        SCHEMAS / f"{name}.schema.json": json.dumps(schema, indent=1, sort_keys=True) + "\n"
        for name, schema in made.items()
    }


def _completed(schema: dict[str, Any]) -> dict[str, Any]:
    """With what the registries say in the place of the loose mappings of `ArmFields`."""
    definitions = schema["$defs"]
    for model in (DataSpec, TrainSpec):
        described = model.model_json_schema(ref_template="#/$defs/{model}")
        definitions.update(described.pop("$defs", {}))
        described.pop("required", None)  # an arm gives only what differs from the base
        definitions[model.__name__] = described
    definitions["DataSpec"]["properties"]["name"]["enum"] = sources.names()
    model_fields = {"type": "object", "additionalProperties": False, "properties": _model()}
    sections = {"data": {"$ref": "#/$defs/DataSpec"}, "train": {"$ref": "#/$defs/TrainSpec"}, "model": model_fields}
    for name in {"ArmFields", "FamilyFields"} & set(definitions):
        definitions[name]["properties"].update(sections)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _study() -> dict[str, Any]:
    schema = _completed(StudyFile.model_json_schema())
    definitions = schema["$defs"]
    for name in ("ContrastSpec", "EffectFields"):
        definitions[name]["properties"]["metric"]["enum"] = sorted(METRICS)
    switches = sorted(set(_model()) - {"architecture", "preset"})
    definitions["MatrixFields"]["properties"]["switches"]["propertyNames"] = {"enum": switches}
    schema["properties"]["figures"]["anyOf"][0]["items"]["enum"] = list(kinds())
    return schema


def _model() -> dict[str, Any]:
    """Architectures, presets, and every switch that some architecture takes, with its legal values."""
    architectures = model_registry.architectures()
    presets = sorted({preset for architecture in architectures.values() for preset in architecture.presets})
    properties: dict[str, Any] = {"architecture": {"enum": sorted(architectures)}, "preset": {"enum": presets}}
    for architecture in architectures.values():
        for name, switch in architecture.switches.items():
            values = switch.values
            properties.setdefault(name, {"enum": list(values)} if values else {"type": "number"})
    return properties
