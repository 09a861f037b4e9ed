"""What `cnnlab list` prints: all there is in a line each, or what bears a word, whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cnnlab.core.errors import UserError, nearest
from cnnlab.core.validation import Spec
from cnnlab.planning import model_registry
from cnnlab.planning.architecture import Architecture
from cnnlab.planning.metrics import METRICS, Metric
from cnnlab.planning.plan import Plan
from cnnlab.planning.specs import DataSpec, TrainSpec, seeds_slug, switch_text
from cnnlab.planning.studies.study import Study
from cnnlab.training import records

Row = tuple[str, ...]


def overview(plan: Plan | None, word: str | None = None) -> str:
    """Studies, if there is a project, and networks, a line each; with a word those that bear it, whole.

    Raises:
        UserError: if none does, with the nearest name.
    """
    all_studies = plan.studies if plan else ()
    studies = {study_line(study): [columns(_arms(study))] for study in all_studies if _bears(_words(study), word)}
    zoo = [*model_registry.architectures().values()]
    networks = {_network(each): [columns(_switches(each))] for each in zoo if _bears(_words_of(each), word)}
    if word and not (studies or networks):
        names = [*(study.name for study in all_studies), *(each.name for each in zoo)]
        raise UserError(f"list: '{word}' is in no study and no network; {nearest(word, names)}")
    blocks = []
    for title, group in (("Studies", studies), ("Networks", networks)):
        lines = [line for first, details in group.items() for line in (first, *(details if word else ()))]
        blocks += ["\n".join([title, *lines])] if lines else []
    if not word:
        blocks.append("cnnlab list WORD: what bears the word, with arms, presets and switches; cnnlab show NAME: one")
    return "\n\n".join(blocks)


def study_line(study: Study) -> str:
    claims = ", ".join(claim_name(claim.id, claim.part) for claim in study.claims) or "description only"
    return f"{study.name}: {study.title}  [{claims}; seeds {seeds_slug(study.seeds)}]"


def claim_name(claim_id: str, part: str) -> str:
    return claim_id if part == "main" else f"{claim_id} ({part})"


def _arms(study: Study) -> list[Row]:
    return [(name, arm.label, arm.spec.arm_id) for name, arm in study.arms.items()]


def _network(architecture: Architecture) -> str:
    return f"{architecture.name}: {architecture.title}  [{', '.join(architecture.presets)}]"


def _switches(architecture: Architecture) -> list[Row]:
    presets = [
        f"{preset} ({size.channels}x{size.image_size}x{size.image_size}, {size.classes} classes)"
        for preset, size in architecture.presets.items()
    ]
    rows: list[Row] = [("presets", ", ".join(presets))]
    return rows + [(switch, values.describe()) for switch, values in architecture.switches.items()]


def _words(study: Study) -> Iterable[str]:
    yield from (study.name, study.title, study.question)
    yield from (claim.id for claim in study.claims)
    yield from (contrast.metric for contrast in study.contrasts)
    yield from (word for row in _arms(study) for word in row)


def _words_of(architecture: Architecture) -> Iterable[str]:
    yield from (architecture.name, architecture.title, architecture.paper)
    yield from (word for row in _switches(architecture) for word in row)


def _bears(words: Iterable[str], word: str | None) -> bool:
    return word is None or any(word.casefold() in each.casefold() for each in words)


def _filtered(rows: Sequence[Row], word: str | None) -> list[Row]:
    """The heading, and the rows that bear the word.

    Raises:
        UserError: if none does.
    """
    heading, *others = rows
    kept = [row for row in others if _bears(row, word)]
    if word and not kept:
        raise UserError(f"list: '{word}' is in none of {len(others)} rows; leave it out to see them")
    return [heading, *kept]


def runs(plan: Plan, word: str | None = None) -> str:
    """Finished runs, with the studies that ask for their arms."""
    names: dict[str, list[str]] = {}
    for study in plan.whole.studies:
        for arm in study.arms.values():
            names.setdefault(arm.spec.arm_id, []).append(f"{study.name}: {arm.name}")
    rows: list[Row] = [("run", "arm", "seed", "learning rate", "test error", "status", "studies")]
    for record in records.scan(plan.paths):
        rate, error = record.spec["learning_rate"], record.result["test_error"]
        numbers = "none" if rate is None else f"{rate:g}", "missing" if error is None else f"{100 * error:.2f} %"
        of = ", ".join(names.get(record.arm_id, [])) or "none any more"
        rows.append((record.run_id, record.arm_id, str(record.seed), *numbers, record.result["status"], of))
    if len(rows) == 1:
        raise UserError(f"{plan.paths.runs}: no finished run yet; run snakemake first")
    return columns(_filtered(rows, word), indent="")


def costs(plan: Plan, word: str | None = None) -> str:
    """Runs times seconds, tuning included, on one core of an ordinary machine: an estimate, for planning."""
    rows: list[Row] = [("study", "arm", "runs", "seconds a run", "core-seconds")]
    total, counted = 0.0, dict[str, set[int]]()
    for study in plan.studies:
        for name, arm in study.arms.items():
            seconds, arm_id = plan.run_seconds(arm.spec.arm_id), arm.spec.arm_id
            before = counted.get(arm_id, set())
            counted[arm_id] = before.union(study.seeds)
            whole = plan.seconds(arm_id, counted[arm_id]) - plan.seconds(arm_id, before)
            total += whole
            numbers = str(len(study.seeds)), f"{seconds:.1f}", f"{whole:.0f}" if whole else "shared"
            rows.append((study.name, name, *numbers))
    of_all = f"{len(counted)} arms{' in all' if word else ''}, about {total:.0f} core-seconds"
    return f"{columns(_filtered(rows, word), indent='')}\n\n{of_all}"


def metrics(word: str | None = None) -> str:
    rows: list[Row] = [("metric", "unit of a contrast", "what it is")]
    rows += [(name, metric.unit, f"{metric.title}{_remarks(metric)}") for name, metric in METRICS.items()]
    return columns(_filtered(rows, word), indent="")


def _remarks(metric: Metric) -> str:
    remarks = {
        "a difference by itself: one arm is an effect": metric.signed,
        "censored where it is never reached": metric.censored,
        "measured by a clock: secondary only": metric.measured,
    }
    applying = [remark for remark, applies in remarks.items() if applies]
    return f" ({'; '.join(applying)})" if applying else ""


def settings(word: str | None = None) -> str:
    """Every key of ``data:`` and ``train:`` in a study."""
    blocks = {"data": _keys(DataSpec), "train": _keys(TrainSpec)}
    chosen = {name: [row for row in rows if _bears(row, word)] for name, rows in blocks.items()}
    if not any(chosen.values()):
        raise UserError(f"list: '{word}' is in no key of data: and train:; leave it out to see them")
    return "\n\n".join(f"{name}:\n{columns(rows)}" for name, rows in chosen.items() if rows)


def _keys(spec: type[Spec], within: str = "") -> list[Row]:
    schema = spec.model_json_schema()
    rows, inner = list[Row](), list[Row]()
    for name, field in spec.model_fields.items():
        default = "" if field.is_required() else _written(field.get_default(call_default_factory=True))
        if isinstance(field.default, Spec):
            inner += _keys(type(field.default), f"{within}{name}.")
        elif not (spec is DataSpec and name == "tested"):  # for pilots alone
            rows.append((f"{within}{name}", _type(schema["properties"][name]), default, field.description or ""))
    return [*rows, *inner]


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


def table_columns(word: str | None = None) -> str:
    """The columns of every table, with types and meanings."""
    from cnnlab.analysis.tables.columns import TABLES

    blocks = []
    for name, schema in TABLES.items():
        rows = [(key, str(column.dtype), str(column.description)) for key, column in schema.columns.items()]
        kept = [row for row in rows if _bears((name, *row), word)]
        blocks += [f"{name}\n{columns(kept)}"] if kept else []
    if not blocks:
        raise UserError(f"list: '{word}' is in no column of a table; leave it out to see them")
    return "\n\n".join(blocks)


def columns(rows: Sequence[Sequence[str]], indent: str = "  ") -> str:
    """Plain columns, each as wide as its widest cell."""
    widths = [max(len(str(row[index])) for row in rows) for index in range(len(rows[0]))]
    return "\n".join(
        (indent + "  ".join(str(cell).ljust(width) for cell, width in zip(row, widths, strict=True))).rstrip()
        for row in rows
    )
