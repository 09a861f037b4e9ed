"""Images per second of cnnlab's training loop beside the textbook loop: one command, one table.

    python benchmarks/throughput.py

Both train the same LeNet (ReLU, max pooling) on the same 28 x 28 images of MNIST, batch size 64, in float32 on the CPU.
Compared are one thread each, and the whole machine each way: as many one-thread jobs of ours as there are cores (at
most 2), and the textbook's best of 0, 2 and 4 workers with torch's own number of threads. More networks, and Lightning,
are compared by `benchmarks/bench.py`.

Each contender lives in processes of its own, and takes turns with the others. The clock covers the loop: order of
images, batches, forward, backward, update (and ours also its per-step curves and the evaluation that ends an epoch, on
64 images). The ratio is that of paired rounds, their median.
"""

from __future__ import annotations

import os
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import click
from task import Task
from workers import Worker

from cnnlab.cli.main import Load, with_plan

ROUNDS = 3


@dataclass
class Contender:
    """One way to train: in how many processes at once, with how many threads and loader workers each."""

    loop: str
    compared: str
    processes: int
    threads: int
    workers: int
    rates: list[float] = field(default_factory=list)
    started: list[Worker] = field(default_factory=list)

    def start(self, task: Task) -> None:
        module = "ours" if self.loop == "cnnlab" else self.loop
        self.started = [Worker(module, task, self.threads, self.workers, "forkserver") for _ in range(self.processes)]

    def ready(self) -> None:
        for worker in self.started:
            worker.ready()

    def run(self, images: int) -> float:
        """Images per second of one pass of all its processes at once; the slowest counts."""
        for worker in self.started:
            worker.tell("epoch", images)
        return self.processes * images / max([worker.answer() for worker in self.started])


def measure(images: int, rounds: int = ROUNDS) -> list[dict[str, Any]]:
    """Rows of the table ``measured/throughput``."""
    cores = min(2, os.cpu_count() or 1)
    contenders = [
        Contender("cnnlab", "one thread", 1, 1, 0),
        Contender("textbook", "one thread", 1, 1, 0),
        Contender("cnnlab", "whole machine", cores, 1, 0),
        *(Contender("textbook", "whole machine", 1, cores, workers) for workers in (0, 2, 4)),
    ]
    with tempfile.TemporaryDirectory() as folder:
        task = Task("LeNet", Path(folder))
        task.prepare()
        for contender in contenders:
            contender.start(task)
        for contender in contenders:
            contender.ready()
            contender.run(images)  # the warm-up
        for _ in range(rounds):
            for contender in contenders:
                contender.rates.append(contender.run(images))
        for contender in contenders:
            for worker in contender.started:
                worker.stop()
    return [row(contender, contenders) for contender in contenders]


def row(contender: Contender, contenders: list[Contender]) -> dict[str, Any]:
    ours = next(peer for peer in contenders if peer.loop == "cnnlab" and peer.compared == contender.compared)
    ratios = [mine / theirs for mine, theirs in zip(ours.rates, contender.rates, strict=True)]
    return {
        "loop": contender.loop,
        "compared": contender.compared,
        "processes": contender.processes,
        "threads": contender.threads,
        "workers": contender.workers,
        "images_per_second": median(contender.rates),
        "fastest": max(contender.rates),
        "slowest": min(contender.rates),
        "rounds": len(contender.rates),
        "ratio": median(ratios),
    }


@click.command(help=__doc__)
@with_plan
def main(load: Load) -> None:
    from cnnlab.analysis.tables import io

    plan = load()
    table = io.table("measured/throughput", measure(plan.config.benchmark_images))
    io.write(table, plan.paths.measured("throughput"))
    click.echo(table.to_string(index=False, float_format=lambda value: f"{value:,.2f}"))


if __name__ == "__main__":
    sys.exit(main())
