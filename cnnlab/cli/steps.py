"""What each rule of the workflow does. Every step imports only what it needs, when it needs it."""

from __future__ import annotations

import sys
import tempfile
import traceback
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnlab.core.errors import UserError
from cnnlab.core.paths import Paths
from cnnlab.planning.plan import Plan
from cnnlab.planning.specs import parse_seeds, seeds_slug
from cnnlab.planning.studies.lock import plans_of_runs
from cnnlab.training import records

if TYPE_CHECKING:
    import pandas as pd

    from cnnlab.analysis.tables.io import Rows
    from cnnlab.planning.studies.study import Study
    from cnnlab.training.records import Records

JUDGED = ("contrasts", "claims", "robustness", "measured/contrasts")  # what is said of a study


def prepare_data(plan: Plan, data_id: str) -> None:
    from cnnlab.data.prepare import prepare

    if data_id not in plan.data():
        raise UserError(f"{data_id}: no study asks for this data; run snakemake again")
    prepare(plan.data()[data_id], plan.paths.data_file(data_id), plan.paths.data_card(data_id))


def manifests(plan: Plan, arms: Sequence[str], seeds: str | None) -> list[tuple[str, tuple[int, ...]]]:
    """Each arm, by its id or the path of a manifest, with its seeds: of the path, or `seeds`, or all that are asked."""
    chosen = []
    for name in arms:
        path = Path(name)
        arm_id, slug = (path.parent.name, path.stem) if path.suffix == ".json" else (name, seeds)
        asked = tuple(seed for planned, seed in plan.runs() if planned == arm_id)
        chosen.append((arm_id, parse_seeds(slug) if slug else asked))
    return chosen


def train(plan: Plan, manifests: Sequence[tuple[str, tuple[int, ...]]]) -> bool:
    """Train arms one after another, each with its seeds; whether all of them came to their end.

    What goes wrong with an arm is said, and stops none of the others.
    """
    from cnnlab.cli import progress

    problems = set[str]()
    progress.began(plan.paths)
    for arm_id, seeds in manifests:
        log = plan.paths.train_log(arm_id, seeds_slug(seeds))
        log.parent.mkdir(parents=True, exist_ok=True)
        try:
            _train_arm(plan, arm_id, seeds, log)
        except UserError as error:
            problem = error.told
            if problem not in problems:  # a missing GPU or a full disk concerns every arm, and is said once
                print(problem, file=sys.stderr, flush=True)
            problems.add(problem)
        except Exception:  # the arm's own: a network that fails must not keep others from being trained
            print(f"error: {arm_id}:\n{traceback.format_exc()}", file=sys.stderr, flush=True)
            problems.add(arm_id)
    return not problems


def _train_arm(plan: Plan, arm_id: str, seeds: tuple[int, ...], log: Path) -> None:
    from cnnlab import tracking
    from cnnlab.cli import progress
    from cnnlab.training.job import run_job

    arm = plan.arm(arm_id)

    def report(record: records.Record) -> None:
        line = progress.finished(plan.paths, record)
        with log.open("a", encoding="utf-8") as lines:
            print(line, file=lines)
        if progress.due(plan.paths):
            print(line, flush=True)
        if live:
            live.finished(record)

    plans = plans_of_runs(plan.every, plan.tier, arm_id)
    membership = tracking.memberships(plan)[arm_id]
    mirror = tracking.LiveMirror(Path.cwd(), plan.tier, membership) if plan.config.live_tracking else nullcontext()
    with mirror as live:
        run_job(arm, plan.paths, seeds, plan.config.checkpoint_seconds, report, live, plans)


def collect(plan: Plan) -> None:
    from cnnlab.analysis.tables.io import write_tables
    from cnnlab.analysis.tables.recorded import recorded_tables

    write_tables(plan.paths, recorded_tables(plan.finished, _records(plan.finished)))


def compare(plan: Plan, study: str) -> None:
    """What the runs of one study say of its claims; a line for each of them."""
    from cnnlab.analysis.tables import io
    from cnnlab.analysis.tables.frames import as_rows
    from cnnlab.cli import progress

    frames = _compared(plan.only(study), _records(plan.only(study)))
    io.write_tables(plan.paths.study(study), frames)
    print("\n".join(progress.verdicts(as_rows(frames["claims"]))), flush=True)


