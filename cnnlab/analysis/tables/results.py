"""What was found, as frames for one's own analysis."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from cnnlab.analysis.tables import io
from cnnlab.core.errors import UserError
from cnnlab.core.paths import Paths

ARM = ["study", "arm", "label", "arm_id"]


@dataclass(frozen=True)
class Results:
    """One row each for a run (`runs`) and an evaluation of it (`curves`), in each study that asks for its arm, with
    ``study, arm, label`` and every switch of its network as a column ``switch.NAME``; for a contrast (`contrasts`), and
    for a claim or a part of one (`claims`). `cnnlab list --columns` has the units of all columns."""

    runs: pd.DataFrame
    curves: pd.DataFrame
    contrasts: pd.DataFrame
    claims: pd.DataFrame


def read(folder: Path) -> Results:
    """`cnnlab.load`."""
    tables = io.read_tables(Paths(folder, folder))
    missing = [name for name in ("runs", "arms", "curves", "contrasts", "claims") if name not in tables]
    if missing:
        raise UserError(
            f"{folder}/tables: no table {missing[0]}; give the folder of a tier's results, and run it first"
        )
    arms = tables["arms"]
    switches = pd.DataFrame([json.loads(text or "{}") for text in arms["switches"]], index=arms.index)
    named = pd.concat([arms[ARM], switches.add_prefix("switch.")], axis=1)
    runs = named.merge(tables["runs"], on="arm_id").merge(_seeds(arms), on=["study", "arm_id", "seed"])
    curves = runs[[*named.columns, "run_id"]].merge(tables["curves"], on=["run_id", "arm_id"])
    return Results(runs, curves, tables["contrasts"], tables["claims"])


def _seeds(arms: pd.DataFrame) -> pd.DataFrame:
    """The seeds of each arm in each study: a row for each."""
    from cnnlab.planning.specs import parse_seeds

    rows = [(row.study, row.arm_id, seed) for row in arms.itertuples() for seed in parse_seeds(str(row.seeds))]
    return pd.DataFrame(rows, columns=["study", "arm_id", "seed"])
