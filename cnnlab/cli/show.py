"""What `cnnlab show` prints: a network, a study, an arm, a run or a claim, in a page at most."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cnnlab.cli.listing import claim_name, columns
from cnnlab.cli.main import KINDS
from cnnlab.cli.progress import verdicts_of
from cnnlab.core.errors import UserError, nearest
from cnnlab.planning import model_registry
from cnnlab.planning.metrics import METRICS
from cnnlab.planning.plan import Plan, run
from cnnlab.planning.specs import seeds_slug, switch_text
from cnnlab.planning.studies.study import Study
from cnnlab.planning.studies.study_file import ContrastSpec
from cnnlab.training import records
from cnnlab.wording.numbers import MINUS
from cnnlab.wording.verdicts import DIRECTIONS

if TYPE_CHECKING:
    from cnnlab.models.cost import LayerCost
    from cnnlab.training.records import Record


def describe(plan: Plan, name: str, preset: str | None = None, kind: str | None = None, raw: bool = False) -> str:
    """Whatever bears that name, or is of that kind too: a network, study, arm, claim, or run (or the beginning of its
    id); `raw`: of a run and an arm all that is recorded, as JSON.

    Raises:
        UserError: if nothing does, with the nearest name; for a study or network that cannot be read, with all that is
            wrong with it.
    """
    bearers = _bearers(plan, name, preset, raw)
    chosen = [each for each in KINDS if each in bearers and kind in (None, each)]
    if not chosen:
        plan.refuse_broken(name)
        what = kind or "network, study, arm, claim or run"
        raise UserError(f"{name}: no {what} of that name; {nearest(name, _names(plan), 'cnnlab list')}")
    others = [f"also a {each}: cnnlab show {name} --as {each}" for each in bearers if each != chosen[0]]
    return "\n".join([bearers[chosen[0]](), *(["", *others] if others and not kind and not raw else [])])


def _bearers(plan: Plan, name: str, preset: str | None, raw: bool) -> dict[str, Callable[[], str]]:
    """What bears the name, by kind, and what is shown of it."""
    found: dict[str, Callable[[], str]] = {}
    if name in model_registry.architectures():
        found["network"] = lambda: network(name, preset)
    studies = {study.name: study for study in plan.studies}
    if name in studies:
        found["study"] = lambda: _study(studies[name], plan)
    if name in plan.arms():
        found["arm"] = lambda: _arm(plan, name, raw)
    if plan.claims.get(name) or any(spec.id == name for study in plan.studies for spec in study.claims):
        found["claim"] = lambda: _claim(name, plan)
    if not found and name:
        record = next((each for each in records.scan(plan.paths) if each.run_id.startswith(name)), None)
        if record:
            found["run"] = lambda: _run(plan, record, raw)
    return found


def _names(plan: Plan) -> list[str]:
    """All that a person may have meant, ids of arms and runs aside."""
    ids = [*(claim.id for claim in plan.claims.claims), *(spec.id for study in plan.studies for spec in study.claims)]
    return [*model_registry.architectures(), *(study.name for study in plan.studies), *ids]


def _claim(name: str, plan: Plan) -> str:
    """Of the ledger, or of a study's own."""
    claim = plan.claims.get(name)
    tested = [study for study in plan.studies if any(spec.id == name for spec in study.claims)]
    own = [spec.statement or study.question for study in tested for spec in study.claims if spec.id == name]
    title = f"{name} ({claim.chapter}): {claim.statement}" if claim else f"{name}: {own[0]}"
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


def _arm(plan: Plan, arm_id: str, raw: bool) -> str:
    spec = plan.arm(arm_id)
    if raw:
        return json.dumps(spec.model_dump(mode="json"), indent=1)
    return columns([*_design(spec.design), ("studies", _of(plan, arm_id))], indent="")


def _run(plan: Plan, record: Record, raw: bool) -> str:
    """What was trained, how, and what came of it."""
    spec, result, provenance = record.spec, record.result, record.provenance
    if raw:
        return json.dumps({**spec, **result, "provenance": provenance}, indent=1)
    git = provenance.get("git") or {}
    rows = [
        ("run", f"{record.run_id}: {record.arm_id}, seed {record.seed}, {result['status']}"),
        ("studies", _of(plan, record.arm_id)),
        *_design(spec["arm"]),
        ("learning rate", "none" if spec["learning_rate"] is None else f"{spec['learning_rate']:g}"),
        ("test error", _percent(result.get("test_error"))),
        ("training error", _percent(result.get("train_error"))),
        ("took", f"{provenance['seconds']:.1f} s on {provenance['device']}, commit {str(git.get('commit'))[:10]}"),
        ("lies in", str(record.directory)),
        ("everything", f"cnnlab show {record.run_id} --json"),
    ]
    return columns(rows, indent="")


def _design(arm: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Model, data and training of an arm in a line each, without what is not set."""
    model = {**{key: arm["model"][key] for key in ("architecture", "preset")}, **arm["model"]["switches"]}
    return [
        (title, _pairs(fields)) for title, fields in (("model", model), ("data", arm["data"]), ("train", arm["train"]))
    ]


def _pairs(fields: Mapping[str, Any]) -> str:
    flat = {key: value for key, value in fields.items() if not isinstance(value, Mapping)}
    return ", ".join(f"{key} {switch_text(value)}" for key, value in flat.items() if value not in (None, [], (), False))


def _percent(share: float | None) -> str:
    return "missing" if share is None else f"{100 * share:.2f} %"


def _of(plan: Plan, arm_id: str) -> str:
    """The studies that ask for an arm, and its name there."""
    asking = [
        f"{study.name}: {arm.name}"
        for study in plan.whole.studies
        for arm in study.arms.values()
        if arm.spec.arm_id == arm_id
    ]
    return ", ".join(asking) or "none any more"


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
    return f"{title}\n\n{columns(rows, indent='')}\n\n{_totals(cost.parameters(model), layers)}"


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
    lines.append(columns([(name, arm.label, arm.spec.arm_id) for name, arm in study.arms.items()]))
    for claim in study.claims:
        lines += ["", f"{claim_name(claim.id, claim.part)} holds if"]
        for contrast in claim.requires:
            specs = [study.arms[name].spec for name in contrast.contrast]
            images = min(split_sizes(spec.data)[2] for spec in specs)
            evaluations = min(spec.train.epochs * spec.train.evaluations_per_epoch for spec in specs)
            lines.append(f"  {_contrast(contrast)}")
            family = plan.claims.empirical_parts if plan.claims.get(claim.id) else 1
            barred = cannot(contrast, len(study.seeds), images, family, evaluations)
            lines += [f"    cannot come out {what}" for what in barred]
            lines += [f"    {decided}" for decided in _decided(contrast, study, plan)]
    if study.claims:
        lines += _found(plan, study.name, study.name)
    if study.secondary:
        lines += ["", "secondary, without a verdict:", *(f"  {_contrast(contrast)}" for contrast in study.secondary)]
    if study.matrix and study.matrix.refused:
        rows = [(family, switch, reason) for (family, switch), reason in study.matrix.refused.items()]
        lines += ["", "no such cell, and why:", columns(rows)]
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