def ledger(plan: Plan) -> None:
    """All studies beside each other, and the claims that need no training.

    A study whose file or code has changed since it was judged keeps its verdicts, marked, until it is run again.
    """
    from cnnlab.analysis.tables import io

    done = plan.finished
    names = sorted(study.name for study in done.studies)
    frames = [io.read_tables(plan.paths.study(name), *JUDGED) for name in names]
    io.write_tables(plan.paths, _ledger(plan, [*frames, *_all_outdated(done)], io.read_tables(plan.paths)))


def _all_outdated(done: Plan) -> list[dict[str, pd.DataFrame]]:
    """Verdicts of studies that have changed since, and of those whose files cannot be read any more."""
    still = {study.name: {(claim.id, claim.part) for claim in study.claims} for study in done.outdated}
    names = [*still, *(study.name for study in done.broken_but_judged)]
    return [claims for name in names for claims in _outdated(name, done.paths, still.get(name))]


def _outdated(study: str, paths: Paths, still: Collection[tuple[str, str]] | None) -> Iterator[dict[str, pd.DataFrame]]:
    """What was found of the claims, as (id, part), that it still tests; of all where that is not known."""
    from cnnlab.analysis.tables import io

    claims = io.read_tables(paths.study(study), "claims")["claims"]
    keys = zip(claims["id"], claims["part"], strict=True)
    kept = claims[[still is None or key in still for key in keys]]
    if len(kept):
        yield {"claims": kept.assign(outdated=True)}


def figures(plan: Plan, name: str) -> None:
    """The figures of one study."""
    from cnnlab import figures
    from cnnlab.analysis.tables import io
    from cnnlab.analysis.tables.recorded import recorded_tables
    from cnnlab.planning.studies.figure_choice import tables_beside

    alone = plan.only(name)
    study = alone.study(name)
    beside = {table: frame for table in tables_beside(study) for frame in io.read_tables(plan.paths, table).values()}
    frames = beside | io.read_tables(plan.paths.study(name)) | recorded_tables(alone, _records(alone))
    figures.draw_study(study, frames, plan.paths)


def networks(plan: Plan) -> None:
    """The pictures of the networks."""
    from cnnlab import figures
    from cnnlab.analysis.tables import io

    figures.draw_networks(io.read_tables(plan.paths, "layers"), plan.paths)


def render(plan: Plan) -> None:
    from cnnlab import report
    from cnnlab.analysis.tables import io, tiers

    frames = io.read_tables(plan.paths)
    report.render(plan.finished, frames | tiers.read(plan.config), plan.paths.figures, plan.paths.report)


def track(plan: Plan, study: str | None = None) -> None:
    """Mirror all runs, or those of a study."""
    from cnnlab.analysis.tables import io

    done = plan.finished
    names = [each.name for each in done.studies] if study is None else [study]
    chosen = done if study is None else done.only(study)
    rows = {row["run_id"]: row for row in _mirror(plan, chosen)}
    for name in names:
        of_study = [rows[record.run_id] for record in _all_records(done.only(name))]
        io.write_tables(plan.paths.study(name), io.tables({"measured/mlflow": of_study}))
    if study is None:
        mirrored(plan)


def mirrored(plan: Plan) -> None:
    """What the mirrors of all studies say; a run that several have is there once, with its ids if one has them."""
    from cnnlab.analysis.tables import io

    names = sorted(study.name for study in plan.finished.studies)
    frames = [io.read_tables(plan.paths.study(name), "measured/mlflow")["measured/mlflow"] for name in names]
    reached = io.together("measured/mlflow", frames).sort_values("mlflow_run_id", na_position="last", kind="stable")
    io.write_tables(
        plan.paths, {"measured/mlflow": io.together("measured/mlflow", [reached.drop_duplicates("run_id")])}
    )


def attach(plan: Plan) -> None:
    """The figures of the studies, and what was found, to their arms in MLflow, where the runs are there."""
    from cnnlab import tracking
    from cnnlab.analysis.tables import io
    from cnnlab.analysis.tables.frames import Tables
    from cnnlab.core.files import write_json
    from cnnlab.wording.arm_notes import arm_notes

    tables = io.read_tables(plan.paths, "measured/mlflow", "claims", "runs")
    runs = tables["measured/mlflow"]
    if runs["mlflow_run_id"].notna().any():
        tracking.attach(plan.whole, _all_records(plan.finished), arm_notes(plan.finished, Tables(tables)))
    write_json(plan.paths.results / "attached.json", {"runs": len(runs)})


def _mirror(plan: Plan, chosen: Plan) -> list[dict[str, Any]]:
    """The rows of the table ``measured/mlflow``; an arm has all its finished runs, whichever study asks for them."""
    from cnnlab import tracking

    arms = chosen.arms().keys()
    sharing = tuple(study for study in plan.finished.studies if arms & {arm.spec.arm_id for arm in study.arms.values()})
    return tracking.track(plan.whole, _all_records(chosen), _all_records(replace(chosen, studies=sharing)))


