"""Processes that train when they are told to: each loop in one of its own, so that none disturbs another."""

from __future__ import annotations

import atexit
import importlib
import multiprocessing
import time
import warnings
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from task import BATCH, Task


class Worker:
    """A process with one loop; it begins at once, and takes its first step.

    With ``"forkserver"`` for `method` PyTorch is imported once for all of them, and ``ready`` tells nothing of a start.
    """

    def __init__(self, loop: str, task: Task, threads: int = 1, workers: int = 0, method: str = "spawn") -> None:
        context = multiprocessing.get_context(method)
        if method == "forkserver":
            context.set_forkserver_preload(["torch", "torchvision.transforms", "cnnlab.training.loop"])
        self.pipe, theirs = context.Pipe()
        self.began = time.perf_counter()
        self.process = context.Process(target=serve, args=(theirs, loop, task, threads, workers))
        self.process.start()
        theirs.close()  # so that the death of the process ends our waiting
        atexit.register(self.pipe.close)  # and ours its

    def ready(self) -> float:
        """Seconds from its beginning to the end of its first step, once that is done."""
        self.pipe.recv()
        return time.perf_counter() - self.began

    def tell(self, method: str, *arguments: Any) -> None:
        self.pipe.send((method, arguments))

    def answer(self) -> Any:
        return self.pipe.recv()

    def ask(self, method: str, *arguments: Any) -> Any:
        """What `method` of the loop returns; ``memory`` is its peak so far in MiB."""
        self.tell(method, *arguments)
        return self.answer()

    def stop(self) -> None:
        self.pipe.send(None)
        self.process.join()


def serve(pipe: Connection, loop: str, task: Task, threads: int, workers: int) -> None:
    import torch

    warnings.simplefilter("ignore")  # of more loader workers than cores, of Lightning's advice
    made = importlib.import_module(f"peers.{loop}").Loop(task, workers)
    torch.set_num_threads(threads)
    made.epoch(BATCH)
    pipe.send("ready")
    with suppress(EOFError):
        while asked := pipe.recv():
            method, arguments = asked
            pipe.send(memory(task.device) if method == "memory" else getattr(made, method)(*arguments))


def memory(device: str) -> float:
    """Peak MiB: resident on a CPU, allocated by PyTorch on a GPU."""
    import torch

    from cnnlab.training.provenance import peak_memory_mb

    return torch.cuda.max_memory_allocated() / 2**20 if device == "cuda" else peak_memory_mb()
