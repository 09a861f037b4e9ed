"""The command line: the steps that Snakemake's rules call, and what a person wants beside them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cnnlab.core.errors import UserError

if TYPE_CHECKING:
    from cnnlab.planning.plan import Plan


Load = Callable[..., "Plan"]  # of further KEY=VALUE pairs


class Commands(click.Group):
    """A mistake is one line and exit status 2; commands are listed in the order they are written in."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except UserError as error:
            click.echo(f"error: {error}", err=True)
            ctx.exit(2)
        except BrokenPipeError:
            sys.stderr.close()
            ctx.exit(0)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="cnnlab")
def main() -> None:
    """Ablation studies of the classic convolutional networks: a claim, what would count against it, a verdict.

    \b
    snakemake --cores 4 --resources gpu=1    run every study and write reports/summary.html
    cnnlab list                              what there is: studies, arms, networks and switches
    cnnlab ui                                the runs, in MLflow
    """


def with_plan(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say which plan, named as Snakemake names them; `command` is given first what loads it."""

    @click.option(
        "--configfile", "files", multiple=True, metavar="FILE", help="A tier, for example workflow/config/smoke.yaml."
    )
    @click.option(
        "--config",
        "pairs",
        multiple=True,
        metavar="KEY=VALUE",
        help="As snakemake's --config, for example studies=core.",
    )
    @wraps(command)
    def with_options(files: tuple[str, ...], pairs: tuple[str, ...], **options: Any) -> Any:
        def load(*more: str) -> Plan:
            from cnnlab.planning.config import load_config
            from cnnlab.planning.plan import make_plan

            return make_plan(load_config(files, (*pairs, *more)))

        return command(load, **options)

    return with_options


@main.command("list")
@with_plan
@click.option("--cost", is_flag=True, help="Runs, seconds a run and in all, by study and arm.")
@click.option("--runs", is_flag=True, help="Finished runs and where they lie.")
@click.option("--metrics", is_flag=True, help="What a contrast may compare, with units.")
@click.option("--settings", is_flag=True, help="Every key of data: and train: in a study, with type and default.")
@click.option("--columns", is_flag=True, help="The columns of every table, with units.")
def list_(load: Load, cost: bool, runs: bool, metrics: bool, settings: bool, columns: bool) -> None:
    """List studies and arms, networks and their switches.

    \b
    Examples:
      cnnlab list
      cnnlab list --cost --config studies=core
      cnnlab list --metrics
      cnnlab list --settings
      cnnlab list --runs --configfile workflow/config/smoke.yaml
    """
    from cnnlab.cli import show

    if columns or metrics or settings:
        click.echo(show.columns() if columns else show.metrics() if metrics else show.settings())
    else:
        table = show.runs if runs else show.costs if cost else show.overview
        click.echo(table(load()))


@main.command()
@with_plan
@click.argument("name")
@click.option("--preset", default=None, help="The size of a network; its first one by default.")
def show(load: Load, name: str, preset: str | None) -> None:
    """Show a network layer by layer, a study, an arm, a run, or a claim.

    \b
    Examples:
      cnnlab show lenet --preset d2l
      cnnlab show activation
      cnnlab show C26
    """
    from cnnlab.cli import show

    click.echo(show.describe(load(), name, preset))


@main.group(cls=Commands)
def new() -> None:
    """Write a study or a network to begin with, commented, that runs as it is written.

    \b
    Examples:
      cnnlab new study my-study
      cnnlab new model my_network
    """


@new.command("study")
@with_plan
@click.argument("name")
def new_study(load: Load, name: str) -> None:
    """Write workflow/studies/NAME.yaml: two arms, a claim, and what every line is for."""
    from cnnlab.cli import new

    click.echo(new.study(load(), name))


@new.command("model")
@click.argument("name")
def new_model(name: str) -> None:
    """Write NAME.py: a small network with switches; into the last folder of CNNLAB_MODEL_PATH, or beside ours."""
    from cnnlab.cli import new

    click.echo(new.model(name))


@main.command()
@with_plan
@click.argument("studies", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Every study that tests a claim.")
@click.option("--reason", default=None, metavar="TEXT", help="Why a plan that is locked already changes.")
def lock(load: Load, studies: tuple[str, ...], every: bool, reason: str | None) -> None:
    """Write down the plan of a study before its runs: metrics, contrasts, margins, seeds and arms, and their hash.

    Each record bears the hash; the report lists what departs from the plan, and shows by the commits that it is older
    than its runs.

    \b
    Examples:
      cnnlab lock activation
      cnnlab lock activation --reason "a pilot left no room for the margin"
      cnnlab lock --all --configfile workflow/config/full.yaml
    """
    from cnnlab.cli.lock import lock

    if every == bool(studies):
        raise UserError("lock: say which; `cnnlab lock STUDY`, or `cnnlab lock --all`")
    for line in lock(load(), studies, reason):
        click.echo(line)


@main.command()
@with_plan
def doctor(load: Load) -> None:
    """Say what is missing on this machine, and how to get it."""
    from cnnlab.cli import doctor

    lines, healthy = doctor.examine(load)
    click.echo("\n".join(lines))
    sys.exit(0 if healthy else 1)


@main.command()
@with_plan
@click.option("--port", default=5000, show_default=True, help="The next free one if it is taken.")
def ui(load: Load, port: int) -> None:
    """Browse the runs in MLflow, on 127.0.0.1."""
    from cnnlab import tracking

    tracking.serve_ui(Path.cwd(), port=port, tier=load().tier)


@main.command()
@with_plan
@click.option(
    "--output", type=click.Path(path_type=Path), default=None, help="Default: partial.html beside the report."
)
@click.option("--json", "as_json", is_flag=True, help="No page: the verdicts as JSON, and an exit status.")
def report(load: Load, output: Path | None, as_json: bool) -> None:
    """Render what is finished, at any moment, while Snakemake runs or after it was stopped.

    Claims whose runs are not all finished say so; no interval of theirs is shown, as n was fixed before.

    \b
    With --json the exit status answers for all claims of the selected studies:
      0  all as claimed
      1  something was contradicted: there is an effect the other way, no effect of that size, or a computed claim fails
      2  something is open: running, not tested, inconclusive, no room, or older than its study
         (also, as for every command, a mistake: then there is no JSON)

    \b
    Examples:
      cnnlab report
      cnnlab report --json --config studies=dropout
    """
    from cnnlab.cli import steps

    if not as_json:
        click.echo(steps.report_so_far(load(), output))
        return
    if output:
        raise UserError("report: --json writes to standard output; leave out --output")
    text, status = steps.verdicts_so_far(load())
    click.echo(text)
    sys.exit(status)


@main.command()
@with_plan
@click.option("--unused", is_flag=True, help="Runs, tuning and data that no study asks for any more.")
@click.option("--yes", is_flag=True, help="Delete without asking.")
def clean(load: Load, unused: bool, yes: bool) -> None:
    """Free disk space that no study needs; nothing else is ever deleted.

    \b
    Example:
      cnnlab clean --unused
    """
    from cnnlab.cli import clean

    if not unused:
        raise UserError("clean: say what; `cnnlab clean --unused` frees what no study asks for")
    plan = load("studies=all")
    folders, size = clean.unused(plan)
    click.echo(f"{len(folders)} unused, {size / 2**20:.1f} MiB in {plan.paths.results}")
    if folders and (yes or click.confirm("delete them?")):
        clean.remove(folders)


@main.command()
@with_plan
@click.argument("run")
def verify(load: Load, run: str) -> None:
    """Train a finished run again from its record and compare bit by bit."""
    from cnnlab.training import replay

    click.echo(replay.verify(load().paths, run))


@main.command()
@with_plan
@click.argument("run")
@click.option("--weights", type=click.Path(path_type=Path), default=None, help="Instead of the run's own.")
def evaluate(load: Load, run: str, weights: Path | None) -> None:
    """Load the saved weights of a run and evaluate them on its test images.

    \b
    Example:
      cnnlab evaluate 3f9a --weights results/runs/RUN/weights.safetensors
    """
    from cnnlab.training import records
    from cnnlab.training.replay import evaluate_run

    paths = load().paths
    click.echo(evaluate_run(paths, records.find(paths, run), weights))


@main.command()
@with_plan
@click.argument("data_id")
def prepare(load: Load, data_id: str) -> None:
    """Step: read a data set, split it, and write it once for all jobs."""
    from cnnlab.cli import steps

    steps.prepare_data(load(), data_id)


@main.command()
@with_plan
@click.argument("arms", nargs=-1, required=True)
@click.option("--seeds", default=None, help="For example 0-7; by default those that the studies ask for.")
def train(load: Load, arms: tuple[str, ...], seeds: str | None) -> None:
    """Step: tune arms and train their seeds; what is finished is not done again. An arm is its id, or a manifest.

    \b
    Examples:
      cnnlab train lenet-small-0a1b2c3d4e --seeds 0-7
      cnnlab train results/manifests/lenet-small-0a1b2c3d4e/0-7.json
    """
    from cnnlab.cli import steps

    plan = load()
    if not steps.train(plan, steps.manifests(plan, arms, seeds)):
        sys.exit(2)


def _step(name: str, text: str) -> None:
    def command(load: Load) -> None:
        from cnnlab.cli import steps

        getattr(steps, name)(load())

    main.command(name, help=text)(with_plan(command))


def _study_step(name: str, text: str) -> None:
    @click.argument("study")
    def command(load: Load, study: str) -> None:
        from cnnlab.cli import steps

        getattr(steps, name)(load(), study)

    main.command(name, help=text)(with_plan(command))


_step("exact", "Step: the layers of every network, and the claims that need no training.")
_step("collect", "Step: finished runs → tables of runs, arms and curves.")
_study_step("compare", "Step: the contrasts and verdicts of one study.")
_study_step("figures", "Step: the figures of one study.")
_step("ledger", "Step: tables of contrasts and claims over all studies.")
_step("networks", "Step: the pictures of the networks.")
_step("cost", "Step: parameters, multiply-accumulates, speed and memory; wants the machine to itself.")


@main.command()
@with_plan
@click.option("--part", type=int, default=None, help="Of the studies, some at a time.")
def track(load: Load, part: int | None) -> None:
    """Step: mirror every finished run to MLflow, and complete what is missing there."""
    from cnnlab.cli import steps

    steps.track(load(), part)


_step("mirrored", "Step: the ids of all runs in MLflow, in one table.")
_step("attach", "Step: the figures of the studies to MLflow.")
_step("render", "Step: the report, from the tables and figures.")


@main.command()
def schema() -> None:
    """Write workflow/schemas/*.json, from which editors complete and check study files."""
    from cnnlab.core.paths import SCHEMAS
    from cnnlab.planning import json_schema

    SCHEMAS.mkdir(parents=True, exist_ok=True)
    for path, text in json_schema.schemas().items():
        path.write_text(text, encoding="utf-8")
        click.echo(f"wrote {path}")
