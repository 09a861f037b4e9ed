"""What needs no training: the layers of every network, and the claims of arithmetic and structure, computed."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import torch

from cnnlab.analysis.exact import algebra, batchnorm, counting, inception, stages, structure, values
from cnnlab.analysis.exact import batchnorm as normalized
from cnnlab.analysis.exact.evidence import CLAIMS, Finding, find
from cnnlab.analysis.exact.zoo import Trace, Zoo

__all__ = ["CLAIMS", "algebra", "batchnorm", "compute", "counting", "inception", "normalized", "stages", "structure"]
__all__ += ["values"]

Row = dict[str, Any]


def compute() -> dict[str, list[Row]]:
    """The rows of the tables ``layers``, ``exact`` and ``evidence``, on one thread: the same at every call."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        zoo = Zoo()
        findings = [find(claim_id, part, zoo) for claim_id, part in sorted(CLAIMS)]
        return {
            "layers": [row for trace in zoo.every() for row in _layers(trace)],
            "exact": [_verdict(finding) for finding in findings],
            "evidence": [row for finding in findings for row in _evidence(finding)],
        }
    finally:
        torch.set_num_threads(threads)


def _verdict(finding: Finding) -> Row:
    return {"id": finding.id, "part": finding.part, "holds": finding.holds, "summary": finding.summary}


def _evidence(finding: Finding) -> list[Row]:
    return [
        {"id": finding.id, "part": finding.part, "index": index, **asdict(row), "holds": row.holds}
        for index, row in enumerate(finding.evidence)
    ]


def _layers(trace: Trace) -> list[Row]:
    size = {name: getattr(trace, name) for name in ("architecture", "preset", "channels", "image_size", "classes")}
    return [
        {
            **size,
            "index": index,
            "layer": layer.name,
            "stage": layer.stage,
            "kind": layer.kind,
            "input_shape": _shape(layer.input_shape),
            "output_shape": _shape(layer.output_shape),
            "parameters": layer.parameters,
            "macs": layer.macs,
            "parameter_bytes": layer.parameter_bytes,
            "activation_bytes": layer.activation_bytes,
        }
        for index, layer in enumerate(trace.layers)
    ]


def _shape(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
