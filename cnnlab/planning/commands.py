"""The commands that the page names, with the options of the call that it belongs to."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cnnlab.core import paths

if TYPE_CHECKING:
    from cnnlab.planning.plan import Plan


def options(plan: Plan) -> str:
    """`` --configfile …`` of a tier other than the default."""
    return "" if plan.tier == "quick" else f" --configfile {paths.CONFIGS / plan.tier}.yaml"


def run(plan: Plan, studies: str | Sequence[str]) -> str:
    """How to run `studies`: ``all``, ``core``, or names of studies and ids of claims."""
    chosen = studies if isinstance(studies, str) else ",".join(studies)
    selection = "" if chosen == "all" else f" --config {shlex.quote(f'studies={chosen}')}"
    return f"snakemake --cores 4 --resources gpu=1{options(plan)}{selection}"
