"""What each rule of the workflow does. Every step imports only what it needs, when it needs it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnlab.core.errors import UserError
from cnnlab.core.paths import Paths
from cnnlab.planning.plan import Plan
from cnnlab.planning.specs import parse_seeds
from cnnlab.training import records

if TYPE_CHECKING:
    import pandas as pd

    from cnnlab.analysis.tables.runs import Runs


def prepare_data(plan: Plan, data_id: str) -> None:
    from cnnlab.data.prepare import prepare

    if data_id not in plan.data():
        raise UserError(f"{data_id}: no study asks for this data; run snakemake again")
    prepare(plan.data()[data_id], plan.paths.data_file(data_id), plan.paths.data_card(data_id))


def train_arm(plan: Plan, arm_id: str, seeds: str | None) -> None:
    from cnnlab import tracking
    from cnnlab.cli import progress
    from cnnlab.training.job import run_job

    arm = plan.arm(arm_id)
    wanted = parse_seeds(seeds) if seeds else tuple(seed for known, seed in plan.runs() if known == arm_id)

    def report(record: records.Record) -> None:
        print(progress.finished(plan.paths, record), flush=True)
        if live:
            live.finished(record)

    membership = tracking.memberships(plan)[arm_id]
    mirror = tracking.LiveMirror(Path.cwd(), plan.tier, membership) if plan.config.live_tracking else nullcontext()
    with mirror as live:
        run_job(arm, plan.paths, wanted, plan.config.checkpoint_seconds, report, live)


def collect(plan: Plan) -> None:
    found = records.of_manifests(plan.paths, plan.manifests())
    write_tables(plan.paths, _collected(plan, found))


def compare(plan: Plan) -> None:
    found = records.of_manifests(plan.paths, plan.manifests())
    write_tables(plan.paths, _compared(plan, found, plan.paths.looks, read_tables(plan.paths)))


def figures(plan: Plan) -> None:
    _draw(plan, read_tables(plan.paths), plan.paths)


def render(plan: Plan) -> None:
    """The report; and its figures to MLflow, where the `track` step has put the runs."""
    from cnnlab import report
    from cnnlab.analysis.tables import tiers

    frames = read_tables(plan.paths)
    report.render(plan, frames | tiers.read(plan.config), plan.paths.figures, plan.paths.report)
    if "measured/mlflow" in frames and frames["measured/mlflow"]["mlflow_run_id"].notna().any():
        _mirror(plan)


def track(plan: Plan) -> None:
    from cnnlab.analysis.tables import io

    io.write(io.table("measured/mlflow", _mirror(plan)), plan.paths.measured("mlflow"))


def _mirror(plan: Plan) -> list[dict[str, Any]]:
    from cnnlab import tracking

    found = records.of_manifests(plan.paths, plan.manifests())
    return tracking.track(plan, [record for by_seed in found.values() for record in by_seed.values()])


def exact(plan: Plan) -> None:
    """What needs no training; the same whatever studies are selected."""
    from cnnlab.analysis.exact import compute_tables
    from cnnlab.analysis.tables import io

    write_tables(plan.paths, {name: io.table(name, rows) for name, rows in compute_tables(plan.claims).items()})


def cost(plan: Plan) -> None:
    from cnnlab.analysis.tables import io
    from cnnlab.training.measure import measure_arms

    io.write(io.table("measured/cost", measure_arms(plan)), plan.paths.measured("cost"))


def report_so_far(plan: Plan, output: Path | None) -> Path:
    """The report of whatever is finished, without touching a file that a rule declares."""
    from cnnlab import report
    from cnnlab.analysis.tables import tiers

    output = output or plan.paths.reports / "partial.html"
    found = records.so_far(plan.paths, plan.manifests())
    with tempfile.TemporaryDirectory() as folder:
        aside = Paths(Path(folder), plan.paths.reports)
        known = read_tables(plan.paths)
        frames = known | _collected(plan, found) | _compared(plan, found, plan.paths.looks, known)
        _draw(plan, frames, aside)
        report.render(plan, frames | tiers.read(plan.config), aside.figures, output)
    return output


def _collected(plan: Plan, found: Runs) -> dict[str, pd.DataFrame]:
    from cnnlab.analysis.tables import runs

    return {
        "runs": runs.runs(plan, found),
        "arms": runs.arms(plan, found),
        "curves": runs.curves(plan, found),
        "profiles": runs.profiles(plan, found),
        "pictures": runs.pictures(plan, found),
        "classes": runs.by_class(plan, found),
        "confusion": runs.confusion(plan, found),
        "measured/runs": runs.measured_runs(plan, found),
        "measured/claims": runs.measured_claims(plan, found),
    }


def _compared(plan: Plan, found: Runs, looks: Path, known: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Verdicts on what was trained, and beside them what the table ``exact`` says, if it has been made."""
    from cnnlab.analysis import robustness, verdicts
    from cnnlab.analysis.tables import io

    computed = known["exact"].to_dict("records") if "exact" in known else []
    contrasts, claims = verdicts.evaluate(plan, found, looks, computed)
    measured = verdicts.measured_contrasts(plan, found)
    return {
        "contrasts": io.table("contrasts", contrasts),
        "claims": io.table("claims", claims),
        "robustness": io.table("robustness", robustness.evaluate(plan, found)),
        "measured/contrasts": io.table("measured/contrasts", measured),
    }


def _draw(plan: Plan, frames: dict[str, pd.DataFrame], paths: Paths) -> None:
    from cnnlab import figures

    figures.draw_all(plan, frames, paths)


def write_tables(paths: Paths, frames: dict[str, pd.DataFrame]) -> None:
    from cnnlab.analysis.tables import io

    for name, frame in frames.items():
        io.write(frame, paths.table(name))


def read_tables(paths: Paths) -> dict[str, pd.DataFrame]:
    """Every table that has been made, by its name in `cnnlab.analysis.tables.columns.TABLES`."""
    from cnnlab.analysis.tables import io
    from cnnlab.analysis.tables.columns import TABLES

    frames = {name: io.read(paths.table(name)) for name in TABLES}
    return {name: frame for name, frame in frames.items() if frame is not None}
