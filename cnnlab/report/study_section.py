"""One section for each study: its question, the answer in words, figures, arms and contrasts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cnnlab.analysis.tables.frames import Row, Tables
from cnnlab.analysis.tables.runs import core_seconds
from cnnlab.core.git import last_commit
from cnnlab.planning.plan import Plan
from cnnlab.planning.studies.figure_choice import kinds
from cnnlab.planning.studies.study import Study
from cnnlab.report.locks import LockHistory
from cnnlab.report.tables import arms as armtable
from cnnlab.report.tables import benchmark, classes, matrix, metrics
from cnnlab.report.tables import contrasts as contrasttable
from cnnlab.report.tables.view import Picture
from cnnlab.wording import beside, matrix_cells, robustness
from cnnlab.wording.answers import Sentence, against, answer, conjunction
from cnnlab.wording.arm_values import values_beside
from cnnlab.wording.claims import claim_name
from cnnlab.wording.contrasts import contrasts_of
from cnnlab.wording.numbers import count, plural
from cnnlab.wording.threats import generated

LONG = 12  # rows; a longer table is folded
OPENING = "matrix"  # stands above the ledger, and not a second time in the section of its study


def build(
    study: Study,
    plan: Plan,
    tables: Tables,
    figures: Path,
    families: Mapping[tuple[str, str], str],
    wholes: Mapping[str, str],
    locks: LockHistory,
) -> dict[str, Any]:
    """What ``study.html.j2`` shows: `opening` above the ledger, `figures` in the section of the study.

    Args:
        families: the labels of the families of every matrix, by study and family.
        wholes: what several studies say of a claim, by the claim's name.
    """
    labels = {name: arm.label for name, arm in study.arms.items()}
    extensions = [row for row in contrasts_of(study.name, tables) if row["extension"] and not row["primary"]]
    arms = armtable.read(study, tables)
    views = [
        benchmark.build(study, arms, tables),
        matrix.build(study, matrix_cells.read(study, tables), tables),
        armtable.build(study, arms),
        contrasttable.build(study, tables, labels),
    ]
    further = [metrics.build(study, arms), classes.build(study, tables)]
    done, planned = sum(len(arm.runs) for arm in arms), len(study.arms) * len(study.seeds)
    drawn = {name: Picture(name, figures / study.name / f"{name}.svg", kinds()[name].caption) for name in study.figures}
    return {
        "study": study,
        "locks": locks,
        "commit": last_commit(study.path),
        "first_run": _first_run(arms),
        "progress": "" if done == planned else f"{done} of {planned} runs are finished.",
        "claims": [_claim(row, study, tables, families, wholes) for row in tables.rows("claims", study=study.name)],
        "extensions": [
            answer(row, labels, values_beside(row, tables, labels))
            for row in extensions
            if not row["switch"] and (row["estimate"] is not None or row["low"] is not None)
        ],
        "threats": [*study.threats, *generated(study, plan, tables)],
        "opening": drawn.pop(OPENING, None),
        "figures": list(drawn.values()),
        "tables": [table for table in views if table and 0 < len(table.rows) <= LONG],
        "folded": [table for table in views if table and len(table.rows) > LONG]
        + [table for table in further if table],
        "setting": armtable.common_setting(arms),
        "cost": _cost(arms),
    }


def _claim(
    row: Row, study: Study, tables: Tables, families: Mapping[tuple[str, str], str], wholes: Mapping[str, str]
) -> dict[str, Any]:
    """What the study says of a claim, a row of ``claims``."""
    labels = {name: arm.label for name, arm in study.arms.items()}
    written = {(claim.id, claim.part): claim.against for claim in study.claims}
    parts = tables.rows("contrasts", claim=row["id"], part=row["part"], study=row["study"], primary=True)
    if parts:
        sentences = [answer(part, labels, values_beside(part, tables, labels)) for part in parts]
    else:
        sentences = [Sentence(row["reason"] or "No evidence is given", row["verdict"])]
    return {
        "row": row,
        "against": written.get((row["id"], row["part"])) or against(parts, labels),
        "sentences": sentences,
        "overall": conjunction(row, parts) if len(parts) > 1 else None,
        "robustness": robustness.line(row, tables),
        "families": beside.across_families(parts, tables, families),
        "whole": wholes.get(claim_name(row), ""),
        "elsewhere": beside.line(row, tables),
    }


def _first_run(arms: Sequence[armtable.ArmRows]) -> datetime | None:
    """When the first of the study's runs started."""
    started = [run["started_ms"] for arm in arms for run in arm.measured if run["started_ms"] is not None]
    return datetime.fromtimestamp(min(started) / 1000, UTC) if started else None


def _cost(arms: Sequence[armtable.ArmRows]) -> str | None:
    """Of the whole study, each choice of a rate once; None while no run is finished."""
    rows = [row for arm in arms for row in arm.measured]
    if not rows:
        return None
    training, tuning = (
        "unknown" if seconds is None else count(seconds)
        for seconds in core_seconds((row["tuned_by"], row) for row in rows)
    )
    return f"{plural(len(rows), 'run')}, {training} core-seconds of training and {tuning} of tuning"
