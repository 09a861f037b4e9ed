"""The verdicts for programs: JSON, and an exit status for continuous integration."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from math import isfinite
from typing import Any

from cnnlab.analysis.tables.frames import Row
from cnnlab.core.errors import UserError
from cnnlab.core.version import __version__
from cnnlab.planning.plan import Plan
from cnnlab.planning.verdicts import AGAINST, FOR, WHOLE, Verdict

AS_CLAIMED, CONTRADICTED, OPEN = range(3)  # exit statuses
ANSWERS = {AS_CLAIMED: "as claimed", CONTRADICTED: Verdict.CONTRADICTED.value, OPEN: "open"}


def as_json(plan: Plan, rows: Sequence[Row]) -> tuple[str, int]:
    """The verdicts on what the studies of `plan` claim, from rows of ``claims``, and the exit status.

    Where every study is selected, claims that are computed count too, and studies that cannot be read, as open. So is a
    verdict that is older than its study.

    Raises:
        UserError: if the studies claim nothing.
    """
    claims = [*map(_claim, _asked(plan, rows))]
    if not claims:
        raise UserError("report: the selected studies test no claim; `cnnlab list` names those that do")
    left_out = [study.name for study in plan.broken] if len(plan.studies) == len(plan.every) else []
    statuses = [*map(_status, claims), *(OPEN for _ in left_out)]
    status = max(statuses, key=(AS_CLAIMED, OPEN, CONTRADICTED).index)
    told = {
        "cnnlab": __version__,
        "tier": plan.tier,
        "answer": ANSWERS[status],
        "counts": dict(Counter(claim["verdict"] for claim in claims)),
        "left_out": left_out,
        "claims": claims,
    }
    return json.dumps(told, indent=1, ensure_ascii=False, allow_nan=False), status


def _asked(plan: Plan, rows: Sequence[Row]) -> Iterator[Row]:
    """A row for each part that is claimed; what no run has begun to test is there too."""
    parts = [row for row in rows if row["kind"] != WHOLE]
    if len(plan.studies) == len(plan.every):
        yield from (row for row in parts if row["kind"] != "empirical")
    for study in plan.studies:
        found = {(row["id"], row["part"]): row for row in parts if row["study"] == study.name}
        for claim in study.claims:
            yield found.get((claim.id, claim.part)) or _untested(claim.id, claim.part, study.name, parts)


def _untested(claim: str, part: str, study: str, rows: Sequence[Row]) -> Row:
    statement = next((row["statement"] for row in rows if row["id"] == claim), None)
    row = {"id": claim, "part": part, "kind": "empirical", "statement": statement, "study": study}
    return {**row, "verdict": Verdict.NOT_TESTED}


def _claim(row: Row) -> dict[str, Any]:
    answer = (
        None if row.get("outdated") else True if row["verdict"] in FOR else False if row["verdict"] in AGAINST else None
    )
    numbers = {key: value for key, value in row.items() if key not in ("beyond_doubt", "chapter") and value is not None}
    finite = {key: value for key, value in numbers.items() if not isinstance(value, float) or isfinite(value)}
    return {**finite, "verdict": str(row["verdict"]), "as_claimed": answer}


def _status(claim: dict[str, Any]) -> int:
    return {True: AS_CLAIMED, False: CONTRADICTED, None: OPEN}[claim["as_claimed"]]
