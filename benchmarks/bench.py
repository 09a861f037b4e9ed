"""Training loops beside each other, network by network: the textbook's, PyTorch Lightning's, and cnnlab's.

    make bench

Images per second in training and how far that is from the limit of the network's own layers, seconds to an accuracy,
seconds from the start of a process to its first step, and peak memory. The loops are in `benchmarks/peers`; Lightning
is measured where it is installed (`pip install -e .[bench]`). The section of this machine in docs/performance.md is
written anew; --quick writes nothing and says only whether everything runs.
"""

from __future__ import annotations

import os
import platform
import shlex
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import click
import performance
from task import NETWORKS, Task
from workers import Worker

TITLES = {"ours": "cnnlab", "textbook": "textbook", "lightning": "Lightning", "layers": "layers alone"}
LOAD = os.getloadavg()[0]  # other work on the same cores makes all numbers worse, and those of threads most of all
PACKAGES = ("torch", "torchvision", "numpy", "lightning")


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    networks: tuple[str, ...]
    loops: tuple[str, ...]
    device: str
    threads: int
    rounds: int
    images: int
    target: float
    epochs: int
    target_rounds: int
    starts: int
    whole_machine: bool = True


@dataclass
class Measured:
    """One loop on one network; a value for each round."""

    network: str
    loop: str
    rates: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    epochs: list[int] = field(default_factory=list)
    memory: float = 0.0
    missed: int = 0


def measure(plan: Plan, folder: Path) -> Iterator[Measured]:
    """Every loop on every network of `plan`."""
    for network in plan.networks:
        task = Task(network, folder, plan.device)
        task.prepare()
        yield from on_network(plan, task)


def on_network(plan: Plan, task: Task) -> list[Measured]:
    """The loops in turns: first passes of so many images, then runs to the target."""
    workers = {loop: Worker(loop, task, plan.threads) for loop in (*plan.loops, "layers")}
    for worker in workers.values():
        worker.ready()
    found = {loop: Measured(task.network, loop) for loop in workers}
    for turn in range(plan.rounds + 1):
        for loop, worker in workers.items():
            rate = plan.images / worker.ask("epoch", plan.images)
            if turn:  # the first warms up
                found[loop].rates.append(rate)
    for loop, worker in workers.items():
        found[loop].memory = worker.ask("memory")
    workers.pop("layers").stop()
    for seed in range(plan.target_rounds):
        for loop, worker in workers.items():
            reached = worker.ask("reach", plan.target, plan.epochs, seed)
            if reached is None:
                found[loop].missed += 1
            else:
                found[loop].seconds.append(reached[0])
                found[loop].epochs.append(reached[1])
    for worker in workers.values():
        worker.stop()
    return list(found.values())


def first_steps(plan: Plan, folder: Path) -> dict[str, list[float]]:
    """Seconds from the start of a process to the end of its first step, in turns."""
    task = Task(plan.networks[0], folder, plan.device)
    seconds: dict[str, list[float]] = {loop: [] for loop in plan.loops}
    for _ in range(plan.starts):
        for loop, values in seconds.items():
            worker = Worker(loop, task, plan.threads)
            values.append(worker.ready())
            worker.stop()
    return seconds


def networks_table(plan: Plan, found: list[Measured]) -> str:
    columns = ["network", "loop", "images/s", "of its layers", f"s to {plan.target:.0%}", "epochs to it", "peak MiB"]
    rows = [cells(one, found) for one in found]
    if "lightning" not in plan.loops:
        rows += [[network, TITLES["lightning"], "not installed", "", "", "", ""] for network in plan.networks]
    return performance.table(columns, sorted(rows, key=lambda row: plan.networks.index(row[0])))


def cells(one: Measured, found: list[Measured]) -> list[str]:
    alone = next(other for other in found if (other.network, other.loop) == (one.network, "layers"))
    share = median(rate / limit for rate, limit in zip(one.rates, alone.rates, strict=True))
    limit = one is alone
    reached = performance.spread(one.seconds, 1) + (f", {one.missed} missed" if one.missed else "")
    return [
        one.network,
        TITLES[one.loop],
        performance.spread(one.rates),
        "" if limit else f"{share:.0%}",
        "" if limit else reached,
        "" if limit else performance.spread(one.epochs),
        "" if limit else f"{one.memory:,.0f}",
    ]


