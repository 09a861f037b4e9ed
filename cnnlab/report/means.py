"""Curves and profiles of a study as means over its seeds: of every run they would be many times as long."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from cnnlab.planning.studies.study import Study

# By table: what tells its rows apart within a run, and what is averaged.
AVERAGED: Mapping[str, tuple[list[str], list[str]]] = {
    "curves": (["step", "epoch"], ["train_loss", "validation_loss", "validation_accuracy"]),
    "profiles": (["quantity", "position", "label"], ["value"]),
}
DONE = ("finished", "timed_out")


def over_seeds(name: str, frames: Mapping[str, pd.DataFrame], study: Study) -> pd.DataFrame:
    """A row for each arm and evaluation, or place of a profile: mean and standard deviation over the `n` runs that came
    to their end, in the units of the table `name`."""
    keys, averaged = AVERAGED[name]
    if not {name, "runs"} <= set(frames):
        return pd.DataFrame()
    arms = {arm.spec.arm_id: (arm_name, arm.label) for arm_name, arm in study.arms.items()}
    rows, runs = frames[name], frames["runs"]
    done = set(runs.loc[runs["status"].isin(DONE), "run_id"])
    rows = rows[rows["arm_id"].isin(arms) & rows["seed"].isin(study.seeds) & rows["run_id"].isin(done)]
    grouped = rows.groupby(["arm_id", *keys], dropna=False, sort=False)[averaged]
    means = grouped.mean().add_suffix("_mean").join(grouped.std().add_suffix("_sd"))
    means.insert(0, "n", grouped.size())
    means = means.reset_index()
    means.insert(0, "arm_label", [arms[arm_id][1] for arm_id in means["arm_id"]])
    means.insert(0, "arm", [arms[arm_id][0] for arm_id in means["arm_id"]])
    return means.drop(columns="arm_id")
