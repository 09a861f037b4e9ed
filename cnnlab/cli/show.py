"""What `cnnlab list` and `cnnlab show` print."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cnnlab.cli.progress import verdicts_of
from cnnlab.core.errors import UserError, nearest
from cnnlab.core.validation import Spec
from cnnlab.planning import model_registry
from cnnlab.planning.metrics import METRICS, Metric
from cnnlab.planning.plan import Plan, run
from cnnlab.planning.specs import DataSpec, TrainSpec, seeds_slug, switch_text
from cnnlab.planning.studies.claims import Claim
from cnnlab.planning.studies.study import Study
from cnnlab.planning.studies.study_file import ContrastSpec
from cnnlab.training import records
from cnnlab.wording.numbers import MINUS
from cnnlab.wording.verdicts import DIRECTIONS

if TYPE_CHECKING:
    from cnnlab.models.cost import LayerCost


def overview(plan: Plan) -> str:
    """Studies with their arms and claims."""
    blocks = []
    for study in plan.studies:
        claims = ", ".join(_claim_name(claim.id, claim.part) for claim in study.claims) or "description only"
        title = f"{study.name}: {study.title}  [{claims}; seeds {seeds_slug(study.seeds)}]"
        rows: list[tuple[str, ...]] = [(name, arm.label, arm.spec.arm_id) for name, arm in study.arms.items()]
        blocks.append(f"{title}\n{_columns(rows)}")
    return "\n\n".join(blocks)


def networks() -> str:
    """Networks with presets and switches."""
    blocks = []
    for name, architecture in model_registry.architectures().items():
        presets = [
            f"{preset} ({size.channels}x{size.image_size}x{size.image_size}, {size.classes} classes)"
            for preset, size in architecture.presets.items()
        ]
        rows = [("presets", ", ".join(presets))]
        rows += [(switch, values.describe()) for switch, values in architecture.switches.items()]
        blocks.append(f"{name}: {architecture.title}\n{_columns(rows)}")
    return "\n\n".join(blocks)


def runs(plan: Plan) -> str:
    rows = [("run", "arm", "seed", "learning rate", "test error", "status")]
    for record in records.scan(plan.paths):
        rate, error = record.spec["learning_rate"], record.result["test_error"]
        numbers = "none" if rate is None else f"{rate:g}", "missing" if error is None else f"{100 * error:.2f} %"
        rows.append((record.run_id, record.arm_id, str(record.seed), *numbers, record.result["status"]))
    if len(rows) == 1:
        raise UserError(f"{plan.paths.runs}: no finished run yet; run snakemake first")
    return _columns(rows, indent="")


def costs(plan: Plan) -> str:
    """Runs times seconds, tuning included, on one core of an ordinary machine: an estimate, for planning."""
    rows, total = [("study", "arm", "runs", "seconds a run", "core-seconds")], 0.0
    counted: dict[str, set[int]] = {}
    for study in plan.studies:
        for name, arm in study.arms.items():
            seconds, arm_id = plan.run_seconds(arm.spec.arm_id), arm.spec.arm_id
            before = counted.get(arm_id, set())
            counted[arm_id] = before.union(study.seeds)
            whole = plan.seconds(arm_id, counted[arm_id]) - plan.seconds(arm_id, before)
            total += whole
            numbers = str(len(study.seeds)), f"{seconds:.1f}", f"{whole:.0f}" if whole else "shared"
            rows.append((study.name, name, *numbers))
    return f"{_columns(rows, indent='')}\n\n{len(counted)} arms, about {total:.0f} core-seconds"


def metrics() -> str:
    rows = [("metric", "unit of a contrast", "what it is")]
    rows += [(name, metric.unit, f"{metric.title}{_remarks(metric)}") for name, metric in METRICS.items()]
    return _columns(rows, indent="")


def settings() -> str:
    """Every key of ``data:`` and ``train:`` in a study."""
    return "\n\n".join(f"{section}:\n{_keys(spec)}" for section, spec in (("data", DataSpec), ("train", TrainSpec)))


def _keys(spec: type[Spec], within: str = "") -> str:
    schema = spec.model_json_schema()
    rows, inner = [], []
    for name, field in spec.model_fields.items():
        default = "" if field.is_required() else _written(field.get_default(call_default_factory=True))
        if isinstance(field.default, Spec):
            inner.append(_keys(type(field.default), f"{within}{name}."))
        elif not (spec is DataSpec and name == "tested"):  # for pilots alone
            rows.append((f"{within}{name}", _type(schema["properties"][name]), default, field.description or ""))
    return "\n".join([_columns(rows), *inner])


def _type(schema: Mapping[str, Any]) -> str:
    """What a person may write, from a JSON schema: ``integer ≥ 1``, ``sgd | adamw``."""
    if "anyOf" in schema:
        return " | ".join(_type(each) for each in schema["anyOf"] if each.get("type") != "null")
    if "enum" in schema or "const" in schema:
        return " | ".join(str(value) for value in schema.get("enum", [schema.get("const")]))
    if schema["type"] == "array":
        return f"list of {_type(schema['items'])}" if "items" in schema else "list of numbers"
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    return " ".join([str(schema["type"]), *(f"{sign} {schema[key]:g}" for key, sign in signs.items() if key in schema)])


def _written(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_written, value))}]"
    return "" if value is None else f"{value:.3g}" if isinstance(value, float) else switch_text(value)


def _remarks(metric: Metric) -> str:
    remarks = {
        "a difference by itself: one arm is an effect": metric.signed,
        "censored where it is never reached": metric.censored,
        "measured by a clock: secondary only": metric.measured,
    }
    applying = [remark for remark, applies in remarks.items() if applies]
    return f" ({'; '.join(applying)})" if applying else ""


def columns() -> str:
    from cnnlab.analysis.tables.columns import TABLES

    blocks = []
    for name, schema in TABLES.items():
        rows = [(key, str(column.dtype), str(column.description)) for key, column in schema.columns.items()]
        blocks.append(f"{name}\n{_columns(rows)}")
    return "\n\n".join(blocks)


def describe(plan: Plan, name: str, preset: str | None) -> str:
    """Whatever bears that name: a network, study, arm, run (or the beginning of its id), or claim.

    Raises:
        UserError: if nothing does, with the nearest name.
    """
    studies = {study.name: study for study in plan.studies}
    if name in model_registry.architectures():
        return network(name, preset)
    if name in studies:
        return _study(studies[name], plan)
    if name in plan.arms():
        return json.dumps(plan.arm(name).model_dump(mode="json"), indent=1)
    claim = plan.claims.get(name)
    tested = [study for study in plan.studies if any(spec.id == name for spec in study.claims)]
    if claim or tested:
        return _claim(name, claim, tested, plan)
    for record in records.scan(plan.paths):
        if record.run_id.startswith(name):
            return json.dumps({**record.spec, **record.result, "provenance": record.provenance}, indent=1)
    valid = [*model_registry.architectures(), *studies, *plan.arms()]
    raise UserError(f"{name}: no network, study, arm, run or claim of that name; {nearest(name, valid)}")


def _claim(name: str, claim: Claim | None, tested: Sequence[Study], plan: Plan) -> str:
    """Of the ledger, or of a study's own."""
    title = f"{name} ({claim.chapter}): {claim.statement}" if claim else f"{name}: {tested[0].question}"
    parts = [f"parts: {', '.join(f'{part} ({kind})' for part, kind in claim.parts.items())}"] if claim else []
    names = ", ".join(study.name for study in tested)
    chosen = ",".join(study.name for study in tested)
    empirical = not claim or "empirical" in claim.parts.values()
    return "\n".join(
        [title, *parts, f"studies: {names or 'none yet'}", *(_found(plan, name, chosen) if empirical else [])]
    )