def whole_machine_table(plan: Plan) -> str:
    import throughput

    rows = [row for row in throughput.measure(plan.images, plan.rounds) if row["compared"] == "whole machine"]
    columns = [
        "LeNet on the whole machine",
        "processes",
        "threads of each",
        "loader workers",
        "images/s",
        "ours over it",
    ]
    return performance.table(
        columns,
        [
            [
                row["loop"],
                *(str(row[name]) for name in ("processes", "threads", "workers")),
                f"{row['images_per_second']:,.0f} ({row['slowest']:,.0f}–{row['fastest']:,.0f})",
                f"{row['ratio']:.2f}",
            ]
            for row in rows
        ],
    )


def section(plan: Plan) -> str:
    """All that is said of this machine."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = []
        for one in measure(plan, folder):
            click.echo(f"{one.network}, {TITLES[one.loop]}: {performance.spread(one.rates)} images/s", err=True)
            found.append(one)
        starts = first_steps(plan, folder)
    start_rows = [[TITLES[loop], performance.spread(values, 1)] for loop, values in starts.items()]
    threads = f"{plan.threads} thread{'s' if plan.threads > 1 else ''} each"
    how_much = f"{plan.rounds} rounds of {plan.images:,} images, {plan.target_rounds} of runs to the accuracy"
    parts = [
        f"{about()}; {threads}; {how_much}.\n",
        networks_table(plan, found),
        performance.table(["start to first step", f"{plan.networks[0]}, s"], start_rows),
    ]
    if plan.device == "cpu" and plan.whole_machine:
        parts.append(whole_machine_table(plan))
    return "\n".join(parts)


def about() -> str:
    """The command that was given, and what it measured."""
    from cnnlab.core.git import git_state

    git = git_state()
    commit = f"{(git['commit'] or 'unknown')[:10]}{' with changes' if git['dirty'] else ''}"
    command = shlex.join(["python", *sys.argv])
    versions = [f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in PACKAGES)]
    load = f"load average {LOAD:.1f} on {os.cpu_count()} cores before it began"
    return f"`{command}` on {datetime.now(UTC):%Y-%m-%d}, commit {commit}; {', '.join(versions)}; {load}"


def version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def machine(device: str) -> str:
    """The name of the section."""
    from cnnlab.training.provenance import cpu_name

    if device == "cuda":
        import torch

        return f"{torch.cuda.get_device_name()}, GPU"
    return f"{cpu_name()}, {os.cpu_count()} cores"


@click.command(help=__doc__)
@click.option("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", help="A GPU where there is one.")
@click.option("--network", "networks", multiple=True, type=click.Choice(list(NETWORKS)), help="Only this; repeatable.")
@click.option("--threads", default=1, show_default=True, help="Of each loop.")
@click.option("--rounds", default=5, show_default=True, help="Of passes.")
@click.option("--images", default=2048, show_default=True, help="Of a pass; at most 3,000.")
@click.option("--target", default=0.97, show_default=True, help="Accuracy to reach on the validation images.")
@click.option("--epochs", default=15, show_default=True, help="Of those runs, unless they arrive before.")
@click.option("--target-rounds", default=1, show_default=True, help="Of runs to it.")
@click.option("--starts", default=5, show_default=True, help="Of each loop in a new process.")
@click.option("--output", type=click.Path(path_type=Path), default=Path("docs/performance.md"), show_default=True)
@click.option("--quick", is_flag=True, help="A test of the program: LeNet, a few images, written nowhere.")
def main(
    device: str,
    networks: tuple[str, ...],
    threads: int,
    rounds: int,
    images: int,
    target: float,
    epochs: int,
    target_rounds: int,
    starts: int,
    output: Path,
    quick: bool,
) -> None:
    from cnnlab.planning.device import resolve

    loops = ("ours", "textbook", *(["lightning"] if find_spec("lightning") else []))
    wanted = networks or tuple(NETWORKS)
    where, _ = resolve(device, "auto")
    plan = Plan(wanted, loops, where, threads, rounds, images, target, epochs, target_rounds, starts)
    if quick:
        plan = Plan(networks or ("LeNet",), loops, where, threads, 1, 128, 0.5, 1, 1, 1, whole_machine=False)
    text = section(plan)
    if not quick:
        performance.write(output, machine(plan.device), text)
    click.echo(text)


if __name__ == "__main__":
    sys.exit(main())
