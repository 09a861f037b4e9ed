"""One finding of each kind, and what a whole run took, in the README.   make findings

The rule: of each verdict the first claim of the ledger that has it, those that do not stand ledger-wide last, those of
the core studies before others, in the sentence that the report gives for it. Times are those from the first job to the
page, where a call did all of it.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

from cnnlab.analysis.tables import io
from cnnlab.analysis.tables.frames import Row, Tables
from cnnlab.core.paths import CONFIGS, Paths
from cnnlab.planning.config import load_config
from cnnlab.planning.plan import Plan, make_plan
from cnnlab.planning.verdicts import UNDECIDED, WHOLE, Verdict
from cnnlab.wording.answers import evidence
from cnnlab.wording.claims import claim_name

README = Path(__file__).parents[1] / "README.md"
TIERS = ("smoke", "quick")  # the columns of the table of times
TAIL = 300  # seconds from the last arm to the page, at most
TIMES = re.compile(r"^\| time on .*? cores \|(.*?)\|(.*?)\|$", re.MULTILINE)
PLACE = re.compile(r"(<!-- findings: make findings -->\n).*?(<!-- end -->)", re.DOTALL)


def main() -> None:
    plan = make_plan(load_config())
    found = Tables(io.read_tables(plan.paths))
    if not any(row["verdict"] not in UNDECIDED for row in found.rows("claims", kind="empirical")):
        sys.exit("error: docs/findings.py: no claim has been tested; run `make report` first")
    text = README.read_text(encoding="utf-8")
    text = PLACE.sub(lambda place: place[1] + findings(plan, found) + place[2], text)
    README.write_text(TIMES.sub(times, text), encoding="utf-8")


def times(row: re.Match[str]) -> str:
    """The row of the table with what is known here, and what it said before."""
    took = [duration(load_config([CONFIGS / f"{tier}.yaml"] if tier != "quick" else []).paths) for tier in TIERS]
    cells = [now or before.strip() for now, before in zip(took, row.groups(), strict=True)]
    return f"| time on {os.cpu_count()} cores | {cells[0]} | {cells[1]} |"


def duration(paths: Paths) -> str | None:
    """From the first job that trained to the page; None where an earlier call had done a part of it, or a later one
    wrote the page anew."""
    if not (paths.progress.exists() and paths.report.exists()):
        return None
    goal, *entries = map(json.loads, paths.progress.read_text().splitlines())
    began = [entry for entry in entries if isinstance(entry, float)]
    written = paths.report.stat().st_mtime
    trained = max((path.stat().st_mtime for path in paths.results.glob("manifests/*/*.json")), default=0.0)
    if goal["runs_done"] or not began or written - trained > TAIL:
        return None
    seconds = written - min(began)
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def findings(plan: Plan, found: Tables) -> str:
    """A line for each verdict that some claim has; of claims with parts a part, but where only the whole is so."""
    core = {study.name for study in plan.studies if study.core}
    rows = [row for row in found.rows("claims") if row["kind"] != WHOLE or row["verdict"] == Verdict.MIXED]
    weak = {(row["id"], row["part"]) for row in found.rows("robustness") if row["stands_ledger_wide"] is False}
    rows.sort(key=lambda row: ((row["id"], row["part"]) in weak, row["study"] not in core))
    lines = []
    for verdict in Verdict:
        first = next((row for row in rows if row["verdict"] == verdict and verdict not in UNDECIDED), None)
        if first is not None:
            said = f"“{first['statement']}” ({claim_name(first)})"
            lines.append(f"- **{verdict}**: {said}. {evidence(first, found, _labels(first, plan))}\n")
    return "".join(lines)


def _labels(row: Row, plan: Plan) -> dict[str, str]:
    studies = [study for study in plan.studies if study.name == row["study"]]
    return {arm.name: arm.label for study in studies for arm in study.arms.values()}


if __name__ == "__main__":
    main()