def _all_records(plan: Plan) -> list[records.Record]:
    return [record for by_seed in _records(plan).values() for record in by_seed.values()]


def exact(plan: Plan) -> None:
    """What needs no training; the same whatever studies are selected."""
    from cnnlab.analysis.exact import compute_tables

    _write(plan, compute_tables(plan.claims))


def cost(plan: Plan) -> None:
    """Of the networks of studies that show it."""
    from cnnlab.planning.studies.figure_choice import shows_cost
    from cnnlab.training.speed import measure_arms

    studies = filter(shows_cost, plan.studies)
    arms = {arm.spec.arm_id: arm.spec for study in studies for arm in study.arms.values()}
    _write(plan, {"measured/cost": measure_arms(arms)})


def _records(plan: Plan) -> Records:
    return records.of_manifests(plan.paths, plan.manifests())


def _write(plan: Plan, rows: Mapping[str, Rows]) -> None:
    from cnnlab.analysis.tables import io

    io.write_tables(plan.paths, io.tables(rows))


def report_so_far(plan: Plan, output: Path | None) -> Path:
    """The report of whatever has begun, without touching a file that a rule declares."""
    from cnnlab import figures, report
    from cnnlab.analysis.tables import tiers

    output = output or plan.paths.reports / "partial.html"
    plan, frames = _so_far(plan)
    with tempfile.TemporaryDirectory() as folder:
        aside = Paths(Path(folder), plan.paths.reports)
        for study in plan.studies:
            figures.draw_study(study, frames, aside)
        figures.draw_networks(frames, aside)
        report.render(plan, frames | tiers.read(plan.config), aside.figures, output)
    return output


def verdicts_so_far(plan: Plan) -> tuple[str, int]:
    """The verdicts of whatever has begun, as JSON, and the exit status; as with the page, it was looked at then."""
    from cnnlab.analysis.tables.frames import as_rows
    from cnnlab.cli.verdicts import as_json

    return as_json(plan, as_rows(_so_far(plan)[1]["claims"]))


def _so_far(plan: Plan) -> tuple[Plan, dict[str, pd.DataFrame]]:
    """The plan of the studies that have begun, and the tables of what they have."""
    from cnnlab.analysis.tables import io
    from cnnlab.analysis.tables.recorded import recorded_tables

    runs = records.so_far(plan.paths, plan.manifests())
    begun = replace(plan, studies=tuple(study for study in plan.studies if _begun(study, runs)))
    written = io.read_tables(plan.paths)
    current = {study.name for study in begun.studies}
    others = [study for study in plan.finished.studies if study.name not in current]  # finished, and not asked for
    compared = [_compared(begun, runs), *_all_outdated(replace(begun, studies=(*begun.studies, *others)))]
    return begun, written | recorded_tables(begun, runs) | _ledger(begun, compared, written)


def _begun(study: Study, runs: Records) -> bool:
    return any(runs.get(arm.spec.arm_id, {}).keys() & set(study.seeds) for arm in study.arms.values())


def _compared(plan: Plan, runs: Records) -> dict[str, pd.DataFrame]:
    """Contrasts and verdicts of the studies of `plan`."""
    from cnnlab.analysis import robustness
    from cnnlab.analysis.tables import contrasts, io

    of_contrasts, claims = contrasts.judge_studies(plan.studies, plan.claims, runs, plan.paths.looks)
    rows: dict[str, Rows] = {
        "contrasts": of_contrasts,
        "claims": claims,
        "robustness": robustness.rows(plan.studies, plan.claims, runs),
        "measured/contrasts": contrasts.measured_contrasts(plan.studies, runs),
    }
    return io.tables(rows)


def _ledger(
    plan: Plan, compared: Sequence[Mapping[str, pd.DataFrame]], written: Mapping[str, pd.DataFrame]
) -> dict[str, pd.DataFrame]:
    """What was compared, together, and what the table ``exact`` says, if it has been made."""
    from cnnlab.analysis.tables import contrasts, io
    from cnnlab.analysis.tables.frames import as_rows

    together = {name: io.together(name, [frames[name] for frames in compared if name in frames]) for name in JUDGED}
    exact = as_rows(written["exact"]) if "exact" in written else []
    return together | io.tables({"claims": contrasts.ledger(plan.claims, as_rows(together["claims"]), exact)})
