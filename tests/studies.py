"""Plans of study files that a test writes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from cnnlab.core.errors import UserError
from cnnlab.planning.config import from_mapping
from cnnlab.planning.plan import Plan, make_plan

GIVEN = {"tier": "quick", "results": "results", "reports": "reports", "device": "cpu"}


def write_study(folder: Path, text: str) -> Path:
    """The text in a file of the name that it gives the study."""
    named = re.search(r"^study: *(\S+)", text, flags=re.M)
    path = folder / f"{named[1] if named else 'nameless'}.yaml"
    path.write_text(text)
    return path


def plan_with_broken(folder: Path, *texts: str, **config: Any) -> Plan:
    """The plan of study files with these texts, some of which may be left out of it."""
    for text in texts:
        write_study(folder, text)
    return make_plan(from_mapping({**GIVEN, "study_paths": [str(folder)], **config}))


def plan_of(folder: Path, *texts: str, **config: Any) -> Plan:
    """Of files none of which is left out: what is wrong with one is raised, as if it had been asked for."""
    plan = plan_with_broken(folder, *texts, **config)
    lines = [line for study in plan.broken for line in study.error.lines]
    if lines:
        raise UserError(*lines)
    return plan
