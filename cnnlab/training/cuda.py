"""Lanes as branches of one CUDA graph: what all of them do is captured once, and then launched as a whole.

Of small networks the CPU takes far longer to launch a step's kernels than the GPU to run them. A graph is one launch,
and its branches fill the GPU: each lane is captured on a stream of its own, between a fork from the capturing stream
and a join with it. What is captured reads nothing from the CPU: the step, its rate, the rows of its batch and the
draws of augmentation lie in the GPU's memory at fixed addresses, where weights, velocities, running averages and
curves are changed as well; dropout draws from a generator that is registered with the graph. Gradients and whatever
else a step makes and leaves lie in the memory pool of the graphs. It is shared: graphs run one after another, and
nothing that one of them leaves is read after another has run.

PyTorch's "CUDA semantics", section "CUDA Graphs", has the rules that this follows: a first run that is not captured,
on the same streams, makes what kernels and libraries make once; and no gradient is there when a capture begins.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import torch

from cnnlab.training.lane import Lane

WORTHWHILE = 5  # a capture takes as long as a few steps that are not captured
Work = Callable[[Lane], Any]


class Graphs:
    """Does the same work for each of `lanes` at once: eagerly the first time, and from then on as a graph."""

    def __init__(self, lanes: Sequence[Lane]) -> None:
        self._streams = {lane: _stream(place) for place, lane in enumerate(lanes)}
        self._pool = torch.cuda.graph_pool_handle()
        self._lanes = list(lanes)
        self._done: set[tuple[Work, int]] = set()
        self._captured: dict[tuple[Work, int], tuple[torch.cuda.CUDAGraph, list[Any]]] = {}

    def __call__(self, work: Work, lanes: Sequence[Lane], size: int, uses: int, eager: bool) -> list[Any]:
        """What `work` returns for each of `lanes`; of a graph it is overwritten by the next launch.

        Args:
            size: of the batch, for what works on one; another size is another graph.
            uses: how often it is still to be done, this time included.
            eager: it does something this time that cannot be captured.
        """
        key = work, size
        if lanes != self._lanes and not eager:  # one has left
            self._lanes = list(lanes)
            self._captured.clear()
            self._pool = torch.cuda.graph_pool_handle()  # one that no graph uses any more cannot be used again
        if not eager and key in self._done and key not in self._captured and uses >= WORTHWHILE:
            self._captured[key] = self._capture(work, lanes)
        self._done.add(key)
        if eager or key not in self._captured:
            return self._branches(work, lanes)
        graph, results = self._captured[key]
        graph.replay()
        return results

    def _capture(self, work: Work, lanes: Sequence[Lane]) -> tuple[torch.cuda.CUDAGraph, list[Any]]:
        graph = torch.cuda.CUDAGraph()
        for lane in lanes:
            lane.optimizer.zero_grad()
            if lane.generator is not None:
                graph.register_generator_state(lane.generator)
        with torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):
            return graph, self._branches(work, lanes)

    def _branches(self, work: Work, lanes: Sequence[Lane]) -> list[Any]:
        """`work` of each lane on its stream, between a fork from the current one and a join with it."""
        here, results = torch.cuda.current_stream(), []
        for lane in lanes:
            self._streams[lane].wait_stream(here)
            with torch.cuda.stream(self._streams[lane]):
                results.append(work(lane))
        for lane in lanes:
            here.wait_stream(self._streams[lane])
        return results


@cache
def _stream(_place: int) -> torch.cuda.Stream:
    """One for each lane of a group; cuBLAS has a workspace for every stream that it has met."""
    return torch.cuda.Stream()