def _found(plan: Plan, name: str, studies: str) -> list[str]:
    """The verdicts on a claim, or in a study, of that name; or how to have them."""
    lines = verdicts_of(plan.paths, name)
    return ["", *(lines or ([f"not run yet: {run(plan, studies)}"] if studies else []))]


def network(name: str, preset: str | None) -> str:
    """Layer by layer."""
    from cnnlab import models
    from cnnlab.models import cost
    from cnnlab.planning.specs import ModelSpec

    architecture = model_registry.get(name)
    preset = preset or next(iter(architecture.presets))
    size = architecture.preset(preset, "--preset")
    spec = ModelSpec(architecture=name, preset=preset, switches=model_registry.resolve(name, preset, {}, name))
    model = models.build(spec, size.channels, size.image_size, size.classes)
    layers = cost.describe(model, (size.channels, size.image_size, size.image_size))
    rows: list[tuple[str, ...]] = [
        ("layer", "kind", "output (sample first)", "parameters", "MACs", "weights, KiB", "activations, KiB")
    ]
    for layer in layers:
        shape = "x".join(("N", *map(str, layer.output_shape)))
        memory = (f"{size / 1024:,.1f}" for size in (layer.parameter_bytes, layer.activation_bytes))
        rows.append((layer.name, layer.kind, shape, f"{layer.parameters:,}", f"{layer.macs:,}", *memory))
    title = f"{architecture.title}, preset {preset}: {architecture.paper}"
    return f"{title}\n\n{_columns(rows, indent='')}\n\n{_totals(cost.parameters(model), layers)}"


