"""JSON Schemas of study files and configuration, so that an editor completes and checks them while one types."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cnnlab.core.paths import SCHEMAS
from cnnlab.planning import model_registry, sources
from cnnlab.planning.config import Config
from cnnlab.planning.figure_choice import kinds
from cnnlab.planning.metrics import METRICS
from cnnlab.planning.specs import DataSpec, TrainSpec
from cnnlab.planning.studies.study_file import StudyFile


def schemas() -> dict[Path, str]:
    """Each file below ``workflow/schemas`` and what it must hold; `cnnlab schema` writes them."""
    made = {"study": _study(), "config": StudyAware(Config.model_json_schema()).schema}
    return {
        SCHEMAS / f"{name}.schema.json": json.dumps(schema, indent=1, sort_keys=True) + "\n"
        for name, schema in made.items()
    }


class StudyAware:
    """Replaces the loose mappings of `ArmFields` by what the registries say of them."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self.schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
        definitions = self.schema["$defs"]
        for model in (DataSpec, TrainSpec):
            described = model.model_json_schema(ref_template="#/$defs/{model}")
            definitions.update(described.pop("$defs", {}))
            described.pop("required", None)  # an arm gives only what differs from the base
            definitions[model.__name__] = described
        definitions["DataSpec"]["properties"]["name"]["enum"] = sources.names()
        for name in {"ArmFields", "FamilyFields"} & set(definitions):
            fields = definitions[name]["properties"]
            fields["data"], fields["train"] = ({"$ref": f"#/$defs/{each}"} for each in ("DataSpec", "TrainSpec"))
            fields["model"] = {"type": "object", "additionalProperties": False, "properties": _model()}


def _study() -> dict[str, Any]:
    schema = StudyAware(StudyFile.model_json_schema()).schema
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
    presets = sorted({preset for each in architectures.values() for preset in each.presets})
    properties: dict[str, Any] = {"architecture": {"enum": sorted(architectures)}, "preset": {"enum": presets}}
    for architecture in architectures.values():
        for name, switch in architecture.switches.items():
            values = switch.values
            properties.setdefault(name, {"enum": list(values)} if values else {"type": "number"})
    return properties
