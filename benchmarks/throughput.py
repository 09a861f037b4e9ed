"""Images per second of cnnlab's training loop beside the textbook loop: one command, one table.

    python benchmarks/throughput.py

The textbook loop is the one of most tutorials: a `DataLoader` over PIL images, `ToTensor` and `Normalize` per image,
plain SGD. Both train the same LeNet (ReLU, max pooling) on the same 28 x 28 images of MNIST, batch size 64, in float32
on the CPU. Compared are one thread each, and the whole machine each way: as many one-thread jobs of ours as there are
cores (at most 2), and the textbook's best of 0, 2 and 4 workers with torch's own number of threads.

Each contender lives in processes of its own, warmed up by one pass outside the clock; then they take turns. The clock
covers the loop: order of images, batches, forward, backward, update (and ours also its per-step curves and the
evaluation that ends an epoch, on 64 images). The ratio is that of paired rounds, their median.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any

import click

from cnnlab.cli import load_plan, with_plan
from cnnlab.spec import ArmSpec, DataSpec, ModelSpec, TrainSpec

BATCH, RATE, ROUNDS = 64, 0.01, 5
DATA = DataSpec(name="mnist5k")
SWITCHES = {"activation": "relu", "pooling": "max"}
Pass = Callable[[], float]


@dataclass
class Contender:
    """One way to train, in one or more processes at once."""

    loop: str
    compared: str
    processes: int
    threads: int
    workers: int
    rates: list[float] = field(default_factory=list)
    pipes: list[Connection] = field(default_factory=list)

    def start(self, folder: Path, images: int) -> None:
        context = multiprocessing.get_context("spawn")
        for _ in range(self.processes):
            ours, theirs = context.Pipe()
            arguments = (theirs, self.loop, folder, images, self.threads, self.workers)
            context.Process(target=serve, args=arguments, daemon=self.workers == 0).start()
            self.pipes.append(ours)
        self.wait()

    def run(self, images: int) -> None:
        """One timed pass of all processes at once; the slowest counts."""
        for pipe in self.pipes:
            pipe.send("go")
        self.rates.append(self.processes * images / max(self.wait()))

    def wait(self) -> list[float]:
        return [pipe.recv() for pipe in self.pipes]

    def stop(self) -> None:
        for pipe in self.pipes:
            pipe.send("stop")


def serve(pipe: Connection, loop: str, folder: Path, images: int, threads: int, workers: int) -> None:
    """A process that trains for one pass whenever it is told to, and answers with the seconds that took."""
    import torch

    torch.set_num_threads(threads)
    one_pass = cnnlab_loop(folder, images) if loop == "cnnlab" else textbook_loop(folder, images, workers)
    pipe.send(one_pass())
    while pipe.recv() == "go":
        pipe.send(one_pass())


def cnnlab_loop(folder: Path, images: int) -> Pass:
    from dataclasses import replace

    from cnnlab import train

    train.prepare_process("cpu")
    arm, data = the_arm(), the_data(folder)
    few = replace(data.validation, images=data.validation.images[:BATCH], labels=data.validation.labels[:BATCH])
    many = replace(data.train, images=data.train.images[:images], labels=data.train.labels[:images])
    data = replace(data, train=many, validation=few)
    return lambda: train.train(arm, data, 0, RATE, 1).seconds


def textbook_loop(folder: Path, images: int, workers: int) -> Pass:
    import torch
    from PIL import Image
    from torch import nn
    from torch.utils.data import DataLoader, Dataset
    from torchvision import transforms

    from cnnlab.models import build

    raw = raw_images(folder)
    pixels, labels = raw["images"][:images, 0], raw["labels"][:images].tolist()
    mean, deviation = float(pixels.mean() / 255), float(pixels.std() / 255)
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((mean,), (deviation,))])

    class Images(Dataset):  # type: ignore[type-arg]
        def __len__(self) -> int:
            return len(labels)

        def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
            return transform(Image.fromarray(pixels[index])), labels[index]

    loader = DataLoader(Images(), BATCH, shuffle=True, num_workers=workers, persistent_workers=workers > 0)
    network = build(the_arm().model, 1, 28, 10).to(memory_format=torch.contiguous_format)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(network.parameters(), lr=RATE, momentum=0.9, weight_decay=5e-4)

    def one_pass() -> float:
        start = time.perf_counter()
        network.train()
        for batch, targets in loader:
            optimizer.zero_grad()
            loss = criterion(network(batch), targets)
            loss.backward()
            optimizer.step()
        return time.perf_counter() - start

    return one_pass


def the_arm() -> ArmSpec:
    from cnnlab import registry

    switches = registry.resolve("lenet", "small", SWITCHES, "benchmark")
    model = ModelSpec(architecture="lenet", preset="small", switches=switches)
    train = TrainSpec(epochs=1, batch_size=BATCH, learning_rate=RATE)
    return ArmSpec(model=model, data=DATA, train=train, torch="", fingerprint="")


def the_data(folder: Path) -> Any:
    from cnnlab.data.load import load

    return load(folder / "images.safetensors", folder / "images.json", DATA, 0)


def raw_images(folder: Path) -> dict[str, Any]:
    from safetensors.numpy import load_file

    return load_file(folder / "images.safetensors")


def measure(images: int, rounds: int = ROUNDS) -> list[dict[str, Any]]:
    """Rows of the table ``measured/throughput``."""
    cores = min(2, os.cpu_count() or 1)
    contenders = [
        Contender("cnnlab", "one thread", 1, 1, 0),
        Contender("textbook", "one thread", 1, 1, 0),
        Contender("cnnlab", "whole machine", cores, 1, 0),
        *(Contender("textbook", "whole machine", 1, cores, workers) for workers in (0, 2, 4)),
    ]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        for contender in contenders:
            contender.start(folder, images)
        for _ in range(rounds):
            for contender in contenders:
                contender.run(images)
        for contender in contenders:
            contender.stop()
    return [row(contender, contenders) for contender in contenders]


def prepare(folder: Path) -> None:
    from cnnlab.data.prepare import prepare as prepare_data

    prepare_data(DATA.prepared(), folder / "images.safetensors", folder / "images.json")


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
def main(files: tuple[str, ...], pairs: tuple[str, ...]) -> None:
    from cnnlab import tables

    plan = load_plan(files, pairs)
    table = tables.table("measured/throughput", measure(plan.config.benchmark_images))
    tables.write(table, plan.paths.measured("throughput"))
    click.echo(table.to_string(index=False, float_format=lambda value: f"{value:,.2f}"))


if __name__ == "__main__":
    sys.exit(main())