def _totals(parameters: int, layers: Sequence[LayerCost]) -> str:
    """For one image, forward; in float32."""
    extra = parameters - sum(layer.parameters for layer in layers)
    training = f" ({extra:,} of them in classifiers that run in training only)" if extra > 0 else ""
    macs = sum(layer.macs for layer in layers)
    activations = sum(layer.activation_bytes for layer in layers) / 2**20
    work = f"{macs:,} multiply-accumulates (MACs), {activations:,.1f} MiB of activations"
    return f"{parameters:,} parameters{training}, {work}"


def _study(study: Study, plan: Plan) -> str:
    from cnnlab.analysis.foresight import cannot
    from cnnlab.planning.datasets import split_sizes

    lines = [f"{study.title}: {study.question}", f"file: {study.path}; seeds {seeds_slug(study.seeds)}", ""]
    lines.append(_columns([(name, arm.label, arm.spec.arm_id) for name, arm in study.arms.items()]))
    for claim in study.claims:
        lines += ["", f"{_claim_name(claim.id, claim.part)} holds if"]
        for contrast in claim.requires:
            images = min(split_sizes(study.arms[name].spec.data)[2] for name in contrast.contrast)
            lines.append(f"  {_contrast(contrast)}")
            family = plan.claims.empirical_parts if plan.claims.get(claim.id) else 1
            lines += [f"    cannot come out {what}" for what in cannot(contrast, len(study.seeds), images, family)]
            lines += [f"    {decided}" for decided in _decided(contrast, study, plan)]
    if study.claims:
        lines += _found(plan, study.name, study.name)
    if study.secondary:
        lines += ["", "secondary, without a verdict:", *(f"  {_contrast(contrast)}" for contrast in study.secondary)]
    if study.matrix and study.matrix.refused:
        rows = [(family, switch, reason) for (family, switch), reason in study.matrix.refused.items()]
        lines += ["", "no such cell, and why:", _columns(rows)]
    return "\n".join(lines)


def _decided(contrast: ContrastSpec, study: Study, plan: Plan) -> list[str]:
    """The smallest effect that its runs, if they are there, would decide."""
    from cnnlab.analysis.foresight import smallest_effect
    from cnnlab.analysis.power import POWER
    from cnnlab.analysis.verdicts import judge

    judged = judge(contrast, study, records.so_far(plan.paths, plan.only(study.name).manifests()), primary=True)
    effect = smallest_effect(judged.claim) if judged.claim else None
    if effect is None:
        return []
    return [f"decides an effect of {effect:.2g} {METRICS[contrast.metric].unit} with a chance of {100 * POWER:.0f} %"]


def _contrast(contrast: ContrastSpec) -> str:
    terms = " ".join(f"{weight:+g}·{name}" for name, weight in contrast.contrast.items())
    unit = METRICS[contrast.metric].unit
    claim = DIRECTIONS[contrast.direction].claim.replace(MINUS, "-") if contrast.direction else "in {m}"
    size = f"{contrast.margin:g} {unit}" if contrast.direction else unit
    return f"{METRICS[contrast.metric].title}: {terms} {claim.format(m=size)}"


def _claim_name(claim_id: str, part: str) -> str:
    return claim_id if part == "main" else f"{claim_id} ({part})"


def _columns(rows: Sequence[Sequence[str]], indent: str = "  ") -> str:
    """Plain columns, each as wide as its widest cell."""
    widths = [max(len(str(row[index])) for row in rows) for index in range(len(rows[0]))]
    return "\n".join(
        (indent + "  ".join(str(cell).ljust(width) for cell, width in zip(row, widths, strict=True))).rstrip()
        for row in rows
    )
