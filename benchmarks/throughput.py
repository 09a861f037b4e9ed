"""Images per second of cnnlab's training loop beside the textbook loop: one command, one table.

    python benchmarks/throughput.py

The textbook loop is the one of most tutorials: a `DataLoader` over PIL images, `ToTensor` and `Normalize` per image,
plain SGD. Both train the same LeNet (ReLU, max pooling) on the same 28 x 28 images of MNIST, batch size 64, in float32
on the CPU. Compared are one thread each, and the whole machine each way: as many one-thread jobs of ours as there are
cores (at most 2), and the textbook's best of 0, 2 and 4 workers with torch's own number of threads.

Each loop lives in processes of its own. Every contender is warmed up by one pass outside the clock; then they take
turns. The clock covers the loop: order of images, batches, forward, backward, update (and ours also its per-step curves
and the evaluation that ends an epoch, on 64 images). The ratio is that of paired rounds, their median.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any

import click

from cnnlab.cli.main import Load, with_plan
from cnnlab.planning.specs import ArmSpec, DataSpec, ModelSpec, TrainSpec

BATCH, RATE, ROUNDS = 64, 0.01, 3
DATA = DataSpec(name="mnist5k")
SWITCHES = {"activation": "relu", "pooling": "max"}
Pass = Callable[[int, int], float]


@dataclass
class Contender:
    """One way to train: in how many processes at once, with how many threads and loader workers each."""

    loop: str
    compared: str
    processes: int
    threads: int
    workers: int
    rates: list[float] = field(default_factory=list)

    def run(self, pipes: list[Connection], images: int) -> float:
        """Images per second of one pass of all its processes at once; the slowest counts."""
        used = pipes[: self.processes]
        for pipe in used:
            pipe.send((self.threads, self.workers))
        return self.processes * images / max([pipe.recv() for pipe in used])


def start(loop: str, count: int, folder: Path, images: int) -> list[Connection]:
    """Processes that train one pass whenever they are told to, and answer with the seconds that took."""
    context, pipes = multiprocessing.get_context("spawn"), []
    for _ in range(count):
        ours, theirs = context.Pipe()
        context.Process(target=serve, args=(theirs, loop, folder, images)).start()
        theirs.close()  # so that the death of the process ends our waiting
        pipes.append(ours)
    return pipes


def serve(pipe: Connection, loop: str, folder: Path, images: int) -> None:
    import torch

    warnings.filterwarnings("ignore", "This DataLoader will create")  # more workers than cores are on trial here
    one_pass = cnnlab_loop(folder, images) if loop == "cnnlab" else textbook_loop(folder, images)
    while asked := pipe.recv():
        threads, workers = asked
        torch.set_num_threads(threads)
        pipe.send(one_pass(threads, workers))


def cnnlab_loop(folder: Path, images: int) -> Pass:
    from dataclasses import replace

    from cnnlab.training import loop as train
    from cnnlab.training import process

    process.prepare_process("cpu")
    arm, data = the_arm(), the_data(folder)
    few = replace(data.validation, images=data.validation.images[:BATCH], labels=data.validation.labels[:BATCH])
    many = replace(data.train, images=data.train.images[:images], labels=data.train.labels[:images])
    data = replace(data, train=many, validation=few)
    return lambda threads, workers: train.train(arm, data, 0, RATE, 1).seconds


class PilImages:
    """What torchvision's MNIST does: an image is made, then transformed, each time that it is asked for."""

    def __init__(self, pixels: Any, labels: list[int], transform: Any) -> None:
        self.pixels, self.labels, self.transform = pixels, labels, transform

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        from PIL import Image

        return self.transform(Image.fromarray(self.pixels[index])), self.labels[index]


def textbook_loop(folder: Path, images: int) -> Pass:
    import torch
    from torch import nn
    from torch.utils.data import DataLoader
    from torchvision import transforms

    from cnnlab.models import build

    raw = raw_images(folder)
    pixels, labels = raw["images"][:images, 0], raw["labels"][:images].tolist()
    mean, deviation = float(pixels.mean() / 255), float(pixels.std() / 255)
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((mean,), (deviation,))])
    dataset: Any = PilImages(pixels, labels, transform)

    @cache
    def loader(workers: int) -> Any:
        # Workers as a plain script on this system would have them: forked on Linux, which is the quicker way.
        way = "fork" if sys.platform == "linux" else "spawn"
        more = {"multiprocessing_context": way, "persistent_workers": True} if workers else {}
        return DataLoader(dataset, BATCH, shuffle=True, num_workers=workers, **more)

    network = build(the_arm().model, 1, 28, 10).to(memory_format=torch.contiguous_format)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(network.parameters(), lr=RATE, momentum=0.9, weight_decay=5e-4)

    def one_pass(threads: int, workers: int) -> float:
        start = time.perf_counter()
        network.train()
        for batch, targets in loader(workers):
            optimizer.zero_grad()
            loss = criterion(network(batch), targets)
            loss.backward()
            optimizer.step()
        return time.perf_counter() - start

    return one_pass


def the_arm() -> ArmSpec:
    from cnnlab.planning import model_registry

    switches = model_registry.resolve("lenet", "small", SWITCHES, "benchmark")
    model = ModelSpec(architecture="lenet", preset="small", switches=switches)
    train = TrainSpec(epochs=1, batch_size=BATCH, learning_rate=RATE)
    return ArmSpec(model=model, data=DATA, train=train, torch="", fingerprint="")


def the_data(folder: Path) -> Any:
    from cnnlab.data.dataset import load

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
        pipes = {"cnnlab": start("cnnlab", cores, folder, images), "textbook": start("textbook", 1, folder, images)}
        for contender in contenders:
            contender.run(pipes[contender.loop], images)  # the warm-up
        for _ in range(rounds):
            for contender in contenders:
                contender.rates.append(contender.run(pipes[contender.loop], images))
        for pipe in (*pipes["cnnlab"], *pipes["textbook"]):
            pipe.send(None)
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
def main(load: Load) -> None:
    from cnnlab.analysis.tables import io

    plan = load()
    table = io.table("measured/throughput", measure(plan.config.benchmark_images))
    io.write(table, plan.paths.measured("throughput"))
    click.echo(table.to_string(index=False, float_format=lambda value: f"{value:,.2f}"))


if __name__ == "__main__":
    sys.exit(main())
