"""What MLflow shows as the description of an arm: its errors with their intervals, and what was found with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cnnlab.analysis.intervals import Effects, interval
from cnnlab.analysis.tables.frames import Row, Tables, group, values
from cnnlab.wording.numbers import capital, listed, plural, with_interval
from cnnlab.wording.terminal import UNTESTED, claim_line

if TYPE_CHECKING:
    from cnnlab.planning.plan import Plan

ERRORS = {"test_error": "test error", "train_error": "training error"}


def arm_notes(plan: Plan, tables: Tables) -> dict[str, str]:
    """In Markdown, by arm id: a sentence of errors, and a line for each claim in whose contrasts the arm takes part."""
    found = {(row["study"], row["id"], row["part"]): row for row in tables.rows("claims")}
    claims: dict[str, list[str]] = {}
    for study in plan.studies:
        for claim in study.claims:
            row = found.get((study.name, claim.id, claim.part))
            if row is None or row["verdict"] in UNTESTED:
                continue
            line = f"- {row['statement']}: **{' '.join(claim_line(row).split())}** (study {study.name})"
            for name in sorted({name for contrast in claim.requires for name in contrast.contrast}):
                claims.setdefault(study.arms[name].spec.arm_id, []).append(line)
    runs = group(tables.rows("runs"), lambda run: run["arm_id"])
    parts = {arm_id: [_errors(runs.get(arm_id, [])), "\n".join(claims.get(arm_id, []))] for arm_id in plan.arms()}
    return {arm_id: "\n\n".join(filter(None, of_arm)) for arm_id, of_arm in parts.items()}


def _errors(runs: list[Row]) -> str:
    """``Test error 2.59 % (2.41 to 2.77) and training error …: means over 8 seeds with 95 % intervals.``"""
    means = []
    for column, name in ERRORS.items():
        shares = [100 * float(share) for share in values(runs, column)]
        if len(shares) == len(runs) > 1:  # a mean over those that did not diverge would mislead
            effects = Effects.of(shares)
            low, high = (min(max(float(end), 0.0), 100.0) for end in interval(effects))
            means.append(f"{name} {with_interval((float(effects.estimate), low, high), unit=' %')}")
    if not means:
        return ""
    return f"{capital(listed(means))}: means over {plural(len(runs), 'seed')} with 95 % intervals."
