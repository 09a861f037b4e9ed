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

    from cnnlab.analysis.tables.io import Rows
    from cnnlab.training.records import Records


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
    wanted = parse_seeds(seeds) if seeds else tuple(seed for planned, seed in plan.runs() if planned == arm_id)

    def report(record: records.Record) -> None:
        print(progress.finished(plan.paths, record), flush=True)
        if live:
            live.finished(record)

    membership = tracking.memberships(plan)[arm_id]
    mirror = tracking.LiveMirror(Path.cwd(), plan.tier, membership) if plan.config.live_tracking else nullcontext()
    with mirror as live:
        run_job(arm, plan.paths, wanted, plan.config.checkpoint_seconds, report, live)


def collect(plan: Plan) -> None:
    from cnnlab.analysis.tables.io import write_tables
    from cnnlab.analysis.tables.recorded import recorded_tables

    write_tables(plan.paths, recorded_tables(plan, records.of_manifests(plan.paths, plan.manifests())))


def compare(plan: Plan) -> None:
    from cnnlab.analysis.tables import io

    runs = records.of_manifests(plan.paths, plan.manifests())
    io.write_tables(plan.paths, _compared(plan, runs, io.read_tables(plan.paths)))


def figures(plan: Plan) -> None:
    from cnnlab import figures
    from cnnlab.analysis.tables import io

    figures.draw_all(plan, io.read_tables(plan.paths), plan.paths)


def render(plan: Plan) -> None:
    """The report; and its figures to MLflow, where the `track` step has put the runs."""
    from cnnlab import report
    from cnnlab.analysis.tables import io, tiers

    frames = io.read_tables(plan.paths)
    report.render(plan, frames | tiers.read(plan.config), plan.paths.figures, plan.paths.report)
    if "measured/mlflow" in frames and frames["measured/mlflow"]["mlflow_run_id"].notna().any():
        _mirror(plan)


def track(plan: Plan) -> None:
    _write(plan, {"measured/mlflow": _mirror(plan)})


def _mirror(plan: Plan) -> list[dict[str, Any]]:
    from cnnlab import tracking

    runs = records.of_manifests(plan.paths, plan.manifests())
    return tracking.track(plan, [record for by_seed in runs.values() for record in by_seed.values()])


def exact(plan: Plan) -> None:
    """What needs no training; the same whatever studies are selected."""
    from cnnlab.analysis.exact import compute_tables

    _write(plan, compute_tables(plan.claims))


def cost(plan: Plan) -> None:
    from cnnlab.training.measure import measure_arms

    _write(plan, {"measured/cost": measure_arms(plan)})


def _write(plan: Plan, rows: Mapping[str, Rows]) -> None:
    from cnnlab.analysis.tables import io

    io.write_tables(plan.paths, io.tables(rows))


def report_so_far(plan: Plan, output: Path | None) -> Path:
    """The report of whatever is finished, without touching a file that a rule declares."""
    from cnnlab import figures, report
    from cnnlab.analysis.tables import io, tiers
    from cnnlab.analysis.tables.recorded import recorded_tables

    output = output or plan.paths.reports / "partial.html"
    runs = records.so_far(plan.paths, plan.manifests())
    written = io.read_tables(plan.paths)
    frames = written | recorded_tables(plan, runs) | _compared(plan, runs, written)
    with tempfile.TemporaryDirectory() as folder:
        aside = Paths(Path(folder), plan.paths.reports)
        figures.draw_all(plan, frames, aside)
        report.render(plan, frames | tiers.read(plan.config), aside.figures, output)
    return output


def _compared(plan: Plan, runs: Records, written: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Verdicts on what was trained, and beside them what the table ``exact`` says, if it has been made."""
    from cnnlab.analysis import robustness
    from cnnlab.analysis.tables import contrasts, io

    exact = written["exact"].to_dict("records") if "exact" in written else []
    of_contrasts, of_claims = contrasts.judge_studies(plan.studies, plan.claims, runs, plan.paths.looks, exact)
    rows: dict[str, Rows] = {
        "contrasts": of_contrasts,
        "claims": of_claims,
        "robustness": robustness.rows(plan.studies, plan.claims, runs),
        "measured/contrasts": contrasts.measured_contrasts(plan.studies, runs),
    }
    return io.tables(rows)
